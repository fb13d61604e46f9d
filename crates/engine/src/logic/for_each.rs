//! `for_each`: over a list, or page after page over a stream.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use linchpin_connector::ErrorKind;
use linchpin_language::{Value, as_unknown, json, kind as kind_of, unknown};
use serde::{Deserialize, Serialize};

use crate::command::{Command, ReadPage};
use crate::error::RunError;
use crate::event::Decision;
use crate::flow::{Call, ForEach, LoopSource, OnItemError, Step, StepKind};
use crate::path::StepPath;
use crate::run::scan::{Place, Scan, is_idle};
use crate::run::state::{Calling, Effects, List, Over, Slot, StepState, Stop};

/// Reads what the loop goes over.
pub(crate) fn start(scan: &mut Scan<'_>, place: Place<'_>, each: &ForEach) {
    match &each.source {
        LoopSource::Stream(call) => match call.with.value.render(place.env) {
            Ok(input) => scan.decide(Decision::Stream { input: Arc::new(input) }),
            Err(error) => scan.decide_unreadable("with", &error),
        },
        LoopSource::List(expression) => match expression.value.eval(place.env) {
            Ok(Value::Array(items)) => {
                let items = items.into_iter().map(Arc::new).collect();
                scan.decide(Decision::Items { items, symbolic: false });
            }
            Ok(value) if as_unknown(&value).is_some() => {
                let item = unknown(&format!("item of {}", scan.path), "any", "an item of the loop");
                scan.decide(Decision::Items { items: vec![Arc::new(item)], symbolic: true });
            }
            Ok(value) => {
                let message = format!("for_each needs a list, this is {}", kind_of(&value));
                scan.decide_failed(ErrorKind::InvalidInput, message);
            }
            Err(error) => scan.decide_unreadable("for_each", &error),
        },
    }
}

/// Goes on in each iteration, reads `collect` where one is over, and the next page in time.
pub(crate) fn go_on(scan: &mut Scan<'_>, place: Place<'_>, step: &Step, slot: &Slot, each: &Loop) {
    let StepKind::ForEach(kind) = &step.kind else { return };
    scan.may |= each.symbolic;
    for (index, iteration) in &each.active {
        let env = place.env.item(&kind.item.value, &iteration.item, *index);
        let place = Place { env: &env, ..place };
        if !iteration.to_collect {
            scan.iteration(place, step, *index, &iteration.list);
            continue;
        }
        let Some(collect) = &kind.collect else { continue };
        let env = place.env.list(&kind.body, &iteration.list);
        match collect.value.eval(&env) {
            Ok(value) => {
                let value = Arc::new(value);
                scan.decide(Decision::Collected { index: *index, value });
            }
            Err(error) => return scan.decide_unreadable("collect", &error),
        }
    }
    if let (LoopSource::Stream(call), Some(stream)) = (&kind.source, &each.stream)
        && each.wants_page(kind.parallel)
    {
        read_page(scan, place, step, slot, call, stream);
    }
}

fn read_page(
    scan: &mut Scan<'_>,
    place: Place<'_>,
    step: &Step,
    slot: &Slot,
    call: &Call,
    stream: &Stream,
) {
    if !is_idle(&stream.reading) || slot.state == StepState::Held {
        return;
    }
    if let Some(at) = stream.reading.retry_at {
        if stream.reading.armed.is_none() {
            scan.timer(at);
        }
        return;
    }
    let (Some(input), false) = (stream.reading.input.clone(), scan.run.is_paused) else { return };
    if let Some(alias) = super::call::alias(scan, place, call) {
        let op = scan.op();
        scan.commands.push(Command::ReadPage(Box::new(ReadPage {
            op,
            path: scan.path.clone(),
            alias,
            action: call.action.value.clone(),
            input,
            cursor: stream.cursor.clone(),
            attempt: stream.attempts + 1,
            timeout: super::call::timeout(place.frame, step),
            may: scan.is_uncertain(),
        })));
    }
}

/// How many errors of iterations a loop keeps.
const KEPT_ERRORS: usize = 100;
/// How much `collect` may gather, in bytes of JSON.
const COLLECTED_BYTES: usize = 8 << 20;

/// A loop that is running. Of an iteration that ended only its count stays, and its
/// `collect`ed value.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Loop {
    waiting: VecDeque<Arc<Value>>,
    pub(crate) stream: Option<Stream>,
    pub(crate) active: BTreeMap<u64, Iteration>,
    /// Those that an error or a cancel ended: a retry of the run goes on with them.
    stopped: BTreeMap<u64, Iteration>,
    next: u64,
    succeeded: u64,
    failed: u64,
    /// Left by `next`.
    skipped: u64,
    /// By iteration: in which order they failed is not to be seen.
    errors: BTreeMap<u64, Value>,
    collected: BTreeMap<u64, Arc<Value>>,
    collected_bytes: usize,
    stop: Option<Stop>,
    /// One iteration stands for an unknown number (dry runs only).
    pub(crate) symbolic: bool,
}

/// The reading side of a loop over a stream.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) reading: Calling,
    pub(crate) cursor: Option<Value>,
    pub(crate) attempts: u32,
    pub(crate) is_done: bool,
    seen: BTreeSet<String>,
}

/// One item on its way through the body.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Iteration {
    pub(crate) item: Arc<Value>,
    pub(crate) list: List,
    /// The body is over and `collect` is to be read.
    pub(crate) to_collect: bool,
}

impl Loop {
    pub(crate) fn over_list(items: &[Arc<Value>], symbolic: bool) -> Self {
        Self::new(items.iter().cloned().collect(), None, symbolic)
    }

    pub(crate) fn over_stream(input: Arc<Value>, may: bool) -> Self {
        let reading = Calling { input: Some(input), may, ..Calling::default() };
        Self::new(VecDeque::new(), Some(Stream { reading, ..Stream::default() }), false)
    }

    fn new(waiting: VecDeque<Arc<Value>>, stream: Option<Stream>, symbolic: bool) -> Self {
        Self {
            waiting,
            stream,
            active: BTreeMap::new(),
            stopped: BTreeMap::new(),
            next: 0,
            succeeded: 0,
            failed: 0,
            skipped: 0,
            errors: BTreeMap::new(),
            collected: BTreeMap::new(),
            collected_bytes: 0,
            stop: None,
            symbolic,
        }
    }

    /// Takes in a page: rows that were seen before in this stream are left out.
    pub(crate) fn page(&mut self, rows: &[Arc<Value>], keys: &[String], cursor: Option<&Value>) {
        let Some(stream) = &mut self.stream else { return };
        for (at, row) in rows.iter().enumerate() {
            if keys.get(at).is_none_or(|key| stream.seen.insert(key.clone())) {
                self.waiting.push_back(Arc::clone(row));
            }
        }
        stream.cursor = cursor.cloned();
        stream.is_done = cursor.is_none();
        stream.attempts = 0;
        let input = stream.reading.input.take();
        stream.reading = Calling { input, may: stream.reading.may, ..Calling::default() };
    }

    /// Whether the next page should be read: one page ahead.
    pub(crate) fn wants_page(&self, parallel: u32) -> bool {
        self.stop.is_none()
            && self.waiting.len() < parallel.max(1) as usize
            && self.stream.as_ref().is_some_and(|stream| !stream.is_done)
    }

    /// Starts iterations in order while there is room.
    pub(crate) fn fill(&mut self, step: &Step) {
        let StepKind::ForEach(each) = &step.kind else { return };
        while self.stop.is_none() && self.active.len() < each.parallel as usize {
            let Some(item) = self.waiting.pop_front() else { return };
            let list = List::new(&each.body);
            let is_empty = each.body.steps.is_empty();
            self.next += 1;
            if is_empty && each.collect.is_none() {
                self.succeeded += 1;
                continue;
            }
            let iteration = Iteration { item, list, to_collect: is_empty };
            self.active.insert(self.next - 1, iteration);
        }
    }

    /// After something happened in an iteration: whether it is over.
    pub(crate) fn settle(&mut self, step: &Step, index: u64, effects: &mut Effects) {
        let StepKind::ForEach(each) = &step.kind else { return };
        let outcome = self.active.get(&index).and_then(|iteration| iteration.list.outcome());
        let Some(stop) = outcome else { return };
        let mut is_stopped = matches!(stop, Some(Stop::Error(_) | Stop::Cancel(_)));
        match stop {
            None if each.collect.is_some() && self.stop.is_none() => {
                if let Some(iteration) = self.active.get_mut(&index) {
                    iteration.to_collect = true;
                }
                return;
            }
            None => self.succeeded += 1,
            Some(later @ Stop::Cancel(_)) => Stop::join(&mut self.stop, later),
            Some(Stop::Next) => self.skipped += 1,
            Some(stop @ (Stop::End | Stop::Break)) => self.halt_all(each, stop, effects),
            Some(Stop::Error(error)) => {
                self.failed += 1;
                if self.errors.len() < KEPT_ERRORS {
                    let error = json!({ "index": index, "error": error.as_value() });
                    self.errors.insert(index, error);
                }
                match each.on_item_error {
                    OnItemError::Continue => {
                        effects.caught += 1;
                        is_stopped = false;
                    }
                    OnItemError::Stop => self.halt_all(each, Stop::Error(error), effects),
                }
            }
        }
        let over = self.active.remove(&index).filter(|_| is_stopped);
        self.stopped.extend(over.map(|iteration| (index, iteration)));
    }

    /// Goes on in the iterations that an error or a cancel ended, and with those not begun.
    pub(crate) fn reopen(&mut self, step: &Step, effects: &mut Effects) {
        let StepKind::ForEach(each) = &step.kind else { return };
        self.stop = None;
        if let Some(stream) = &mut self.stream {
            stream.reading.reopen(true);
            stream.attempts = 0;
        }
        for iteration in self.active.values_mut() {
            iteration.list.reopen(&each.body, effects);
        }
        for (index, mut iteration) in std::mem::take(&mut self.stopped) {
            if matches!(iteration.list.stop, Some(Stop::Error(_))) {
                self.failed -= 1;
                self.errors.remove(&index);
            }
            iteration.list.reopen(&each.body, effects);
            self.active.insert(index, iteration);
        }
        let over = self.active.iter().filter(|(_, one)| one.list.is_over() && !one.to_collect);
        for index in over.map(|(index, _)| *index).collect::<Vec<_>>() {
            self.settle(step, index, effects);
        }
    }

    /// The value of `collect` of an iteration.
    pub(crate) fn collect(
        &mut self,
        step: &Step,
        index: u64,
        value: &Arc<Value>,
        path: &StepPath,
        effects: &mut Effects,
    ) {
        let StepKind::ForEach(each) = &step.kind else { return };
        if self.active.remove(&index).is_none() {
            return;
        }
        self.succeeded += 1;
        self.collected_bytes += value.to_string().len();
        self.collected.insert(index, Arc::clone(value));
        if self.collected_bytes > COLLECTED_BYTES {
            let message = "collect gathered more than 8 MB; collect less of each item";
            let error = RunError::new(ErrorKind::LimitExceeded, message, path);
            self.halt_all(each, Stop::Error(Box::new(error)), effects);
        }
    }

    fn halt_all(&mut self, each: &ForEach, stop: Stop, effects: &mut Effects) {
        Stop::join(&mut self.stop, stop);
        if let Some(stream) = &mut self.stream {
            effects.cancels.extend(stream.reading.issued.take().or(stream.reading.armed.take()));
        }
        for iteration in self.active.values_mut().filter(|iteration| !iteration.list.is_over()) {
            iteration.list.halt(&each.body, Stop::cancel(), effects);
        }
        // What was over before a `break` still adds its value.
        let keeps_values = self.stop == Some(Stop::Break);
        let is_over = |one: &Iteration| one.list.is_over() && !(keeps_values && one.to_collect);
        let (over, active) =
            std::mem::take(&mut self.active).into_iter().partition(|(_, one)| is_over(one));
        self.active = active;
        let over: BTreeMap<u64, Iteration> = over;
        self.stopped.extend(over);
    }

    pub(crate) fn halt(&mut self, step: &Step, effects: &mut Effects) {
        if let StepKind::ForEach(each) = &step.kind {
            self.halt_all(each, Stop::cancel(), effects);
        }
    }

    /// Stops the loop with a failure of its own, as when a page cannot be read.
    pub(crate) fn fail(&mut self, step: &Step, error: RunError, effects: &mut Effects) {
        if let StepKind::ForEach(each) = &step.kind {
            self.halt_all(each, Stop::Error(Box::new(error)), effects);
        }
    }

    /// What stops the list around it, and the output, once the loop is over.
    pub(crate) fn outcome(&mut self, step: &Step) -> Option<Over> {
        let is_exhausted =
            self.waiting.is_empty() && self.stream.as_ref().is_none_or(|stream| stream.is_done);
        if !self.active.is_empty() || !(is_exhausted || self.stop.is_some()) {
            return None;
        }
        match self.stop.take() {
            None | Some(Stop::Break) => Some((None, Some(Arc::new(self.output(step))))),
            stop => Some((stop, None)),
        }
    }

    fn output(&self, step: &Step) -> Value {
        let collects = matches!(&step.kind, StepKind::ForEach(each) if each.collect.is_some());
        if self.symbolic {
            let count = |what| unknown(&format!("{what} of loop"), "integer", what);
            return json!({
                "count": count("count"), "succeeded": count("succeeded"),
                "failed": count("failed"), "skipped": count("skipped"), "errors": [],
                "items": self.collected.values().collect::<Vec<_>>(),
            });
        }
        let mut output = json!({
            "count": self.next, "succeeded": self.succeeded, "failed": self.failed,
            "skipped": self.skipped, "errors": self.errors.values().collect::<Vec<_>>(),
        });
        if collects {
            output["items"] = self.collected.values().map(|value| (**value).clone()).collect();
        }
        output
    }
}
