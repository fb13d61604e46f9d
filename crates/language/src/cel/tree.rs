//! An expression as it is evaluated: names resolved to functions, macros kept as macros.

use std::ops::Range;

use crate::functions::Function;
use crate::value::Value;

/// A part of an expression with its place.
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

pub(super) enum Kind {
    Literal(Value),
    /// A root name and static fields after it.
    Path {
        root: String,
        fields: Vec<String>,
    },
    /// A field of something computed.
    Field {
        of: Box<Node>,
        name: String,
    },
    /// `has(of.name)`
    Has {
        of: Box<Node>,
        name: String,
    },
    Index {
        of: Box<Node>,
        at: Box<Node>,
    },
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Choice {
        when: Box<Node>,
        then: Box<Node>,
        otherwise: Box<Node>,
    },
    Binary {
        op: Operator,
        left: Box<Node>,
        right: Box<Node>,
    },
    List(Vec<Node>),
    Object(Vec<(Node, Node)>),
    Call {
        function: &'static Function,
        args: Vec<Node>,
    },
    Macro {
        of: Macro,
        list: Box<Node>,
        name: String,
        filter: Option<Box<Node>>,
        body: Box<Node>,
    },
    /// What a mistake was found in, with the parts of it that can be read. It has no value.
    Mistaken(Vec<Node>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Operator {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::In => "in",
        }
    }

    pub(super) fn is_arithmetic(self) -> bool {
        use Operator::{Add, Divide, Multiply, Remainder, Subtract};
        matches!(self, Add | Subtract | Multiply | Divide | Remainder)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

impl Node {
    /// The parts right below, in written order.
    pub(super) fn children(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Literal(_) | Kind::Path { .. } => Vec::new(),
            Kind::Field { of, .. } | Kind::Has { of, .. } | Kind::Not(of) | Kind::Negate(of) => {
                vec![of]
            }
            Kind::Index { of: a, at: b } | Kind::And(a, b) | Kind::Or(a, b) => vec![a, b],
            Kind::Binary { left, right, .. } => vec![left, right],
            Kind::Choice { when, then, otherwise } => vec![when, then, otherwise],
            Kind::List(parts) | Kind::Mistaken(parts) => parts.iter().collect(),
            Kind::Object(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Kind::Call { args, .. } => args.iter().collect(),
            Kind::Macro { list, filter, body, .. } => {
                let filter = filter.iter().map(AsRef::as_ref);
                std::iter::once(list.as_ref()).chain(filter).chain([body.as_ref()]).collect()
            }
        }
    }

    /// Whether there are more than so many levels; counts without recursion.
    pub(super) fn is_deeper_than(&self, levels: usize) -> bool {
        let mut open = vec![(self, 1)];
        while let Some((node, depth)) = open.pop() {
            if depth > levels {
                return true;
            }
            open.extend(node.children().into_iter().map(|child| (child, depth + 1)));
        }
        false
    }

    /// The functions that are called, each once.
    pub(super) fn functions(&self) -> Vec<&'static Function> {
        let mut found: Vec<&'static Function> = Vec::new();
        let mut open = vec![self];
        while let Some(node) = open.pop() {
            if let Kind::Call { function, .. } = &node.kind
                && !found.iter().any(|held| held.name == function.name)
            {
                found.push(function);
            }
            open.extend(node.children());
        }
        found
    }
}
