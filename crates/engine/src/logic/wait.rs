//! `wait:` for a duration, until an instant, or for a signal.

use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::ErrorKind;
use linchpin_language::{Value, as_unknown, parse_duration};

use crate::event::Decision;
use crate::flow::Wait;
use crate::run::scan::{Place, Scan};

/// Journals the wake instant. An unknown one (dry runs only) is now.
pub(crate) fn start(scan: &mut Scan<'_>, place: Place<'_>, wait: &Wait) {
    let (key, text) = match wait {
        Wait::For(text) => ("wait.for", text),
        Wait::Until(text) => ("wait.until", text),
        Wait::Signal(wait) => return scan.decide(Decision::Listening(wait.name.value.clone())),
    };
    let value = match text.value.render(place.env) {
        Ok(value) => value,
        Err(error) => return scan.decide_unreadable(key, &error),
    };
    let now = scan.run.now;
    if as_unknown(&value).is_some() {
        return scan.decide(Decision::Until(now));
    }
    let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let at = match wait {
        Wait::For(_) => parse_duration(&written)
            .and_then(|duration| now.checked_add(duration).map_err(|error| error.to_string())),
        Wait::Until(_) | Wait::Signal(_) => instant(&value)
            .ok_or_else(|| format!("{written:?} is no instant; write it as 2026-01-31T09:00:00Z")),
    };
    match at {
        Ok(at) => scan.decide(Decision::Until(at)),
        Err(message) => scan.decide_failed(ErrorKind::InvalidInput, format!("{key}: {message}")),
    }
}

/// Takes the oldest signal of the name that no step before this one takes.
pub(crate) fn go_on(scan: &mut Scan<'_>, name: &str) {
    let before = scan.taken.get(name).copied().unwrap_or_default();
    if let Some(payload) = scan.run.signals.nth(name, before) {
        *scan.taken.entry(name.to_owned()).or_default() += 1;
        let payload = Arc::clone(payload);
        scan.decide(Decision::Received { name: name.to_owned(), payload });
    }
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
