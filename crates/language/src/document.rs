//! YAML documents with positions: serde_yaml decodes, one pass of parser events beside it finds
//! where each value stands and refuses what a file must not hold.

mod comments;
mod events;
mod foreign;
mod format;
mod node;
mod offsets;
mod traps;

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::source::{Source, Span};
use crate::value::Value;

use events::Form;

pub use foreign::read_foreign;
pub use format::{format_yaml, write_yaml};
pub use node::Node;
pub(crate) use traps::is_forbidden;

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;

/// A decoded file that knows where each of its values stands.
pub struct Document {
    source: Source,
    value: Value,
    places: HashMap<String, Place>,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    span: Span,
    key: Option<Span>,
    /// Whether the value's text in the file is its decoded text, byte for byte.
    verbatim: bool,
}

impl Document {
    /// Reads a file's text. Refuses duplicate keys, aliases, tags, merge keys, a second document,
    /// keys that are not text, control and bidirectional characters, files over [`MAX_BYTES`] and
    /// nesting over [`MAX_DEPTH`]; explains an unquoted `{{` with the corrected line.
    pub fn parse(name: &str, text: &str) -> Result<Document, Vec<Diagnostic>> {
        match Self::read(name, text) {
            (Some(document), mistakes) if mistakes.is_empty() => Ok(document),
            (_, mistakes) => Err(mistakes),
        }
    }

    /// The same, and with mistakes as much of the file as can be read all the same, so that what
    /// else is wrong in it can be told at once: an unquoted `{{` is read as if it were quoted.
    pub fn read(name: &str, text: &str) -> (Option<Document>, Vec<Diagnostic>) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > MAX_BYTES {
            let source = Source::new(name, "");
            let message = format!("the file has {} bytes, more than 1 MB", text.len());
            return (None, vec![error(codes::FILE_TOO_LARGE, message, &source, Span::default())]);
        }
        let source = Source::new(name, text);
        let hidden = traps::forbidden_characters(&source);
        if !hidden.is_empty() {
            return (None, hidden);
        }
        let Form { places, mut mistakes, mended, unquoted, is_whole } = events::read(&source);
        if !is_whole {
            return (None, mistakes);
        }
        let mut value = match serde_yaml::from_str::<Value>(&mended) {
            Ok(value) => value,
            Err(cause) => {
                if mistakes.is_empty() {
                    mistakes.push(decode_error(&source, &cause));
                }
                return (None, mistakes);
            }
        };
        for span in unquoted {
            let meant = || source.text()[span.start..span.end].into();
            let at = places.iter().find(|(_, place)| place.span.start == span.start);
            if let Some(blanked) = at.and_then(|(pointer, _)| value.pointer_mut(pointer)) {
                *blanked = meant();
            }
        }
        (Some(Document { source, value, places }), mistakes)
    }

    /// The file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The whole value.
    pub fn root(&self) -> Node<'_> {
        Node::root(self)
    }
}

/// The event pass has accepted the file, so only numbers that do not fit are left.
fn decode_error(source: &Source, cause: &serde_yaml::Error) -> Diagnostic {
    let start = cause.location().map_or(0, |location| location.index());
    let text = cause.to_string();
    let (code, message) =
        if ["integer", "i128", "u128", "number"].iter().any(|word| text.contains(word)) {
            (
                codes::YAML_NUMBER,
                "a number does not fit 64 bits: quote it to keep it as text".to_owned(),
            )
        } else {
            let plain = text.split(" at line ").next().unwrap_or_default();
            (codes::YAML_SYNTAX, plain.to_owned())
        };
    error(code, message, source, Span { start, end: start })
}

fn error(
    code: crate::diagnostic::Code,
    message: impl Into<String>,
    source: &Source,
    span: Span,
) -> Diagnostic {
    Diagnostic::new(Severity::Error, code, message, source.clone(), span)
}

#[cfg(test)]
mod tests;
