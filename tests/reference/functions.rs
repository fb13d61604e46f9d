//! The page of the functions, from the one table of them.

use std::fmt::Write;

use linchpin_language::functions;

use super::markdown::{NOTICE, code, table};

const OPENING: &str = "# Functions

The same functions serve expressions (CEL: `lower(x)` or `x.lower()`) and texts (Handlebars: `{{ lower x }}`).
In a text, an argument can be given by its name: `{{ day_start run.started_at zone='Europe/London' days=-1 }}`.
A parameter in brackets may be left out, one with `...` takes all that follow.
The examples are expressions, and each is run as a test.

";

/// The page.
pub(super) fn page() -> String {
    let mut text = format!("{NOTICE}{OPENING}");
    let mut categories: Vec<&str> = Vec::new();
    for function in functions() {
        if !categories.contains(&function.category) {
            categories.push(function.category);
        }
    }
    for category in categories {
        write!(text, "## {}{}\n\n", category[..1].to_uppercase(), &category[1..]).unwrap();
        let of_category = functions().iter().filter(|function| function.category == category);
        let rows: Vec<_> = of_category
            .map(|function| {
                let examples = function.examples.iter();
                let examples: Vec<_> =
                    examples.map(|(call, gives)| format!("`{call}` is `{gives}`")).collect();
                vec![
                    code(&function.signature()),
                    function.returns.to_owned(),
                    function.about.to_owned(),
                    examples.join("<br>"),
                ]
            })
            .collect();
        text.push_str(&table(&["function", "gives", "about", "examples"], &rows));
    }
    text.trim_end().to_owned() + "\n"
}
