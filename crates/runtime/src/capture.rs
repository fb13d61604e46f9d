//! What was said between us and a system during a call, kept for the journal when it is asked for.
//!
//! It is asked for in the settings and off otherwise, so that it costs nothing. Headers are never
//! kept; of a body what is secret is blotted out, what is large is cut, and the bodies of an action
//! that deals with personal data are left out whole.

mod blot;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use linchpin_connector::{ActionError, ActionSpec, Request, Response};
use linchpin_engine::event::Exchange;
use linchpin_language::{Schema, Type};

use self::blot::blotted;
use crate::redaction::Redactor;

/// The most that is kept of one body, in bytes.
const LARGEST_BODY: usize = 4096;
/// The most exchanges that are kept of one stage of a call; the first ones are.
const MOST: usize = 20;

/// Of which calls the exchanges are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// None.
    #[default]
    Nothing,
    /// Those whose stage failed.
    Failures,
    /// All.
    Everything,
}

impl Keep {
    /// The words for it in the settings.
    pub const WORDS: [(&str, Self); 3] =
        [("none", Self::Nothing), ("failures", Self::Failures), ("all", Self::Everything)];
}

/// The exchanges of a call; every clone adds to the same.
#[derive(Clone)]
pub(crate) struct Capture {
    keep: Keep,
    has_bodies: bool,
    heard: Arc<Mutex<Vec<Exchange>>>,
}

tokio::task_local! {
    static CAPTURE: Capture;
}

impl Capture {
    /// For the calls of an action; none when nothing is kept.
    pub(crate) fn of(keep: Keep, spec: &ActionSpec) -> Option<Self> {
        if keep == Keep::Nothing {
            return None;
        }
        let has_bodies = !is_personal(spec);
        Some(Self { keep, has_bodies, heard: Arc::default() })
    }

    /// Does something whose exchanges belong to a call.
    pub(crate) async fn during<T>(capture: Option<&Self>, what: impl Future<Output = T>) -> T {
        match capture {
            Some(capture) => CAPTURE.scope(capture.clone(), what).await,
            None => what.await,
        }
    }

    /// What was heard since the last time, if it is to be kept.
    pub(crate) fn take(&self, has_failed: bool) -> Vec<Exchange> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        if has_failed || self.keep == Keep::Everything { heard } else { Vec::new() }
    }
}

/// A request that is on its way in a call whose exchanges are kept.
pub(crate) struct Heard {
    capture: Capture,
    exchange: Exchange,
    since: Instant,
}

impl Heard {
    /// Notes a request; none when nobody wants to know.
    pub(crate) fn request(request: &Request, redactor: &Redactor) -> Option<Self> {
        let capture = CAPTURE.try_with(Clone::clone).ok()?;
        let mut path = redactor.redact(&request.path);
        for (at, (name, value)) in request.query.iter().enumerate() {
            path.push(if at == 0 { '?' } else { '&' });
            let value = if capture.has_bodies { value.as_str() } else { "..." };
            path.push_str(&blotted(&redactor.redact(&format!("{name}={value}"))));
        }
        let body = request.body.as_ref().map(|body| body.bytes.as_ref());
        let sent = capture.body(body.unwrap_or_default(), redactor);
        let method = request.method.to_string();
        let exchange = Exchange { method, path, sent, status: None, got: None, ms: 0, error: None };
        Some(Self { capture, exchange, since: Instant::now() })
    }

    /// Notes what came of it.
    pub(crate) fn answer(mut self, answer: &Result<Response, ActionError>, redactor: &Redactor) {
        self.exchange.ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        match answer {
            Ok(response) => {
                self.exchange.status = Some(response.status);
                self.exchange.got = self.capture.body(&response.body, redactor);
            }
            Err(error) => self.exchange.error = Some(redactor.redact(&error.message)),
        }
        let mut heard = self.capture.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() < MOST {
            heard.push(self.exchange);
        }
    }
}

impl Capture {
    fn body(&self, bytes: &[u8], redactor: &Redactor) -> Option<String> {
        if bytes.is_empty() {
            return None;
        }
        let length = bytes.len();
        if !self.has_bodies {
            return Some(format!("({length} bytes, personal: not kept)"));
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Some(format!("({length} bytes that are no text)"));
        };
        // Cut last: half a secret would not be known.
        let mut text = blotted(&redactor.redact(text));
        if text.len() > LARGEST_BODY {
            text.truncate(text.floor_char_boundary(LARGEST_BODY));
            text.push_str(&format!("... ({length} bytes)"));
        }
        Some(text)
    }
}

/// Whether an action deals with what is marked as personal.
fn is_personal(spec: &ActionSpec) -> bool {
    spec.inputs.values().chain([&spec.outputs]).any(marks_personal)
}

fn marks_personal(schema: &Schema) -> bool {
    schema.personal
        || match &schema.ty {
            Type::List(item) => marks_personal(item),
            Type::Object(fields) => fields.values().any(marks_personal),
            _ => false,
        }
}

#[cfg(test)]
mod tests;
