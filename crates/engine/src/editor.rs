//! What an editor asks about a place in a flow's file: what can be written there, what it means,
//! where it is from, and what to change to rename a step.
//!
//! Everything is a function of a text and a catalog. A text that is half typed is the usual case:
//! where the cursor is, is read from the text alone; names and types come from as much of the flow
//! as can be read. No protocol is known here.

mod complete;
mod context;
mod definition;
mod explain;
mod fix;
mod pills;
mod place;
mod reading;
mod rename;
mod symbols;

use linchpin_language::Span;

use crate::catalog::Catalog;

pub use complete::{Completion, What, completions};
pub use definition::{Target, definition};
pub use explain::{Hover, hover};
pub use fix::{Fix, fix};
pub use rename::{Refusal, rename, renameable};
pub use symbols::{Symbol, symbols};

/// A flow's file as it is being written.
#[derive(Clone, Copy)]
pub struct Page<'p> {
    /// What it is called in messages.
    pub name: &'p str,
    /// Its text now.
    pub text: &'p str,
    /// Its text when it could be read the last time.
    pub good: Option<&'p str>,
    /// What it can name.
    pub catalog: &'p Catalog,
}

impl<'p> Page<'p> {
    /// A page whose text is all there is.
    pub fn new(name: &'p str, text: &'p str, catalog: &'p Catalog) -> Self {
        Self { name, text, good: None, catalog }
    }
}

/// The word around a place: letters, digits and `_`.
fn word(text: &str, at: usize) -> Span {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let before = text[..at].chars().rev().take_while(|c| is_part(*c));
    let after = text[at..].chars().take_while(|c| is_part(*c));
    let start = at - before.map(char::len_utf8).sum::<usize>();
    Span { start, end: at + after.map(char::len_utf8).sum::<usize>() }
}

/// Whether a name of a field can be written after a dot.
fn is_word(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The nearest place in a text that is between two characters.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests;
