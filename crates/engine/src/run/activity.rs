//! What a running or ended step is made of, and the lists of steps inside it.
//!
//! The kinds of block differ in `crate::logic`; here they are asked the same questions.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::Wrote;
use linchpin_language::Value;
use serde::{Deserialize, Serialize};

use super::frame::{End, Frame, Phase};
use super::state::{Effects, List, Over, Stop};
use crate::command::OpenIntent;
use crate::flow::{Arm, Block, Step, StepKind};
use crate::logic::decide::Rows;
use crate::logic::for_each::Loop;
use crate::logic::guarded::Guarded;
use crate::logic::parallel::Branches;
use crate::logic::repeat::Repeating;
use crate::path::Segment;

/// What a running or ended step is made of.
#[derive(Debug, Default, Serialize, Deserialize)]
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
    Repeat(Box<Repeating>),
    Branches(Box<Branches>),
    /// The rows of a decision table that have steps.
    Rows(Box<Rows>),
    Try(Box<Guarded>),
    Sub(Box<Frame>),
    /// The steps of the step's own `on_error`.
    Handling(Box<Handling>),
}

/// A step that failed and handles it itself.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Handling {
    pub(crate) list: List,
    /// What failed: its steps can be read in the handler.
    pub(super) of: Activity,
}

impl Handling {
    pub(super) fn new(block: &Block, of: Activity) -> Self {
        Self { list: List::new(block), of }
    }
}

/// A call, or the reading of a stream, between its events.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Calling {
    /// The command under way in this process; unknown after a replay.
    pub(crate) issued: Option<u64>,
    pub(crate) input: Option<Arc<Value>>,
    pub(crate) retry_at: Option<Timestamp>,
    /// The timer of the retry, once asked for.
    pub(crate) armed: Option<u64>,
    pub(crate) first_failure: Option<Timestamp>,
    /// How many attempts were refused for their rate: these use up no attempts.
    #[serde(default)]
    pub(crate) limited: u32,
    pub(crate) intent: Option<OpenIntent>,
    pub(crate) wrote: Vec<Wrote>,
    pub(crate) may: bool,
}

impl Activity {
    /// The list of an arm that is open, or was.
    pub(crate) fn list(&self, arm: Arm) -> Option<&List> {
        match (self, arm) {
            (Self::Arms(arms), arm) => {
                arms.iter().find(|(label, _)| *label == arm).map(|(_, list)| list)
            }
            (Self::Repeat(repeating), Arm::Body) => Some(&repeating.list),
            (Self::Branches(branches), Arm::Branch(at)) => branches.lists.get(at),
            (Self::Rows(rows), arm) => rows.list(arm),
            (Self::Try(guarded), arm) => guarded.list(arm),
            (Self::Handling(handling), Arm::OnError) => Some(&handling.list),
            (Self::Handling(handling), arm) => handling.of.list(arm),
            _ => None,
        }
    }

    fn list_mut(&mut self, arm: Arm) -> Option<&mut List> {
        match (self, arm) {
            (Self::Arms(arms), arm) => {
                arms.iter_mut().find(|(label, _)| *label == arm).map(|(_, list)| list)
            }
            (Self::Branches(branches), Arm::Branch(at)) => branches.lists.get_mut(at),
            (Self::Rows(rows), arm) => rows.list_mut(arm),
            (Self::Try(guarded), arm) => guarded.list_mut(arm),
            (Self::Handling(handling), Arm::OnError) => Some(&mut handling.list),
            _ => None,
        }
    }

    /// The open list that the next segment of a path leads into, with its steps.
    pub(crate) fn inner<'a>(
        &'a self,
        step: &'a Step,
        segment: &Segment,
    ) -> Option<(&'a Block, &'a List)> {
        let arm = step.arm_of(segment)?;
        let list = match (segment, self) {
            (Segment::Item(index), Self::Loop(each)) => &each.active.get(index)?.list,
            (Segment::Item(index), Self::Repeat(repeating)) => {
                (repeating.index == *index).then_some(&repeating.list)?
            }
            (Segment::Item(_), _) => return None,
            (_, activity) => activity.list(arm)?,
        };
        Some((step.block(arm)?, list))
    }

    /// As `inner`, to change it.
    pub(super) fn inner_mut<'s>(
        &mut self,
        step: &'s Step,
        segment: &Segment,
    ) -> Option<(&'s Block, &mut List)> {
        let arm = step.arm_of(segment)?;
        let block = step.block(arm)?;
        let list = match (segment, self) {
            (Segment::Item(index), Self::Loop(each)) => &mut each.active.get_mut(index)?.list,
            (Segment::Item(index), Self::Repeat(repeating)) => {
                (repeating.index == *index).then_some(&mut repeating.list)?
            }
            (Segment::Item(_), _) => return None,
            (_, activity) => activity.list_mut(arm)?,
        };
        Some((block, list))
    }

    /// All lists that are open or were, with the segments that lead into them; those of a
    /// subflow are in its frame.
    pub(crate) fn lists<'a>(&'a self, step: &'a Step) -> Vec<(Segment, &'a Block, &'a List)> {
        let named = |arm: Arm, list: &'a List| Some((step.segment_of(arm), step.block(arm)?, list));
        match self {
            Self::None
            | Self::Call(_)
            | Self::Timer { .. }
            | Self::Ask { .. }
            | Self::Signal { .. }
            | Self::Sub(_) => Vec::new(),
            Self::Arms(arms) => arms.iter().filter_map(|(arm, list)| named(*arm, list)).collect(),
            Self::Loop(each) => {
                let Some(block) = step.block(Arm::Body) else { return Vec::new() };
                let active = each.active.iter();
                active.map(|(at, one)| (Segment::Item(*at), block, &one.list)).collect()
            }
            Self::Repeat(repeating) => {
                let block = step.block(Arm::Body).into_iter();
                block
                    .map(|block| (Segment::Item(repeating.index), block, &repeating.list))
                    .collect()
            }
            Self::Branches(branches) => {
                let lists = branches.lists.iter().enumerate();
                lists.filter_map(|(at, list)| named(Arm::Branch(at), list)).collect()
            }
            Self::Rows(rows) => {
                rows.lists.iter().filter_map(|(row, list)| named(row.row, list)).collect()
            }
            Self::Try(guarded) => {
                let StepKind::Try(kind) = &step.kind else { return Vec::new() };
                let entered = guarded.entered(kind).into_iter();
                entered.map(|(arm, block, list)| (Segment::Arm(arm), block, list)).collect()
            }
            Self::Handling(handling) => named(Arm::OnError, &handling.list).into_iter().collect(),
        }
    }

    /// After something happened in the list that a segment leads into: what that does to the
    /// others.
    pub(super) fn settle(&mut self, step: &Step, segment: &Segment, effects: &mut Effects) {
        match (self, segment) {
            (Self::Loop(each), Segment::Item(index)) => each.settle(step, *index, effects),
            (Self::Branches(branches), segment) => {
                if let Some(Arm::Branch(at)) = step.arm_of(segment) {
                    branches.settle(step, at, effects);
                }
            }
            _ => {}
        }
    }

    /// Stops what runs inside.
    pub(super) fn halt(&mut self, step: &Step, effects: &mut Effects) {
        match self {
            Self::Arms(arms) => {
                for (arm, list) in arms {
                    if let Some(block) = step.block(*arm) {
                        list.halt(block, Stop::cancel(), effects);
                    }
                }
            }
            Self::Loop(each) => each.halt(step, effects),
            Self::Repeat(repeating) => repeating.halt(step, effects),
            Self::Branches(branches) => branches.halt(step, effects),
            Self::Rows(rows) => rows.halt(step, effects),
            Self::Try(guarded) => guarded.halt(step, effects),
            Self::Sub(frame) => frame.halt(effects),
            Self::Handling(handling) => {
                if let Some(block) = step.block(Arm::OnError) {
                    handling.list.halt(block, Stop::cancel(), effects);
                }
            }
            Self::None
            | Self::Call(_)
            | Self::Timer { .. }
            | Self::Ask { .. }
            | Self::Signal { .. } => {}
        }
    }

    /// Whether what is inside is over, and how; never for a handler, which ends by its own rule.
    pub(super) fn outcome(
        &mut self,
        step: &Step,
        is_stopping: bool,
        effects: &mut Effects,
    ) -> Option<Over> {
        match self {
            Self::Arms(arms) => {
                let outcomes = arms.iter().map(|(_, list)| list.outcome());
                let outcomes: Vec<_> = outcomes.collect::<Option<_>>()?;
                Some((outcomes.into_iter().flatten().next(), None))
            }
            Self::Loop(each) => {
                each.fill(step);
                each.outcome(step)
            }
            Self::Repeat(repeating) => repeating.outcome(),
            Self::Branches(branches) => branches.outcome(step),
            Self::Rows(rows) => rows.outcome(step, effects),
            Self::Try(guarded) => {
                guarded.progress(step, is_stopping, effects).map(|stop| (stop, None))
            }
            Self::Sub(frame) => match (frame.phase, frame.end) {
                (Phase::Over, End::Failed) => {
                    let error = frame.error.clone();
                    Some((error.map(|error| Stop::Error(Box::new(error))), None))
                }
                (Phase::Over, End::Cancelled) => Some((Some(Stop::cancel()), None)),
                // A subflow that succeeded ends with its `Outputs`.
                (Phase::Body | Phase::Handler | Phase::Finally | Phase::Over, _) => None,
            },
            Self::Handling(_)
            | Self::None
            | Self::Call(_)
            | Self::Timer { .. }
            | Self::Ask { .. }
            | Self::Signal { .. } => None,
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
            | Self::Repeat(_)
            | Self::Branches(_)
            | Self::Rows(_)
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
            | Self::Repeat(_)
            | Self::Branches(_)
            | Self::Rows(_)
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
