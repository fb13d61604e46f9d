//! A cursor over a document: a value together with where it stands.

use std::ops::Range;

use super::{Document, Place, events};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::{Source, Span};
use crate::value::Value;

/// A value in a document, with its place.
#[derive(Clone)]
pub struct Node<'d> {
    document: &'d Document,
    value: &'d Value,
    pointer: String,
}

impl<'d> Node<'d> {
    pub(super) fn root(document: &'d Document) -> Self {
        Self { document, value: &document.value, pointer: String::new() }
    }

    /// The decoded value.
    pub fn value(&self) -> &'d Value {
        self.value
    }

    /// Its JSON pointer, empty for the root.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    fn place(&self) -> Option<&'d Place> {
        self.document.places.get(&self.pointer)
    }

    /// Where the value stands.
    pub fn span(&self) -> Span {
        self.place().map(|place| place.span).unwrap_or_default()
    }

    /// Where its key stands; its own place when it has none.
    pub fn key_span(&self) -> Span {
        self.place().and_then(|place| place.key).unwrap_or_else(|| self.span())
    }

    /// The file.
    pub fn source(&self) -> &'d Source {
        &self.document.source
    }

    /// The field of an object.
    pub fn get(&self, key: &str) -> Option<Node<'d>> {
        let value = self.value.as_object()?.get(key)?;
        Some(self.child(value, key))
    }

    /// The fields of an object in written order; none of anything else.
    pub fn entries(&self) -> Vec<(&'d str, Node<'d>)> {
        match self.value {
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (key.as_str(), self.child(value, key))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> Vec<Node<'d>> {
        match self.value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(i, value)| self.child(value, &i.to_string()))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn child(&self, value: &'d Value, key: &str) -> Node<'d> {
        Node { document: self.document, value, pointer: events::child(&self.pointer, key) }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    /// Where a part of a text stands in the file, given as bytes of the decoded text. Falls back
    /// to the whole value where escapes hide the part.
    pub fn span_within(&self, range: Range<usize>) -> Span {
        let (Some(place), Some(text)) = (self.place(), self.as_str()) else { return self.span() };
        let Some(part) = text.get(range.clone()) else { return place.span };
        if place.verbatim {
            return Span {
                start: place.span.start + range.start,
                end: place.span.start + range.end,
            };
        }
        if part.is_empty() {
            return place.span;
        }
        let raw = self.source().text().get(place.span.start..place.span.end).unwrap_or_default();
        // In quotes and without escapes, so that one place follows from the other.
        if raw.len() == text.len() + 2 && raw.get(1..raw.len() - 1) == Some(text) {
            let start = place.span.start + 1 + range.start;
            return Span { start, end: start + part.len() };
        }
        let before = text[..range.start].matches(part).count();
        match raw.match_indices(part).nth(before) {
            Some((at, _)) => {
                let start = place.span.start + at;
                Span { start, end: start + part.len() }
            }
            None => place.span,
        }
    }

    /// An error at the value.
    pub fn error(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, message, self.source().clone(), self.span())
    }

    /// An error at its key.
    pub fn error_at_key(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, message, self.source().clone(), self.key_span())
    }

    /// A warning at the value.
    pub fn warning(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, message, self.source().clone(), self.span())
    }

    /// A hint at the value.
    pub fn hint(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Hint, code, message, self.source().clone(), self.span())
    }

    /// A mistake in this text (an expression or a Handlebars text), at its own place.
    pub fn mistake(&self, mistake: &crate::references::Mistake) -> Diagnostic {
        let span = self.span_within(mistake.range.clone());
        Diagnostic {
            code: mistake.code,
            severity: Severity::Error,
            message: mistake.message.clone(),
            help: mistake.help.clone(),
            source: self.source().clone(),
            span,
        }
    }
}
