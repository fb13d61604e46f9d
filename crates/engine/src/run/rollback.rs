//! What takes back the writes of a run: known as each write is, called newest first.
//!
//! The calls are ordinary ones, each in a slot of its own beside the tree of steps, under the path
//! `#undo[N].STEP`. One that fails or is held does not stop the others.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use linchpin_connector::ErrorKind;
use linchpin_language::{Span, Template, Value, json};
use serde::{Deserialize, Serialize};

use super::Run;
use super::apply::Change;
use super::scan::{Scan, is_idle};
use super::scope::Env;
use super::state::{Effects, Mismatch, Slot, StepState};
use crate::catalog::{ActionFacts, Catalog};
use crate::command::{Command, RunAction};
use crate::error::RunError;
use crate::event::{Found, Undoable};
use crate::flow::{Call, Located, OnError, Step, StepKind};
use crate::path::{Segment, StepPath};
use crate::run::scan::Place;

/// The first segment of the paths of these calls; no id is like it.
const ROOT: &str = "#undo";

/// What stands for the step of each of these calls.
static STEP: LazyLock<Step> = LazyLock::new(|| {
    let span = Span::default();
    let nothing = || Located { value: String::new(), span };
    let with = Template::from_value(&json!({})).expect("an empty map is a template");
    let call = Call {
        alias: nothing(),
        action: nothing(),
        with: Located { value: with, span },
        connection: None,
        retry: crate::retry::RetryPolicy::default(),
        undo: None,
    };
    Step {
        segment: Arc::from(ROOT),
        id: None,
        name: None,
        guard: None,
        after: None,
        timeout: None,
        on_error: OnError::Stop,
        kind: StepKind::Call(call),
        span,
    }
});

/// A write that can be taken back.
#[derive(Debug, Serialize, Deserialize)]
struct Undo {
    call: Arc<Undoable>,
    is_done: bool,
}

/// The writes of a run that can be taken back, and the calls that do it once they have begun.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Undos {
    all: Vec<Undo>,
    /// Where the newest of each step and part is.
    #[serde(with = "super::snapshot::pairs")]
    places: BTreeMap<(StepPath, u32), usize>,
    /// Which part of a step's writes comes next.
    parts: BTreeMap<StepPath, u32>,
    slots: BTreeMap<u64, Slot>,
    /// Whether they were ever begun.
    is_begun: bool,
    /// Whether they are being stopped: nothing new is called.
    is_halted: bool,
    /// How many writes cannot be taken back because nothing says how, by step.
    lasting: BTreeMap<StepPath, u64>,
}

impl Undos {
    pub(super) fn register(&mut self, undoable: &Undoable) {
        let key = (undoable.path.clone(), undoable.part);
        let undo = Undo { call: Arc::new(undoable.clone()), is_done: false };
        match self.places.get(&key).copied().filter(|at| !self.all[*at].is_done) {
            Some(at) => self.all[at] = undo,
            None => {
                self.places.insert(key, self.all.len());
                self.all.push(undo);
            }
        }
    }

    /// Notes what a read-back has found. After a part, what was registered for the step stays:
    /// what it still writes is another part.
    pub(super) fn found(&mut self, path: &StepPath, verdict: &Found) {
        if !matches!(verdict, Found::NotDone) {
            self.wrote(path);
        }
        if matches!(verdict, Found::Part(_)) {
            *self.parts.entry(path.clone()).or_default() += 1;
        }
    }

    /// Begins to take back all that is left, unless that is under way.
    pub(super) fn begin(&mut self) {
        if !self.is_over() && !self.is_halted {
            return;
        }
        let mut under_way = std::mem::take(&mut self.slots);
        under_way.retain(|_, slot| !slot.state.is_ended());
        let left = self.all.iter().enumerate();
        let left = left.filter(|(_, undo)| !undo.is_done && undo.call.problem.is_none());
        let left = left.map(|(at, _)| at as u64);
        self.slots = left.map(|at| (at, under_way.remove(&at).unwrap_or_default())).collect();
        self.is_begun = true;
        self.is_halted = false;
    }

    /// Stops to take back: what may have been sent is waited for, the rest is left.
    pub(super) fn halt(&mut self, effects: &mut Effects) {
        self.is_halted = true;
        for slot in self.slots.values_mut() {
            slot.halt(&STEP, effects);
        }
    }

    /// Notes a write; what takes it back was registered before, if anything does.
    pub(super) fn wrote(&mut self, path: &StepPath) {
        let parts = (path.clone(), 0)..=(path.clone(), u32::MAX);
        if self.places.range(parts).next().is_none() {
            self.lasts(path);
        }
    }

    /// Notes a write that nothing takes back.
    pub(super) fn lasts(&mut self, path: &StepPath) {
        if !is_undo(path) {
            *self.lasting.entry(without_items(path)).or_default() += 1;
        }
    }

    pub(super) fn drop_all(&mut self) {
        self.slots.clear();
    }

    pub(super) fn is_over(&self) -> bool {
        self.slots.values().all(|slot| slot.state.is_ended())
    }

    fn path(&self, at: u64) -> StepPath {
        let leaf = self.all[at as usize].call.path.leaf();
        let root = StepPath::default().with(Segment::Step(Arc::from(ROOT)));
        root.with(Segment::Item(at)).with(Segment::Step(Arc::from(leaf)))
    }

    pub(super) fn slot_mut(&mut self, path: &StepPath) -> Option<&mut Slot> {
        self.slots.get_mut(&place_of(path)?)
    }

    fn slot(&self, path: &StepPath) -> Option<&Slot> {
        self.slots.get(&place_of(path)?)
    }

    pub(super) fn apply(
        &mut self,
        change: Change<'_>,
        effects: &mut Effects,
    ) -> Result<(), Mismatch> {
        let at = place_of(change.path);
        let slot = at.and_then(|at| self.slots.get_mut(&at));
        let slot = slot.ok_or_else(|| change.mismatch("nothing is taken back"))?;
        slot.change(&STEP, self.is_halted, change, effects)?;
        if slot.state == StepState::Succeeded
            && let Some(undo) = at.and_then(|at| self.all.get_mut(at as usize))
        {
            undo.is_done = true;
        }
        Ok(())
    }
}

fn place_of(path: &StepPath) -> Option<u64> {
    match path.segments() {
        [Segment::Step(root), Segment::Item(at), Segment::Step(_)] if &**root == ROOT => Some(*at),
        _ => None,
    }
}

/// The step in the flow, whatever the iteration: a long loop is one line of what lasts.
fn without_items(path: &StepPath) -> StepPath {
    let steps = path.segments().iter().filter(|segment| !matches!(segment, Segment::Item(_)));
    steps.fold(StepPath::default(), |path, segment| path.with(segment.clone()))
}

/// Whether a path is that of a call that takes something back.
pub(super) fn is_undo(path: &StepPath) -> bool {
    place_of(path).is_some()
}

/// A write of a run that is not taken back.
#[derive(Clone, Debug)]
pub struct UndoLeft {
    /// The path of the call that takes it back.
    pub path: StepPath,
    /// The call.
    pub call: Arc<Undoable>,
    /// Why it could not be taken back when that was tried.
    pub error: Option<String>,
}

impl Run {
    /// The writes that are not taken back, newest first.
    pub fn undo_left(&self) -> Vec<UndoLeft> {
        let left = self.undos.all.iter().enumerate().rev().filter(|(_, undo)| !undo.is_done);
        left.map(|(at, undo)| {
            let slot = self.undos.slots.get(&(at as u64));
            let error = slot.and_then(|slot| slot.error.as_ref());
            UndoLeft {
                path: self.undos.path(at as u64),
                call: Arc::clone(&undo.call),
                error: error.map(|error| error.message.clone()).or(undo.call.problem.clone()),
            }
        })
        .collect()
    }

    /// How many writes cannot be taken back because nothing says how, by step.
    pub fn lasting(&self) -> &BTreeMap<StepPath, u64> {
        &self.undos.lasting
    }

    /// Whether any change of the run was taken back, or tried to be.
    pub fn was_undone(&self) -> bool {
        self.undos.is_begun
    }

    /// Whether the call at a path takes something back.
    pub fn is_undo(&self, path: &StepPath) -> bool {
        is_undo(path)
    }

    /// Which part of a step's writes is being written.
    pub fn undo_part(&self, path: &StepPath) -> u32 {
        self.undos.parts.get(path).copied().unwrap_or_default()
    }

    /// What the flow says takes back the write of a step; none when it says nothing. `output` is
    /// what the call gave, null when it has not ended.
    pub fn undo_of(&self, path: &StepPath, output: &Value) -> Option<Undoable> {
        let (_, step, _) = self.locate(path)?;
        let StepKind::Call(call) = &step.kind else { return None };
        call.undo.as_ref()?;
        Scan::probe(self, path, output)
    }

    /// How many changes are taken back and why others are not; none while calls are under way.
    pub(crate) fn rolled_back(&self) -> Option<(usize, Vec<RunError>)> {
        if !self.undos.is_over() {
            return None;
        }
        let failures = self.undo_left().into_iter().map(|left| {
            let slot = self.undos.slot(&left.path).and_then(|slot| slot.error.as_ref());
            let kind = slot.map_or(ErrorKind::InvalidInput, |error| error.kind);
            let why = left.error.as_deref().unwrap_or("it was stopped");
            RunError::new(kind, format!("{}: {why}", left.call.path), &left.path)
        });
        let done = self.undos.slots.values().filter(|slot| slot.state == StepState::Succeeded);
        Some((done.count(), failures.collect()))
    }

    pub(super) fn locate_undo(&self, path: &StepPath) -> Option<(&Step, &Slot)> {
        Some((&*STEP, self.undos.slot(path)?))
    }

    /// The facts of the action that takes something back.
    pub(super) fn undo_facts(&self, path: &StepPath) -> Option<&ActionFacts> {
        let call = &self.undos.all.get(place_of(path)? as usize)?.call;
        self.program.actions.get(&format!("{}.{}", call.spoke, call.action))
    }

    pub(super) fn visit_undos<'a>(&'a self, see: &mut dyn FnMut(&StepPath, &'a Step, &'a Slot)) {
        for (at, slot) in &self.undos.slots {
            see(&self.undos.path(*at), &STEP, slot);
        }
    }
}

impl Scan<'_> {
    /// Asks for the next of these calls: one at a time, past those that are held.
    pub(super) fn undos(&mut self) {
        let run = self.run;
        for (at, slot) in run.undos.slots.iter().rev() {
            if slot.state.is_ended() || slot.state == StepState::Held {
                continue;
            }
            self.path = run.undos.path(*at);
            self.undo(&run.undos.all[*at as usize].call, slot);
            self.path = StepPath::default();
            return;
        }
    }

    fn undo(&mut self, call: &Undoable, slot: &Slot) {
        let calling = slot.activity.calling();
        if let Some(calling) = calling {
            if !is_idle(calling) {
                return;
            }
            if let Some(at) = calling.retry_at {
                if calling.armed.is_none() {
                    self.timer(at);
                }
                return;
            }
        }
        if self.run.is_paused {
            return;
        }
        let op = self.op();
        self.commands.push(Command::Run(Box::new(RunAction {
            op,
            path: self.path.clone(),
            alias: call.alias.clone(),
            action: call.action.clone(),
            input: Arc::clone(&call.input),
            attempt: slot.attempts + 1,
            timeout: self.run.program.root.flow.defaults.timeout,
            intent: calling.and_then(|calling| calling.intent.clone()),
            wrote: calling.map_or_else(Vec::new, |calling| calling.wrote.clone()),
            may: false,
        })));
    }

    /// Renders the `undo` of a call where the call stands.
    pub(super) fn render_undo(&self, place: Place<'_>, call: &Call, output: &Value) -> Undoable {
        let undo = call.undo.as_deref().unwrap_or(call);
        let env: Env<'_> = place.env.output(output);
        let (input, mut problem) = match undo.with.value.render(&env) {
            Ok(input) => (input, None),
            Err(error) => (Value::Null, Some(format!("undo.with: {}", error.message))),
        };
        // Where it says nothing else, it goes where the call went.
        let is_same = undo.alias.value == call.alias.value;
        let connection = undo.connection.as_ref().or(call.connection.as_ref().filter(|_| is_same));
        let alias = match connection.map(|text| text.value.render_string(&env)) {
            None => undo.alias.value.clone(),
            Some(Ok(alias)) => alias,
            Some(Err(error)) => {
                problem.get_or_insert(format!("undo.connection: {}", error.message));
                undo.alias.value.clone()
            }
        };
        let declared = &place.frame.plan.flow.connections;
        Undoable {
            path: self.path.clone(),
            part: self.run.undo_part(&self.path),
            alias: crate::logic::call::resolve(place.frame, &alias),
            spoke: Catalog::spoke_of(declared, &undo.alias.value).to_owned(),
            action: undo.action.value.clone(),
            input: Arc::new(input),
            problem,
        }
    }
}
