//! The names that an expression reads, and which of them are guarded against null.

use super::tree::{Kind, Node, Operator};
use crate::references::{Reference, dotted};
use crate::value::Value;

/// Collects the references of an expression in written order.
pub(super) fn collect(tree: &Node, text: &str) -> Vec<Reference> {
    let mut walk = Walk { text, guards: Vec::new(), bound: Vec::new(), found: Vec::new() };
    walk.node(tree, false);
    walk.found
}

type Path = (String, Vec<String>);

struct Walk<'a> {
    text: &'a str,
    /// Paths that are known not to be null here.
    guards: Vec<Path>,
    /// Names that macros bind here.
    bound: Vec<String>,
    found: Vec<Reference>,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, lenient: bool) {
        match &node.kind {
            Kind::Path { root, fields } => self.path(node, root, fields, lenient),
            Kind::And(left, right) => {
                self.node(left, lenient);
                self.guarded(right, when_true(left), lenient);
            }
            Kind::Or(left, right) => {
                self.node(left, lenient);
                self.guarded(right, when_false(left), lenient);
            }
            Kind::Choice { when, then, otherwise } => {
                self.node(when, lenient);
                self.guarded(then, when_true(when), lenient);
                self.guarded(otherwise, when_false(when), lenient);
            }
            Kind::Call { function, args } => {
                for (at, arg) in args.iter().enumerate() {
                    self.node(arg, lenient || (function.name == "default" && at == 0));
                }
            }
            Kind::Macro { list, name, filter, body, .. } => {
                self.node(list, lenient);
                self.bound.push(name.clone());
                for part in filter.iter().chain([body]) {
                    self.node(part, lenient);
                }
                self.bound.pop();
            }
            _ => {
                for child in node.children() {
                    self.node(child, lenient);
                }
            }
        }
    }

    fn guarded(&mut self, node: &Node, guards: Vec<Path>, lenient: bool) {
        let before = self.guards.len();
        self.guards.extend(guards);
        self.node(node, lenient);
        self.guards.truncate(before);
    }

    fn path(&mut self, node: &Node, root: &str, fields: &[String], lenient: bool) {
        if self.bound.iter().any(|name| name == root) {
            return;
        }
        let guarded = lenient
            || self.guards.iter().any(|(name, path)| name == root && fields.starts_with(path));
        let range = self.exact(node, root, fields);
        self.found.push(Reference { root: root.to_owned(), path: fields.to_vec(), range, guarded });
    }

    /// The parser's places cover a selection loosely; the written path is looked for near them.
    fn exact(&self, node: &Node, root: &str, fields: &[String]) -> std::ops::Range<usize> {
        let written = dotted(root, fields);
        let starts = |at: usize| self.text.get(at..).is_some_and(|rest| rest.starts_with(&written));
        let start = node.range.start;
        if starts(start) {
            return start..start + written.len();
        }
        let taken = self.found.last().map_or(0, |last| last.range.end);
        match self.text.get(taken..).and_then(|rest| rest.find(&written)) {
            Some(at) => taken + at..taken + at + written.len(),
            None => node.range.clone(),
        }
    }
}

/// What is not null where a condition holds.
fn when_true(node: &Node) -> Vec<Path> {
    match &node.kind {
        Kind::And(left, right) => [when_true(left), when_true(right)].concat(),
        Kind::Not(of) => when_false(of),
        Kind::Binary { op: Operator::NotEqual, left, right } => tested(left, right),
        Kind::Has { of, name } => match &of.kind {
            Kind::Path { root, fields } => {
                let mut fields = fields.clone();
                fields.push(name.clone());
                vec![(root.clone(), fields)]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// What is not null where a condition does not hold.
fn when_false(node: &Node) -> Vec<Path> {
    match &node.kind {
        Kind::Or(left, right) => [when_false(left), when_false(right)].concat(),
        Kind::Not(of) => when_true(of),
        Kind::Binary { op: Operator::Equal, left, right } => tested(left, right),
        _ => Vec::new(),
    }
}

/// The path that is compared with null.
fn tested(left: &Node, right: &Node) -> Vec<Path> {
    match (&left.kind, &right.kind) {
        (Kind::Path { root, fields }, Kind::Literal(Value::Null))
        | (Kind::Literal(Value::Null), Kind::Path { root, fields }) => {
            vec![(root.clone(), fields.clone())]
        }
        _ => Vec::new(),
    }
}
