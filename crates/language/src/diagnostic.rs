//! What is wrong with a file: code, message, place and help. All mistakes at once, never the first.

mod codes_table;
mod render;

use std::fmt;

use crate::source::{Source, Span};

pub use codes_table::codes;
pub use render::{Format, render};

/// The name of a kind of mistake, in kebab words: `unknown-step`. Each has a page in `docs/errors`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How grave a diagnostic is; only errors make a check fail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// It cannot work.
    Error,
    /// It works and is probably not meant.
    Warning,
    /// It could be better.
    Hint,
}

impl Severity {
    /// The word: `error`, `warning`, `hint`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        }
    }
}

/// One mistake in a file.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Which kind of mistake.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong: a lower-case fragment without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The file.
    pub source: Source,
    /// The place in it.
    pub span: Span,
}

impl Diagnostic {
    /// A diagnostic without help.
    pub fn new(
        severity: Severity,
        code: Code,
        message: impl Into<String>,
        source: Source,
        span: Span,
    ) -> Self {
        Self { code, severity, message: message.into(), help: None, source, span }
    }

    /// The same with help.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of its start, both from 1.
    pub fn position(&self) -> (usize, usize) {
        self.source.position(self.span.start)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.position();
        write!(f, "{}:{line}:{column}: {}", self.source.name(), self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// The longest word that a suggestion is looked for.
const LONGEST_WORD: usize = 64;

/// The candidate that was probably meant by a word, if one is near.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let wanted = word.to_lowercase();
    let letters = letters_of(&wanted);
    let limit = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        // Most candidates are told to be far without working out how far.
        .filter(|candidate| {
            let apart = candidate.len().abs_diff(wanted.len());
            apart <= limit * 4
                && (letters_of(candidate) ^ letters).count_ones() as usize <= limit * 4
        })
        .map(|candidate| {
            (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, candidate)| *distance <= limit && *candidate != word)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The letters of a word as a set, in either case. An edit changes a character, which is up to
/// two ASCII letters or some bytes that all stand for one another here.
fn letters_of(word: &str) -> u32 {
    word.bytes().fold(0, |all, byte| all | 1 << (if byte.is_ascii() { byte & 31 } else { 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        let names = ["records", "count", "learner"];
        assert_eq!(did_you_mean("record", names), Some("records"));
        assert_eq!(did_you_mean("leanrer", names), Some("learner"));
        assert_eq!(did_you_mean("Count", names), Some("count"));
        assert_eq!(did_you_mean("x", names), None);
        assert_eq!(did_you_mean("invoice", names), None);
    }

    #[test]
    fn every_code_is_listed_once_and_in_kebab_words() {
        let mut seen = std::collections::BTreeSet::new();
        for (code, meaning) in codes::ALL {
            assert!(seen.insert(code.0), "{code} is listed twice");
            assert!(code.0.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code}");
            assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{code}");
        }
    }
}
