//! A run that failed or was cancelled goes on: what ended badly is open again, what ended well
//! stays as it is.
//!
//! A write that may have happened keeps its intent, so that it is settled before it is sent again.

use super::Run;
use super::activity::{Activity, Calling};
use super::frame::{End, Frame, Phase};
use super::state::{Effects, List, Slot, StepState, Stop};
use crate::event::Outcome;
use crate::flow::{Arm, Block, Step};
use crate::path::{Segment, StepPath};

impl Run {
    /// Why the run cannot be retried, in one sentence.
    pub fn refuses_retry(&self) -> Option<String> {
        match &self.ended {
            None => return Some("it has not ended".to_owned()),
            Some(Outcome::Succeeded { .. }) => {
                return Some("it has succeeded: there is nothing to try again".to_owned());
            }
            Some(Outcome::Failed { .. } | Outcome::Cancelled) => {}
        }
        if self.was_undone() {
            let is_all = self.lasting().is_empty() && self.undo_left().is_empty();
            return Some(match is_all {
                true => "what it had changed was taken back: start its flow anew".to_owned(),
                false => "what could be taken back of its changes was: look at what stands before \
                          its flow is started anew"
                    .to_owned(),
            });
        }
        if !self.is_begun() {
            return Some("it never began: start its flow anew".to_owned());
        }
        let mut unsettled = None;
        self.visit(&mut |path, _, _, slot| {
            let is_unsettled = slot.activity.calling().is_some_and(Calling::is_unsettled);
            if is_unsettled && slot.state != StepState::Succeeded && is_in_handler(path) {
                unsettled.get_or_insert_with(|| path.clone());
            }
        });
        unsettled.map(|path| {
            format!(
                "the write of {path} may have happened, and a retry runs its handler anew: \
                 start the flow anew once you know what became of it"
            )
        })
    }

    pub(super) fn retry(&mut self, effects: &mut Effects) {
        self.ended = None;
        self.is_cancelling = false;
        self.is_paused = false;
        self.armed = None;
        // The time that the flow has begins anew.
        self.begun_at = Some(effects.now);
        self.cancels.clear();
        self.root.reopen(effects);
    }
}

/// Whether a step stands in a handler, which a retry runs anew.
fn is_in_handler(path: &StepPath) -> bool {
    path.segments().iter().any(|segment| {
        matches!(segment, Segment::Arm(Arm::OnError | Arm::OnCancel | Arm::Finally | Arm::Catch(_)))
    })
}

impl Frame {
    /// Its steps go on, and its handlers run anew when their time comes.
    fn reopen(&mut self, effects: &mut Effects) {
        if self.phase == Phase::Over && self.end == End::Succeeded {
            return;
        }
        let plan = std::sync::Arc::clone(&self.plan);
        self.body.reopen(&plan.flow.steps, effects);
        self.handler = None;
        self.finally = None;
        self.error = None;
        self.end = End::Succeeded;
        self.phase = Phase::Body;
        self.progress();
    }
}

impl List {
    /// Opens what an error or a cancel ended, and what it kept from starting. A list that came to
    /// its end, or was left by `end`, `next` or `break`, stays as it is.
    pub(crate) fn reopen(&mut self, block: &Block, effects: &mut Effects) {
        match &self.stop {
            Some(Stop::Error(_) | Stop::Cancel(_)) => self.stop = None,
            None if !self.is_over() => {}
            None | Some(Stop::End | Stop::Next | Stop::Break) => return,
        }
        for (slot, step) in self.slots.iter_mut().zip(&block.steps) {
            slot.reopen(step, effects);
        }
        for at in 0..self.slots.len() {
            self.settle(block, at, effects);
        }
    }
}

impl Slot {
    fn reopen(&mut self, step: &Step, effects: &mut Effects) {
        match self.state {
            StepState::Pending | StepState::Held => return,
            StepState::Succeeded | StepState::Caught => return,
            StepState::Skipped => {
                if self.is_unreached {
                    *self = Self::default();
                }
                return;
            }
            // Only a cancel by force leaves them so: they go on from where they are.
            StepState::Running | StepState::Waiting => {}
            StepState::Failed | StepState::Cancelled => self.forget_end(),
        }
        if let Some(deadline) = &mut self.deadline {
            deadline.armed = None;
        }
        let begins_anew = match &mut self.activity {
            Activity::None | Activity::Ask { .. } | Activity::Signal { .. } => true,
            Activity::Timer { armed, .. } => {
                *armed = None;
                true
            }
            Activity::Call(calling) => !calling.reopen(self.state.is_ended()),
            Activity::Arms(_)
            | Activity::Loop(_)
            | Activity::Repeat(_)
            | Activity::Branches(_)
            | Activity::Rows(_)
            | Activity::Try(_)
            | Activity::Sub(_)
            | Activity::Handling(_) => {
                self.activity.reopen(step, effects);
                false
            }
        };
        if !self.state.is_ended() {
            return;
        }
        if begins_anew {
            *self = Self::default();
        } else {
            self.state = StepState::Running;
            self.is_reopened = true;
        }
    }

    fn forget_end(&mut self) {
        self.error = None;
        self.timed_out = None;
        self.leaving = None;
        self.ended_at = None;
        self.attempts = 0;
        if let Activity::Handling(handling) = &mut self.activity {
            self.activity = std::mem::take(&mut handling.of);
        }
    }
}

impl Calling {
    /// Whether anything of the call is to be kept: what it wrote, or what it may have written.
    pub(super) fn is_worth_keeping(&self) -> bool {
        !self.wrote.is_empty() || self.is_unsettled()
    }

    /// Nothing is under way any more. Of one that had ended only its writes stay; tells whether
    /// there are any.
    pub(crate) fn reopen(&mut self, has_ended: bool) -> bool {
        self.issued = None;
        self.armed = None;
        if has_ended {
            self.retry_at = None;
            self.first_failure = None;
            self.limited = 0;
        }
        self.is_worth_keeping()
    }
}

impl Activity {
    /// Opens again what ended badly inside.
    fn reopen(&mut self, step: &Step, effects: &mut Effects) {
        match self {
            Self::Arms(arms) => {
                for (arm, list) in arms {
                    reopen_arm(list, step, *arm, effects);
                }
            }
            Self::Loop(each) => each.reopen(step, effects),
            Self::Repeat(repeating) => repeating.reopen(step, effects),
            Self::Branches(branches) => branches.reopen(step, effects),
            Self::Rows(rows) => {
                for (row, list) in &mut rows.lists {
                    reopen_arm(list, step, row.row, effects);
                }
            }
            Self::Try(guarded) => guarded.reopen(step, effects),
            Self::Sub(frame) => frame.reopen(effects),
            Self::Handling(handling) => {
                reopen_arm(&mut handling.list, step, Arm::OnError, effects);
            }
            Self::None
            | Self::Call(_)
            | Self::Timer { .. }
            | Self::Ask { .. }
            | Self::Signal { .. } => {}
        }
    }
}

fn reopen_arm(list: &mut List, step: &Step, arm: Arm, effects: &mut Effects) {
    if let Some(block) = step.block(arm) {
        list.reopen(block, effects);
    }
}
