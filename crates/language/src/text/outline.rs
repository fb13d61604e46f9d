//! A text with blocks as its types see it: what each block is about and what it binds. The text
//! itself is rendered by the handlebars crate.

use std::ops::Range;

use super::Argument;
use crate::references::Reference;
use crate::schema::Type;

/// A part that reads something.
pub(super) enum Node {
    Pill { pill: Argument, references: Vec<Reference> },
    Block(Block),
}

/// A block with what is inside it.
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) subject: Argument,
    /// What the subject reads.
    pub(super) references: Vec<Reference>,
    pub(super) inside: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// What a block does with its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `#if`, `#unless`: tests it.
    Test,
    /// `#each`: binds each of its items.
    Each,
    /// `#with`: binds it.
    With,
}

impl Kind {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "each" => Self::Each,
            "with" => Self::With,
            _ => Self::Test,
        }
    }
}

/// A path from something that a block binds.
pub(super) struct Local {
    /// Which block around it, outermost first; 0 is the scope itself.
    pub(super) level: usize,
    pub(super) slot: Slot,
    /// What the author calls what is bound: `this`, `course`.
    pub(super) name: String,
    pub(super) fields: Vec<String>,
    pub(super) range: Range<usize>,
}

/// What a block binds.
pub(super) enum Slot {
    /// The item of a loop, the subject of a `#with`.
    Item,
    /// The position or the name of the item.
    Key,
    /// `@first` and the like, of a type of their own.
    Mark(Type),
}
