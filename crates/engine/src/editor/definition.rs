//! Where something at a place is from.

use linchpin_language::Span;

use super::context::{self, Context};
use super::pills::{self, Partial};
use super::place::{Place, Position};
use super::reading::{Reading, callable};
use super::{Page, boundary, word};
use crate::check::names::node;
use crate::flow::{Block, Step};
use crate::grammar::Shape;

/// Where something is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A place in the same file.
    Here(Span),
    /// The file of a flow of the project.
    Flow(String),
    /// An alias of the environment.
    Alias(String),
}

/// Where the thing at a place is from.
pub fn definition(page: &Page<'_>, at: usize) -> Option<Target> {
    let at = boundary(page.text, at);
    let span = word(page.text, at);
    let place = Place::of(page.text, span.end);
    let reading = Reading::of(page, span.end)?;
    let callable = callable(page, Some(&reading));
    let name = &page.text[span.start..span.end];
    let context = context::of(&place, &callable);
    let written = match place.position {
        Position::Value { written, .. } => written,
        Position::Key(written) => written,
        Position::Nowhere => return None,
    };
    let before = &page.text[written.start.min(span.end)..span.end];
    match context {
        // The word `flow` itself leads where the name behind it does.
        Context::Shape(Shape::Call { .. }) if before == "flow" => {
            page.text[span.end..].strip_prefix('.')?;
            let called = word(page.text, span.end + 1);
            Some(Target::Flow(page.text[called.start..called.end].to_owned()))
        }
        Context::Shape(Shape::Call { .. }) => call(&reading, before, name),
        Context::Shape(Shape::StepIds) => step(&reading, name).map(Target::Here),
        Context::Alias => alias(&reading, name),
        // A key of `connections:` of the flow itself leads to the environment.
        Context::Shape(Shape::Aliases) => Some(Target::Alias(name.to_owned())),
        Context::Shape(Shape::Expression) => reference(&reading, &place, before),
        Context::Shape(Shape::Any(all)) if all.iter().any(|it| matches!(it, Shape::Expression)) => {
            reference(&reading, &place, before)
        }
        _ => reference(&reading, &place, pills::open_pill(before)?),
    }
}

/// The flow or the alias that a call names.
fn call(reading: &Reading, before: &str, name: &str) -> Option<Target> {
    match before.split_once('.') {
        Some(("flow", _)) => Some(Target::Flow(name.to_owned())),
        Some((declared, _)) => alias(reading, declared),
        None => alias(reading, name),
    }
}

fn alias(reading: &Reading, name: &str) -> Option<Target> {
    let declared = reading.document.root().get("connections").and_then(|node| node.get(name));
    Some(match declared {
        Some(node) => Target::Here(node.key_span()),
        None => Target::Alias(name.to_owned()),
    })
}

/// What the root of a reference is: a step, an input, a variable, the name of an item.
fn reference(reading: &Reading, place: &Place, before: &str) -> Option<Target> {
    let partial = Partial::of(before);
    let path: Vec<&str> = partial.path.iter().copied().chain([partial.word]).collect();
    let key_of = |map: &str, name: &str| {
        let node = reading.document.root().get(map)?.get(name)?;
        Some(Target::Here(node.key_span()))
    };
    match path.as_slice() {
        [] => None,
        [map @ ("inputs" | "vars"), name, ..] => key_of(map, name),
        [map @ ("inputs" | "vars")] => {
            Some(Target::Here(reading.document.root().get(map)?.key_span()))
        }
        ["steps", id, ..] => step(reading, id).map(Target::Here),
        [root, ..] => item(reading, place, root).or_else(|| step(reading, root)).map(Target::Here),
    }
}

/// The `as` of a loop around the place.
fn item(reading: &Reading, place: &Place, name: &str) -> Option<Span> {
    let pointers = place.pointers();
    let around = pointers.iter().rev().filter_map(|pointer| node(&reading.document, pointer));
    around
        .filter_map(|node| node.get("as"))
        .find(|node| node.as_str() == Some(name))
        .map(|node| node.span())
}

/// Where a step has its id.
pub(super) fn step(reading: &Reading, id: &str) -> Option<Span> {
    let has_it = |step: &Step| Some(step.id.as_ref().filter(|own| own.value == id)?.span);
    reading.blocks().into_iter().flat_map(|block: &Block| &block.steps).find_map(has_it)
}
