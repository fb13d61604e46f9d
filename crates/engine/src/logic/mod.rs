//! What each step kind does when it is reached and while it runs: a file per kind.

#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod approval;
pub(crate) mod ask;
pub(crate) mod call;
pub(crate) mod condition;
pub(crate) mod decide;
pub(crate) mod for_each;
pub(crate) mod guarded;
pub(crate) mod light;
pub(crate) mod parallel;
pub(crate) mod repeat;
pub(crate) mod subflow;
pub(crate) mod uncertain;
pub(crate) mod undo;
pub(crate) mod wait;

use std::time::Duration;

use jiff::Timestamp;

use crate::flow::{Step, StepKind, Wait};
use crate::plan::Program;
use crate::run::Run;
use crate::run::state::Slot;

/// The deadline to journal when a step begins whose `timeout` bounds the whole of it. On a call
/// it bounds one attempt, and the host keeps it.
pub(crate) fn deadline(run: &Run, step: &Step, slot: &Slot) -> Option<Timestamp> {
    let timeout = timeout(&run.program, step);
    let at = timeout.and_then(|timeout| run.now.checked_add(timeout).ok());
    at.filter(|_| slot.deadline.is_none())
}

/// How long such a step may take.
pub(crate) fn timeout(program: &Program, step: &Step) -> Option<Duration> {
    match &step.kind {
        StepKind::Call(_) => None,
        StepKind::Subflow(call) if call.detach => None,
        // What the flow says of itself holds as well.
        StepKind::Subflow(call) => {
            let own = program.flows.get(&call.flow.value).and_then(|plan| plan.flow.timeout);
            step.timeout.into_iter().chain(own).min()
        }
        StepKind::Ask(ask) => ask.timeout.or(step.timeout),
        StepKind::Approval(approval) => approval.timeout.or(step.timeout),
        StepKind::Wait(Wait::Signal(wait)) => wait.timeout.or(step.timeout),
        StepKind::If(_)
        | StepKind::ForEach(_)
        | StepKind::Repeat(_)
        | StepKind::Parallel(_)
        | StepKind::Decide(_)
        | StepKind::Try(_)
        | StepKind::Wait(_)
        | StepKind::Set(_)
        | StepKind::Log(_)
        | StepKind::Undo
        | StepKind::End
        | StepKind::Fail(_)
        | StepKind::Next
        | StepKind::Break => step.timeout,
    }
}
