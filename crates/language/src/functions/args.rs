//! The arguments of a call, read as the type that the function wants.

use std::borrow::Cow;

use super::Param;
use crate::value::{Map, Value, kind, print};

/// Arguments in the order of the parameters; null stands for one that was not given.
pub struct Args<'a> {
    values: &'a [Cow<'a, Value>],
    params: &'static [Param],
}

impl<'a> Args<'a> {
    /// Arguments of a call that is about to be made.
    pub fn new(values: &'a [Cow<'a, Value>]) -> Self {
        Self { values, params: &[] }
    }

    /// The same arguments with the names that messages give them.
    pub(super) fn named(&self, params: &'static [Param]) -> Self {
        Self { values: self.values, params }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// All arguments.
    pub fn iter(&self) -> impl Iterator<Item = &Value> + Clone {
        self.values.iter().map(Cow::as_ref)
    }

    /// The argument at a place, null when it was not given.
    pub fn value(&self, at: usize) -> &Value {
        self.values.get(at).map_or(&Value::Null, Cow::as_ref)
    }

    /// The argument at a place when it was given and is not null.
    pub fn given(&self, at: usize) -> Option<&Value> {
        Some(self.value(at)).filter(|value| !value.is_null())
    }

    /// The arguments from a place on.
    pub fn rest(&self, from: usize) -> impl Iterator<Item = &Value> {
        self.values.iter().skip(from).map(Cow::as_ref)
    }

    /// A text; numbers and booleans are written out.
    pub fn text(&self, at: usize) -> Result<Cow<'_, str>, String> {
        match self.value(at) {
            Value::String(text) => Ok(Cow::Borrowed(text)),
            value @ (Value::Number(_) | Value::Bool(_)) => Ok(Cow::Owned(print(value))),
            other => Err(self.wrong(at, "a string", other)),
        }
    }

    /// A text that may be left out.
    pub fn text_or<'b>(&'b self, at: usize, default: &'b str) -> Result<Cow<'b, str>, String> {
        if self.given(at).is_some() { self.text(at) } else { Ok(Cow::Borrowed(default)) }
    }

    /// A whole number.
    pub fn integer(&self, at: usize) -> Result<i64, String> {
        let value = self.value(at);
        value.as_i64().ok_or_else(|| self.wrong(at, "an integer", value))
    }

    /// A whole number that may be left out.
    pub fn integer_or(&self, at: usize, default: i64) -> Result<i64, String> {
        if self.given(at).is_some() { self.integer(at) } else { Ok(default) }
    }

    /// A number, whole or not.
    pub fn number(&self, at: usize) -> Result<f64, String> {
        let value = self.value(at);
        value.as_f64().ok_or_else(|| self.wrong(at, "a number", value))
    }

    /// A count of things: a whole number from 0 to a limit.
    pub fn count_of(&self, at: usize, most: usize) -> Result<usize, String> {
        let number = self.integer(at)?;
        let count = usize::try_from(number).ok().filter(|count| *count <= most);
        count.ok_or_else(|| {
            format!("{} must be between 0 and {most}, it is {number}", self.name(at))
        })
    }

    /// True or false.
    pub fn boolean(&self, at: usize) -> Result<bool, String> {
        let value = self.value(at);
        value.as_bool().ok_or_else(|| self.wrong(at, "true or false", value))
    }

    /// A list.
    pub fn list(&self, at: usize) -> Result<&Vec<Value>, String> {
        let value = self.value(at);
        value.as_array().ok_or_else(|| self.wrong(at, "a list", value))
    }

    /// An object.
    pub fn object(&self, at: usize) -> Result<&Map<String, Value>, String> {
        let value = self.value(at);
        value.as_object().ok_or_else(|| self.wrong(at, "an object", value))
    }

    /// The message that an argument is not what was wanted.
    pub fn wrong(&self, at: usize, wanted: &str, found: &Value) -> String {
        let found = match found {
            Value::Null => "null".to_owned(),
            other => format!("{} {}", article(kind(other)), kind(other)),
        };
        format!("{} must be {wanted}, it is {found}", self.name(at))
    }

    /// An argument as messages name it.
    pub fn name(&self, at: usize) -> String {
        match self.params.get(at).or(self.params.last().filter(|param| param.rest)) {
            Some(param) => format!("`{}`", param.name),
            None => format!("argument {}", at + 1),
        }
    }
}

/// `a` or `an`.
pub(crate) fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}
