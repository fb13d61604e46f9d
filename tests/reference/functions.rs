//! The page of the functions, from the one table of them.

use std::fmt::Write;

use linchpin_language::{Function, functions};

use super::markdown::{NOTICE, code, table};

const OPENING: &str = "# Functions

The same functions serve expressions (CEL: `lower(x)` or `x.lower()`) and texts (Handlebars: `{{ lower x }}`).
In a text, an argument can be given by its name: `{{ day_start run.started_at zone='Europe/London' days=-1 }}`.
A parameter in brackets may be left out, one with `...` takes all that follow.
Each example is run as a test in both forms; where one shows more than a call, only an expression can write it.
A function refuses an argument of another type in one sentence, and never makes a text over 8 MB or a list over 1,000,000 items.
What only looks like a number is a text: `int` and `double` read it.
There is no function for the present, for chance, or for a secret: `run.now` is the only clock, and a run that is replayed must see the same.

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
        let rows: Vec<_> = of_category.map(|function| row(function)).collect();
        text.push_str(&table(
            &["function", "gives", "about", "in an expression", "in a text", "result"],
            &rows,
        ));
    }
    text.trim_end().to_owned() + "\n"
}

/// A function with its examples, one a line.
fn row(function: &Function) -> Vec<String> {
    let lines = |write: &dyn Fn(&(&str, &str)) -> String| {
        function.examples.iter().map(write).collect::<Vec<_>>().join("<br>")
    };
    vec![
        code(&function.signature()),
        function.returns.to_owned(),
        function.about.to_owned(),
        lines(&|(call, _)| code(call)),
        lines(&|(call, _)| code(&function.in_text(call).unwrap_or_default())),
        lines(&|(_, gives)| code(gives)),
    ]
}
