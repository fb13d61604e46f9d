//! What a dry run found out: counts first, then each change, then what was read for it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use linchpin_connector::{Effect, Look, Simulated};
use linchpin_engine::command::{ReadPage, RunAction, StartRun};
use linchpin_engine::event::{Decision, Entry, Event, Outcome};
use linchpin_engine::{Run, RunError, StepPath};
use linchpin_language::{Unknown, Value, as_unknown, contains_unknown, unknowns};
use serde::{Deserialize, Serialize};

use super::{changes_of, error_of};
use crate::call::{Prepared, n_changes};

/// The result of a dry run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Preview {
    /// The flow.
    pub flow: String,
    /// The content hash of its text.
    pub hash: String,
    /// The inputs, read as their types.
    pub inputs: Value,
    /// How many changes the run would make, by effect.
    pub counts: Vec<Count>,
    /// Each call that would change something, in order.
    pub changes: Vec<Change>,
    /// Calls that found nothing to do.
    pub unchanged: Vec<Change>,
    /// The reads that were made.
    pub reads: Vec<Read>,
    /// How many requests it took to find this out: those of the reads, and of the looks of writes.
    #[serde(default)]
    pub requests: u64,
    /// The lines that `log` steps would write.
    pub log: Vec<String>,
    /// Where the run would wait for what is missing, and why; what would follow is not in here.
    #[serde(default)]
    pub held: Vec<String>,
    /// Whether it leaves out steps that may run.
    #[serde(skip)]
    is_cut: bool,
    /// How many runs of their own it would start; what those would do is not in here.
    #[serde(default)]
    pub starts: u64,
    /// Waits, questions and everything else a reader should know.
    pub notes: Vec<String>,
    /// The calls that failed so far.
    #[serde(skip)]
    failures: Vec<(StepPath, String)>,
    /// The outputs, with unknown leaves.
    pub outputs: Option<Value>,
    /// Why the run would fail.
    pub error: Option<RunError>,
}

/// How many changes of one effect: exactly, or from and to; no upper end when it is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The effect.
    pub effect: Effect,
    /// At least.
    pub from: u64,
    /// At most; none when nobody can know.
    pub to: Option<u64>,
}

/// A call that would change something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// The step.
    pub path: StepPath,
    /// The alias.
    pub alias: String,
    /// The action.
    pub action: String,
    /// What it does to the other side; `ensure` where only the answer shows whether it created
    /// or updated.
    pub effect: Effect,
    /// How many things it would change.
    pub count: u64,
    /// Whether it is not certain to run.
    pub may_run: bool,
    /// Whether it is in a repeat of which it is unknown how often it runs.
    #[serde(default)]
    pub may_repeat: bool,
    /// The request in words.
    pub request: String,
    /// The rendered inputs.
    pub input: Value,
    /// What would differ.
    pub changes: Value,
    /// The output that later steps saw.
    pub output: Value,
}

/// A read that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Read {
    /// The step.
    pub path: StepPath,
    /// The alias.
    pub alias: String,
    /// The action.
    pub action: String,
    /// Whether the real run may read something else, because of writes before it.
    pub may_differ: bool,
    /// Whether its input is known only after the run, so that nothing was sent.
    pub not_sent: bool,
    /// Whether it reads what this run would create: nothing was sent, and it is known all the same.
    #[serde(default)]
    pub of_changes: bool,
}

impl Preview {
    pub(super) fn new(flow: &str, hash: &str, inputs: Value) -> Self {
        Self {
            flow: flow.to_owned(),
            hash: hash.to_owned(),
            inputs,
            counts: Vec::new(),
            changes: Vec::new(),
            unchanged: Vec::new(),
            reads: Vec::new(),
            requests: 0,
            starts: 0,
            held: Vec::new(),
            is_cut: false,
            log: Vec::new(),
            notes: Vec::new(),
            failures: Vec::new(),
            outputs: None,
            error: None,
        }
    }

    /// 0 when there is nothing to do, 2 when there are changes, 1 when the run would fail or be
    /// held for something that is missing.
    pub fn exit_code(&self) -> u8 {
        if !self.held.is_empty() {
            return 1;
        }
        match (&self.error, self.changes.is_empty() && self.starts == 0) {
            (Some(_), _) => 1,
            (None, true) => 0,
            (None, false) => 2,
        }
    }

    pub(super) fn log(&mut self, entry: &Entry) {
        self.log.extend(crate::driver::as_log(entry).map(str::to_owned));
        if let Event::Decided { path, decision: Decision::MayLeave { how, is_cut } } = &entry.event
        {
            let more = if *is_cut { "; what would handle that is not shown" } else { "" };
            self.notes.push(format!("{path} may {how}{more}"));
            self.is_cut |= is_cut;
        }
        if let Event::Decided { path, decision: Decision::Undo } = &entry.event {
            self.notes.push(format!("{path} would take back what the run has changed so far"));
        }
        if let Event::Decided { path, decision: Decision::Enough { unknown: true, .. } } =
            &entry.event
        {
            self.may_repeat(path);
        }
    }

    /// Nobody can know before the run how often the steps of this repeat run.
    fn may_repeat(&mut self, path: &StepPath) {
        self.notes.push(format!("{path} is shown once; how often it runs is known after run"));
        let inside = |change: &&mut Change| change.path.segments().starts_with(path.segments());
        self.changes.iter_mut().filter(inside).for_each(|change| change.may_repeat = true);
    }

    pub(super) fn timed_out(&mut self, path: &StepPath) {
        let what = match path.segments() {
            [] => "the run".to_owned(),
            _ => path.to_string(),
        };
        self.notes.push(format!("{what} would not end within its timeout"));
    }

    pub(super) fn waited(&mut self, path: &StepPath, at: Timestamp) {
        let at = at.strftime("%Y-%m-%d %H:%M:%SZ");
        self.notes.push(format!("{path} would wait until {at}"));
    }

    pub(super) fn held(&mut self, path: &StepPath, reason: &str) {
        self.notes.push(format!("{path} would be held for a person: {reason}"));
    }

    pub(super) fn asked(&mut self, path: &StepPath, of: &str, is_approval: bool) {
        self.notes.push(match is_approval {
            true => format!("{path} would wait for approval by {of}; here it is given"),
            false => format!("{path} would ask {of}; the answer is known after run"),
        });
    }

    pub(super) fn listened(&mut self, path: &StepPath, signal: &str) {
        let note = format!("{path} would wait for the signal {signal}; its payload is known after");
        self.notes.push(format!("{note} run"));
    }

    pub(super) fn detached(&mut self, start: &StartRun) {
        let may = if start.may { "may" } else { "would" };
        let (path, flow) = (&start.path, &start.flow);
        self.starts += 1;
        self.notes.push(format!("{path} {may} start {flow} as a run of its own"));
    }

    pub(super) fn read(
        &mut self,
        run: &RunAction,
        output: &Value,
        (requests, may_differ): (u64, bool),
    ) {
        let is_unsent = requests == 0 && contains_unknown(&run.input);
        let is_own = |unknown: &Unknown| unknown.is_created() || unknown.is_computed();
        let of_changes = is_unsent && unknowns(output).iter().all(is_own);
        self.reads.push(Read {
            path: run.path.clone(),
            alias: run.alias.clone(),
            action: run.action.clone(),
            may_differ,
            not_sent: is_unsent && !of_changes,
            of_changes,
        });
    }

    pub(super) fn page(&mut self, page: &ReadPage, may_differ: bool) {
        if page.cursor.is_none() {
            self.reads.push(Read {
                path: page.path.clone(),
                alias: page.alias.clone(),
                action: page.action.clone(),
                may_differ,
                not_sent: false,
                of_changes: false,
            });
        }
    }

    pub(super) fn unchanged(&mut self, run: &RunAction, prepared: &Prepared, output: &Value) {
        let effect = prepared.action.spec().effect;
        let change = Change {
            path: run.path.clone(),
            alias: run.alias.clone(),
            action: run.action.clone(),
            effect,
            count: 0,
            may_run: run.may,
            may_repeat: false,
            request: String::new(),
            input: (*run.input).clone(),
            changes: Value::Array(Vec::new()),
            output: output.clone(),
        };
        self.unchanged.push(change);
    }

    pub(super) fn change(
        &mut self,
        run: &RunAction,
        prepared: &Prepared,
        look: &Look,
        simulated: &Simulated,
    ) {
        let count = n_changes(look);
        self.changes.push(Change {
            path: run.path.clone(),
            alias: run.alias.clone(),
            action: run.action.clone(),
            effect: simulated.effect,
            count,
            may_run: run.may,
            may_repeat: false,
            request: prepared.request(look, 0),
            input: (*prepared.input()).as_ref().clone(),
            changes: changes_of(look),
            output: simulated.output.clone(),
        });
    }

    /// A call failed in the dry run, and would in the run; what goes up is told as its error.
    pub(super) fn failed(&mut self, path: &StepPath, message: &str) {
        self.failures.push((path.clone(), format!("{path} would fail: {message}")));
    }

    pub(super) fn end(&mut self, outcome: Option<&Outcome>, run: &Run) {
        self.error = error_of(outcome);
        let goes_up = self.error.as_ref().map(|error| error.step.clone());
        let handled = std::mem::take(&mut self.failures).into_iter();
        let handled = handled.filter(|(path, _)| Some(path) != goes_up.as_ref());
        self.notes.extend(handled.map(|(_, told)| told));
        self.outputs = match outcome {
            Some(Outcome::Succeeded { outputs }) => Some((**outputs).clone()),
            Some(Outcome::Failed { .. } | Outcome::Cancelled) | None => None,
        };
        for step in run.open_steps() {
            if let Some(linchpin_engine::run::Waiting::Ruling(reason)) = step.waiting {
                self.held.push(format!("{}: {reason}", step.path));
            }
        }
        self.count();
    }

    fn count(&mut self) {
        let mut counts: BTreeMap<Effect, (u64, Option<u64>)> = BTreeMap::new();
        for change in &self.changes {
            let (from, to) = counts.entry(change.effect).or_insert((0, Some(0)));
            let n_lists = n_unknown_lists(&change.changes);
            let is_open = change.may_repeat
                || n_lists > 0
                || (contains_unknown(&change.changes) && change.may_run);
            if !change.may_run {
                *from += change.count.saturating_sub(n_lists);
            }
            let is_open = is_open || self.is_cut;
            *to = if is_open { None } else { to.map(|to| to + change.count) };
        }
        let count = |(effect, (from, to))| Count { effect, from, to };
        self.counts = counts.into_iter().map(count).collect();
    }
}

/// How many of the changes are a list of which it is not known how many it holds.
fn n_unknown_lists(changes: &Value) -> u64 {
    let all = changes.as_array().map_or(&[][..], Vec::as_slice);
    let is_list = |change: &&Value| as_unknown(change).is_some_and(|it| it.ty.starts_with("list"));
    all.iter().filter(is_list).count() as u64
}
