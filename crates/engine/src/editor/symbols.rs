//! The outline of a flow.

use std::collections::BTreeMap;

use linchpin_language::{Document, Node, Span};

use super::Page;
use crate::flow::{Arm, Block, Step};
use crate::grammar::Kind;
use crate::parse;

/// A line of the outline.
#[derive(Clone, Debug, PartialEq)]
pub struct Symbol {
    /// The id or the name of a step, or what it does; the name of a block.
    pub name: String,
    /// What it is.
    pub detail: String,
    /// All of it.
    pub span: Span,
    /// Where its name is.
    pub name_span: Span,
    /// What is inside.
    pub children: Vec<Symbol>,
}

/// The outline of a flow; nothing while it cannot be read.
pub fn symbols(page: &Page<'_>) -> Vec<Symbol> {
    let Ok(document) = Document::parse(page.name, page.text) else { return Vec::new() };
    let parsed = parse::read(&document);
    let mut nodes = Nodes::new();
    note(&document.root(), &mut nodes);
    let flow = &parsed.flow;
    let root = document.root();
    let mut found = Vec::new();
    for (key, fields) in [("inputs", &flow.inputs), ("vars", &flow.vars)] {
        let Some(node) = root.get(key).filter(|_| !fields.is_empty()) else { continue };
        let children = fields.iter().filter_map(|(name, schema)| {
            let field = node.get(name)?;
            Some(leaf(
                name,
                schema.type_name(),
                join(field.key_span(), field.span()),
                field.key_span(),
            ))
        });
        let children = children.collect();
        let span = join(node.key_span(), node.span());
        found.push(Symbol {
            name: key.to_owned(),
            detail: String::new(),
            span,
            name_span: node.key_span(),
            children,
        });
    }
    found.extend(flow.steps.steps.iter().map(|step| self::step(&nodes, step)));
    let handlers =
        [("on_error", &flow.on_error), ("on_cancel", &flow.on_cancel), ("finally", &flow.finally)];
    for (key, block) in handlers {
        if let (Some(block), Some(node)) = (block, root.get(key)) {
            let children = steps(&nodes, block);
            let span = join(node.key_span(), node.span());
            found.push(Symbol {
                name: key.to_owned(),
                detail: String::new(),
                span,
                name_span: node.key_span(),
                children,
            });
        }
    }
    found
}

/// The maps of a document by where they begin.
type Nodes<'d> = BTreeMap<usize, Node<'d>>;

fn note<'d>(node: &Node<'d>, nodes: &mut Nodes<'d>) {
    if node.value().is_object() {
        nodes.entry(node.span().start).or_insert_with(|| node.clone());
    }
    let inside = node.entries().into_iter().map(|(_, value)| value).chain(node.items());
    inside.for_each(|inner| note(&inner, nodes));
}

fn leaf(name: &str, detail: String, span: Span, name_span: Span) -> Symbol {
    Symbol { name: name.to_owned(), detail, span, name_span, children: Vec::new() }
}

fn join(one: Span, other: Span) -> Span {
    Span { start: one.start.min(other.start), end: one.end.max(other.end) }
}

fn steps(nodes: &Nodes<'_>, block: &Block) -> Vec<Symbol> {
    block.steps.iter().map(|step| self::step(nodes, step)).collect()
}

fn step(nodes: &Nodes<'_>, step: &Step) -> Symbol {
    let detail = nodes.get(&step.span.start).map(detail).unwrap_or_default();
    let name_span = step
        .id
        .as_ref()
        .map_or(Span { start: step.span.start, end: step.span.start }, |id| id.span);
    let blocks = step.blocks();
    let mut children = Vec::new();
    for (arm, block) in &blocks {
        // The one block of a loop needs no name, and that of a `call` body is the step itself.
        let inner = block.steps.iter().filter(|inner| inner.span != step.span);
        let inner: Vec<Symbol> = inner.map(|one| self::step(nodes, one)).collect();
        match arm {
            Arm::Body => children.extend(inner),
            _ => children.extend(named(arm, inner)),
        }
    }
    let name = step.name.clone().unwrap_or_else(|| match &step.id {
        Some(id) => id.value.clone(),
        None => detail.clone(),
    });
    let name = if name.is_empty() { step.segment.to_string() } else { name };
    Symbol { name, detail, span: step.span, name_span, children }
}

/// What a step calls, or its kind.
fn detail(node: &Node<'_>) -> String {
    match node.get("call").filter(|_| node.get("for_each").is_none()) {
        Some(call) => call.as_str().unwrap_or_default().to_owned(),
        None => {
            let kinds = Kind::among(|key| node.get(key).is_some());
            kinds.first().map_or("", |kind| kind.shown).to_owned()
        }
    }
}

/// A block under its name.
fn named(arm: &Arm, children: Vec<Symbol>) -> Option<Symbol> {
    let (first, last) = (children.first()?, children.last()?);
    let span = join(first.span, last.span);
    let name_span = Span { start: span.start, end: span.start };
    Some(Symbol { name: arm.to_string(), detail: String::new(), span, name_span, children })
}
