//! From an answer to an error: the rows of a request, those of the spoke, then the table of statuses.

use std::time::Duration;

use jiff::Timestamp;
use linchpin_language::{Expression, Node, Text, Truth, codes, print};

use crate::error::{ActionError, ErrorKind, WriteState};
use crate::manifest::answer::Answer;
use crate::manifest::grammar;
use crate::manifest::names::{Lets, Names};
use crate::manifest::reading::Reading;

/// One row of an error map.
#[derive(Clone)]
pub(crate) struct ErrorRow {
    status: Vec<u16>,
    text: Option<String>,
    when: Option<Expression>,
    lets: Lets,
    kind: ErrorKind,
    message: Option<Text>,
    wait: Option<Duration>,
    effect: Option<WriteState>,
}

impl ErrorRow {
    /// Reads a list of rows.
    pub(crate) fn parse_all(reading: &mut Reading, node: &Node<'_>) -> Vec<ErrorRow> {
        if !node.value().is_array() {
            reading.error(node, codes::WRONG_TYPE, "expected a list of errors");
        }
        node.items().iter().filter_map(|item| ErrorRow::parse(reading, item)).collect()
    }

    fn parse(reading: &mut Reading, node: &Node<'_>) -> Option<ErrorRow> {
        reading.mapping(node, &grammar::ERROR);
        let mark = reading.mark();
        for root in ["answer", "status", "headers"] {
            reading.know(root, None);
        }
        let lets = reading.lets(node);
        let when = reading.condition_at(node, "when");
        let message = reading.text_at(node, "message");
        reading.forget(mark);
        let status = node.get("status").map(|node| reading.statuses(&node)).unwrap_or_default();
        let text = reading.string_at(node, "text").map(|text| text.to_lowercase());
        if status.is_empty() && text.is_none() && node.get("when").is_none() {
            let message = "an error row needs `status`, `text` or `when`";
            reading.error(node, codes::MISSING_KEY, message);
        }
        let wait = node.get("wait").and_then(|node| reading.duration(&node));
        let effect = node.get("effect").and_then(|node| {
            reading.word(&node, &["none", "unknown"], |word| match word {
                "none" => Some(WriteState::None),
                "unknown" => Some(WriteState::Unknown),
                _ => None,
            })
        });
        let kind = reading.required(node, "kind").and_then(|node| parse_kind(reading, &node))?;
        Some(ErrorRow { status, text, when, lets, kind, message, wait, effect })
    }

    /// The names this row's message is written with, when the row matches.
    fn matching<'a>(&self, answer: &Answer, names: &Names<'a>) -> Option<Names<'a>> {
        let by_status = self.status.contains(&answer.status);
        if !self.status.is_empty() && !by_status {
            return None;
        }
        if self.text.as_ref().is_some_and(|text| !answer.haystack().contains(text)) {
            return None;
        }
        let mut names = names.clone();
        names.compute(&self.lets);
        match &self.when {
            // A condition that cannot be read on this answer does not match.
            Some(when) => matches!(names.truth(when), Ok(Truth::True)).then_some(names),
            None if answer.is_success() && !by_status => None,
            None => Some(names),
        }
    }
}

/// One of the kinds of error.
pub(crate) fn parse_kind(reading: &mut Reading, node: &Node<'_>) -> Option<ErrorKind> {
    let words: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
    reading.word(node, &words, ErrorKind::parse)
}

/// The error an answer means, if it means one.
pub(crate) fn classify(
    rows: [&[ErrorRow]; 2],
    answer: &Answer,
    names: &Names<'_>,
    accepted: bool,
    now: Timestamp,
) -> Option<ActionError> {
    for row in rows.into_iter().flatten() {
        if let Some(names) = row.matching(answer, names) {
            return Some(mapped(row, answer, &names, now));
        }
    }
    if !accepted {
        let error = ActionError::from_status(answer.status, answer.words());
        return Some(with_wait(error, answer, None, now));
    }
    let fault = answer.fault.as_ref()?;
    let error = ActionError::new(ErrorKind::BadResponse, fault.clone());
    Some(error.with_status(answer.status).with_write(WriteState::Unknown))
}

fn mapped(row: &ErrorRow, answer: &Answer, names: &Names<'_>, now: Timestamp) -> ActionError {
    let rendered = row.message.as_ref().and_then(|text| names.render(text).ok());
    let message = rendered.map(|value| print(&value)).filter(|text| !text.trim().is_empty());
    let write = row.effect.unwrap_or_else(|| row.kind.usual_write_state());
    let error = ActionError::new(row.kind, message.unwrap_or_else(|| answer.words()))
        .with_status(answer.status)
        .with_write(write);
    with_wait(error, answer, row.wait, now)
}

fn with_wait(
    error: ActionError,
    answer: &Answer,
    wait: Option<Duration>,
    now: Timestamp,
) -> ActionError {
    match answer.retry_after(now).or(wait) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}
