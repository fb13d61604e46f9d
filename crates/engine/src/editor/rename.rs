//! Renaming a step: its id and every place that reads it or waits for it.

use linchpin_language::{Diagnostic, Document, Severity, Span};

use super::reading::Reading;
use super::{Page, boundary, word};
use crate::check::{check_text, names};
use crate::parse::{self, is_id};

/// Why a step is not renamed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

/// The id at a place, if a step can be renamed there.
pub fn renameable(page: &Page<'_>, at: usize) -> Option<Span> {
    let span = word(page.text, boundary(page.text, at));
    let reading = whole(page).ok()?;
    places(page, &reading, &page.text[span.start..span.end]).contains(&span).then_some(span)
}

/// The places to write another name at, for the step at a place.
pub fn rename(page: &Page<'_>, at: usize, name: &str) -> Result<Vec<Span>, Refusal> {
    let span = word(page.text, boundary(page.text, at));
    let old = &page.text[span.start..span.end];
    let reading = whole(page)?;
    let places = places(page, &reading, old);
    if !places.contains(&span) {
        return Err(Refusal("there is no id of a step here".to_owned()));
    }
    if !is_id(name) {
        let message = format!(
            "`{name}` cannot be an id: use lower-case letters, digits and `_`, a letter first, at most 63"
        );
        return Err(Refusal(message));
    }
    let ids = reading.blocks().into_iter().flat_map(|block| &block.steps);
    let same = |word: &str| {
        ids.clone().filter(|step| step.id.as_ref().is_some_and(|id| id.value == word)).count()
    };
    if name != old && same(name) > 0 {
        return Err(Refusal(format!("there is a step `{name}` already")));
    }
    if same(old) > 1 {
        return Err(Refusal(format!(
            "several steps are called `{old}`: give each its own id first"
        )));
    }
    if let Some(lost) = places.iter().find(|place| &page.text[place.start..place.end] != old) {
        let (line, _) = reading.document.source().position(lost.start);
        let message =
            format!("`{old}` in line {line} is written in a way that cannot be changed here");
        return Err(Refusal(message));
    }
    agree(page, &places, name)?;
    Ok(places)
}

/// The flow, if all of it can be read: a place that cannot would be forgotten.
fn whole(page: &Page<'_>) -> Result<Reading, Refusal> {
    let refuse = |mistakes: &[Diagnostic]| match mistakes.first() {
        Some(first) => {
            let (line, _) = first.position();
            Refusal(format!("mend line {line} first, then rename: {}", first.message))
        }
        None => Refusal("the file cannot be read".to_owned()),
    };
    let document = Document::parse(page.name, page.text).map_err(|mistakes| refuse(&mistakes))?;
    let parsed = parse::read(&document);
    if parsed.mistakes.is_empty() {
        Ok(Reading { document, parsed })
    } else {
        Err(refuse(&parsed.mistakes))
    }
}

/// Where the id of a step is written.
fn places(page: &Page<'_>, reading: &Reading, id: &str) -> Vec<Span> {
    let mut places: Vec<Span> = names::uses(&reading.parsed, &reading.document, page.catalog)
        .into_iter()
        .filter(|one| one.id == id)
        .map(|one| bare(page.text, one.span))
        .collect();
    let Some(own) = super::definition::step(reading, id) else { return Vec::new() };
    places.push(bare(page.text, own));
    places.sort_by_key(|place| place.start);
    places.dedup();
    places
}

/// A place without the quotes around it.
fn bare(text: &str, span: Span) -> Span {
    let inside = &text[span.start..span.end];
    let quotes = ['"', '\''];
    match inside.len() > 1 && inside.starts_with(quotes) && inside.ends_with(quotes) {
        true => Span { start: span.start + 1, end: span.end - 1 },
        false => span,
    }
}

/// The text with every place changed.
fn changed(text: &str, places: &[Span], name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        out.push_str(&text[from..place.start]);
        out.push_str(name);
        from = place.end;
    }
    out.push_str(&text[from..]);
    out
}

/// Whether the flow is as right afterwards as it was before, and reads the step in as many places.
fn agree(page: &Page<'_>, places: &[Span], name: &str) -> Result<(), Refusal> {
    let after = changed(page.text, places, name);
    let errors = |text: &str| {
        let mut found = check_text(page.name, text, page.catalog);
        found.retain(|mistake| mistake.severity == Severity::Error);
        found
    };
    let (old, new) = (errors(page.text), errors(&after));
    if new.len() > old.len() {
        let told: Vec<&str> = old.iter().map(|mistake| mistake.message.as_str()).collect();
        let first = new.iter().find(|mistake| !told.contains(&mistake.message.as_str()));
        let message = first.map_or("the flow would have more mistakes", |one| one.message.as_str());
        return Err(Refusal(format!("`{name}` does not fit here: {message}")));
    }
    Ok(())
}
