//! The state of a run as a tree: frames (a flow or subflow), lists, slots (one per step).
//!
//! Everything here changes by events alone and evaluates nothing. An event goes down its path
//! to one slot; on the way back up each list, block and frame looks whether it is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::{Effect, Wrote};
use linchpin_language::{Map, Value};

use super::frame::{End, Frame, Phase};
use crate::command::OpenIntent;
use crate::error::RunError;
use crate::flow::{Arm, Block, Step};
use crate::logic::for_each::Loop;
use crate::logic::guarded::Guarded;

/// The steps of one block that is running or ran.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) slots: Vec<Slot>,
    pub(crate) stop: Option<Stop>,
}

/// Why a list starts nothing more.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// A failure that nobody handled.
    Error(Box<RunError>),
    /// Something around it stopped.
    Cancel,
    /// `end:` was reached.
    End,
}

/// One step of a list.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) state: StepState,
    pub(crate) output: Option<Arc<Value>>,
    pub(crate) error: Option<Box<RunError>>,
    pub(crate) attempts: u32,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) held: Option<String>,
    /// The limit that holds it.
    pub(crate) limit: Option<Effect>,
    /// Its guard is unknown (dry runs only).
    pub(crate) may: bool,
    /// The error that its deadline raised.
    pub(crate) timed_out: Option<Box<RunError>>,
    pub(crate) activity: Activity,
    /// What the step does to its list by ending.
    leaving: Option<Stop>,
}

/// The states of SEMANTICS section 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Timestamp,
    pub(crate) armed: Option<u64>,
}

/// What a running or ended step is made of.
#[derive(Debug, Default)]
pub(crate) enum Activity {
    #[default]
    None,
    Call(Box<Calling>),
    Timer {
        at: Timestamp,
        armed: Option<u64>,
    },
    Ask {
        of: String,
        message: Option<String>,
        choices: BTreeMap<String, Value>,
    },
    /// A wait for a signal.
    Signal {
        name: String,
    },
    /// The arms of a condition: one, or several when it is unknown.
    Arms(Vec<(Arm, List)>),
    Loop(Box<Loop>),
    Try(Box<Guarded>),
    Sub(Box<Frame>),
    /// The steps of the step's own `on_error`.
    Handling(Box<List>),
}

/// A call, or the reading of a stream, between its events.
#[derive(Debug, Default)]
pub(crate) struct Calling {
    /// The command under way in this process; unknown after a replay.
    pub(crate) issued: Option<u64>,
    pub(crate) input: Option<Arc<Value>>,
    pub(crate) retry_at: Option<Timestamp>,
    /// The timer of the retry, once asked for.
    pub(crate) armed: Option<u64>,
    pub(crate) first_failure: Option<Timestamp>,
    pub(crate) intent: Option<OpenIntent>,
    pub(crate) wrote: Vec<Wrote>,
    pub(crate) may: bool,
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
        match (&mut self.stop, stop) {
            (Some(Stop::Error(first)), Stop::Error(later)) => first.others.push(*later),
            (Some(_), _) => {}
            (none, stop) => *none = Some(stop),
        }
        for (slot, step) in self.slots.iter_mut().zip(&block.steps) {
            slot.halt(step, effects);
            // What a stopped step says by ending can only add to the errors.
            if let (Some(Stop::Error(later)), Some(Stop::Error(first))) =
                (slot.leaving.take(), &mut self.stop)
            {
                first.others.push(*later);
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

impl Slot {
    /// Ends the step well.
    pub(crate) fn succeed(&mut self, output: Option<Arc<Value>>, now: Timestamp) {
        self.output = output;
        self.end(StepState::Succeeded, now);
    }

    pub(crate) fn end(&mut self, state: StepState, now: Timestamp) {
        self.state = state;
        self.ended_at = Some(now);
        self.started_at.get_or_insert(now);
        if matches!(self.activity, Activity::Call(_) | Activity::Loop(_)) {
            self.activity = Activity::None;
        }
    }

    /// Ends the step, and its list with it.
    pub(crate) fn leave(&mut self, state: StepState, stop: Stop, now: Timestamp) {
        self.end(state, now);
        self.leaving = Some(stop);
    }

    /// The step failed for good: its `on_error` decides what follows. A list that is stopping
    /// starts nothing, so there the failure goes up.
    pub(crate) fn fail(
        &mut self,
        step: &Step,
        error: RunError,
        is_stopping: bool,
        effects: &mut Effects,
    ) {
        use crate::flow::OnError;
        self.error = Some(Box::new(error.clone()));
        match &step.on_error {
            OnError::Continue => {
                effects.caught += 1;
                self.end(StepState::Caught, effects.now);
            }
            OnError::Steps(block) if !is_stopping => {
                self.state = StepState::Running;
                self.activity = Activity::Handling(Box::new(List::new(block)));
                self.progress(step, is_stopping, effects);
            }
            OnError::Steps(_) | OnError::Stop => {
                self.leave(StepState::Failed, Stop::Error(Box::new(error)), effects.now);
            }
        }
    }

    /// Stops the step from outside. A write that may have been sent is waited for.
    fn halt(&mut self, step: &Step, effects: &mut Effects) {
        if self.state.is_ended() {
            return;
        }
        let is_running = self.state == StepState::Running;
        match &mut self.activity {
            // Told from events alone, so that a replay stops the same steps.
            Activity::Call(call)
                if is_running && call.is_unsettled() && call.retry_at.is_none() =>
            {
                return;
            }
            Activity::Call(call) => effects.cancels.extend(call.issued.or(call.armed)),
            Activity::Timer { armed, .. } => effects.cancels.extend(*armed),
            Activity::None | Activity::Ask { .. } | Activity::Signal { .. } => {}
            Activity::Arms(_)
            | Activity::Loop(_)
            | Activity::Try(_)
            | Activity::Sub(_)
            | Activity::Handling(_) => {
                self.halt_inside(step, true, effects);
                return;
            }
        }
        let skipped = self.state == StepState::Pending;
        self.end(if skipped { StepState::Skipped } else { StepState::Cancelled }, effects.now);
    }

    pub(crate) fn halt_inside(&mut self, step: &Step, is_stopping: bool, effects: &mut Effects) {
        match &mut self.activity {
            Activity::Arms(arms) => {
                for (arm, list) in arms {
                    if let Some(block) = block_of(step, *arm) {
                        list.halt(block, Stop::Cancel, effects);
                    }
                }
            }
            Activity::Loop(each) => each.halt(step, effects),
            Activity::Try(guarded) => guarded.halt(step, effects),
            Activity::Sub(frame) => frame.halt(effects),
            Activity::Handling(list) => {
                if let Some(block) = block_of(step, Arm::OnError) {
                    list.halt(block, Stop::Cancel, effects);
                }
            }
            Activity::None
            | Activity::Call(_)
            | Activity::Timer { .. }
            | Activity::Ask { .. }
            | Activity::Signal { .. } => {}
        }
        self.progress(step, is_stopping, effects);
    }

    /// Ends the step when what it is made of is over.
    fn progress(&mut self, step: &Step, is_stopping: bool, effects: &mut Effects) {
        if self.state.is_ended() {
            return;
        }
        match &mut self.activity {
            Activity::Arms(arms) => {
                let outcomes: Option<Vec<_>> =
                    arms.iter().map(|(_, list)| list.outcome()).collect();
                if let Some(outcomes) = outcomes {
                    let stop = outcomes.into_iter().flatten().next();
                    self.end_block(step, stop, None, is_stopping, effects);
                }
            }
            Activity::Loop(each) => {
                each.fill(step);
                if let Some((stop, output)) = each.outcome(step) {
                    self.end_block(step, stop, output, is_stopping, effects);
                }
            }
            Activity::Try(guarded) => {
                if let Some(stop) = guarded.progress(step, is_stopping, effects) {
                    self.end_block(step, stop, None, is_stopping, effects);
                }
            }
            Activity::Sub(frame) => {
                let error = frame.error.clone();
                match (frame.phase, frame.end) {
                    (Phase::Over, End::Failed) => {
                        let stop = error.map(|error| Stop::Error(Box::new(error)));
                        self.end_block(step, stop, None, is_stopping, effects);
                    }
                    (Phase::Over, End::Cancelled) => {
                        self.end_block(step, Some(Stop::Cancel), None, is_stopping, effects);
                    }
                    // A subflow that succeeded ends with its `Outputs`.
                    (Phase::Body | Phase::Handler | Phase::Finally | Phase::Over, _) => {}
                }
            }
            Activity::Handling(list) => {
                if let Some(stop) = list.outcome() {
                    self.end_handling(stop, effects);
                }
            }
            Activity::None
            | Activity::Call(_)
            | Activity::Timer { .. }
            | Activity::Ask { .. }
            | Activity::Signal { .. } => {}
        }
    }

    fn end_block(
        &mut self,
        step: &Step,
        stop: Option<Stop>,
        output: Option<Arc<Value>>,
        is_stopping: bool,
        effects: &mut Effects,
    ) {
        if let Some(deadline) = self.deadline.take() {
            effects.cancels.extend(deadline.armed);
        }
        let stop = match (stop, self.timed_out.take()) {
            (Some(Stop::Cancel), Some(error)) => Some(Stop::Error(error)),
            (stop, _) => stop,
        };
        match stop {
            None => self.succeed(output, effects.now),
            Some(Stop::End) => self.leave(StepState::Succeeded, Stop::End, effects.now),
            Some(Stop::Cancel) => self.end(StepState::Cancelled, effects.now),
            Some(Stop::Error(error)) => self.fail(step, *error, is_stopping, effects),
        }
    }

    fn end_handling(&mut self, stop: Option<Stop>, effects: &mut Effects) {
        match stop {
            None => {
                effects.caught += 1;
                self.end(StepState::Caught, effects.now);
            }
            Some(Stop::End) => self.leave(StepState::Caught, Stop::End, effects.now),
            Some(Stop::Cancel) => self.end(StepState::Cancelled, effects.now),
            Some(Stop::Error(mut error)) => {
                error.cause = self.error.take();
                self.error = Some(error.clone());
                self.leave(StepState::Failed, Stop::Error(error), effects.now);
            }
        }
    }
}

impl Activity {
    /// The list of an arm that is open, or was.
    pub(crate) fn list(&self, arm: Arm) -> Option<&List> {
        match self {
            Self::Arms(arms) => arms.iter().find(|(label, _)| *label == arm).map(|(_, list)| list),
            Self::Try(guarded) => guarded.list(arm),
            Self::Handling(list) if arm == Arm::OnError => Some(list),
            Self::Handling(_)
            | Self::None
            | Self::Call(_)
            | Self::Timer { .. }
            | Self::Ask { .. }
            | Self::Signal { .. }
            | Self::Loop(_)
            | Self::Sub(_) => None,
        }
    }

    pub(crate) fn list_mut(&mut self, arm: Arm) -> Option<&mut List> {
        match self {
            Self::Arms(arms) => {
                arms.iter_mut().find(|(label, _)| *label == arm).map(|(_, list)| list)
            }
            Self::Try(guarded) => guarded.list_mut(arm),
            Self::Handling(list) if arm == Arm::OnError => Some(list),
            Self::Handling(_)
            | Self::None
            | Self::Call(_)
            | Self::Timer { .. }
            | Self::Ask { .. }
            | Self::Signal { .. }
            | Self::Loop(_)
            | Self::Sub(_) => None,
        }
    }

    /// What is under way with another system: a call, or the reading of a stream.
    pub(crate) fn calling(&self) -> Option<&Calling> {
        match self {
            Self::Call(calling) => Some(calling),
            Self::Loop(each) => each.stream.as_ref().map(|stream| &stream.reading),
            Self::None
            | Self::Timer { .. }
            | Self::Ask { .. }
            | Self::Signal { .. }
            | Self::Arms(_)
            | Self::Try(_)
            | Self::Sub(_)
            | Self::Handling(_) => None,
        }
    }

    pub(crate) fn calling_mut(&mut self) -> Option<&mut Calling> {
        match self {
            Self::Call(calling) => Some(calling),
            Self::Loop(each) => each.stream.as_mut().map(|stream| &mut stream.reading),
            Self::None
            | Self::Timer { .. }
            | Self::Ask { .. }
            | Self::Signal { .. }
            | Self::Arms(_)
            | Self::Try(_)
            | Self::Sub(_)
            | Self::Handling(_) => None,
        }
    }
}

impl Calling {
    /// Whether a write may have been sent whose outcome is not known.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.intent.as_ref().is_some_and(|intent| intent.unsettled)
    }
}

/// The block of a step that an arm names.
pub(crate) fn block_of(step: &Step, arm: Arm) -> Option<&Block> {
    step.blocks().into_iter().find(|(label, _)| *label == arm).map(|(_, block)| block)
}
