//! One way to write a file: the same values, the same comments, in one layout.
//!
//! A file is read into a tree that has its comments, and printed again. What was printed is read
//! once more and compared, so that a slip here can never change what a file means or lose a remark.
//! The order of keys is the author's and stays.

mod folded;
mod print;
mod read;
mod scalar;
mod tree;

use super::{Document, error};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{Source, Span};
use crate::value::Value;

/// A line is at most so long when there is a choice.
const WIDTH: usize = 100;

/// The text of a file in the one layout: two spaces, dashes indented, quotes where they are needed,
/// `{ }` and `[ ]` where they fit the line, at most one blank line, line feeds. A text that cannot
/// be read gives what is wrong with it.
///
/// ```
/// let tidy = linchpin_language::format_yaml("a.yaml", "steps:\n- log:   'Hi'   # first\n").unwrap();
/// assert_eq!(tidy, "steps:\n  - log: Hi # first\n");
/// ```
pub fn format_yaml(name: &str, text: &str) -> Result<String, Vec<Diagnostic>> {
    let before = Document::parse(name, text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let tree = read::read(&text);
    let remarks = tree.remarks();
    let printed = print::print(&tree);
    // As text, two values are the same only when their kinds and the order of keys are.
    let meaning = before.root().value().to_string();
    let is_same = Document::parse(name, &printed).is_ok_and(|after| {
        after.root().value().to_string().as_str() == meaning
            && read::read(&printed).remarks() == remarks
    });
    if is_same && remarks.len() == read::count_remarks(&text) {
        return Ok(printed);
    }
    let message = "the file cannot be laid out without changing what it says, so it stays";
    let source = Source::new(name, text);
    let help = "this is a fault of the formatter: please report it with the file";
    Err(vec![error(codes::CANNOT_FORMAT, message, &source, Span::default()).with_help(help)])
}

/// A value as a YAML file in the one layout. Read again it is the same value.
pub fn write_yaml(value: &Value) -> String {
    print::print(&tree::Entry::of(None, value))
}

#[cfg(test)]
mod tests;
