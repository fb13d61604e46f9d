//! What a decision does to its step: a block begins, goes on or ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_language::Value;

use super::apply::Change;
use super::frame::Frame;
use super::state::{Activity, Deadline, Effects, List, Mismatch, Slot, StepState, Stop};
use crate::error::RunError;
use crate::event::{Decision, HeldRow};
use crate::flow::{Arm, Step, StepKind};
use crate::logic::decide::Rows;
use crate::logic::for_each::Loop;
use crate::logic::guarded::Guarded;
use crate::logic::parallel::Branches;
use crate::logic::repeat::Repeating;

impl Slot {
    pub(super) fn decided(
        &mut self,
        step: &Step,
        decision: &Decision,
        is_stopping: bool,
        change: Change<'_>,
        effects: &mut Effects,
    ) -> Result<(), Mismatch> {
        let now = effects.now;
        match decision {
            Decision::Skipped => self.end(StepState::Skipped, now),
            Decision::Arm(None) | Decision::Logged { .. } | Decision::MayLeave { .. } => {
                self.succeed(None, now)
            }
            Decision::Undo => self.run(Activity::None),
            Decision::Set(values) => {
                effects.set = Some(values.clone());
                self.succeed(None, now);
            }
            Decision::Outputs(value) => self.succeed(Some(Arc::clone(value)), now),
            Decision::Rows { rows, result } => self.rows(step, rows, result, now),
            Decision::Collected { index, value } => {
                if let Activity::Loop(each) = &mut self.activity {
                    each.collect(step, *index, value, change.path, effects);
                }
            }
            Decision::Again(at) => {
                if let Activity::Repeat(repeating) = &mut self.activity {
                    repeating.again(step, *at, now);
                }
            }
            Decision::Enough { count, unknown } => {
                if let Activity::Repeat(repeating) = &mut self.activity {
                    repeating.is_unknown = *unknown;
                }
                self.end_block(step, None, Some(Repeating::output(*count)), is_stopping, effects);
            }
            Decision::End => self.leave(StepState::Succeeded, Stop::End, now),
            Decision::Next => self.leave(StepState::Succeeded, Stop::Next, now),
            Decision::Break => self.leave(StepState::Succeeded, Stop::Break, now),
            Decision::Failed(error) => {
                if let Activity::Loop(each) = &mut self.activity {
                    each.fail(step, error.clone(), effects);
                } else {
                    let stop = Some(Stop::Error(Box::new(error.clone())));
                    self.end_block(step, stop, None, is_stopping, effects);
                }
            }
            Decision::Deadline(at) => self.ends_by(*at),
            Decision::May => self.may = true,
            Decision::MayCatch(error) => self.may_catch(step, error),
            Decision::Detached { inputs } => {
                self.calling().input = Some(Arc::clone(inputs));
            }
            Decision::Until(_)
            | Decision::Listening(_)
            | Decision::Received { .. }
            | Decision::Asked { .. } => self.waits(decision, effects),
            Decision::Arm(Some(_))
            | Decision::Arms(_)
            | Decision::Items { .. }
            | Decision::Stream { .. }
            | Decision::Try
            | Decision::Repeat
            | Decision::Branches
            | Decision::Subflow { .. } => return self.begin(step, decision, change),
        }
        Ok(())
    }

    /// A block begins; in all of several arms where it is unknown which are taken.
    fn begin(
        &mut self,
        step: &Step,
        decision: &Decision,
        change: Change<'_>,
    ) -> Result<(), Mismatch> {
        self.may |= matches!(decision, Decision::Arms(_));
        let activity = begun(step, decision, self.may, change)?;
        self.run(activity);
        Ok(())
    }

    fn may_catch(&mut self, step: &Step, error: &RunError) {
        if let Activity::Try(guarded) = &mut self.activity {
            guarded.may_catch(step, error);
        }
    }

    fn ends_by(&mut self, at: jiff::Timestamp) {
        self.deadline = Some(Deadline { at, armed: None });
        self.is_reopened = false;
    }

    fn run(&mut self, activity: Activity) {
        self.state = StepState::Running;
        self.activity = activity;
    }

    /// A decision table: over at once when no row that holds has steps.
    fn rows(&mut self, step: &Step, rows: &[HeldRow], result: &Arc<Value>, now: jiff::Timestamp) {
        if rows.iter().any(|row| row.steps) {
            self.run(Activity::Rows(Box::new(Rows::new(step, rows, Arc::clone(result)))));
        } else {
            self.succeed(Some(Arc::clone(result)), now);
        }
    }
}

/// What a step is made of from a decision on.
fn begun(
    step: &Step,
    decision: &Decision,
    may: bool,
    change: Change<'_>,
) -> Result<Activity, Mismatch> {
    let open = |arm: &Arm| {
        let block = step.block(*arm).ok_or_else(|| change.mismatch("no such block"))?;
        Ok((*arm, List::new(block)))
    };
    Ok(match (decision, &step.kind) {
        (Decision::Arm(Some(arm)), _) => Activity::Arms(vec![open(arm)?]),
        (Decision::Arms(arms), _) => {
            Activity::Arms(arms.iter().map(open).collect::<Result<_, _>>()?)
        }
        (Decision::Items { items, symbolic }, _) => {
            Activity::Loop(Box::new(Loop::over_list(items, *symbolic)))
        }
        (Decision::Stream { input }, _) => {
            Activity::Loop(Box::new(Loop::over_stream(Arc::clone(input), may)))
        }
        (Decision::Try, StepKind::Try(kind)) => Activity::Try(Box::new(Guarded::new(kind))),
        (Decision::Repeat, StepKind::Repeat(kind)) => {
            Activity::Repeat(Box::new(Repeating::new(kind)))
        }
        (Decision::Branches, StepKind::Parallel(kind)) => {
            Activity::Branches(Box::new(Branches::new(kind)))
        }
        (Decision::Subflow { inputs, aliases }, _) => {
            let frame = subflow(step, change, Arc::clone(inputs), aliases.clone())?;
            Activity::Sub(Box::new(frame))
        }
        _ => return Err(change.mismatch("the step is of another kind")),
    })
}

/// The frame of the flow that a step calls.
fn subflow(
    step: &Step,
    change: Change<'_>,
    inputs: Arc<Value>,
    aliases: BTreeMap<String, String>,
) -> Result<Frame, Mismatch> {
    let StepKind::Subflow(call) = &step.kind else {
        return Err(change.mismatch("the step calls no flow"));
    };
    let plan = change.program.flows.get(&call.flow.value);
    let plan = plan.ok_or_else(|| change.mismatch("the flow is not in this run"))?;
    Ok(Frame::new(Arc::clone(plan), inputs, aliases))
}
