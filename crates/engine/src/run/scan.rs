//! What a run does next: a walk over its tree that changes nothing. It evaluates what is due
//! and gathers the decisions to journal and the commands to run, in a fixed order.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_connector::ErrorKind;
use linchpin_language::{EvalError, Truth, Value};

use super::Run;
use super::frame::{End, Frame, Phase};
use super::scope::Env;
use super::state::{Activity, Calling, List, Slot, StepState};
use crate::command::Command;
use crate::error::RunError;
use crate::event::{Decision, Event, Outcome, Undoable};
use crate::flow::{Arm, Block, Step, StepKind};
use crate::logic;
use crate::path::{Segment, StepPath};

/// A walk under way.
pub(crate) struct Scan<'r> {
    pub(crate) run: &'r Run,
    pub(crate) path: StepPath,
    pub(crate) events: Vec<Event>,
    pub(crate) commands: Vec<Command>,
    next_op: u64,
    /// How many signals of a name this walk has given to steps.
    pub(crate) taken: BTreeMap<String, usize>,
    /// Looks at the `undo` of one call in place of asking for anything.
    probe: Option<Probe<'r>>,
    /// Below a condition that is unknown (dry runs only).
    pub(crate) may: bool,
}

/// A look at the `undo` of a call: where, with which output, and what was found.
struct Probe<'r> {
    path: &'r StepPath,
    output: &'r Value,
    found: Option<Undoable>,
}

/// Where a step stands: its frame and the names it sees.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) env: &'a Env<'a>,
}

impl<'r> Scan<'r> {
    pub(crate) fn of(run: &'r Run) -> Self {
        let mut scan = Self::new(run);
        if let Some(at) = run.unarmed_end() {
            scan.timer(at);
        }
        scan.frame(&run.root);
        scan.undos();
        let is_over = run.root.phase == Phase::Over && run.undos.is_over();
        if is_over && run.ended.is_none() && scan.events.is_empty() {
            scan.end(&run.root);
        }
        scan
    }

    /// What the `undo` of the call at a path comes to.
    pub(crate) fn probe(run: &'r Run, path: &'r StepPath, output: &'r Value) -> Option<Undoable> {
        let mut scan = Self::new(run);
        scan.probe = Some(Probe { path, output, found: None });
        scan.frame(&run.root);
        scan.probe?.found
    }

    fn new(run: &'r Run) -> Self {
        Self {
            run,
            path: StepPath::default(),
            events: Vec::new(),
            commands: Vec::new(),
            next_op: run.next_op,
            taken: BTreeMap::new(),
            probe: None,
            may: false,
        }
    }

    /// Whether it is not certain that this step runs (dry runs only).
    pub(crate) fn is_uncertain(&self) -> bool {
        let is_last = matches!(self.path.segments().first(), Some(Segment::Arm(Arm::Finally)));
        self.may || (self.run.may_be_over && !is_last)
    }

    pub(crate) fn op(&mut self) -> u64 {
        self.next_op += 1;
        self.next_op - 1
    }

    pub(crate) fn decide(&mut self, decision: Decision) {
        self.events.push(Event::Decided { path: self.path.clone(), decision });
    }

    /// The step cannot go on because of what an expression or text said.
    pub(crate) fn decide_failed(&mut self, kind: ErrorKind, message: impl Into<String>) {
        let error = RunError::new(kind, message, &self.path);
        self.decide(Decision::Failed(error));
    }

    pub(crate) fn decide_unreadable(&mut self, what: &str, error: &EvalError) {
        self.decide_failed(ErrorKind::InvalidInput, format!("{what}: {}", error.message));
    }

    fn frame(&mut self, frame: &Frame) {
        if frame.phase == Phase::Over {
            return;
        }
        let env = Env::frame(self.run, frame);
        let arms = [None, Some(Arm::OnError), Some(Arm::OnCancel), Some(Arm::Finally)];
        for arm in arms {
            let Some((block, list)) = frame.list(arm) else { continue };
            if let Some(arm) = arm {
                self.path.push(Segment::Arm(arm));
            }
            self.list(Place { frame, env: &env }, block, list);
            if arm.is_some() {
                self.path.pop();
            }
        }
    }

    fn list(&mut self, place: Place<'_>, block: &Block, list: &List) {
        if list.is_over() {
            return;
        }
        let env = place.env.list(block, list);
        let place = Place { env: &env, ..place };
        let predecessors = &place.frame.plan.graph(block).predecessors;
        for (at, (step, slot)) in block.steps.iter().zip(&list.slots).enumerate() {
            if slot.state.is_ended() {
                continue;
            }
            self.path.push(Segment::Step(Arc::clone(&step.segment)));
            if slot.state != StepState::Pending {
                self.go_on(place, step, slot);
            } else if list.stop.is_none()
                && !self.run.is_paused
                && predecessors[at].iter().all(|&p| list.slots[p].state.lets_followers_start())
            {
                self.start(place, step, slot);
            }
            self.path.pop();
        }
    }

    fn start(&mut self, place: Place<'_>, step: &Step, slot: &Slot) {
        let before = self.may;
        if let Some(guard) = &step.guard {
            match guard.value.eval_bool(place.env) {
                Ok(Truth::True) => {}
                Ok(Truth::False) => return self.decide(Decision::Skipped),
                Ok(Truth::Unknown) => {
                    self.may = true;
                    if !slot.may {
                        self.decide(Decision::May);
                    }
                }
                Err(error) => return self.decide_unreadable("if", &error),
            }
        }
        if let Some(deadline) = logic::deadline(self.run, step, slot) {
            self.decide(Decision::Deadline(deadline));
        }
        match &step.kind {
            StepKind::Call(call) => logic::call::start(self, place, step, call),
            StepKind::Subflow(call) => logic::subflow::start(self, place, call),
            StepKind::If(branch) => logic::condition::start(self, place, branch),
            StepKind::ForEach(each) => logic::for_each::start(self, place, each),
            StepKind::Repeat(_) => self.decide(Decision::Repeat),
            StepKind::Parallel(_) => self.decide(Decision::Branches),
            StepKind::Decide(decide) => logic::decide::start(self, place, decide),
            StepKind::Try(_) => self.decide(Decision::Try),
            StepKind::Wait(wait) => logic::wait::start(self, place, wait),
            StepKind::Ask(ask) => logic::ask::start(self, place, ask),
            StepKind::Approval(approval) => logic::approval::start(self, place, approval),
            StepKind::Set(variables) => logic::light::set(self, place, variables),
            StepKind::Log(log) => logic::light::log(self, place, log),
            StepKind::Undo => logic::undo::start(self),
            StepKind::End => logic::light::end(self),
            StepKind::Next => logic::light::leave(self, Decision::Next, "go on with the next"),
            StepKind::Break => logic::light::leave(self, Decision::Break, "leave the loop"),
            StepKind::Fail(fail) => logic::light::fail(self, place, fail),
        }
        self.may = before;
    }

    fn go_on(&mut self, place: Place<'_>, step: &Step, slot: &Slot) {
        if let Some(deadline) = slot.deadline
            && deadline.armed.is_none()
        {
            self.timer(deadline.at);
        }
        if let Some(at) = logic::deadline(self.run, step, slot).filter(|_| slot.is_reopened) {
            self.decide(Decision::Deadline(at));
        }
        let before = self.may;
        self.may |= slot.may;
        match &slot.activity {
            Activity::None if matches!(step.kind, StepKind::Undo) => logic::undo::go_on(self),
            Activity::None | Activity::Ask { .. } => {}
            Activity::Signal { name } => logic::wait::go_on(self, name),
            Activity::Call(calling) => {
                if let StepKind::Call(call) = &step.kind {
                    if let Some(probe) = self.probe.as_ref().filter(|at| *at.path == self.path) {
                        let found = self.render_undo(place, call, probe.output);
                        self.probe = self.probe.take().map(|p| Probe { found: Some(found), ..p });
                        return;
                    }
                    logic::call::go_on(self, place, step, slot, call, calling);
                } else if let StepKind::Subflow(call) = &step.kind {
                    logic::subflow::go_on(self, place, call, calling);
                }
            }
            Activity::Timer { at, armed } => {
                if armed.is_none() {
                    self.timer(*at);
                }
            }
            Activity::Arms(arms) => {
                for (arm, list) in arms {
                    self.arm(place, step, *arm, list);
                }
            }
            Activity::Loop(each) => logic::for_each::go_on(self, place, step, slot, each),
            Activity::Repeat(repeating) => logic::repeat::go_on(self, place, step, repeating),
            Activity::Branches(branches) => logic::parallel::go_on(self, place, step, branches),
            Activity::Rows(rows) => logic::decide::go_on(self, place, step, rows),
            Activity::Try(guarded) => {
                let timed_out = slot.timed_out.as_deref();
                logic::guarded::go_on(self, place, step, guarded, timed_out);
            }
            Activity::Sub(frame) => self.subflow(frame),
            Activity::Handling(handling) => {
                let Some(error) = &slot.error else { return };
                let env = place.env.error(error);
                self.arm(Place { env: &env, ..place }, step, Arm::OnError, &handling.list);
            }
        }
        self.may = before;
    }

    pub(crate) fn arm(&mut self, place: Place<'_>, step: &Step, arm: Arm, list: &List) {
        if let Some(block) = step.block(arm) {
            self.path.push(step.segment_of(arm));
            self.list(place, block, list);
            self.path.pop();
        }
    }

    pub(crate) fn iteration(&mut self, place: Place<'_>, step: &Step, index: u64, list: &List) {
        if let Some(block) = step.block(Arm::Body) {
            self.path.push(Segment::Item(index));
            self.list(place, block, list);
            self.path.pop();
        }
    }

    fn subflow(&mut self, frame: &Frame) {
        if frame.phase == Phase::Over {
            match outputs(self.run, frame) {
                Ok(value) => self.decide(Decision::Outputs(Arc::new(value))),
                Err(message) => self.decide_failed(ErrorKind::InvalidInput, message),
            }
            return;
        }
        self.path.push(Segment::Arm(Arm::Flow));
        self.frame(frame);
        self.path.pop();
    }

    pub(crate) fn timer(&mut self, at: jiff::Timestamp) {
        let op = self.op();
        self.commands.push(Command::Timer { op, path: self.path.clone(), at });
    }

    fn end(&mut self, root: &Frame) {
        if let Some(outcome) = &self.run.reopened {
            let outcome = outcome.clone();
            return self.events.push(Event::Ended { outcome });
        }
        let failed = |error: RunError| Outcome::Failed { error };
        let outcome = match root.end {
            End::Cancelled => Outcome::Cancelled,
            End::Failed => match &root.error {
                Some(error) => failed(error.clone()),
                None => Outcome::Cancelled,
            },
            End::Succeeded => match outputs(self.run, root) {
                Ok(value) => Outcome::Succeeded { outputs: Arc::new(value) },
                Err(message) => failed(RunError::new(ErrorKind::InvalidInput, message, &self.path)),
            },
        };
        self.events.push(Event::Ended { outcome });
    }
}

/// The outputs of a flow that reached its end.
fn outputs(run: &Run, frame: &Frame) -> Result<Value, String> {
    let env = Env::frame(run, frame);
    let mut all = linchpin_language::Map::new();
    for (name, expression) in &frame.plan.flow.outputs {
        let value = expression.value.eval(&env);
        let value = value.map_err(|error| format!("outputs.{name}: {}", error.message))?;
        all.insert(name.clone(), value);
    }
    Ok(Value::Object(all))
}

/// Whether a call or reading may be handed to the host now.
pub(crate) fn is_idle(calling: &Calling) -> bool {
    calling.issued.is_none()
}
