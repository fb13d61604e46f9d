//! A journal as people read it: one row per step that was reached, in the order reached.
//!
//! Everything here comes from the events alone, so it can be made of any journal, also of one
//! whose flow this version could not run any more.

#![warn(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::{Effect, ErrorKind, WriteState};
use linchpin_language::{Value, json};
use serde::Serialize;

use crate::error::RunError;
use crate::event::{
    Control, Decision, Entry, Event, Failed, Intended, Outcome, Ruling, Succeeded, Terms,
};
use crate::flow::{Level, OnReject, OnTimeout};
use crate::path::{Segment, StepPath};
use crate::run::{Run, StepState};

/// What happened in a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct History {
    /// The steps, in the order they were reached.
    pub steps: Vec<StepHistory>,
    /// The lines that `log` steps wrote.
    pub log: Vec<LogLine>,
    /// What operators did to the run.
    pub controls: Vec<(Timestamp, String)>,
    /// The step whose failure ended the run.
    #[serde(skip)]
    failed: Option<StepPath>,
    #[serde(skip)]
    by_path: BTreeMap<StepPath, usize>,
    /// The steps that wait for somebody; approvals with their terms.
    #[serde(skip)]
    asked: BTreeMap<StepPath, Option<Terms>>,
    /// When blocks must have ended.
    #[serde(skip)]
    deadlines: BTreeMap<StepPath, Timestamp>,
}

/// A line for people.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// The step that wrote it.
    pub path: StepPath,
    /// How loud.
    pub level: Level,
    /// The line.
    pub message: String,
}

/// What happened in one step.
#[derive(Clone, Debug, Serialize)]
pub struct StepHistory {
    /// Its place.
    pub path: StepPath,
    /// How many blocks stand around it.
    pub depth: usize,
    /// Its state.
    pub state: StepState,
    /// When it was reached.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: u32,
    /// The rendered inputs of a call.
    pub input: Option<Arc<Value>>,
    /// The output.
    pub output: Option<Arc<Value>>,
    /// Why it failed, or why the last attempt did.
    pub error: Option<RunError>,
    /// The write requests that were sent, in words.
    pub requests: Vec<String>,
    /// When the last of them was sent, while nobody knows what became of it.
    #[serde(skip)]
    pub in_doubt: Option<Timestamp>,
    /// Whether it is held for something that it needs, which says nothing of what was sent.
    #[serde(skip)]
    pub is_blocked: bool,
    /// What it did to the other side.
    pub effect: Option<Effect>,
    /// How many things it changed there.
    pub changes: u64,
    /// What it waits for, or why it is held.
    pub waiting: Option<String>,
    /// Rows read so far, when it reads a stream; items, when it goes over a list; how often its
    /// steps were begun, when it repeats them.
    pub items: Option<u64>,
}

impl History {
    /// The history that a journal tells.
    pub fn of(entries: &[Entry]) -> Self {
        let mut history = Self::default();
        for entry in entries {
            history.add(entry);
        }
        history
    }

    /// Takes in one more entry.
    pub fn add(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.event {
            Event::Accepted(_) | Event::Begun | Event::Captured(_) | Event::Undoable(_) => {}
            Event::Signalled { name, by, .. } => {
                self.controls.push((at, format!("signal {name} by {by}")));
            }
            Event::Ended { outcome } => self.ended(at, outcome),
            Event::Controlled { control, by } => {
                self.controls.push((at, format!("{} by {by}", control.as_str())));
                if *control == Control::Retry {
                    self.reopened(at);
                }
            }
            Event::Decided { path, decision } => self.decided(at, path, decision),
            Event::Intended(intended) => self.intended(at, intended),
            Event::Succeeded(succeeded) => self.succeeded(at, succeeded),
            Event::Failed(failed) => self.failed(at, failed),
            Event::Verified { path, .. } => self.step(at, path).in_doubt = None,
            Event::Page { path, rows, .. } => {
                let step = self.step(at, path);
                step.items = Some(step.items.unwrap_or_default() + rows.len() as u64);
                step.effect = Some(Effect::Read);
            }
            // The whole run's time is over.
            Event::Woke { path } if path.segments().is_empty() => {}
            Event::Woke { path } => self.woke(at, path),
            Event::Answered { path, values, by } => {
                let step = self.step(at, path);
                step.output = Some(Arc::new(values.clone()));
                step.waiting = Some(format!("answered by {by}"));
                self.end(at, path, StepState::Succeeded);
            }
            Event::Approval { .. } => self.judged(at, &entry.event),
            Event::Held { path, reason, blocked, .. } => {
                let step = self.step(at, path);
                step.is_blocked = *blocked;
                step.state = StepState::Held;
                step.waiting = Some(reason.clone());
            }
            Event::Resolved { path, ruling, by } => self.resolved(at, path, ruling, by),
        }
    }

    fn woke(&mut self, at: Timestamp, path: &StepPath) {
        if self.is_late(at, path) {
            let error = RunError::new(ErrorKind::Timeout, "did not end in time", path);
            self.step(at, path).error = Some(error);
            return self.end(at, path, StepState::Failed);
        }
        let state = match self.asked.get(path) {
            None | Some(Some(Terms { on_timeout: OnTimeout::Approve, .. })) => StepState::Succeeded,
            Some(Some(terms)) => refused(*terms),
            Some(None) => StepState::Failed,
        };
        let terms = self.asked.get(path).copied().flatten();
        let step = self.step(at, path);
        step.waiting = None;
        if step.state == StepState::Waiting {
            step.waiting = terms.map(|terms| {
                let is_approved = terms.on_timeout == OnTimeout::Approve;
                let word = if is_approved { "approved" } else { "refused" };
                format!("nobody answered in time: {word}")
            });
            self.end(at, path, state);
        }
    }

    /// Whether it is the end of its time that a block is told of.
    fn is_late(&self, at: Timestamp, path: &StepPath) -> bool {
        let state = || {
            let step = self.by_path.get(path).and_then(|at| self.steps.get(*at));
            step.map(|step| step.state)
        };
        // Who is asked and does not answer is told of otherwise.
        self.deadlines.get(path).is_some_and(|by| *by <= at)
            && !self.asked.contains_key(path)
            && matches!(state(), Some(StepState::Running | StepState::Waiting))
    }

    fn judged(&mut self, at: Timestamp, event: &Event) {
        let Event::Approval { path, approved, by, note, form } = event else { return };
        let step = self.step(at, path);
        let word = if *approved { "approved" } else { "refused" };
        step.waiting = Some(format!("{word} by {by}"));
        step.output = Some(Arc::new(json!({
            "approved": approved, "by": by, "at": at.to_string(), "note": note, "form": form,
        })));
        let terms = self.asked.get(path).copied().flatten();
        let state = terms.filter(|_| !approved).map_or(StepState::Succeeded, refused);
        self.end(at, path, state);
    }

    fn intended(&mut self, at: Timestamp, intended: &Intended) {
        let step = self.step(at, &intended.path);
        step.state = StepState::Running;
        step.attempts = step.attempts.max(intended.attempt);
        step.input = Some(Arc::clone(&intended.input));
        step.requests.push(intended.request.clone());
        step.in_doubt = Some(at);
        step.waiting = None;
    }

    fn succeeded(&mut self, at: Timestamp, succeeded: &Succeeded) {
        let step = self.step(at, &succeeded.path);
        step.attempts = step.attempts.max(succeeded.attempt);
        step.input = succeeded.input.clone().or(step.input.take());
        step.changes += succeeded.changes;
        step.effect = Some(succeeded.effect);
        step.error = None;
        step.in_doubt = None;
        if let Some(output) = &succeeded.output {
            step.output = Some(Arc::clone(output));
            self.end(at, &succeeded.path, StepState::Succeeded);
        }
    }

    fn failed(&mut self, at: Timestamp, failed: &Failed) {
        let step = self.step(at, &failed.path);
        step.attempts = step.attempts.max(failed.error.attempt);
        step.input = failed.input.clone().or(step.input.take());
        step.error = Some(failed.error.clone());
        step.in_doubt = step.in_doubt.filter(|_| failed.error.write != WriteState::None);
        step.state = StepState::Running;
        step.waiting = failed.next.map(|next| format!("next attempt at {next}"));
        if failed.next.is_none() {
            self.end(at, &failed.path, StepState::Failed);
        }
    }

    fn decided(&mut self, at: Timestamp, path: &StepPath, decision: &Decision) {
        match decision {
            Decision::Deadline(by) => {
                self.deadlines.insert(path.clone(), *by);
            }
            Decision::May | Decision::MayCatch(_) => {}
            Decision::Collected { .. } => {}
            Decision::Skipped => self.end(at, path, StepState::Skipped),
            Decision::Arm(None)
            | Decision::Set(_)
            | Decision::MayLeave { .. }
            | Decision::End
            | Decision::Next
            | Decision::Break => {
                self.end(at, path, StepState::Succeeded);
            }
            Decision::Logged { level, message } => {
                let (path, level, message) = (path.clone(), *level, message.clone());
                self.end(at, &path, StepState::Succeeded);
                self.log.push(LogLine { at, path, level, message });
            }
            Decision::Outputs(value) => {
                self.step(at, path).output = Some(Arc::clone(value));
                self.end(at, path, StepState::Succeeded);
            }
            Decision::Failed(error) => {
                self.step(at, path).error = Some(error.clone());
                self.end(at, path, StepState::Failed);
            }
            Decision::Until(_)
            | Decision::Listening(_)
            | Decision::Received { .. }
            | Decision::Asked { .. } => self.waits(at, path, decision),
            Decision::Repeat => self.again(at, path, at),
            Decision::Again(next) => self.again(at, path, *next),
            Decision::Enough { count, .. } => {
                let step = self.step(at, path);
                step.output = Some(Arc::new(json!({ "count": count })));
                step.waiting = None;
                self.end(at, path, StepState::Succeeded);
            }
            Decision::Rows { rows, result } => {
                let step = self.step(at, path);
                step.output = Some(Arc::clone(result));
                step.state = StepState::Running;
                if !rows.iter().any(|row| row.steps) {
                    self.end(at, path, StepState::Succeeded);
                }
            }
            Decision::Items { .. }
            | Decision::Stream { .. }
            | Decision::Subflow { .. }
            | Decision::Detached { .. }
            | Decision::Arm(Some(_))
            | Decision::Arms(_)
            | Decision::Try
            | Decision::Branches
            | Decision::Undo => self.begun(at, path, decision),
        }
    }

    fn waits(&mut self, at: Timestamp, path: &StepPath, decision: &Decision) {
        if let Decision::Received { payload, .. } = decision {
            let step = self.step(at, path);
            step.output = Some(Arc::clone(payload));
            step.waiting = None;
            return self.end(at, path, StepState::Succeeded);
        }
        let (what, terms) = if let Decision::Asked { of, approval, .. } = decision {
            let what = if approval.is_some() { "approval by" } else { "an answer of" };
            (format!("{what} {of}"), Some(*approval))
        } else if let Decision::Listening(name) = decision {
            (format!("the signal {name}"), Some(None))
        } else if let Decision::Until(until) = decision {
            (format!("until {until}"), None)
        } else {
            return;
        };
        self.asked.extend(terms.map(|terms| (path.clone(), terms)));
        let step = self.step(at, path);
        step.state = StepState::Waiting;
        step.waiting = Some(what);
    }

    /// A block begins.
    fn begun(&mut self, at: Timestamp, path: &StepPath, decision: &Decision) {
        let step = self.step(at, path);
        step.state = StepState::Running;
        if let Decision::Items { items, .. } = decision {
            step.items = Some(items.len() as u64);
        } else if let Decision::Stream { input }
        | Decision::Subflow { inputs: input, .. }
        | Decision::Detached { inputs: input } = decision
        {
            step.input = Some(Arc::clone(input));
        }
    }

    /// The steps of a repeat begin once more, at an instant that may have to be waited for.
    fn again(&mut self, at: Timestamp, path: &StepPath, next: Timestamp) {
        let step = self.step(at, path);
        step.state = StepState::Running;
        step.items = Some(step.items.unwrap_or_default() + 1);
        step.waiting = (next > at).then(|| format!("again at {next}"));
    }

    fn resolved(&mut self, at: Timestamp, path: &StepPath, ruling: &Ruling, by: &str) {
        let step = self.step(at, path);
        let reason = step.waiting.replace(format!("ruled by {by}"));
        match ruling {
            Ruling::Done(output) => {
                step.output = Some(Arc::clone(output));
                step.in_doubt = None;
                self.end(at, path, StepState::Succeeded);
            }
            Ruling::GoOn => {
                step.state = StepState::Running;
                // Whoever lets a blocked step go on has not said what became of its write.
                step.in_doubt = step.in_doubt.filter(|_| step.is_blocked);
            }
            // Whoever says that it has failed does not say that nothing happened.
            Ruling::Fail => {
                let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
                let message = format!("{by} ruled that it has failed{reason}");
                step.error = Some(RunError::new(ErrorKind::Rejected, message, path));
                self.end(at, path, StepState::Failed);
            }
        }
    }

    /// Blocks end without an event of their own: their states are read from the run.
    pub fn settle(&mut self, run: &Run) {
        for step in self.steps.iter_mut().filter(|step| step.ended_at.is_none()) {
            match run.step_end(&step.path) {
                Some((state, at)) => {
                    step.state = state;
                    step.ended_at = at;
                }
                // An iteration that ended is not kept, nor are the blocks in it.
                None => step.state = StepState::Succeeded,
            }
        }
    }

    /// What was open when the run ended ended with it.
    fn ended(&mut self, at: Timestamp, outcome: &Outcome) {
        let failed_at = match outcome {
            Outcome::Failed { error } => Some(error.step.clone()),
            Outcome::Succeeded { .. } | Outcome::Cancelled => None,
        };
        self.failed.clone_from(&failed_at);
        for step in self.steps.iter_mut().filter(|step| step.ended_at.is_none()) {
            let own = step.path.segments();
            let failed = failed_at.as_ref().is_some_and(|path| path.segments().starts_with(own));
            step.ended_at = Some(at);
            step.waiting = None;
            step.state = match (outcome, failed) {
                // Nobody ruled on it: what is around it ended without it.
                (_, false) if step.state == StepState::Held => StepState::Cancelled,
                (Outcome::Succeeded { .. }, _) => StepState::Succeeded,
                (_, true) => StepState::Failed,
                (Outcome::Failed { .. } | Outcome::Cancelled, false) => StepState::Cancelled,
            };
        }
    }

    /// What ended the run badly, and what ended with it, is open again.
    fn reopened(&mut self, at: Timestamp) {
        let failed = self.failed.take();
        for step in &mut self.steps {
            let own = step.path.segments();
            let has_failed = failed.as_ref().is_some_and(|path| path.segments().starts_with(own));
            if has_failed || step.state == StepState::Cancelled {
                step.state = StepState::Pending;
                // A retry counts its attempts anew, and its time.
                (step.started_at, step.ended_at) = (at, None);
                step.attempts = 0;
            }
        }
    }

    fn step(&mut self, at: Timestamp, path: &StepPath) -> &mut StepHistory {
        let next = self.steps.len();
        let index = *self.by_path.entry(path.clone()).or_insert(next);
        if index == next {
            let is_inner = |segment: &&Segment| !matches!(segment, Segment::Step(_));
            self.steps.push(StepHistory {
                path: path.clone(),
                depth: path.segments().iter().filter(is_inner).count(),
                state: StepState::Running,
                started_at: at,
                ended_at: None,
                attempts: 0,
                input: None,
                output: None,
                error: None,
                requests: Vec::new(),
                in_doubt: None,
                is_blocked: false,
                effect: None,
                changes: 0,
                waiting: None,
                items: None,
            });
        }
        &mut self.steps[index]
    }

    fn end(&mut self, at: Timestamp, path: &StepPath, state: StepState) {
        let step = self.step(at, path);
        step.state = state;
        step.ended_at = Some(at);
        if step.waiting.as_ref().is_some_and(|waiting| waiting.starts_with("until ")) {
            step.waiting = None;
        }
    }
}

/// How a step ends whose approval was refused.
fn refused(terms: Terms) -> StepState {
    match terms.on_reject {
        OnReject::Fail => StepState::Failed,
        OnReject::End | OnReject::Continue => StepState::Succeeded,
    }
}
