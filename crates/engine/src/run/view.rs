//! What a run shows of itself: where each open step stands, what it waits for, who is asked.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use jiff::Timestamp;
use linchpin_language::Value;

use super::Run;
use super::frame::Frame;
use super::state::{Activity, List, Slot, StepState};
use crate::flow::{Arm, AskField, Block, Step, StepKind};
use crate::path::{Segment, StepPath};

/// A step as it stands now.
#[derive(Clone, Debug)]
pub struct StepView {
    /// Its place.
    pub path: StepPath,
    /// Its state.
    pub state: StepState,
    /// What it waits for.
    pub waiting: Option<Waiting>,
}

/// What a step waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Waiting {
    /// An instant.
    Until(Timestamp),
    /// The next attempt after a failure.
    Retry(Timestamp),
    /// A person's answer.
    Answer {
        /// Who is asked.
        of: String,
    },
    /// A person's yes or no.
    Approval {
        /// Who may say it.
        of: String,
    },
    /// A signal.
    Signal {
        /// Its name.
        name: String,
    },
    /// A person's ruling, and why.
    Ruling(String),
}

/// A question that nobody has answered yet.
#[derive(Clone, Debug)]
pub struct OpenAsk<'a> {
    /// The step that asks.
    pub path: StepPath,
    /// The form.
    pub form: &'a IndexMap<String, AskField>,
    /// The label of the button.
    pub submit: Option<&'a str>,
    /// Whether it is answered with yes or no beside the form.
    pub is_approval: bool,
    /// Who is asked; for an approval all who may give it, with commas.
    pub of: &'a str,
    /// The question.
    pub message: Option<&'a str>,
    /// The rendered inputs of each `choices_from`, by field.
    pub choices: &'a BTreeMap<String, Value>,
    /// The aliases of the environment, by field.
    pub aliases: BTreeMap<String, String>,
}

/// How a run that has not ended is shown: derived, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not begun.
    Queued,
    /// Something is in flight.
    Running,
    /// Nothing is in flight.
    Waiting,
    /// A step is held.
    NeedsAttention,
    /// An operator paused it.
    Paused,
    /// It is being cancelled.
    Cancelling,
}

impl Run {
    /// The steps that are neither pending nor ended, in order, blocks before what is in them.
    pub fn open_steps(&self) -> Vec<StepView> {
        let mut open = Vec::new();
        self.visit(&mut |path, _, step, slot| {
            if slot.state != StepState::Pending && !slot.state.is_ended() {
                let (path, state) = (path.clone(), slot.state);
                open.push(StepView { path, state, waiting: slot.waiting(step) });
            }
        });
        open
    }

    /// The steps that are held because something was not there that they need: each may simply try
    /// again.
    pub fn blocked(&self) -> Vec<StepPath> {
        let mut blocked = Vec::new();
        self.visit(&mut |path, _, _, slot| {
            if slot.state == StepState::Held && slot.blocked {
                blocked.push(path.clone());
            }
        });
        blocked
    }

    /// The questions that wait for a person.
    pub fn asks(&self) -> Vec<OpenAsk<'_>> {
        let mut asks = Vec::new();
        self.visit(&mut |path, frame, step, slot| {
            let Activity::Ask { of, message, choices } = &slot.activity else { return };
            if slot.state != StepState::Waiting {
                return;
            }
            let (form, submit) = if let StepKind::Ask(ask) = &step.kind {
                (&ask.form, ask.submit.as_deref())
            } else if let StepKind::Approval(approval) = &step.kind {
                (&approval.form, None)
            } else {
                return;
            };
            let aliases = form.iter().filter_map(|(name, field)| {
                let alias = &field.choices.as_ref()?.call.alias.value;
                Some((name.clone(), crate::logic::call::resolve(frame, alias)))
            });
            asks.push(OpenAsk {
                path: path.clone(),
                form,
                submit,
                is_approval: matches!(step.kind, StepKind::Approval(_)),
                of,
                message: message.as_deref(),
                choices,
                aliases: aliases.collect(),
            });
        });
        asks
    }

    /// How the run is shown while it has not ended.
    pub fn standing(&self) -> Standing {
        let open = self.open_steps();
        let has = |state| open.iter().any(|step| step.state == state);
        let in_flight = open.iter().any(|step| {
            step.state == StepState::Running
                && step.waiting.is_none()
                && !open.iter().any(|inner| is_inside(&inner.path, &step.path))
        });
        match () {
            () if has(StepState::Held) => Standing::NeedsAttention,
            () if self.is_cancelling => Standing::Cancelling,
            () if self.is_paused => Standing::Paused,
            () if !self.is_begun() => Standing::Queued,
            () if in_flight || open.is_empty() => Standing::Running,
            () => Standing::Waiting,
        }
    }

    /// The state of a step and when it ended; `None` when the run does not keep it any more.
    pub(crate) fn step_end(&self, path: &StepPath) -> Option<(StepState, Option<Timestamp>)> {
        self.locate(path).map(|(_, _, slot)| (slot.state, slot.ended_at))
    }

    pub(super) fn visit<'a>(
        &'a self,
        see: &mut dyn FnMut(&StepPath, &'a Frame, &'a Step, &'a Slot),
    ) {
        visit_frame(&self.root, &mut StepPath::default(), see);
        self.visit_undos(&mut |path, step, slot| see(path, &self.root, step, slot));
    }
}

fn is_inside(path: &StepPath, block: &StepPath) -> bool {
    path != block && path.segments().starts_with(block.segments())
}

type See<'s, 'a> = &'s mut dyn FnMut(&StepPath, &'a Frame, &'a Step, &'a Slot);

fn visit_frame<'a>(frame: &'a Frame, path: &mut StepPath, see: See<'_, 'a>) {
    for arm in [None, Some(Arm::OnError), Some(Arm::OnCancel), Some(Arm::Finally)] {
        let Some((block, list)) = frame.list(arm) else { continue };
        if let Some(arm) = arm {
            path.push(Segment::Arm(arm));
        }
        visit_list(frame, block, list, path, see);
        if arm.is_some() {
            path.pop();
        }
    }
}

fn visit_list<'a>(
    frame: &'a Frame,
    block: &'a Block,
    list: &'a List,
    path: &mut StepPath,
    see: See<'_, 'a>,
) {
    for (step, slot) in block.steps.iter().zip(&list.slots) {
        path.push(Segment::Step(step.segment.clone()));
        see(path, frame, step, slot);
        for (segment, inner, list) in slot.activity.lists(step) {
            path.push(segment);
            visit_list(frame, inner, list, path, see);
            path.pop();
        }
        if let Activity::Sub(inner) = &slot.activity {
            path.push(Segment::Arm(Arm::Flow));
            visit_frame(inner, path, see);
            path.pop();
        }
        path.pop();
    }
}

impl Slot {
    fn waiting(&self, step: &Step) -> Option<Waiting> {
        if let Some(reason) = &self.held {
            return Some(Waiting::Ruling(reason.clone()));
        }
        match &self.activity {
            Activity::Timer { at, .. } => Some(Waiting::Until(*at)),
            Activity::Ask { of, .. } if matches!(step.kind, StepKind::Approval(_)) => {
                Some(Waiting::Approval { of: of.clone() })
            }
            Activity::Repeat(repeating) => repeating.pause.map(|(at, _)| Waiting::Until(at)),
            Activity::Ask { of, .. } => Some(Waiting::Answer { of: of.clone() }),
            Activity::Signal { name } => Some(Waiting::Signal { name: name.clone() }),
            activity @ (Activity::Call(_) | Activity::Loop(_)) => {
                activity.calling().and_then(|calling| calling.retry_at).map(Waiting::Retry)
            }
            Activity::None
            | Activity::Arms(_)
            | Activity::Branches(_)
            | Activity::Rows(_)
            | Activity::Try(_)
            | Activity::Sub(_)
            | Activity::Handling(_) => None,
        }
    }
}
