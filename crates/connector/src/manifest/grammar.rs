//! Every key of the manifest language, once: its meaning and what stands under it.
//!
//! The readers take their keys from here, and so does the JSON Schema for editors.

mod action;
mod example;
mod spoke;

use crate::credential::CredentialKind;
use crate::effect::Effect;
use crate::error::ErrorKind;

pub(crate) use action::{ACTION, FAIL, ONE, OVERLAY, REQUEST, STREAM, UNDO, VERIFY};
pub(crate) use example::{EXAMPLE, REPLY};
pub(crate) use spoke::{
    COMMON, CONNECTION, CREDENTIAL, ERROR, FIELD, PAGING, RATE, READ, ROLE, SHAPE, SPOKE, WEBHOOK,
};

/// What stands under a key.
pub(crate) enum Form {
    /// A plain text.
    Word,
    /// A plain text, or a list of them.
    Words,
    /// True or false.
    Flag,
    /// A whole number above 0.
    Count,
    /// A duration such as `30s`.
    Duration,
    /// An HTTP status, or a list of them.
    Statuses,
    /// A text with pills.
    Text,
    /// A bare expression.
    Expression,
    /// A structure with texts as leaves.
    Structure,
    /// A map of structures.
    Structures,
    /// A map of texts.
    Texts,
    /// A map of expressions.
    Expressions,
    /// A map of types.
    Types,
    /// Any value, taken as it is.
    Value,
    /// One of these words.
    Choice(fn() -> Vec<&'static str>),
    /// The name of something above, or that thing itself.
    NameOr(&'static Mapping),
    /// A map with these keys.
    Map(&'static Mapping),
    /// A list of such maps.
    List(&'static Mapping),
    /// One such map, or a list of them.
    Some(&'static Mapping),
    /// One such map, or several by name.
    OneOrNamed(&'static Mapping),
    /// A map from names to such maps.
    Named(&'static Mapping),
}

/// A key.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) form: Form,
}

/// A map with certain keys.
pub(crate) struct Mapping {
    /// What such a map is: its name among the definitions of the schema.
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [Key],
    /// Keys that must be there.
    pub(crate) required: &'static [&'static str],
    /// Whether it is a type with further keys.
    pub(crate) is_type: bool,
}

const fn key(name: &'static str, form: Form, about: &'static str) -> Key {
    Key { name, about, form }
}

const fn mapping(
    name: &'static str,
    required: &'static [&'static str],
    keys: &'static [Key],
) -> Mapping {
    Mapping { name, keys, required, is_type: false }
}

fn effects() -> Vec<&'static str> {
    Effect::ALL.iter().map(|effect| effect.as_str()).collect()
}

fn error_kinds() -> Vec<&'static str> {
    ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

fn credential_kinds() -> Vec<&'static str> {
    CredentialKind::ALL.iter().map(|kind| kind.as_str()).collect()
}
