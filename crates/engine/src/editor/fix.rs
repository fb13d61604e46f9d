//! The change that a diagnostic's help names.

use linchpin_language::{Diagnostic, Span, did_you_mean};

/// A change that mends a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What people see.
    pub title: String,
    /// What is changed.
    pub span: Span,
    /// What is written there.
    pub text: String,
}

/// The change for a mistake whose help asks `did you mean`.
pub fn fix(mistake: &Diagnostic) -> Option<Fix> {
    let help = mistake.help.as_deref()?;
    let meant = help.strip_prefix("did you mean ")?.trim_end_matches('?');
    let meant = meant.trim_matches('`');
    let start = mistake.span.start;
    let inside = mistake.source.text().get(start..mistake.span.end)?;
    let wrong = words(&mistake.message).filter(|word| inside.contains(word));
    // The message may name where the word stands as well: the wrong one is like what is meant.
    let wrong: Vec<&str> = wrong.collect();
    let wrong = match wrong.as_slice() {
        [] => return None,
        [one] => *one,
        several => did_you_mean(meant, several.iter().copied())?,
    };
    let mut found = inside.match_indices(wrong).filter(|(at, _)| is_whole(inside, *at, wrong));
    let (at, _) = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let span = Span { start: start + at, end: start + at + wrong.len() };
    Some(Fix { title: format!("change `{wrong}` to `{meant}`"), span, text: meant.to_owned() })
}

/// The words in backquotes.
fn words(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

fn is_whole(text: &str, at: usize, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
}
