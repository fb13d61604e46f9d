//! How the other side of a connection does: whether it answers, and how far its clock is from ours.
//!
//! After a row of calls without a good answer it is left in peace for a while, instead of having every
//! run find out for itself; then one call tries, and its outcome decides for all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::header::DATE;
use jiff::{SignedDuration, Timestamp};
use linchpin_connector::{ActionError, ErrorKind, Response};
use serde::Serialize;

use crate::clock::{Clock, after, until};

/// So many calls in a row without a good answer, and it is left in peace.
const PATIENCE: u32 = 10;
const SHORTEST_REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// How the other side of a connection does.
pub(crate) struct Health {
    alias: String,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Calls in a row without a good answer.
    n_failed: u32,
    last_failure: Option<String>,
    rest: Option<Rest>,
    skew: Option<SignedDuration>,
    /// The time that it told, as it wrote it.
    date: Option<HeaderValue>,
}

#[derive(Clone, Copy)]
struct Rest {
    since: Timestamp,
    until: Timestamp,
    /// Somebody tries whether it is over.
    is_tried: bool,
}

/// How a connection's other side does, for people.
#[derive(Clone, Debug, Serialize)]
pub struct HealthStatus {
    /// Whether it is left in peace, and until when.
    pub resting_until: Option<Timestamp>,
    /// Calls in a row without a good answer.
    pub failures: u32,
    /// What the last of them met.
    pub last_failure: Option<String>,
    /// How many seconds its clock is ahead of ours, when it has told.
    pub clock_ahead_s: Option<i64>,
}

/// Leave to make a call. Dropped without an outcome, another one may try.
pub(crate) struct Leave<'h> {
    health: &'h Health,
    is_trial: bool,
}

impl Health {
    pub(crate) fn new(alias: &str, clock: Arc<dyn Clock>) -> Self {
        Self { alias: alias.to_owned(), clock, state: Mutex::default() }
    }

    /// Leave to make a call, unless the other side is left in peace.
    pub(crate) fn leave(&self) -> Result<Leave<'_>, ActionError> {
        let mut state = self.state();
        let Some(rest) = &mut state.rest else {
            return Ok(Leave { health: self, is_trial: false });
        };
        let now = self.clock.now();
        // A clock set back would otherwise stretch the rest by as much.
        let is_over = now >= rest.until || now < rest.since;
        if is_over && !rest.is_tried {
            rest.is_tried = true;
            return Ok(Leave { health: self, is_trial: true });
        }
        let left = until(now, rest.until).max(Duration::from_secs(1));
        let (n_failed, alias) = (state.n_failed, &self.alias);
        let last = state.last_failure.as_deref().unwrap_or("no answer");
        let message = format!(
            "{alias} is left in peace for {} s: its last {n_failed} calls had no good answer ({last})",
            left.as_secs()
        );
        Err(ActionError::new(ErrorKind::Unavailable, message).with_retry_after(left))
    }

    /// Forgets the failures: the other side is up, whatever it says.
    pub(crate) fn is_well(&self) {
        let mut state = self.state();
        (state.n_failed, state.last_failure, state.rest) = (0, None, None);
    }

    pub(crate) fn status(&self) -> HealthStatus {
        let now = self.clock.now();
        let state = self.state();
        HealthStatus {
            resting_until: state.rest.map(|rest| rest.until).filter(|at| *at > now),
            failures: state.n_failed,
            last_failure: state.last_failure.clone(),
            clock_ahead_s: state.skew.map(|skew| skew.as_secs()),
        }
    }

    fn failed(&self, what: &str, is_trial: bool) {
        let now = self.clock.now();
        let mut state = self.state();
        state.n_failed = state.n_failed.saturating_add(1);
        state.last_failure = Some(what.to_owned());
        let length = match state.rest {
            Some(rest) if is_trial => (until(rest.since, rest.until) * 2).min(LONGEST_REST),
            Some(_) => return,
            None if state.n_failed >= PATIENCE => SHORTEST_REST,
            None => return,
        };
        state.rest = Some(Rest { since: now, until: after(now, length), is_tried: false });
    }

    fn told_time(&self, response: &Response) {
        let Some(date) = response.headers.get(DATE) else { return };
        let mut state = self.state();
        // Further answers of one second tell nothing new.
        if state.date.as_ref() == Some(date) {
            return;
        }
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        let told = date.to_str().ok().and_then(|text| parser.parse_timestamp(text.trim()).ok());
        if let Some(told) = told {
            state.skew = Some(told.duration_since(self.clock.now()));
            state.date = Some(date.clone());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// Says how the call ended.
    pub(crate) fn ended(mut self, outcome: &Result<Response, ActionError>) {
        match outcome {
            Ok(response) => {
                self.health.told_time(response);
                match response.status {
                    status @ (502..=504) => {
                        self.health.failed(&format!("it answers {status}"), self.is_trial);
                    }
                    _ => self.health.is_well(),
                }
                self.is_trial = false;
            }
            Err(error) => self.failed(error),
        }
    }

    /// Says that it was a good one.
    pub(crate) fn went_well(mut self) {
        self.health.is_well();
        self.is_trial = false;
    }

    /// Says what came in place of an answer; what is no fault of the other side is not counted.
    pub(crate) fn failed(mut self, error: &ActionError) {
        if matches!(error.kind, ErrorKind::ConnectionFailed | ErrorKind::Timeout) {
            self.health.failed(&error.message, self.is_trial);
            self.is_trial = false;
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.is_trial
            && let Some(rest) = &mut self.health.state().rest
        {
            rest.is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;

    fn response(status: u16) -> Result<Response, ActionError> {
        let body = bytes::Bytes::new();
        Ok(Response { status, reason: None, headers: http::HeaderMap::new(), body })
    }

    fn health() -> (Arc<FakeClock>, Health) {
        let clock = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
        (clock.clone(), Health::new("lms", clock))
    }

    fn call(health: &Health, outcome: &Result<Response, ActionError>) -> bool {
        health.leave().map(|leave| leave.ended(outcome)).is_ok()
    }

    #[test]
    fn after_ten_failures_one_call_tries_and_decides_for_all() {
        let (clock, health) = health();
        let down = Err(ActionError::new(ErrorKind::ConnectionFailed, "connection refused"));
        for _ in 0..10 {
            assert!(call(&health, &down));
        }
        let error = health.leave().err().expect("it is left in peace");
        assert_eq!((error.kind, error.retry_after_ms), (ErrorKind::Unavailable, Some(30_000)));
        assert!(error.message.contains("connection refused"), "{}", error.message);
        clock.advance(Duration::from_secs(30));
        let trial = health.leave().expect("one may try");
        assert!(health.leave().is_err(), "and only one");
        trial.ended(&down);
        // It failed: twice as long.
        clock.advance(Duration::from_secs(59));
        assert!(health.leave().is_err());
        clock.advance(Duration::from_secs(1));
        assert!(call(&health, &response(200)));
        assert!(call(&health, &down) && health.leave().is_ok());
    }

    #[test]
    fn a_trial_that_is_given_up_leaves_room_for_another() {
        let (clock, health) = health();
        for _ in 0..10 {
            call(&health, &response(503));
        }
        clock.advance(Duration::from_secs(31));
        drop(health.leave().expect("one may try"));
        assert!(health.leave().is_ok());
    }

    #[test]
    fn an_answer_in_between_or_a_rate_limit_counts_anew() {
        let (_, health) = health();
        for n in 0..40 {
            assert!(call(&health, &response(503)), "call {n}");
            if n % 9 == 8 {
                health.is_well();
            }
        }
        for status in [200, 401, 404, 500] {
            assert!(call(&health, &response(status)));
            assert_eq!(health.status().failures, 0, "{status}");
        }
    }
}
