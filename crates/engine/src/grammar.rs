//! Every key a flow's file can have, with its meaning in a line and the shape of its value, and
//! the kinds of step.
//!
//! The parser refuses what is not here; the JSON Schema, completion, hover and the reference are
//! made from it. What a value means is not here: that is the parser's, and a test holds both
//! together.

mod flow;
mod logic;
mod people;
mod steps;
mod triggers;
mod undo;

pub use flow::{CONCURRENCY, DEFAULTS, FLOW, LIMITS, RETRY};
pub use logic::{DEFAULT, ROW};
pub use people::APPROVAL;
pub use steps::{
    ASK, CALL, CATCH, CHOICES_FROM, COMMON, ELSE_IF, FAIL, KINDS, LOG, LOOP_SOURCE, WAIT,
};
pub use triggers::{
    AUTH, CALENDAR, FLOW_TRIGGER, FORM_TRIGGER, PLAIN_AUTH, RECORD, SCHEDULE, SECRET, TRIGGER,
    WEBHOOK,
};
pub use undo::UNDO;

/// A map in a flow's file.
#[derive(Debug)]
pub struct Mapping {
    /// What messages call it, with backquotes where it is a key.
    pub name: &'static str,
    /// Its keys, the usual ones first.
    pub keys: &'static [Key],
    /// The keys of which exactly one is given; none where they are all free.
    pub one_of: &'static [&'static str],
}

/// A key of a map.
#[derive(Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// What stands under it.
    pub value: Shape,
    /// Whether the map needs it.
    pub required: bool,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A plain text.
    Word,
    /// A name of the author's: lower-case letters, digits and `_`.
    Name,
    /// True or false.
    Flag,
    /// A whole number from the first to the last.
    Count(u64, u64),
    /// A length of time: `30s`.
    Duration,
    /// A length of time, or two: `2s..60s`.
    Backoff,
    /// A text with pills.
    Text,
    /// A length of time with pills.
    DurationText,
    /// A bare expression.
    Expression,
    /// A pattern of cron.
    Cron,
    /// The name of a time zone.
    TimeZone,
    /// One of these words.
    Choice(fn() -> Vec<&'static str>),
    /// Some of these words, or one.
    Choices(fn() -> Vec<&'static str>),
    /// Plain texts, or one.
    Words,
    /// Ids of steps of the same list, or one.
    StepIds,
    /// A list of steps.
    Steps,
    /// A map with these keys.
    Mapping(&'static Mapping),
    /// Nothing, `true` or `{}`.
    Blank,
    /// Names, each with an expression.
    Expressions,
    /// Names, each with a type; the keys are those that a type has here beside its own.
    Types(&'static [Key]),
    /// The names of aliases, each with its spoke.
    Aliases,
    /// The aliases of a subflow, each with one of ours.
    Rebinding,
    /// The inputs of what `call` names beside it.
    Inputs,
    /// Any value, the texts in it with pills.
    Value,
    /// Names of the author's, each with a list of steps.
    Branches,
    /// `ALIAS.ACTION`, or `flow.NAME` where a subflow can be called.
    Call {
        /// Whether it can be a subflow.
        subflow: bool,
    },
    /// The name of an alias, or a text that gives it.
    Alias,
    /// A list of values of one shape.
    List(&'static Shape),
    /// One of these.
    Any(&'static [Shape]),
}

/// A kind of step.
#[derive(Debug)]
pub struct Kind {
    /// The key that says that a step is of this kind.
    pub key: &'static str,
    /// What people call the kind; the same, but for `if`.
    pub shown: &'static str,
    /// Its name in Flow Designer.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// What stands under its key.
    pub value: Shape,
    /// The keys that may stand beside it.
    pub beside: &'static [&'static [Key]],
}

impl Mapping {
    /// The names of its keys.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.keys.iter().map(|key| key.name)
    }

    /// The key of that name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Kind {
    /// The keys that may stand beside its own, without those of every step.
    pub fn beside(&self) -> impl Iterator<Item = &'static Key> + Clone {
        self.beside.iter().copied().flatten()
    }

    /// Whether a key may stand beside its own, of those that not every step has.
    pub fn takes(&self, name: &str) -> bool {
        self.beside().any(|key| key.name == name)
    }

    /// The kind that a step with these keys is; where there are several, those that are no key of
    /// another one.
    pub fn among<'k>(has: impl Fn(&str) -> bool + 'k) -> Vec<&'static Kind> {
        let mut found: Vec<&'static Kind> = Vec::new();
        for kind in KINDS {
            if has(kind.key) && !found.iter().any(|other| other.takes(kind.key)) {
                found.push(kind);
            }
        }
        found
    }
}

/// The words of a choice, out of the pairs that the parser reads.
fn words<T>(all: &[(&'static str, T)]) -> Vec<&'static str> {
    all.iter().map(|(word, _)| *word).collect()
}

/// A key that can be left out.
const fn may(name: &'static str, value: Shape, about: &'static str) -> Key {
    Key { name, about, value, required: false }
}

/// A key that the map needs.
const fn need(name: &'static str, value: Shape, about: &'static str) -> Key {
    Key { name, about, value, required: true }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_and_key_is_explained_in_a_sentence_and_there_once() {
        let mut kinds = BTreeSet::new();
        for kind in KINDS {
            assert!(kinds.insert(kind.key), "{} is there twice", kind.key);
            assert!(kind.about.ends_with('.'), "{}", kind.key);
            let mut keys: BTreeSet<&str> = COMMON.iter().map(|key| key.name).collect();
            for key in kind.beside() {
                assert!(keys.insert(key.name), "{} of {} is there twice", key.name, kind.key);
            }
        }
        let mut open = vec![&FLOW];
        let inside = |shape: &Shape| match shape {
            Shape::Mapping(mapping) => Some(*mapping),
            _ => None,
        };
        open.extend(KINDS.iter().filter_map(|kind| inside(&kind.value)));
        while let Some(mapping) = open.pop() {
            let mut keys = BTreeSet::new();
            for key in mapping.keys {
                assert!(keys.insert(key.name), "{} of {} is there twice", key.name, mapping.name);
                assert!(key.about.ends_with('.'), "{} of {}", key.name, mapping.name);
                open.extend(inside(&key.value));
            }
            for one in mapping.one_of {
                assert!(keys.contains(one), "{one} is no key of {}", mapping.name);
            }
        }
    }
}
