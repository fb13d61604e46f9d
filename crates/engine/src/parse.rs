//! A document to a [`Flow`] with positions: structure only, without a catalog.
//!
//! Broken input is data: reading goes on after a mistake, with a stand-in in the broken place, so
//! that all mistakes are reported at once and `check` can look at the rest of the flow as well.

mod form;
mod header;
mod kinds;
mod logic;
mod reader;
mod step;
mod trigger;

use std::collections::BTreeSet;

use linchpin_language::{Diagnostic, Document, Node};

use crate::flow::{Calendar, Flow};
use crate::retry::RetryPolicy;

use reader::Reader;
pub(crate) use reader::is_id;

/// Reads a flow from the text of its file. All mistakes at once.
///
/// `name` is what diagnostics call the file, usually its path.
///
/// ```
/// let flow = linchpin_engine::parse::parse("hello.yaml", "flow: hello\nsteps:\n  - log: Hi\n").unwrap();
/// assert_eq!(flow.name, "hello");
/// assert_eq!(&*flow.steps.steps[0].segment, "#1");
/// ```
pub fn parse(name: &str, text: &str) -> Result<Flow, Vec<Diagnostic>> {
    let parsed = read(&Document::parse(name, text)?);
    if parsed.mistakes.is_empty() { Ok(parsed.flow) } else { Err(parsed.mistakes) }
}

/// Reads a calendar, as it is written in a schedule or under `calendars:` of a project. All
/// mistakes at once.
pub fn calendar(node: &Node<'_>) -> Result<Calendar, Vec<Diagnostic>> {
    let mut reader = Reader::new();
    let calendar = trigger::calendar(&mut reader, node);
    if reader.mistakes.is_empty() { Ok(calendar) } else { Err(reader.mistakes) }
}

/// Reads a retry policy, as it is written under `retry:` of a call or of an alias. All mistakes at
/// once.
pub fn retry(node: &Node<'_>) -> Result<RetryPolicy, Vec<Diagnostic>> {
    let mut reader = Reader::new();
    let policy = reader.retry(Some(node.clone()));
    if reader.mistakes.is_empty() { Ok(policy) } else { Err(reader.mistakes) }
}

/// A flow as far as it could be read.
pub(crate) struct Parsed {
    /// The flow, with stand-ins in broken places.
    pub(crate) flow: Flow,
    /// What is wrong with its structure.
    pub(crate) mistakes: Vec<Diagnostic>,
    /// Where the steps begin that hold a stand-in.
    pub(crate) broken: BTreeSet<usize>,
}

/// Reads as much of a document as makes sense.
pub(crate) fn read(document: &Document) -> Parsed {
    let mut reader = Reader::new();
    let flow = header::flow(&mut reader, &document.root());
    Parsed { flow, mistakes: reader.mistakes, broken: reader.broken }
}
