//! What is known at a place because conditions hold or do not hold there: which values are not
//! null, and which parts of conditions are true or false.

use super::Expression;
use super::tree::{Kind, Node, Operator};
use crate::functions::Function;
use crate::value::Value;

/// What the conditions around a place tell.
#[derive(Clone, Default)]
pub struct Facts<'e> {
    /// Paths that are not null; a part of such a path is not null either.
    known: Vec<(String, Vec<String>)>,
    /// Parts of conditions and whether each is true.
    parts: Vec<(&'e Node, bool)>,
    /// Names that are not null where all of their conditions are so.
    rules: Vec<(String, Vec<(&'e Node, bool)>)>,
}

/// How many rules may lean on each other.
const MAX_CHAIN: usize = 4;

impl<'e> Facts<'e> {
    /// Takes a condition to hold, or not to hold.
    pub fn assume(&mut self, condition: &'e Expression, holds: bool) {
        self.assume_node(&condition.inner.tree, holds);
    }

    /// Takes a path not to be null.
    pub fn know(&mut self, root: &str, path: &[String]) {
        self.known.push((root.to_owned(), path.to_vec()));
    }

    /// Takes a root name not to be null where each of these conditions holds or does not.
    pub fn know_if(&mut self, root: &str, conditions: &[(&'e Expression, bool)]) {
        let nodes = conditions.iter().map(|(condition, holds)| (&condition.inner.tree, *holds));
        self.rules.push((root.to_owned(), nodes.collect()));
    }

    /// Whether a path is surely not null.
    pub fn is_not_null(&self, root: &str, path: &[String]) -> bool {
        self.has(root, path, 0)
    }

    /// Whether a condition surely holds, or surely does not.
    pub fn imply(&self, condition: &Expression, holds: bool) -> bool {
        self.implies(&condition.inner.tree, holds, 0)
    }

    fn has(&self, root: &str, path: &[String], chain: usize) -> bool {
        self.known.iter().any(|(name, known)| name == root && known.starts_with(path))
            || (path.is_empty()
                && chain < MAX_CHAIN
                && self.rules.iter().any(|(name, conditions)| {
                    let mut all = conditions.iter();
                    name == root && all.all(|(node, holds)| self.implies(node, *holds, chain + 1))
                }))
    }

    /// The same where a name means something else.
    pub(super) fn without(&self, name: &str) -> Self {
        let known = self.known.iter().filter(|(root, _)| root != name).cloned().collect();
        Self { known, parts: Vec::new(), rules: Vec::new() }
    }

    pub(super) fn assume_node(&mut self, node: &'e Node, holds: bool) {
        self.parts.push((node, holds));
        match &node.kind {
            Kind::And(left, right) if holds => {
                self.assume_node(left, true);
                self.assume_node(right, true);
            }
            Kind::Or(left, right) if !holds => {
                self.assume_node(left, false);
                self.assume_node(right, false);
            }
            Kind::Not(of) => self.assume_node(of, !holds),
            Kind::Binary { op: op @ (Operator::Equal | Operator::NotEqual), left, right } => {
                let are_equal = holds == (*op == Operator::Equal);
                for (side, other) in [(left, right), (right, left)] {
                    // Not equal to null, or equal to something else.
                    let is_there = match &other.kind {
                        Kind::Literal(Value::Null) => !are_equal,
                        Kind::Literal(_) => are_equal,
                        _ => false,
                    };
                    self.read(side, is_there);
                }
            }
            // A condition that could be judged was no null.
            Kind::Path { .. } => self.read(node, true),
            Kind::Has { of, name } if holds => {
                if let Kind::Path { root, fields } = &of.kind {
                    let path = [fields.as_slice(), std::slice::from_ref(name)].concat();
                    self.known.push((root.clone(), path));
                }
            }
            _ => self.read(node, false),
        }
    }

    /// Notes what a part that was evaluated without an error tells: what fields were read of is
    /// not null. `is_value`: nor is the part itself.
    fn read(&mut self, node: &Node, is_value: bool) {
        match &node.kind {
            Kind::Path { root, fields } => match (is_value, fields.split_last()) {
                (true, _) => self.know(root, fields),
                (false, Some((_, above))) => self.know(root, above),
                (false, None) => {}
            },
            Kind::Field { of, .. } => self.read(of, true),
            Kind::Index { of, at } => {
                self.read(of, true);
                self.read(at, true);
            }
            Kind::Not(of) | Kind::Negate(of) => self.read(of, true),
            Kind::Choice { when, .. } => self.read(when, true),
            Kind::Binary { op, left, right } => {
                let needs = !matches!(op, Operator::Equal | Operator::NotEqual | Operator::In);
                self.read(left, needs);
                self.read(right, needs || *op == Operator::In);
            }
            Kind::List(items) => items.iter().for_each(|item| self.read(item, false)),
            Kind::Call { function, args } => {
                for (at, arg) in args.iter().enumerate() {
                    if !is_lenient(function, at) {
                        self.read(arg, needs_value(function, at));
                    }
                }
            }
            Kind::Macro { list, .. } => self.read(list, true),
            // Which side of the others was evaluated is not known.
            Kind::And(..)
            | Kind::Or(..)
            | Kind::Has { .. }
            | Kind::Object(_)
            | Kind::Literal(_)
            | Kind::Mistaken(_) => {}
        }
    }

    fn implies(&self, node: &Node, holds: bool, chain: usize) -> bool {
        if self.parts.iter().any(|(known, value)| *value == holds && same(known, node)) {
            return true;
        }
        match &node.kind {
            Kind::Literal(Value::Bool(value)) => *value == holds,
            Kind::Not(of) => self.implies(of, !holds, chain),
            Kind::And(left, right) if holds => {
                self.implies(left, true, chain) && self.implies(right, true, chain)
            }
            Kind::And(left, right) => {
                self.implies(left, false, chain) || self.implies(right, false, chain)
            }
            Kind::Or(left, right) if holds => {
                self.implies(left, true, chain) || self.implies(right, true, chain)
            }
            Kind::Or(left, right) => {
                self.implies(left, false, chain) && self.implies(right, false, chain)
            }
            Kind::Binary { op: Operator::NotEqual, left, right } if holds => {
                self.is_there(left, right, chain)
            }
            Kind::Binary { op: Operator::Equal, left, right } if !holds => {
                self.is_there(left, right, chain)
            }
            _ => false,
        }
    }

    /// Whether one of two sides is null and the other a path that is not.
    fn is_there(&self, left: &Node, right: &Node, chain: usize) -> bool {
        match (&left.kind, &right.kind) {
            (Kind::Path { root, fields }, Kind::Literal(Value::Null))
            | (Kind::Literal(Value::Null), Kind::Path { root, fields }) => {
                self.has(root, fields, chain)
            }
            _ => false,
        }
    }
}

/// Whether an argument may be missing or null: the point of `default` is to be asked about it.
pub(super) fn is_lenient(function: &Function, at: usize) -> bool {
    function.name == "default" && at == 0
}

/// Whether a function fails on null at a place.
pub(super) fn needs_value(function: &Function, at: usize) -> bool {
    let param = function.params.get(at).or_else(|| function.params.last().filter(|p| p.rest));
    param.is_some_and(|param| (param.required || param.rest) && param.ty != "any")
        || (function.name == "size" && at == 0)
}

/// Whether two parts say the same.
fn same(a: &Node, b: &Node) -> bool {
    let all =
        |a: &[Node], b: &[Node]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
    match (&a.kind, &b.kind) {
        (Kind::Literal(a), Kind::Literal(b)) => a == b,
        (Kind::Path { root, fields }, Kind::Path { root: other, fields: others }) => {
            root == other && fields == others
        }
        (Kind::Field { of: a, name: x }, Kind::Field { of: b, name: y })
        | (Kind::Has { of: a, name: x }, Kind::Has { of: b, name: y }) => x == y && same(a, b),
        (Kind::Index { of: a, at: x }, Kind::Index { of: b, at: y })
        | (Kind::And(a, x), Kind::And(b, y))
        | (Kind::Or(a, x), Kind::Or(b, y)) => same(a, b) && same(x, y),
        (Kind::Not(a), Kind::Not(b)) | (Kind::Negate(a), Kind::Negate(b)) => same(a, b),
        (
            Kind::Binary { op, left, right },
            Kind::Binary { op: other, left: others_left, right: others_right },
        ) => op == other && same(left, others_left) && same(right, others_right),
        (Kind::List(a), Kind::List(b)) => all(a, b),
        (Kind::Call { function, args }, Kind::Call { function: other, args: others }) => {
            function.name == other.name && all(args, others)
        }
        _ => false,
    }
}
