//! One event changes the run: down its path to the slot, and what follows on the way back up.

use std::sync::Arc;

use linchpin_connector::{ErrorKind, WriteState};
use linchpin_language::print_duration;

use super::frame::{Frame, handler_block};
use super::people::Judgement;
use super::state::{Activity, Calling, Effects, List, Mismatch, Slot, StepState};
use crate::command::OpenIntent;
use crate::error::RunError;
use crate::event::{Decision, Event, Failed, Found, Intended, Ruling, Succeeded};
use crate::flow::{Arm, Block, Step, StepKind};
use crate::logic;
use crate::path::{Segment, StepPath};
use crate::plan::Program;

/// An event on its way down.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) event: &'a Event,
    pub(crate) path: &'a StepPath,
    pub(crate) program: &'a Program,
}

impl Change<'_> {
    pub(super) fn mismatch(self, why: &str) -> Mismatch {
        Mismatch(format!("{} at {}", why, self.path))
    }
}

impl Frame {
    pub(crate) fn apply(
        &mut self,
        rest: &[Segment],
        change: Change<'_>,
        effects: &mut Effects,
    ) -> Result<(), Mismatch> {
        let plan = Arc::clone(&self.plan);
        let (arm, rest) = match rest {
            [Segment::Arm(arm), rest @ ..] => (Some(*arm), rest),
            _ => (None, rest),
        };
        let block = match arm {
            None => Some(&plan.flow.steps),
            Some(arm) => handler_block(&plan, arm),
        };
        let (Some(block), Some(list)) = (block, self.list_mut(arm)) else {
            return Err(change.mismatch("no such block is open"));
        };
        list.apply(block, rest, change, effects)?;
        if let Some(values) = effects.set.take() {
            self.vars.extend(values);
        }
        self.progress();
        Ok(())
    }
}

impl List {
    fn apply(
        &mut self,
        block: &Block,
        rest: &[Segment],
        change: Change<'_>,
        effects: &mut Effects,
    ) -> Result<(), Mismatch> {
        let [Segment::Step(name), rest @ ..] = rest else {
            return Err(change.mismatch("no step"));
        };
        let at = block.steps.iter().position(|step| step.segment == *name);
        let at = at.ok_or_else(|| change.mismatch("the flow has no such step"))?;
        let is_stopping = self.stop.is_some();
        self.slots[at].apply(&block.steps[at], rest, is_stopping, change, effects)?;
        self.settle(block, at, effects);
        Ok(())
    }
}

impl Slot {
    fn apply(
        &mut self,
        step: &Step,
        rest: &[Segment],
        is_stopping: bool,
        change: Change<'_>,
        effects: &mut Effects,
    ) -> Result<(), Mismatch> {
        let closed = || change.mismatch("no such block is open");
        match rest {
            [] => self.change(step, is_stopping, change, effects),
            [Segment::Arm(Arm::Flow), rest @ ..] => {
                let Activity::Sub(frame) = &mut self.activity else { return Err(closed()) };
                frame.apply(rest, change, effects)
            }
            [segment, rest @ ..] => {
                let (block, list) = self.activity.inner_mut(step, segment).ok_or_else(closed)?;
                list.apply(block, rest, change, effects)?;
                self.activity.settle(step, segment, effects);
                Ok(())
            }
        }
    }

    /// Whether the event has come to the step in a state that has a place for it.
    fn admits(&self, event: &Event) -> bool {
        use StepState::{Held, Pending, Running, Waiting};
        let states: &[StepState] = match event {
            Event::Decided { decision, .. } => match decision {
                Decision::Received { .. } => &[Waiting],
                Decision::Collected { .. }
                | Decision::Outputs(_)
                | Decision::Again(_)
                | Decision::Enough { .. }
                | Decision::MayCatch(_) => &[Running],
                // The call of a step that may run is issued before its decisions are applied.
                Decision::Failed(_) | Decision::Deadline(_) | Decision::May => &[Pending, Running],
                Decision::Skipped
                | Decision::Arm(_)
                | Decision::Arms(_)
                | Decision::Items { .. }
                | Decision::Stream { .. }
                | Decision::Try
                | Decision::Repeat
                | Decision::Branches
                | Decision::Rows { .. }
                | Decision::Subflow { .. }
                | Decision::Detached { .. }
                | Decision::Until(_)
                | Decision::Asked { .. }
                | Decision::Listening(_)
                | Decision::Set(_)
                | Decision::Undo
                | Decision::Logged { .. }
                | Decision::MayLeave { .. }
                | Decision::End
                | Decision::Next
                | Decision::Break => &[Pending],
            },
            Event::Intended(_) | Event::Succeeded(_) | Event::Failed(_) | Event::Held { .. } => {
                &[Pending, Running]
            }
            Event::Verified { .. } | Event::Page { .. } => &[Running],
            Event::Woke { .. } => &[Running, Waiting, Held],
            Event::Answered { .. } | Event::Approval { .. } => &[Waiting],
            Event::Resolved { .. } => &[Held],
            Event::Accepted(_)
            | Event::Begun
            | Event::Captured(_)
            | Event::Signalled { .. }
            | Event::Undoable(_)
            | Event::Controlled { .. }
            | Event::Ended { .. } => &[],
        };
        states.contains(&self.state)
    }

    pub(super) fn change(
        &mut self,
        step: &Step,
        is_stopping: bool,
        change: Change<'_>,
        effects: &mut Effects,
    ) -> Result<(), Mismatch> {
        if !self.admits(change.event) {
            let state = self.state.as_str();
            return Err(change.mismatch(&format!("a {state} step has no place for this event")));
        }
        self.started_at.get_or_insert(effects.now);
        match change.event {
            Event::Decided { decision, .. } => {
                return self.decided(step, decision, is_stopping, change, effects);
            }
            Event::Intended(intended) => self.intended(intended),
            Event::Succeeded(succeeded) => self.answered(succeeded, is_stopping, effects),
            Event::Failed(failed) => self.failed(step, failed, is_stopping, effects),
            Event::Verified { verdict, .. } => self.verified(verdict),
            Event::Page { rows, keys, cursor, .. } => {
                if let Activity::Loop(each) = &mut self.activity {
                    each.page(rows, keys, cursor.as_ref());
                }
            }
            Event::Woke { .. } => self.woke(step, is_stopping, change, effects),
            Event::Answered { values, .. } => {
                if !matches!(step.kind, StepKind::Ask(_)) {
                    return Err(change.mismatch("the step asks no question"));
                }
                self.succeed(Some(Arc::new(values.clone())), effects.now);
                self.drop_deadline(effects);
            }
            Event::Approval { approved, by, note, form, .. } => {
                let StepKind::Approval(approval) = &step.kind else {
                    return Err(change.mismatch("the step asks for no approval"));
                };
                let (by, note) = (Some(by.as_str()), note.as_deref());
                let judgement = Judgement { approved: *approved, by, note, form };
                self.judged((step, approval), &judgement, (change.path, is_stopping), effects);
            }
            Event::Held { reason, limit, blocked, .. } => {
                self.state = StepState::Held;
                self.held = Some(reason.clone());
                self.limit = *limit;
                self.blocked = *blocked;
                if let Some(calling) = self.activity.calling_mut() {
                    calling.issued = None;
                }
            }
            Event::Resolved { ruling, by, .. } => {
                self.resolved(step, ruling, by, is_stopping, change, effects);
            }
            Event::Accepted(_)
            | Event::Begun
            | Event::Captured(_)
            | Event::Signalled { .. }
            | Event::Undoable(_)
            | Event::Controlled { .. }
            | Event::Ended { .. } => {}
        }
        Ok(())
    }

    /// The call of this step, begun if it has not.
    pub(crate) fn calling(&mut self) -> &mut Calling {
        self.state = StepState::Running;
        if !matches!(self.activity, Activity::Call(_)) {
            self.activity = Activity::Call(Box::default());
        }
        let Activity::Call(calling) = &mut self.activity else {
            unreachable!("the activity was set above")
        };
        calling
    }

    fn intended(&mut self, intended: &Intended) {
        self.attempts = intended.attempt.saturating_sub(1);
        let calling = self.calling();
        calling.input.get_or_insert_with(|| Arc::clone(&intended.input));
        calling.intent = Some(OpenIntent {
            chunk: intended.chunk,
            look: Arc::clone(&intended.look),
            unsettled: true,
        });
    }

    fn answered(&mut self, succeeded: &Succeeded, is_stopping: bool, effects: &Effects) {
        self.attempts = succeeded.attempt;
        if let Some(output) = &succeeded.output {
            return self.succeed(Some(Arc::clone(output)), effects.now);
        }
        let calling = self.calling();
        calling.wrote.extend(succeeded.wrote.clone());
        let Some(intent) = &mut calling.intent else { return };
        intent.chunk += 1;
        intent.unsettled = false;
        if is_stopping && intent.chunk < intent.look.chunks {
            self.end(StepState::Cancelled, effects.now);
        }
    }

    fn verified(&mut self, verdict: &Found) {
        let calling = self.calling();
        let Some(intent) = &mut calling.intent else { return };
        intent.unsettled = false;
        match verdict {
            Found::NotDone => {}
            Found::Done(wrote) => {
                intent.chunk += 1;
                calling.wrote.push(wrote.clone());
            }
            Found::Part(look) => {
                intent.chunk = 0;
                intent.look = Arc::clone(look);
            }
        }
    }

    fn failed(&mut self, step: &Step, failed: &Failed, is_stopping: bool, effects: &mut Effects) {
        if let Activity::Loop(each) = &mut self.activity {
            let Some(stream) = &mut each.stream else { return };
            stream.attempts = failed.error.attempt;
            stream.reading.issued = None;
            stream.reading.retry_at = failed.next;
            stream.reading.first_failure.get_or_insert(effects.now);
            stream.reading.limited += u32::from(failed.error.kind == ErrorKind::RateLimited);
            if failed.next.is_none() {
                each.fail(step, failed.error.clone(), effects);
            }
            return;
        }
        self.attempts = failed.error.attempt;
        if failed.error.write == WriteState::None
            && let Some(calling) = self.activity.calling_mut()
        {
            // Nothing was done: the next attempt looks again, unless parts are written already.
            calling.intent = calling.intent.take().filter(|_| !calling.wrote.is_empty());
            if let Some(intent) = &mut calling.intent {
                intent.unsettled = false;
            }
        }
        if failed.next.is_none() || is_stopping {
            let is_cancelled = is_stopping && failed.next.is_some();
            if is_cancelled {
                return self.end(StepState::Cancelled, effects.now);
            }
            return self.fail(step, failed.error.clone(), is_stopping, effects);
        }
        let calling = self.calling();
        if let Some(input) = &failed.input {
            calling.input.get_or_insert_with(|| Arc::clone(input));
        }
        calling.issued = None;
        calling.retry_at = failed.next;
        calling.first_failure.get_or_insert(effects.now);
        calling.limited += u32::from(failed.error.kind == ErrorKind::RateLimited);
    }

    fn woke(&mut self, step: &Step, is_stopping: bool, change: Change<'_>, effects: &mut Effects) {
        if self.deadline.is_some_and(|deadline| deadline.at <= effects.now) {
            self.deadline = None;
            let within = logic::timeout(change.program, step).map(print_duration);
            let message = match within {
                Some(within) => format!("did not end within {within}"),
                None => "did not end within its timeout".to_owned(),
            };
            let error = RunError::new(ErrorKind::Timeout, message, change.path);
            if let StepKind::Approval(approval) = &step.kind {
                self.unjudged((step, approval), (change.path, is_stopping), effects);
            } else if self.state == StepState::Waiting {
                self.fail(step, error, is_stopping, effects);
            } else {
                self.timed_out = Some(Box::new(error));
                self.state = StepState::Running;
                self.held = None;
                self.halt_inside(step, is_stopping, effects);
                // A `finally` comes before it.
                if let Some(error) = self.timed_out.as_mut().filter(|_| effects.in_doubt) {
                    error.write = WriteState::Unknown;
                }
            }
            return;
        }
        if matches!(self.activity, Activity::Timer { .. }) {
            self.succeed(None, effects.now);
            self.drop_deadline(effects);
        } else if let Activity::Repeat(repeating) = &mut self.activity {
            repeating.woke(step);
        } else if let Some(calling) = self.activity.calling_mut() {
            calling.retry_at = None;
            calling.armed = None;
        }
    }

    pub(super) fn drop_deadline(&mut self, effects: &mut Effects) {
        if let Some(deadline) = self.deadline.take() {
            effects.cancels.extend(deadline.armed);
        }
    }

    fn resolved(
        &mut self,
        step: &Step,
        ruling: &Ruling,
        by: &str,
        is_stopping: bool,
        change: Change<'_>,
        effects: &mut Effects,
    ) {
        let reason = self.held.take().unwrap_or_default();
        match ruling {
            Ruling::Done(output) => self.succeed(Some(Arc::clone(output)), effects.now),
            Ruling::Fail => {
                let message = format!("{by} ruled that it has failed: {reason}");
                let error = RunError::new(ErrorKind::Rejected, message, change.path);
                self.fail(step, error, is_stopping, effects);
            }
            Ruling::GoOn => {
                self.state = StepState::Pending;
                if matches!(self.activity, Activity::Loop(_)) {
                    self.state = StepState::Running;
                } else if let Activity::Call(calling) = &mut self.activity {
                    calling.issued = None;
                    // Whoever lets a blocked step go on has not said what became of its write.
                    if let Some(intent) = calling.intent.as_mut().filter(|_| !self.blocked) {
                        intent.unsettled = false;
                    }
                    if calling.input.is_some() {
                        self.state = StepState::Running;
                    } else {
                        self.activity = Activity::None;
                    }
                }
            }
        }
    }
}
