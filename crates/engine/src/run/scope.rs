//! The names that an expression or text of a step can see: SEMANTICS section 1.

use std::borrow::Cow;

use linchpin_language::{Map, Scope, Value, json, unknown};

use super::Run;
use super::frame::Frame;
use super::state::{Activity, List, Slot, StepState};
use crate::error::RunError;
use crate::flow::{Arm, Block, Step, StepKind};

static NULL: Value = Value::Null;

/// A chain of what stands around a step, innermost first.
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    parent: Option<&'a Env<'a>>,
    layer: Layer<'a>,
}

#[derive(Clone, Copy)]
enum Layer<'a> {
    /// The roots of a flow or subflow: nothing around it is seen.
    Frame(&'a Run, &'a Frame),
    List(&'a Block, &'a List),
    Item {
        name: &'a str,
        item: &'a Value,
        index: u64,
    },
    /// A repeat: only which time it is.
    Index(u64),
    Error(&'a RunError),
    /// What the call itself gave, in its `undo`.
    Output(&'a Value),
    /// The output of the step itself, in its `collect`.
    Lists(&'a [(Arm, &'a Block, &'a List)]),
}

impl<'a> Env<'a> {
    pub(crate) fn frame(run: &'a Run, frame: &'a Frame) -> Self {
        Self { parent: None, layer: Layer::Frame(run, frame) }
    }

    pub(crate) fn list(&'a self, block: &'a Block, list: &'a List) -> Self {
        Self { parent: Some(self), layer: Layer::List(block, list) }
    }

    pub(crate) fn item(&'a self, name: &'a str, item: &'a Value, index: u64) -> Self {
        Self { parent: Some(self), layer: Layer::Item { name, item, index } }
    }

    pub(crate) fn index(&'a self, index: u64) -> Self {
        Self { parent: Some(self), layer: Layer::Index(index) }
    }

    pub(crate) fn error(&'a self, error: &'a RunError) -> Self {
        Self { parent: Some(self), layer: Layer::Error(error) }
    }

    /// The output of the call whose `undo` is read.
    pub(crate) fn output(&'a self, output: &'a Value) -> Self {
        Self { parent: Some(self), layer: Layer::Output(output) }
    }

    /// What a handler guards: all its steps can be read.
    pub(crate) fn lists(&'a self, lists: &'a [(Arm, &'a Block, &'a List)]) -> Self {
        Self { parent: Some(self), layer: Layer::Lists(lists) }
    }

    fn layers(&'a self) -> impl Iterator<Item = Layer<'a>> {
        std::iter::successors(Some(self), |env| env.parent).map(|env| env.layer)
    }

    fn record_of_all(&self) -> Value {
        let mut all = Map::new();
        for layer in self.layers() {
            match layer {
                Layer::List(block, list) => records(block, list, &mut all),
                Layer::Lists(lists) => {
                    for (_, block, list) in lists {
                        records(block, list, &mut all);
                    }
                }
                Layer::Frame(_, frame) => frame_records(frame, &mut all),
                Layer::Item { .. } | Layer::Index(_) | Layer::Error(_) | Layer::Output(_) => {}
            }
        }
        Value::Object(all)
    }
}

impl Scope for Env<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        if name == "steps" {
            return Some(Cow::Owned(self.record_of_all()));
        }
        for layer in self.layers() {
            let found = match layer {
                Layer::List(block, list) => find(block, list, name),
                Layer::Lists(lists) => {
                    lists.iter().find_map(|(_, block, list)| find(block, list, name))
                }
                Layer::Item { name: own, item, index } => match name {
                    "iteration" => Some(Cow::Owned(json!({ "index": index }))),
                    _ => (own == name).then_some(Cow::Borrowed(item)),
                },
                Layer::Index(index) => {
                    (name == "iteration").then(|| Cow::Owned(json!({ "index": index })))
                }
                Layer::Output(output) => (name == "output").then_some(Cow::Borrowed(output)),
                Layer::Error(error) => (name == "error").then(|| Cow::Owned(error.as_value())),
                Layer::Frame(run, frame) => root(run, frame, name),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn why_null(&self, name: &str) -> Option<String> {
        let state = self.layers().find_map(|layer| match layer {
            Layer::List(block, list) => state_of(block, list, name),
            Layer::Lists(lists) => {
                lists.iter().find_map(|(_, block, list)| state_of(block, list, name))
            }
            Layer::Frame(_, frame) => {
                frame.list(None).and_then(|(block, list)| state_of(block, list, name))
            }
            Layer::Item { .. } | Layer::Index(_) | Layer::Error(_) | Layer::Output(_) => None,
        })?;
        Some(match state {
            StepState::Skipped => "the step was skipped".to_owned(),
            StepState::Caught => "the step failed, and its on_error let the flow go on".to_owned(),
            StepState::Pending => "the step was not reached".to_owned(),
            StepState::Succeeded => "the step has no output".to_owned(),
            StepState::Running
            | StepState::Waiting
            | StepState::Held
            | StepState::Failed
            | StepState::Cancelled => format!("the step is {}", state.as_str()),
        })
    }
}

fn root<'a>(run: &'a Run, frame: &'a Frame, name: &str) -> Option<Cow<'a, Value>> {
    Some(match name {
        "inputs" => Cow::Borrowed(&*frame.inputs),
        "vars" => Cow::Owned(Value::Object(frame.vars.clone())),
        "flow" => {
            let flow = &frame.plan.flow;
            let about = json!({
                "name": flow.name, "owner": flow.owner, "description": flow.description,
            });
            Cow::Owned(about)
        }
        "trigger" => Cow::Borrowed(&run.accepted.trigger),
        "run" => Cow::Owned(run.as_value()),
        // In a handler whose flow did not fail, and in a `finally` after success.
        "error" => match &frame.error {
            Some(error) => Cow::Owned(error.as_value()),
            None => Cow::Borrowed(&NULL),
        },
        _ => {
            let (block, list) = frame.list(None)?;
            // A handler of the flow reads the steps that it guards.
            return find(block, list, name);
        }
    })
}

/// The output of the step `name` of a list, or inside a block of it that can be read from
/// outside.
fn find<'a>(block: &'a Block, list: &'a List, name: &str) -> Option<Cow<'a, Value>> {
    for (step, slot) in block.steps.iter().zip(&list.slots) {
        if step.id.as_ref().is_some_and(|id| id.value == name) {
            return Some(if slot.may { may_run(name) } else { Cow::Borrowed(output(slot)) });
        }
        let inside = open_blocks(step).into_iter().find_map(|(arm, inner)| {
            match slot.activity.list(arm) {
                Some(inner_list) => {
                    let found = find(inner, inner_list, name);
                    let is_open = slot.may || is_uncertain(slot, arm);
                    found.map(|value| if is_open { may_run(name) } else { value })
                }
                // The arm was not taken: its steps are null.
                None => holds(inner, name).then_some(Cow::Borrowed(&NULL)),
            }
        });
        if inside.is_some() {
            return inside;
        }
    }
    None
}

/// The state of the step `name`, looked up as its output is.
fn state_of(block: &Block, list: &List, name: &str) -> Option<StepState> {
    block.steps.iter().zip(&list.slots).find_map(|(step, slot)| {
        if step.id.as_ref().is_some_and(|id| id.value == name) {
            return Some(slot.state);
        }
        open_blocks(step).into_iter().find_map(|(arm, inner)| match slot.activity.list(arm) {
            Some(inner_list) => state_of(inner, inner_list, name),
            None => holds(inner, name).then_some(StepState::Skipped),
        })
    })
}

/// The output of a step of which it is not known whether it runs (dry runs only).
fn may_run(name: &str) -> Cow<'static, Value> {
    Cow::Owned(unknown(name, "any", &format!("{name}, which may run")))
}

/// Whether it is unknown that the steps of an arm ran, or ran for the last time (dry runs only).
fn is_uncertain(slot: &Slot, arm: Arm) -> bool {
    let is_uncertain = match &slot.activity {
        Activity::Repeat(repeating) => repeating.is_unknown,
        Activity::Rows(rows) => rows.may(arm),
        Activity::Try(guarded) => guarded.may(arm),
        Activity::None
        | Activity::Arms(_)
        | Activity::Call(_)
        | Activity::Timer { .. }
        | Activity::Ask { .. }
        | Activity::Signal { .. }
        | Activity::Loop(_)
        | Activity::Branches(_)
        | Activity::Sub(_)
        | Activity::Handling(_) => false,
    };
    slot.state.is_ended() && is_uncertain
}

fn output(slot: &Slot) -> &Value {
    slot.output.as_deref().unwrap_or(&NULL)
}

fn holds(block: &Block, name: &str) -> bool {
    block.steps.iter().any(|step| {
        step.id.as_ref().is_some_and(|id| id.value == name)
            || open_blocks(step).iter().any(|(_, inner)| holds(inner, name))
    })
}

/// The blocks of a step whose steps can be read after it: not those of a loop.
fn open_blocks(step: &Step) -> Vec<(Arm, &Block)> {
    match &step.kind {
        StepKind::ForEach(_) => Vec::new(),
        StepKind::Call(_)
        | StepKind::Subflow(_)
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
        | StepKind::Break => step.blocks(),
    }
}

fn records(block: &Block, list: &List, all: &mut Map<String, Value>) {
    for (step, slot) in block.steps.iter().zip(&list.slots) {
        if let Some(id) = &step.id {
            all.entry(id.value.clone()).or_insert_with(|| record(slot));
        }
        for (arm, inner) in open_blocks(step) {
            if let Some(inner_list) = slot.activity.list(arm) {
                records(inner, inner_list, all);
            }
        }
    }
}

fn frame_records(frame: &Frame, all: &mut Map<String, Value>) {
    for arm in [None, Some(Arm::OnError), Some(Arm::OnCancel), Some(Arm::Finally)] {
        if let Some((block, list)) = frame.list(arm) {
            records(block, list, all);
        }
    }
}

fn record(slot: &Slot) -> Value {
    json!({
        "status": slot.state.as_str(),
        "output": slot.output.as_deref(),
        "error": slot.error.as_ref().map(|error| error.as_value()),
        "attempts": slot.attempts,
        "started_at": slot.started_at.map(|at| at.to_string()),
        "ended_at": slot.ended_at.map(|at| at.to_string()),
    })
}
