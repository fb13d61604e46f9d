//! Where expressions and texts find their names.

use std::borrow::Cow;

use crate::value::{Map, Value};

/// The names that an expression or a text can read.
pub trait Scope {
    /// The value of a root name; `None` when there is no such name.
    fn get(&self, name: &str) -> Option<Cow<'_, Value>>;

    /// Why the value of a root name is null ("the step was skipped"), where that is known.
    fn why_null(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// The names there are, for suggestions; may be incomplete.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Scope for Map<String, Value> {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        Map::get(self, name).map(Cow::Borrowed)
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// A scope with more names put before it: the second part is asked first.
pub struct Layered<'a>(pub &'a dyn Scope, pub &'a Map<String, Value>);

impl Scope for Layered<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        match Map::get(self.1, name) {
            Some(value) => Some(Cow::Borrowed(value)),
            None => self.0.get(name),
        }
    }

    fn why_null(&self, name: &str) -> Option<String> {
        if self.1.contains_key(name) { None } else { self.0.why_null(name) }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.1.keys().cloned().collect();
        names.extend(self.0.names());
        names
    }
}
