//! The interpreter: `apply` takes in an event, `next` says what is to be done.
//!
//! A pure state machine. It has no clock but the newest event, and no concurrency: what is
//! pending belongs to the host. See `docs/ARCHITECTURE.md`, "Life of a run".

#![warn(clippy::wildcard_enum_match_arm)]

mod activity;
pub(crate) mod apply;
mod decided;
mod ending;
pub(crate) mod frame;
mod people;
mod reopen;
mod rollback;
mod ruling;
pub(crate) mod scan;
mod scope;
mod signals;
pub(crate) mod snapshot;
pub(crate) mod state;
mod times;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::Effect;
use linchpin_language::{Value, json};
use serde::{Deserialize, Serialize};

pub use self::rollback::UndoLeft;
pub use self::ruling::{AfterFailure, Certainty};
pub use self::snapshot::Snapshot;
pub use self::state::{Mismatch, StepState};
pub use self::view::{OpenAsk, Standing, StepView, Waiting};

use self::apply::Change;
use self::frame::{End, Frame, Phase};
use self::rollback::Undos;
use self::scan::Scan;
use self::signals::Signals;
use self::state::{Activity, Effects, List, Slot};
use crate::command::Command;
use crate::event::{Accepted, Control, Decision, Entry, Event, Outcome, Ruling};
use crate::flow::{Arm, Step};
use crate::path::{Segment, StepPath};
use crate::plan::Program;

/// A run, as its journal makes it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    #[serde(skip, default = "snapshot::program")]
    pub(crate) program: Arc<Program>,
    #[serde(skip, default = "snapshot::accepted")]
    accepted: Arc<Accepted>,
    root: Frame,
    pub(crate) now: Timestamp,
    started_at: Timestamp,
    next_op: u64,
    position: u64,
    /// When it left the queue.
    begun_at: Option<Timestamp>,
    /// The timer of the flow's own `timeout`, once asked for.
    armed: Option<u64>,
    pub(crate) is_paused: bool,
    is_cancelling: bool,
    ended: Option<Outcome>,
    caught: u64,
    /// Changes made so far, by effect.
    changes: BTreeMap<Effect, u64>,
    /// Limits that a person let this run pass.
    raised: BTreeSet<Effect>,
    cancels: Vec<u64>,
    /// What takes its writes back.
    pub(crate) undos: Undos,
    /// How it had ended before its changes were taken back.
    pub(crate) reopened: Option<Outcome>,
    /// Those that no step waited for yet.
    pub(crate) signals: Signals,
    /// It may have ended already (dry runs only).
    #[serde(skip)]
    pub(crate) may_be_over: bool,
}

/// What `next` asks for: the decisions to journal, already applied, and the commands.
#[derive(Debug, Default)]
pub struct Turn {
    /// To be appended in this order, together with what led to them.
    pub entries: Vec<Entry>,
    /// To be started in this order.
    pub commands: Vec<Command>,
}

impl Run {
    /// The run that its first entry describes.
    pub fn new(program: Arc<Program>, entry: &Entry) -> Result<Self, Mismatch> {
        let Event::Accepted(accepted) = &entry.event else {
            return Err(Mismatch("the first event is not `accepted`".to_owned()));
        };
        if accepted.version != crate::event::VERSION {
            let (found, known) = (accepted.version, crate::event::VERSION);
            return Err(Mismatch(format!("interpreter version {found}, this is {known}")));
        }
        let (plan, inputs) = (Arc::clone(&program.root), Arc::clone(&accepted.inputs));
        let root = Frame::new(plan, inputs, accepted.aliases.clone());
        Ok(Self {
            root,
            program,
            accepted: Arc::clone(accepted),
            now: entry.at,
            started_at: entry.at,
            next_op: 1,
            position: 1,
            begun_at: None,
            armed: None,
            is_paused: false,
            is_cancelling: false,
            ended: None,
            caught: 0,
            changes: BTreeMap::new(),
            raised: BTreeSet::new(),
            cancels: Vec::new(),
            undos: Undos::default(),
            reopened: None,
            signals: Signals::default(),
            may_be_over: false,
        })
    }

    /// The run after all of a journal. Evaluates nothing, and asks for nothing: `next` does.
    pub fn replay(program: Arc<Program>, entries: &[Entry]) -> Result<Self, Mismatch> {
        let (first, rest) =
            entries.split_first().ok_or_else(|| Mismatch("the journal is empty".to_owned()))?;
        let mut run = Self::new(program, first)?;
        for entry in rest {
            run.apply(entry)?;
        }
        Ok(run)
    }

    fn decided(
        &mut self,
        path: &StepPath,
        decision: &Decision,
        event: &Event,
        effects: &mut Effects,
    ) -> Result<(), Mismatch> {
        if path.segments().is_empty() && *decision == Decision::May {
            self.may_be_over = true;
            return Ok(());
        }
        self.pass_down(path, event, effects)?;
        if let Decision::Received { name, .. } = decision {
            self.signals.take(name);
        } else if *decision == Decision::Undo {
            self.undos.begin();
        }
        Ok(())
    }

    /// Takes in one event. An event that the run has no place for changes nothing.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Mismatch> {
        let mut effects = Effects { now: self.now.max(entry.at), ..Effects::default() };
        let raised = self.raised_by(&entry.event);
        self.now = effects.now;
        match &entry.event {
            Event::Accepted(_) => return Err(Mismatch("a second `accepted`".to_owned())),
            Event::Begun => self.begun_at = Some(effects.now),
            Event::Captured(captured) => self.next_op = self.next_op.max(captured.op + 1),
            Event::Woke { path } if path.segments().is_empty() => self.timed_out(&mut effects),
            Event::Signalled { name, payload, .. } => self.signals.keep(name, payload)?,
            Event::Undoable(undoable) => self.undos.register(undoable),
            Event::Controlled { control, .. } => self.controlled(*control, &mut effects)?,
            Event::Ended { outcome } => self.ended = Some(outcome.clone()),
            Event::Decided { path, decision } => {
                self.decided(path, decision, &entry.event, &mut effects)?;
            }
            Event::Verified { path, verdict } => {
                self.pass_down(path, &entry.event, &mut effects)?;
                self.undos.found(path, verdict);
            }
            Event::Resolved { path, ruling, .. } => {
                let was_sent = self.locate(path).is_some_and(|(_, _, slot)| slot.is_in_doubt());
                self.pass_down(path, &entry.event, &mut effects)?;
                // What it wrote is not known, and so not what takes it back.
                if was_sent && matches!(ruling, Ruling::Done(_)) {
                    self.undos.lasts(path);
                }
            }
            Event::Page { path, .. }
            | Event::Woke { path }
            | Event::Answered { path, .. }
            | Event::Approval { path, .. }
            | Event::Held { path, .. } => self.pass_down(path, &entry.event, &mut effects)?,
            Event::Intended(intended) => {
                self.pass_down(&intended.path, &entry.event, &mut effects)?;
                self.next_op = self.next_op.max(intended.op + 1);
            }
            Event::Succeeded(succeeded) => {
                self.pass_down(&succeeded.path, &entry.event, &mut effects)?;
                self.next_op = self.next_op.max(succeeded.op + 1);
                *self.changes.entry(succeeded.effect).or_default() += succeeded.changes;
                if succeeded.wrote.as_ref().is_some_and(|wrote| wrote.effect.is_write()) {
                    self.undos.wrote(&succeeded.path);
                }
            }
            Event::Failed(failed) => {
                self.pass_down(&failed.path, &entry.event, &mut effects)?;
                self.next_op = self.next_op.max(failed.op + 1);
            }
        }
        if let Some(effect) = raised {
            self.raised.insert(effect);
        }
        self.position += 1;
        self.caught += effects.caught;
        self.cancels.extend(effects.cancels);
        Ok(())
    }

    fn pass_down(
        &mut self,
        path: &StepPath,
        event: &Event,
        effects: &mut Effects,
    ) -> Result<(), Mismatch> {
        let program = Arc::clone(&self.program);
        let change = Change { event, path, program: &program };
        if rollback::is_undo(path) {
            return self.undos.apply(change, effects);
        }
        self.root.apply(path.segments(), change, effects)
    }

    fn controlled(&mut self, control: Control, effects: &mut Effects) -> Result<(), Mismatch> {
        match control {
            Control::Pause => self.is_paused = true,
            Control::Resume => self.is_paused = false,
            Control::Cancel if self.is_begun() => {
                self.is_cancelling = true;
                self.is_paused = false;
                self.undos.halt(effects);
                self.root.halt(effects);
            }
            // What never began has nothing to handle.
            Control::Cancel | Control::ForceCancel => {
                self.is_cancelling = true;
                self.root.phase = Phase::Over;
                self.root.end = End::Cancelled;
                self.undos.drop_all();
            }
            Control::Retry => match self.refuses_retry() {
                Some(why) => return Err(Mismatch(why)),
                None => self.retry(effects),
            },
            Control::Undo => {
                let Some(outcome) = self.ended.take() else {
                    return Err(Mismatch("the run has not ended".to_owned()));
                };
                self.reopened = Some(outcome);
                self.is_cancelling = false;
                self.is_paused = false;
                self.undos.begin();
            }
        }
        Ok(())
    }

    /// The limit that a person lets this run pass.
    fn raised_by(&self, event: &Event) -> Option<Effect> {
        match event {
            Event::Resolved { path, ruling: Ruling::GoOn, .. } => {
                self.locate(path).and_then(|(_, _, slot)| slot.limit)
            }
            Event::Resolved { .. }
            | Event::Accepted(_)
            | Event::Begun
            | Event::Captured(_)
            | Event::Decided { .. }
            | Event::Intended(_)
            | Event::Succeeded(_)
            | Event::Failed(_)
            | Event::Verified { .. }
            | Event::Page { .. }
            | Event::Woke { .. }
            | Event::Answered { .. }
            | Event::Approval { .. }
            | Event::Signalled { .. }
            | Event::Undoable(_)
            | Event::Held { .. }
            | Event::Controlled { .. }
            | Event::Ended { .. } => None,
        }
    }

    /// What is to be done now. The decisions in it are applied already; the host appends them
    /// before it starts the commands.
    #[expect(clippy::should_implement_trait, reason = "it is no iterator: it asks the engine")]
    pub fn next(&mut self) -> Result<Turn, Mismatch> {
        let mut turn = Turn::default();
        if self.ended.is_some() || !(self.is_begun() || self.is_cancelling) {
            return Ok(turn);
        }
        turn.commands.extend(self.cancels.drain(..).map(|op| Command::Cancel { op }));
        loop {
            let Scan { events, commands, .. } = Scan::of(self);
            if events.is_empty() && commands.is_empty() {
                return Ok(turn);
            }
            for command in &commands {
                self.issue(command);
            }
            turn.commands.extend(commands);
            for (position, event) in events.into_iter().enumerate() {
                let entry = Entry { at: self.now, event };
                match self.apply(&entry) {
                    Ok(()) => turn.entries.push(entry),
                    // An earlier decision of this scan stopped the step: what follows from that
                    // is found by the next scan.
                    Err(_) if position > 0 => break,
                    Err(mismatch) => return Err(mismatch),
                }
                turn.commands.extend(self.cancels.drain(..).map(|op| Command::Cancel { op }));
            }
            if self.ended.is_some() {
                turn.commands.push(Command::Finish);
                return Ok(turn);
            }
        }
    }

    /// Notes that a command is under way in this process. Not part of the journal: after a
    /// replay nothing is under way, so `next` asks again.
    fn issue(&mut self, command: &Command) {
        let now = self.now;
        let (op, path) = match command {
            Command::Run(run) => (run.op, &run.path),
            Command::ReadPage(page) => (page.op, &page.path),
            Command::Start(start) => (start.op, &start.path),
            Command::Timer { op, path, .. } => (*op, path),
            Command::Cancel { .. } | Command::Finish => return,
        };
        self.next_op = self.next_op.max(op + 1);
        if path.segments().is_empty() {
            self.armed = Some(op);
            return;
        }
        let slot = match rollback::is_undo(path) {
            true => self.undos.slot_mut(path),
            false => find_slot(&mut self.root, path.segments()),
        };
        let Some(slot) = slot else { return };
        match command {
            Command::Run(run) => {
                slot.started_at.get_or_insert(now);
                let calling = slot.calling();
                calling.issued = Some(op);
                calling.may = run.may;
                calling.input.get_or_insert_with(|| Arc::clone(&run.input));
            }
            Command::Start(_) => slot.calling().issued = Some(op),
            Command::ReadPage(_) => {
                if let Some(reading) = slot.activity.calling_mut() {
                    reading.issued = Some(op);
                }
            }
            Command::Timer { at, .. } => slot.arm(op, *at),
            Command::Cancel { .. } | Command::Finish => {}
        }
    }

    /// How many entries the journal holds.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The instant of the newest event.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When it was accepted.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// The first event.
    pub fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// The flows of this run and what is known of their actions.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The same, to be held on to.
    pub fn shared_program(&self) -> Arc<Program> {
        Arc::clone(&self.program)
    }

    /// Whether an operator paused it.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// How it ended; none while it goes on.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.ended.as_ref()
    }

    /// Failures that were handled.
    pub fn caught(&self) -> u64 {
        self.caught
    }

    /// Changes made so far, by effect.
    pub fn changes(&self) -> &BTreeMap<Effect, u64> {
        &self.changes
    }

    /// The root `run` of every flow.
    fn as_value(&self) -> Value {
        json!({
            "id": self.accepted.run.as_str(),
            "key": self.accepted.key,
            "started_at": self.started_at.to_string(),
            "dry_run": self.accepted.dry_run,
            "user": self.accepted.user,
            "now": self.now.to_string(),
        })
    }
}

impl Slot {
    /// Notes which of the step's timers is under way.
    fn arm(&mut self, op: u64, at: Timestamp) {
        if let Some(deadline) = &mut self.deadline
            && deadline.armed.is_none()
            && deadline.at == at
        {
            deadline.armed = Some(op);
            return;
        }
        if let Activity::Timer { armed, .. } = &mut self.activity {
            *armed = Some(op);
        } else if let Activity::Repeat(repeating) = &mut self.activity {
            repeating.pause = repeating.pause.map(|(at, _)| (at, Some(op)));
        } else if let Some(calling) = self.activity.calling_mut() {
            calling.armed = Some(op);
        }
    }
}

/// The slot at a path, with the step it belongs to looked up on the way.
fn find_slot<'a>(frame: &'a mut Frame, rest: &[Segment]) -> Option<&'a mut Slot> {
    let plan = Arc::clone(&frame.plan);
    let (arm, rest) = match rest {
        [Segment::Arm(arm), rest @ ..] => (Some(*arm), rest),
        _ => (None, rest),
    };
    let block = match arm {
        None => &plan.flow.steps,
        Some(arm) => frame::handler_block(&plan, arm)?,
    };
    find_in_list(frame.list_mut(arm)?, block, rest)
}

fn find_in_list<'a>(
    list: &'a mut List,
    block: &crate::flow::Block,
    rest: &[Segment],
) -> Option<&'a mut Slot> {
    let [Segment::Step(name), rest @ ..] = rest else { return None };
    let at = block.steps.iter().position(|step| step.segment == *name)?;
    find_in_slot(&mut list.slots[at], &block.steps[at], rest)
}

fn find_in_slot<'a>(slot: &'a mut Slot, step: &Step, rest: &[Segment]) -> Option<&'a mut Slot> {
    match rest {
        [] => Some(slot),
        [Segment::Arm(Arm::Flow), rest @ ..] => {
            let Activity::Sub(frame) = &mut slot.activity else { return None };
            find_slot(frame, rest)
        }
        [segment, rest @ ..] => {
            let (block, list) = slot.activity.inner_mut(step, segment)?;
            find_in_list(list, block, rest)
        }
    }
}
