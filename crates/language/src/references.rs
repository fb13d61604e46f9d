//! What expressions and texts have in common: the names they read, and how they go wrong.

use std::fmt;
use std::ops::Range;

use crate::diagnostic::Code;
use crate::schema::Schema;

/// A name that an expression or a text reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The root name, as in `learner` of `learner.id`.
    pub root: String,
    /// The static fields after the root.
    pub path: Vec<String>,
    /// Where it stands, in bytes of the expression or text.
    pub range: Range<usize>,
    /// Whether a null test of it (or of a part of its path), `default` or `#if` stands around it.
    pub guarded: bool,
}

impl Reference {
    /// The reference as it is written: `learner.id`.
    pub fn dotted(&self) -> String {
        dotted(&self.root, &self.path)
    }
}

/// A root and its fields joined by dots.
pub(crate) fn dotted(root: &str, path: &[String]) -> String {
    let mut text = root.to_owned();
    for field in path {
        text.push('.');
        text.push_str(field);
    }
    text
}

/// What the types tell of an expression or a text.
#[derive(Clone, Debug)]
pub struct Study {
    /// The type of its value.
    pub schema: Schema,
    /// What is surely wrong.
    pub mistakes: Vec<Mistake>,
    /// Where something is read that can be null.
    pub nulls: Vec<NullRead>,
}

/// A value that can be null where it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct NullRead {
    /// The root name.
    pub root: String,
    /// The fields after it, up to what can be null.
    pub path: Vec<String>,
    /// Whether a field of it is read; else the value itself is needed.
    pub is_read_through: bool,
    /// Where, in bytes of the expression or text.
    pub range: Range<usize>,
}

impl Study {
    pub(crate) fn new() -> Self {
        Self { schema: Schema::any(), mistakes: Vec::new(), nulls: Vec::new() }
    }
}

/// Why an expression or a text cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// What is wrong, in one line.
    pub message: String,
    /// Where, in bytes of the expression or text.
    pub range: Range<usize>,
    /// What to do about it.
    pub help: Option<String>,
    /// The code a user can look up.
    pub code: Code,
}

impl Mistake {
    pub(crate) fn new(code: Code, message: impl Into<String>, range: Range<usize>) -> Self {
        Self { message: message.into(), range, help: None, code }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

/// Why an expression or a text has no value here; says which path, and why it is null.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// A lower-case fragment for people.
    pub message: String,
}

impl EvalError {
    /// An error of that message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}
