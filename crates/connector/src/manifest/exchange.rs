//! Sends the requests of one call, reads the answers, and collects the pages of a listing.

use std::collections::BTreeSet;
use std::time::Duration;

use linchpin_language::{Unknown, Value, digest, kind};

use crate::action::Call;
use crate::error::{ActionError, ErrorKind, WriteState};
use crate::manifest::answer::Answer;
use crate::manifest::build::{Built, build, identify};
use crate::manifest::errors::classify;
use crate::manifest::names::Names;
use crate::manifest::overlay;
use crate::manifest::paging::{Position, Received};
use crate::manifest::protocol::{Protocol, nest_dotted};
use crate::manifest::request::Sending;
use crate::manifest::shape::{at, identity};
use crate::transport::Request;

/// An ordinary listing beyond this is an error, never a shortened list.
pub(crate) const MAX_ROWS: usize = 10_000;
/// The same for its pages.
pub(crate) const MAX_PAGES: u64 = 1_000;
/// How the identity of something that a dry run would create stands in the name of a collection.
const OWN: &str = "?new:";
/// What the budget is told when neither the answer nor the manifest names a wait.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// The requests of one call.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) protocol: &'a Protocol,
    pub(crate) call: &'a Call<'a>,
}

/// The rows of a read.
pub(crate) enum Rows {
    /// As received, and merged with the simulated ones of a dry run.
    Known(Vec<Value>),
    /// The request holds values that only a real run knows.
    Unknown,
}

/// One page of rows.
pub(crate) struct PageOfRows {
    pub(crate) rows: Vec<Value>,
    pub(crate) next: Option<Position>,
}

impl Exchange<'_> {
    /// Sends a request and reads its answer; an answer that means an error is one.
    pub(crate) async fn send(
        &self,
        sending: &Sending,
        request: Request,
        names: &Names<'_>,
        writes: bool,
    ) -> Result<Option<Answer>, ActionError> {
        let sent = self.call.transport.send(request).await;
        let settle = |error: ActionError| {
            let state = if writes { error.write } else { WriteState::None };
            error.with_write(state)
        };
        let response = sent.map_err(settle)?;
        if sending.empty_on.contains(&response.status) {
            return Ok(None);
        }
        let answer = Answer::read(&response, sending.answer, &self.protocol.detail);
        let accepted = if sending.status.is_empty() {
            answer.is_success()
        } else {
            sending.status.contains(&answer.status)
        };
        let names = answered(names, &answer);
        let rows = [sending.errors.as_slice(), self.protocol.errors.as_slice()];
        match classify(rows, &answer, &names, accepted, self.call.now) {
            None => Ok(Some(answer)),
            Some(error) => {
                if error.kind == ErrorKind::RateLimited {
                    let wait = error.retry_after_ms.map_or(DEFAULT_WAIT, Duration::from_millis);
                    self.call.transport.limited(wait);
                }
                Err(settle(error))
            }
        }
    }

    /// The part of an answer that `list` and `shape` name; an object stays an object.
    pub(crate) fn select(
        &self,
        sending: &Sending,
        mut value: Value,
        names: &Names<'_>,
    ) -> Result<Value, ActionError> {
        if let Some(path) = &sending.list {
            value = at(&value, path).cloned().unwrap_or_default();
        }
        if self.protocol.read.nest_dotted {
            value = nest_dotted(value);
        }
        match (&sending.shape, value) {
            (Some(shape), Value::Array(rows)) => {
                let read = |row| shape.read(row, &self.protocol.read, names);
                let rows: Result<Vec<Value>, ActionError> = rows.iter().map(read).collect();
                rows.map(Value::Array)
            }
            (Some(shape), value @ Value::Object(_)) => {
                shape.read(&value, &self.protocol.read, names)
            }
            (_, value) => Ok(value),
        }
    }

    /// All rows of a listing, page after page, up to the cap.
    pub(crate) async fn rows(
        &self,
        sending: &Sending,
        names: &Names<'_>,
    ) -> Result<Rows, ActionError> {
        let request = match build(sending, self.protocol, names)? {
            Built::Ready(request) => request,
            Built::Unknown(unknown) => return self.unsent(sending, names, &unknown),
        };
        let max = self.max(sending, names)?;
        let mut rows = Vec::new();
        let mut seen = BTreeSet::new();
        let mut position = Position::default();
        loop {
            let page = self.page(sending, &request, &position, names).await?;
            for row in page.rows {
                if self.is_new(sending, &row, &mut seen) {
                    rows.push(row);
                }
            }
            if max.is_some_and(|max| rows.len() >= max) {
                rows.truncate(max.unwrap_or(usize::MAX));
                break;
            }
            let Some(next) = page.next else { break };
            if rows.len() > MAX_ROWS || next.pages >= MAX_PAGES {
                return Err(too_many());
            }
            position = next;
        }
        if rows.len() > MAX_ROWS {
            return Err(too_many());
        }
        let rows = overlay::merge(self, sending, names, rows, true)?;
        Ok(Rows::Known(rows))
    }

    /// One page, shaped.
    pub(crate) async fn page(
        &self,
        sending: &Sending,
        first: &Request,
        position: &Position,
        names: &Names<'_>,
    ) -> Result<PageOfRows, ActionError> {
        let mut request = first.clone();
        if let Some(paging) = &sending.paging {
            paging.place(&mut request, position, names)?;
        }
        let Some(answer) = self.send(sending, request.clone(), names, false).await? else {
            return Ok(PageOfRows { rows: Vec::new(), next: None });
        };
        let rows = self.shaped_rows(sending, &answer, names)?;
        let Some(paging) = &sending.paging else { return Ok(PageOfRows { rows, next: None }) };
        let keys = sending.shape.as_ref().map(|shape| shape.keys.as_slice()).unwrap_or_default();
        let ids: Vec<Value> = rows.iter().map(|row| identity(row, keys).into()).collect();
        let has_keys = !keys.is_empty() && !rows.is_empty();
        let received = Received {
            rows: rows.len(),
            keys: has_keys.then(|| digest(&Value::Array(ids))),
            answer: &answer,
            sent: &request,
            base: self.base(),
        };
        let next = paging.advance(position, &received, names)?;
        Ok(PageOfRows { rows, next })
    }

    /// How many rows are wanted at most.
    fn max(&self, sending: &Sending, names: &Names<'_>) -> Result<Option<usize>, ActionError> {
        match &sending.max {
            None => Ok(None),
            Some(text) => whole(&names.render(text)?, "max"),
        }
    }

    fn shaped_rows(
        &self,
        sending: &Sending,
        answer: &Answer,
        names: &Names<'_>,
    ) -> Result<Vec<Value>, ActionError> {
        let names = answered(names, answer);
        let mut rows = match self.select(sending, answer.value.clone(), &names)? {
            Value::Null => Vec::new(),
            Value::String(text) if text.trim().is_empty() => Vec::new(),
            Value::Array(rows) => rows,
            row @ Value::Object(_) => vec![row],
            // One number or text is a thing as well, where the manifest asks for one.
            single if sending.one.is_some() && sending.shape.is_none() => vec![single],
            other => {
                let message = format!("expected rows, the answer holds a {}", kind(&other));
                return Err(ActionError::new(ErrorKind::BadResponse, message));
            }
        };
        for (key, template) in &sending.set {
            let value = names.fill(template)?;
            for row in rows.iter_mut().filter_map(Value::as_object_mut) {
                row.insert(key.clone(), value.clone());
            }
        }
        Ok(rows)
    }

    /// A read that a dry run cannot send: of something this run creates there is nothing but what
    /// it simulated. A computed text may ask for anything, unless it is to find one thing.
    fn unsent(
        &self,
        sending: &Sending,
        names: &Names<'_>,
        unknown: &[Unknown],
    ) -> Result<Rows, ActionError> {
        // Nor is there anything yet in a collection that belongs to such a thing.
        let belongs = self.collection(sending, names)?.is_some_and(|name| name.contains(OWN));
        let is_exact = sending.one.is_some() || belongs;
        let is_of_own =
            |unknown: &Unknown| unknown.is_created() || (is_exact && unknown.is_computed());
        if unknown.iter().all(is_of_own) && sending.collection.is_some() {
            let rows = overlay::merge(self, sending, names, Vec::new(), true)?;
            return Ok(Rows::Known(rows));
        }
        Ok(Rows::Unknown)
    }

    fn is_new(&self, sending: &Sending, row: &Value, seen: &mut BTreeSet<String>) -> bool {
        match &sending.shape {
            Some(shape) if !shape.keys.is_empty() => seen.insert(identity(row, &shape.keys)),
            _ => true,
        }
    }

    fn base(&self) -> &str {
        let url = self.call.connection.values.get("url");
        url.and_then(Value::as_str).unwrap_or_default()
    }

    /// The name of the collection a request reads.
    pub(crate) fn collection(
        &self,
        sending: &Sending,
        names: &Names<'_>,
    ) -> Result<Option<String>, ActionError> {
        sending.collection.as_ref().map(|text| identify(text, names)).transpose()
    }
}

/// The names after an answer.
pub(crate) fn answered<'a>(names: &Names<'a>, answer: &'a Answer) -> Names<'a> {
    let mut names = names.with("status", Value::from(answer.status));
    names.see("answer", &answer.value);
    names.see("headers", &answer.headers);
    names
}

/// A bound such as `max`; null means none.
pub(crate) fn whole(value: &Value, what: &str) -> Result<Option<usize>, ActionError> {
    if value.is_null() || linchpin_language::contains_unknown(value) {
        return Ok(None);
    }
    let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    match number.and_then(|number| usize::try_from(number).ok()) {
        Some(number) => Ok(Some(number)),
        None => {
            let message = format!("`{what}` needs a whole number, not {value}");
            Err(ActionError::new(ErrorKind::InvalidInput, message))
        }
    }
}

fn too_many() -> ActionError {
    let message = format!("the listing has more than {MAX_ROWS} rows; use its stream or a filter");
    ActionError::new(ErrorKind::LimitExceeded, message)
}
