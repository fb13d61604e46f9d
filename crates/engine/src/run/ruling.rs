//! What follows a failed attempt: the table of SEMANTICS section 5, and the limits of a flow.

use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::{ActionError, Effect, WriteState};
use linchpin_language::Value;

use super::Run;
use super::frame::Frame;
use super::rollback::is_undo;
use super::state::{Activity, Calling, List, Slot, StepState};
use crate::catalog::ActionFacts;
use crate::error::RunError;
use crate::event::{Event, Failed};
use crate::flow::{Arm, Block, Call, LoopSource, Step, StepKind};
use crate::path::{Segment, StepPath};
use crate::retry::{Retry, RetryPolicy};

/// What the host does after a failed attempt.
#[derive(Clone, Debug)]
pub enum AfterFailure {
    /// Append this: the attempt is tried again at its `next`, or the step has failed.
    Journal(Event),
    /// The write may have happened: read back first, then ask again with what is known.
    Verify,
    /// Append this: nothing tells whether the write happened, so a person has to rule.
    Hold(Event),
}

/// What is known about a write that failed without a clear answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Nothing was read back yet.
    NotVerified,
    /// The read-back showed that it did not happen.
    NotDone,
    /// The read-back could not tell.
    CannotTell,
}

impl Run {
    /// What follows a failed attempt of the step at `path`. `alias_policy` is the connection
    /// alias's own retry policy, the last layer before the built-in one.
    pub fn after_failure(
        &self,
        (path, op): (&StepPath, u64),
        error: &ActionError,
        input: Option<Arc<Value>>,
        at: Timestamp,
        (certainty, alias_policy): (Certainty, &RetryPolicy),
    ) -> AfterFailure {
        let found = self.locate(path);
        let facts = match is_undo(path) {
            true => self.undo_facts(path),
            false => found.and_then(|(frame, step, _)| self.facts(frame, called(step)?)),
        };
        let is_write = facts.is_some_and(|facts| facts.effect.is_write());
        let is_open = is_write && error.write == WriteState::Unknown;
        let is_idempotent = facts.is_some_and(|facts| facts.idempotent);
        let verifies = facts.is_some_and(|facts| facts.verifies);
        match certainty {
            Certainty::NotVerified if is_open && verifies => return AfterFailure::Verify,
            Certainty::NotVerified | Certainty::CannotTell if is_open && !is_idempotent => {
                let reason = format!(
                    "{}; the write may have happened and nothing tells whether it did",
                    error.message
                );
                let (path, limit, blocked) = (path.clone(), None, false);
                return AfterFailure::Hold(Event::Held { path, reason, limit, blocked });
            }
            Certainty::NotVerified | Certainty::NotDone | Certainty::CannotTell => {}
        }
        let attempt = self.attempts(path) + 1;
        let mut failure = RunError::of_attempt(error, path, attempt);
        if !is_write || certainty == Certainty::NotDone {
            failure.write = WriteState::None;
        }
        // To send it again is how an open write that may be repeated is settled, whatever the kind.
        let settles = is_open && is_idempotent && certainty != Certainty::NotDone;
        let next = self.next_try((path, settles), error, attempt, at, alias_policy);
        AfterFailure::Journal(Event::Failed(Box::new(Failed {
            path: path.clone(),
            op,
            input,
            error: failure,
            next,
        })))
    }

    fn next_try(
        &self,
        (path, settles): (&StepPath, bool),
        error: &ActionError,
        attempt: u32,
        at: Timestamp,
        alias_policy: &RetryPolicy,
    ) -> Option<Timestamp> {
        let (frame, step, slot) = self.locate(path)?;
        let own = &called(step)?.retry;
        let defaults = &frame.plan.flow.defaults.retry;
        let retry = Retry::merged(&[own, defaults, alias_policy]);
        let calling = slot.activity.calling();
        let first = calling.and_then(|calling| calling.first_failure);
        let limited = calling.map_or(0, |calling| calling.limited);
        let elapsed = first.map_or(std::time::Duration::ZERO, |first| {
            at.duration_since(first).try_into().unwrap_or_default()
        });
        let asked = error.retry_after_ms.map(std::time::Duration::from_millis);
        let seed = format!("{}/{path}", self.accepted.run);
        let kind = (error.kind, settles);
        let wait = retry.next_wait(kind, (attempt, limited), elapsed, asked, &seed)?;
        at.checked_add(wait).ok()
    }

    /// Attempts that the journal knows of.
    fn attempts(&self, path: &StepPath) -> u32 {
        self.locate(path).map_or(0, |(_, _, slot)| {
            if let Activity::Loop(each) = &slot.activity {
                each.stream.as_ref().map_or(0, |stream| stream.attempts)
            } else {
                slot.attempts
            }
        })
    }

    /// Whether an answer of this command is still waited for.
    pub fn wants(&self, path: &StepPath, op: u64) -> bool {
        if path.segments().is_empty() {
            return self.ended.is_none() && self.wants_end(op);
        }
        self.ended.is_none()
            && self
                .locate(path)
                .is_some_and(|(_, _, slot)| !slot.state.is_ended() && slot.is_under_way(op))
    }

    /// Why the step at `path` must be held before it changes `changes` more things, if a limit
    /// says so.
    pub fn over_limit(&self, path: &StepPath, effect: Effect, changes: u64) -> Option<String> {
        let limit = *self.program.root.flow.limits.get(&effect)?;
        if self.raised.contains(&effect) {
            return None;
        }
        let made = self.changes.get(&effect).copied().unwrap_or_default();
        let made = made + self.intended(path, effect);
        (made + changes > limit).then(|| {
            let word = effect.as_str();
            format!("the limit of {limit} {word} changes a run: {made} made, {changes} more wanted")
        })
    }

    /// Changes of writes of other steps that are under way.
    fn intended(&self, own: &StepPath, effect: Effect) -> u64 {
        let mut sum = 0;
        self.visit(&mut |path, _, _, slot| {
            let calling = slot.activity.calling().filter(|_| !slot.state.is_ended());
            if let Some(intent) = calling.and_then(|calling| calling.intent.as_ref())
                && intent.look.effect == effect
                && path != own
            {
                sum += intent.look.changes.len() as u64;
            }
        });
        sum
    }

    /// Why nobody can rule on a step, in one sentence.
    pub(super) fn refuses_ruling(&self, path: &StepPath) -> Option<String> {
        if self.locate(path).is_some_and(|(_, _, slot)| slot.state == StepState::Held) {
            return None;
        }
        let open = self.open_steps();
        let held = open.iter().filter(|step| step.state == StepState::Held);
        let held: Vec<String> = held.map(|step| step.path.to_string()).collect();
        Some(match held.len() {
            0 => format!("the step {path} is not held, and no other is"),
            _ => format!("the step {path} is not held; held is {}", held.join(", ")),
        })
    }

    /// The action that the step at a path calls, as `SPOKE.ACTION`.
    pub fn action_at(&self, path: &StepPath) -> Option<String> {
        if is_undo(path) {
            return None;
        }
        let (frame, step, _) = self.locate(path)?;
        let call = called(step)?;
        let declared = frame.plan.flow.connections.get(&call.alias.value);
        let spoke = declared.map_or(&call.alias.value, |spoke| &spoke.value);
        Some(format!("{spoke}.{}", call.action.value))
    }

    /// What is known of the action that a call names.
    fn facts(&self, frame: &Frame, call: &Call) -> Option<&ActionFacts> {
        let alias = &call.alias.value;
        let declared = frame.plan.flow.connections.get(alias);
        let spoke = declared.map_or(alias, |spoke| &spoke.value);
        self.program.actions.get(&format!("{spoke}.{}", call.action.value))
    }

    /// The step at a path, with the flow it stands in.
    pub(crate) fn locate(&self, path: &StepPath) -> Option<(&Frame, &Step, &Slot)> {
        if is_undo(path) {
            return self.locate_undo(path).map(|(step, slot)| (&self.root, step, slot));
        }
        locate_in_frame(&self.root, path.segments())
    }
}

/// The call of a step, or of the stream that its loop reads.
fn called(step: &Step) -> Option<&Call> {
    match &step.kind {
        StepKind::Call(call) => Some(call),
        StepKind::ForEach(each) => match &each.source {
            LoopSource::Stream(call) => Some(call),
            LoopSource::List(_) => None,
        },
        StepKind::Subflow(_)
        | StepKind::If(_)
        | StepKind::Repeat(_)
        | StepKind::Parallel(_)
        | StepKind::Decide(_)
        | StepKind::Try(_)
        | StepKind::Wait(_)
        | StepKind::Ask(_)
        | StepKind::Approval(_)
        | StepKind::Set(_)
        | StepKind::Log(_)
        | StepKind::Undo
        | StepKind::End
        | StepKind::Fail(_)
        | StepKind::Next
        | StepKind::Break => None,
    }
}

impl Slot {
    /// Whether a write of it may have happened.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.activity.calling().is_some_and(Calling::is_unsettled)
    }

    fn is_under_way(&self, op: u64) -> bool {
        let deadline = self.deadline.and_then(|deadline| deadline.armed);
        let timer = if let Activity::Repeat(repeating) = &self.activity {
            repeating.pause.and_then(|(_, armed)| armed)
        } else if let Activity::Timer { armed, .. } = &self.activity {
            *armed
        } else {
            None
        };
        let calling = self.activity.calling();
        let own = calling.map_or([timer, None], |calling| [calling.issued, calling.armed]);
        deadline == Some(op) || own.contains(&Some(op))
    }
}

fn locate_in_frame<'a>(
    frame: &'a Frame,
    rest: &[Segment],
) -> Option<(&'a Frame, &'a Step, &'a Slot)> {
    let (arm, rest) = match rest {
        [Segment::Arm(arm), rest @ ..] => (Some(*arm), rest),
        _ => (None, rest),
    };
    let (block, list) = frame.list(arm)?;
    locate_in_list(frame, block, list, rest)
}

fn locate_in_list<'a>(
    frame: &'a Frame,
    block: &'a Block,
    list: &'a List,
    rest: &[Segment],
) -> Option<(&'a Frame, &'a Step, &'a Slot)> {
    let [Segment::Step(name), rest @ ..] = rest else { return None };
    let at = block.steps.iter().position(|step| step.segment == *name)?;
    let (step, slot) = (&block.steps[at], &list.slots[at]);
    match (rest, &slot.activity) {
        ([], _) => Some((frame, step, slot)),
        ([Segment::Arm(Arm::Flow), rest @ ..], Activity::Sub(inner)) => {
            locate_in_frame(inner, rest)
        }
        ([segment, rest @ ..], activity) => {
            let (block, list) = activity.inner(step, segment)?;
            locate_in_list(frame, block, list, rest)
        }
    }
}
