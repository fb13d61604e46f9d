//! How a step ends: well, badly, stopped from outside, or with what it is made of.

use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::WriteState;
use linchpin_language::Value;

use super::activity::{Activity, Handling};
use super::state::{Effects, Slot, StepState, Stop};
use crate::error::RunError;
use crate::flow::{Step, StepKind};

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
        let has_failed = matches!(state, StepState::Failed | StepState::Cancelled);
        // What a retry of the run goes on from stays.
        let is_over = if let Activity::Call(calling) = &self.activity {
            !has_failed || !calling.is_worth_keeping()
        } else {
            !has_failed && matches!(self.activity, Activity::Loop(_))
        };
        if is_over {
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
                let of = std::mem::take(&mut self.activity);
                self.activity = Activity::Handling(Box::new(Handling::new(block, of)));
                self.progress(step, is_stopping, effects);
            }
            OnError::Steps(_) | OnError::Stop => {
                self.leave(StepState::Failed, Stop::Error(Box::new(error)), effects.now);
            }
        }
    }

    /// Stops the step from outside. A write that may have been sent is waited for.
    pub(super) fn halt(&mut self, step: &Step, effects: &mut Effects) {
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
            // The start of a run of its own may have happened: its answer is waited for.
            Activity::Call(_) if is_running && matches!(step.kind, StepKind::Subflow(_)) => return,
            Activity::Call(call) => effects.cancels.extend(call.issued.or(call.armed)),
            Activity::Timer { armed, .. } => effects.cancels.extend(*armed),
            Activity::None | Activity::Ask { .. } | Activity::Signal { .. } => {}
            Activity::Arms(_)
            | Activity::Loop(_)
            | Activity::Repeat(_)
            | Activity::Branches(_)
            | Activity::Rows(_)
            | Activity::Try(_)
            | Activity::Sub(_)
            | Activity::Handling(_) => {
                self.halt_inside(step, true, effects);
                return;
            }
        }
        effects.in_doubt |= self.state == StepState::Held && self.is_in_doubt();
        self.is_unreached = self.state == StepState::Pending;
        let skipped = self.is_unreached;
        self.end(if skipped { StepState::Skipped } else { StepState::Cancelled }, effects.now);
    }

    pub(super) fn halt_inside(&mut self, step: &Step, is_stopping: bool, effects: &mut Effects) {
        self.activity.halt(step, effects);
        self.progress(step, is_stopping, effects);
    }

    /// Ends the step when what it is made of is over.
    pub(super) fn progress(&mut self, step: &Step, is_stopping: bool, effects: &mut Effects) {
        if self.state.is_ended() {
            return;
        }
        if let Activity::Handling(handling) = &self.activity {
            if let Some(stop) = handling.list.outcome() {
                self.end_handling(stop, effects);
            }
        } else if let Some((stop, output)) = self.activity.outcome(step, is_stopping, effects) {
            self.end_block(step, stop, output, is_stopping, effects);
        }
    }

    pub(super) fn end_block(
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
            (Some(Stop::Cancel(later)), Some(mut error)) => {
                error.others.extend(later);
                if effects.in_doubt {
                    error.write = WriteState::Unknown;
                }
                Some(Stop::Error(error))
            }
            (stop, _) => stop,
        };
        match stop {
            None => self.succeed(output, effects.now),
            Some(stop @ (Stop::End | Stop::Next | Stop::Break)) => {
                self.leave(StepState::Succeeded, stop, effects.now);
            }
            Some(Stop::Cancel(later)) => self.cancelled(later, effects),
            Some(Stop::Error(error)) => self.fail(step, *error, is_stopping, effects),
        }
    }

    /// What failed while it was stopping goes up with it.
    fn cancelled(&mut self, later: Vec<RunError>, effects: &Effects) {
        self.end(StepState::Cancelled, effects.now);
        self.leaving = (!later.is_empty()).then_some(Stop::Cancel(later));
    }

    fn end_handling(&mut self, stop: Option<Stop>, effects: &mut Effects) {
        match stop {
            None => {
                effects.caught += 1;
                self.end(StepState::Caught, effects.now);
            }
            Some(stop @ (Stop::End | Stop::Next | Stop::Break)) => {
                effects.caught += 1;
                self.leave(StepState::Caught, stop, effects.now);
            }
            Some(Stop::Cancel(later)) => self.cancelled(later, effects),
            Some(Stop::Error(mut error)) => {
                error.cause = self.error.take();
                self.error = Some(error.clone());
                self.leave(StepState::Failed, Stop::Error(error), effects.now);
            }
        }
    }
}
