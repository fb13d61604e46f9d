//! The state of a run as a tree: frames (a flow or subflow), lists, slots (one per step).
//!
//! Everything here changes by events alone and evaluates nothing. An event goes down its path
//! to one slot; on the way back up each list, block and frame looks whether it is over.

use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::Effect;
use linchpin_language::{Map, Value};
use serde::{Deserialize, Serialize};

pub(crate) use super::activity::{Activity, Calling};
use super::snapshot;
use crate::error::RunError;
use crate::flow::Block;

/// The steps of one block that is running or ran.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) slots: Vec<Slot>,
    pub(crate) stop: Option<Stop>,
}

/// Why a list starts nothing more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Stop {
    /// A failure that nobody handled.
    Error(Box<RunError>),
    /// Something around it stopped; with the failures that came while it was stopping.
    Cancel(Vec<RunError>),
    /// `end:` was reached.
    End,
    /// `next:` was reached: the iteration around it is over.
    Next,
    /// `break:` was reached: the loop around it is over.
    Break,
}

/// What stops the list around a block that is over, and the block's output.
pub(crate) type Over = (Option<Stop>, Option<Arc<Value>>);

impl Stop {
    /// Something around it stops.
    pub(crate) fn cancel() -> Self {
        Self::Cancel(Vec::new())
    }

    /// One more reason to stop. The first counts, and later errors are kept with it; but an error
    /// is not lost behind a `next` or `break`.
    pub(crate) fn join(reason: &mut Option<Self>, later: Self) {
        match (&mut *reason, later) {
            (Some(Self::Error(first)), Self::Error(later)) => first.others.push(*later),
            (Some(Self::Error(first)), Self::Cancel(later)) => first.others.extend(later),
            (Some(Self::Cancel(errors)), Self::Error(later)) => errors.push(*later),
            (Some(Self::Cancel(errors)), Self::Cancel(later)) => errors.extend(later),
            (None, later) | (Some(Self::Next | Self::Break), later @ Self::Error(_)) => {
                *reason = Some(later);
            }
            (Some(_), _) => {}
        }
    }
}

/// One step of a list.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Slot {
    #[serde(skip_serializing_if = "snapshot::is_default")]
    pub(crate) state: StepState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Arc<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Box<RunError>>,
    #[serde(skip_serializing_if = "snapshot::is_default")]
    pub(crate) attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deadline: Option<Deadline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<String>,
    /// The limit that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Effect>,
    /// It is held because something that it needs is not there.
    #[serde(skip_serializing_if = "snapshot::is_default")]
    pub(crate) blocked: bool,
    /// It is unknown whether it runs, or which of its arms do (dry runs only).
    #[serde(skip_serializing_if = "snapshot::is_default")]
    pub(crate) may: bool,
    /// The list stopped before it was reached.
    #[serde(skip_serializing_if = "snapshot::is_default")]
    pub(super) is_unreached: bool,
    /// It goes on after a retry of the run, so its deadline is to be set anew.
    #[serde(skip_serializing_if = "snapshot::is_default")]
    pub(crate) is_reopened: bool,
    /// The error that its deadline raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timed_out: Option<Box<RunError>>,
    pub(crate) activity: Activity,
    /// What the step does to its list by ending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) leaving: Option<Stop>,
}

/// The states of SEMANTICS section 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not reached.
    #[default]
    Pending,
    /// Something is under way, also between attempts.
    Running,
    /// For an instant or a person.
    Waiting,
    /// For a person's ruling.
    Held,
    /// Ended well.
    Succeeded,
    /// Ended badly, and nobody handled it.
    Failed,
    /// Ended badly, and that was handled.
    Caught,
    /// Not wanted.
    Skipped,
    /// Stopped from outside.
    Cancelled,
}

impl StepState {
    /// Whether nothing more happens to the step.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Waiting | Self::Held)
    }

    /// Whether the steps after it may start.
    pub(crate) fn lets_followers_start(self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped | Self::Caught)
    }

    /// The word for people and for `steps.x.status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Succeeded => "succeeded",
            Self::Failed | Self::Caught => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The instant by which a block or a question must have ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Deadline {
    pub(crate) at: Timestamp,
    pub(crate) armed: Option<u64>,
}

/// What applying one event gathers on its way.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// The time of the event.
    pub(crate) now: Timestamp,
    /// Commands that are not wanted any more.
    pub(crate) cancels: Vec<u64>,
    /// Failures that were handled.
    pub(crate) caught: u64,
    /// A write that may have happened was given up.
    pub(crate) in_doubt: bool,
    /// Variables to set, taken by the innermost frame.
    pub(crate) set: Option<Map<String, Value>>,
}

/// An event that the state has no place for: the journal does not match the flow.
#[derive(Debug, thiserror::Error)]
#[error("journal does not match: {0}")]
pub struct Mismatch(pub(crate) String);

impl List {
    pub(crate) fn new(block: &Block) -> Self {
        Self { slots: block.steps.iter().map(|_| Slot::default()).collect(), stop: None }
    }

    /// `None` while it runs; then `Some(None)` when it reached its end, else what stopped it.
    #[expect(clippy::option_option, reason = "over or not, and stopped or not, are two questions")]
    pub(crate) fn outcome(&self) -> Option<Option<Stop>> {
        let is_over = self.slots.iter().all(|slot| slot.state.is_ended());
        is_over.then(|| self.stop.clone())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.slots.iter().all(|slot| slot.state.is_ended())
    }

    /// Starts nothing more, and stops what can be stopped.
    pub(crate) fn halt(&mut self, block: &Block, stop: Stop, effects: &mut Effects) {
        Stop::join(&mut self.stop, stop);
        for (slot, step) in self.slots.iter_mut().zip(&block.steps) {
            slot.halt(step, effects);
            // What a stopped step says by ending can only add to the errors.
            if let (Some(later), Some(Stop::Error(_) | Stop::Cancel(_))) =
                (slot.leaving.take(), &self.stop)
            {
                Stop::join(&mut self.stop, later);
            }
        }
    }

    /// After something happened in slot `at`: whether that ends it, and what that does here.
    pub(crate) fn settle(&mut self, block: &Block, at: usize, effects: &mut Effects) {
        let is_stopping = self.stop.is_some();
        self.slots[at].progress(&block.steps[at], is_stopping, effects);
        if let Some(stop) = self.slots[at].leaving.take() {
            self.halt(block, stop, effects);
        }
    }
}
