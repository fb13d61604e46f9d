//! The page of the kinds of failure and of effect. Their meaning is the comment on each in its
//! source, so that it is written once.

use linchpin_connector::{Effect, ErrorKind};

use super::markdown::{NOTICE, code, table};
use crate::architecture::repository::read;

/// The page.
pub(super) fn page() -> String {
    let failures = meanings("crates/connector/src/error.rs", "pub enum ErrorKind {");
    let effects = meanings("crates/connector/src/effect.rs", "pub enum Effect {");
    assert_eq!(failures.len(), ErrorKind::ALL.len());
    assert_eq!(effects.len(), Effect::ALL.len());
    let row = |word: &str, meaning: String| vec![code(word), meaning];
    let failures: Vec<_> = ErrorKind::ALL
        .iter()
        .zip(failures)
        .map(|(kind, meaning)| row(kind.as_str(), meaning))
        .collect();
    let effects: Vec<_> = Effect::ALL
        .iter()
        .zip(effects)
        .map(|(effect, meaning)| row(effect.as_str(), meaning))
        .collect();
    format!(
        "{NOTICE}# Kinds of failure and of effect\n\n## Failures\n\n\
         Every failure of a step has one of these kinds, whichever system it comes from.\n\
         Flows name them in `retry: {{ on: [...] }}` and in `catch`.\n\n{}\
         ## Effects\n\nWhat an action does to the other system.\n\
         Flows bound them with `limits`, and a dry run counts them.\n\n{}",
        table(&["kind", "meaning"], &failures),
        table(&["effect", "meaning"], &effects).trim_end()
    ) + "\n"
}

/// The comments on the variants of an enum, in order.
fn meanings(path: &str, opening: &str) -> Vec<String> {
    let source = read(path);
    let body = source.split(opening).nth(1).expect("the enum is in its file");
    let body = body.split("\n}").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut meaning: Vec<&str> = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            meaning.push(comment.trim());
        } else if line.ends_with(',') {
            found.push(meaning.join(" "));
            meaning.clear();
        }
    }
    found
}
