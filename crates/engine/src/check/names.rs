//! What can be read at a place and where each step is read, for editors: the same names and types
//! as the checks have.

use std::rc::Rc;

use linchpin_language::{Document, Node, Schema, Span, Type, Value};

use super::sight::{Hop, Sight, Trail, sight};
use super::{Checker, references, types};
use crate::catalog::Catalog;
use crate::flow::{Arm, Block, Flow};
use crate::parse::Parsed;

/// A name that can be read at a place.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// As it is written.
    pub(crate) name: String,
    /// The type of its value.
    pub(crate) schema: Schema,
    /// Whether it is the output of a step.
    pub(crate) is_step: bool,
}

/// A place that reads the output of a step, or names the step in `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// The id.
    pub(crate) id: String,
    /// Where the id stands; the whole text where that cannot be told.
    pub(crate) span: Span,
}

/// The names that can be read in the step at the end of these pointers, outermost first.
pub(crate) fn at(
    parsed: &Parsed,
    document: &Document,
    catalog: &Catalog,
    pointers: &[String],
) -> Vec<Name> {
    let mut checker = Checker::new(&parsed.flow, catalog, &parsed.broken);
    super::graph::names(&mut checker);
    let trail = trail(&parsed.flow, document, pointers);
    let seen = checker.places.iter().filter(|(_, place)| {
        matches!(sight(&checker.ancestors, &trail, place), Sight::Seen { .. })
    });
    let mut found: Vec<Name> = seen
        .filter_map(|(id, _)| {
            let schema = types::of_name(&checker, id, &trail)?;
            Some(Name {
                name: (*id).to_owned(),
                schema: Rc::unwrap_or_clone(schema),
                is_step: true,
            })
        })
        .collect();
    let steps = found.iter().map(|step| {
        let text = |name: &str| (name.to_owned(), Schema::string());
        let mut record: indexmap::IndexMap<String, Schema> =
            references::RECORD.iter().map(|name| text(name)).collect();
        record.insert("output".to_owned(), step.schema.clone());
        (step.name.clone(), Schema::object(record))
    });
    let steps = Schema::object(steps.collect());
    for root in references::ROOTS {
        let is_there = match *root {
            "error" => references::in_handler(&trail),
            "iteration" => references::in_loop(&trail),
            "output" => types::local(&checker, root, &trail).is_some(),
            _ => true,
        };
        let schema = match *root {
            "steps" => Some(Rc::new(steps.clone())),
            "error" => Some(Rc::new(error())),
            root => types::of_name(&checker, root, &trail),
        };
        if let Some(schema) = schema.filter(|_| is_there) {
            let schema = Rc::unwrap_or_clone(schema);
            found.push(Name { name: (*root).to_owned(), schema, is_step: false });
        }
    }
    for (name, _) in types::locals(&trail) {
        if let Some(schema) = types::local(&checker, name, &trail) {
            found.push(Name { name: name.to_owned(), schema, is_step: false });
        }
    }
    found
}

/// The fields of `error` in handlers.
fn error() -> Schema {
    let fields = [
        ("kind", Type::String),
        ("message", Type::String),
        ("step", Type::String),
        ("attempt", Type::Integer),
        ("code", Type::String),
        ("retryable", Type::Boolean),
    ];
    super::visit::object(&fields)
}

/// Every place that reads a step or waits for it.
pub(crate) fn uses(parsed: &Parsed, document: &Document, catalog: &Catalog) -> Vec<Use> {
    let mut checker = Checker::new(&parsed.flow, catalog, &parsed.broken);
    checker.note_nodes(&document.root());
    super::graph::names(&mut checker);
    super::graph::order(&mut checker);
    super::visit::flow(&mut checker);
    let mut uses = checker.uses;
    let mut open: Vec<&Block> = roots(&parsed.flow).map(|(_, block)| block).collect();
    while let Some(block) = open.pop() {
        for step in &block.steps {
            let after = step.after.iter().flatten();
            uses.extend(after.map(|id| Use { id: id.value.clone(), span: id.span }));
            open.extend(step.blocks().into_iter().map(|(_, inner)| inner));
        }
    }
    uses.sort_by_key(|one| (one.span.start, one.span.end));
    uses.dedup();
    uses
}

/// The lists at the top of a flow.
fn roots(flow: &Flow) -> impl Iterator<Item = (Arm, &Block)> {
    [
        (Arm::Flow, Some(&flow.steps)),
        (Arm::OnError, flow.on_error.as_ref()),
        (Arm::OnCancel, flow.on_cancel.as_ref()),
        (Arm::Finally, flow.finally.as_ref()),
    ]
    .into_iter()
    .filter_map(|(arm, block)| Some((arm, block?)))
}

/// The end of a list, for an item that is not there yet.
fn past<'f>(blocks: &[(Arm, &'f Block)], document: &Document, pointer: &str) -> Option<Hop<'f>> {
    let (list, item) = pointer.rsplit_once('/')?;
    item.parse::<usize>().ok()?;
    let first = node(document, list)?.items().first()?.span();
    let is_it =
        |block: &&(Arm, &'f Block)| block.1.steps.first().is_some_and(|it| it.span == first);
    let (arm, block) = blocks.iter().find(is_it)?;
    Some(Hop { arm: *arm, block, at: block.steps.len() })
}

/// The value that a pointer leads to.
pub(crate) fn node<'d>(document: &'d Document, pointer: &str) -> Option<Node<'d>> {
    pointer.split('/').skip(1).try_fold(document.root(), |node, part| match node.value() {
        Value::Array(_) => node.items().get(part.parse::<usize>().ok()?).cloned(),
        _ => node.get(part),
    })
}

/// The way to the step that the pointers lead to, or to the end of the list that they end in.
fn trail<'f>(flow: &'f Flow, document: &Document, pointers: &[String]) -> Trail<'f> {
    let mut trail: Trail<'f> = Vec::new();
    let mut blocks: Vec<(Arm, &'f Block)> = roots(flow).collect();
    for pointer in pointers {
        let Some(span) = node(document, pointer).map(|node| node.span()) else {
            trail.extend(past(&blocks, document, pointer));
            continue;
        };
        let found = blocks.iter().find_map(|(arm, block)| {
            let at = block.steps.iter().position(|step| step.span == span)?;
            Some(Hop { arm: *arm, block, at })
        });
        if let Some(hop) = found {
            blocks = hop.step().map_or_else(Vec::new, |step| step.blocks());
            trail.push(hop);
        }
    }
    let last = pointers.last().map_or("", String::as_str);
    if trail.is_empty() && (last == "/outputs" || last.starts_with("/outputs/")) {
        trail.push(Hop { arm: Arm::Flow, block: &flow.steps, at: flow.steps.steps.len() });
    }
    // What is kept of an item, and what ends a loop, is read when the steps inside have ended.
    if last.ends_with("/collect") || last.ends_with("/until") {
        let body = blocks.iter().find(|(arm, _)| *arm == Arm::Body);
        trail.extend(body.map(|(arm, block)| Hop { arm: *arm, block, at: block.steps.len() }));
    }
    trail
}
