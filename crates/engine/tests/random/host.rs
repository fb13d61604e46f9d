//! A host that decides everything by the seed and the path of a step, so that whoever plays on
//! from a prefix gets the same answers in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use linchpin_connector::{ActionError, Effect, ErrorKind, Look, Wrote};
use linchpin_engine::catalog::ActionFacts;
use linchpin_engine::command::{Command, ReadPage, RunAction};
use linchpin_engine::event::{
    Accepted, Control, Found, Intended, Outcome, Ruling, Succeeded, VERSION,
};
use linchpin_engine::plan::Program;
use linchpin_engine::retry::RetryPolicy;
use linchpin_engine::run::{AfterFailure, Certainty, Snapshot, StepState, StepView, Waiting};
use linchpin_engine::{Entry, Event, Run, RunId, StepPath};
use linchpin_language::{Value, json};

use super::chance::Chance;
use super::flows::Made;

/// More turns than any made flow takes.
const MANY: usize = 20_000;

/// A run under way, and what is asked of its host.
pub(super) struct Played {
    seed: u64,
    flows: String,
    cancel_after: Option<usize>,
    program: Arc<Program>,
    run: Run,
    journal: Vec<Entry>,
    /// How long the journal is after each append.
    appended: BTreeSet<usize>,
    open: Vec<Command>,
}

impl Played {
    pub(super) fn begin(made: &Made, seed: u64) -> Self {
        let texts: BTreeMap<_, _> = [("made", &made.flow), ("inner", &made.subflow)]
            .map(|(name, text)| (name.to_owned(), text.clone()))
            .into();
        let facts = |effect, verifies| ActionFacts {
            effect,
            idempotent: false,
            verifies,
            is_stream: false,
        };
        let actions: BTreeMap<_, _> = [
            ("sys.rows.stream", ActionFacts { is_stream: true, ..facts(Effect::Read, false) }),
            ("sys.read", facts(Effect::Read, false)),
            ("sys.write", facts(Effect::Create, true)),
            ("sys.blind", facts(Effect::Send, false)),
        ]
        .map(|(name, facts)| (name.to_owned(), facts))
        .into();
        let program = Program::new("made", &texts, actions.clone())
            .unwrap_or_else(|mistakes| panic!("{}\n{made}", mistakes[0].message));
        let accepted = Accepted {
            version: VERSION,
            run: RunId::parse(&"0".repeat(26)).expect("26 digits"),
            flow: "made".to_owned(),
            texts: BTreeMap::new(),
            actions,
            inputs: Arc::new(json!({})),
            key: None,
            trigger: Value::Null,
            user: None,
            aliases: BTreeMap::new(),
            dry_run: false,
        };
        let first = Entry { at: Timestamp::UNIX_EPOCH, event: Event::Accepted(Arc::new(accepted)) };
        let program = Arc::new(program);
        let run = Run::new(Arc::clone(&program), &first).expect("an accepted run");
        let (journal, open, cancel_after) = (vec![first], Vec::new(), made.cancel_after);
        let (flows, appended) = (made.to_string(), BTreeSet::new());
        let mut played = Self { seed, flows, cancel_after, program, run, journal, appended, open };
        played.record(0, Event::Begun);
        played
    }

    pub(super) fn journal(&self) -> &[Entry] {
        &self.journal
    }

    /// How long the journal was after each append: what follows from an outcome is appended with
    /// it, and the intent of a write before it leaves.
    pub(super) fn appended(&self) -> &BTreeSet<usize> {
        &self.appended
    }

    /// Continues from the first `length` entries, as after a crash. The journal was on disk, so
    /// it is what can be read back.
    pub(super) fn interrupted_at(&self, length: usize) -> Self {
        let written = serde_json::to_vec(&self.journal[..length]).expect("entries can be written");
        let journal: Vec<Entry> = serde_json::from_slice(&written).expect("entries can be read");
        assert_eq!(journal, self.journal[..length], "what is read is what was written");
        let run = self.by_snapshot(&journal, length / 2);
        let (program, open) = (Arc::clone(&self.program), Vec::new());
        let (seed, flows, cancel_after) = (self.seed, self.flows.clone(), self.cancel_after);
        let appended = BTreeSet::new();
        Self { seed, flows, cancel_after, program, run, journal, appended, open }
    }

    /// The run of a journal from a snapshot of its first half: the same as from all of it.
    fn by_snapshot(&self, journal: &[Entry], half: usize) -> Run {
        let replay = |entries: &[Entry]| {
            Run::replay(Arc::clone(&self.program), entries).expect("a prefix replays")
        };
        let written = |run: &Run| String::from_utf8(run.snapshot().expect("it can be written"));
        let kept = written(&replay(&journal[..half])).expect("a snapshot is text");
        let kept = Snapshot::read(kept.as_bytes()).expect("it is of this version");
        let mut run = kept.restore(Arc::clone(&self.program)).expect("it can be read");
        for entry in &journal[half..] {
            run.apply(entry).expect("the rest has a place");
        }
        assert_eq!(written(&run), written(&replay(journal)), "after {half} of {}", journal.len());
        run
    }

    fn record(&mut self, seconds: u64, event: Event) {
        let entry = Entry { at: self.run.now() + Duration::from_secs(seconds), event };
        self.apply(entry);
    }

    fn apply(&mut self, entry: Entry) {
        if let Err(mismatch) = self.run.apply(&entry) {
            panic!("{entry:?} has no place: {mismatch}\n{}", self.story());
        }
        self.journal.push(entry);
    }

    /// Plays until the run has ended; how, in words. `watched` compares every turn with a replay.
    pub(super) fn play(&mut self, watched: bool) -> String {
        for _ in 0..MANY {
            let turn = self.run.next().expect("the run can go on");
            self.journal.extend(turn.entries);
            self.appended.insert(self.journal.len());
            for command in turn.commands {
                match command {
                    Command::Cancel { op } => self.open.retain(|open| open.op() != Some(op)),
                    Command::Finish => {}
                    other => self.open.push(other),
                }
            }
            let run = &self.run;
            self.open.retain(|open| wanted(run, open));
            if watched {
                self.compare();
            }
            if let Some(outcome) = self.run.outcome() {
                return told(outcome);
            }
            if !self.advance() {
                panic!("nothing is left to do and the run has not ended\n{}", self.story());
            }
        }
        panic!("the run does not end\n{}", self.story());
    }

    /// The run that the journal makes stands where this one stands, and asks for the same.
    fn compare(&self) {
        let mut again = Run::replay(Arc::clone(&self.program), &self.journal).expect("it replays");
        let turn = again.next().expect("it goes on");
        assert!(turn.entries.is_empty(), "only now: {:?}\n{}", turn.entries, self.story());
        assert_eq!(standing(&again), standing(&self.run), "{}", self.story());
        let asked: Vec<_> = turn.commands.iter().filter_map(asks_for).collect();
        let open: Vec<_> = self.open.iter().filter_map(asks_for).collect();
        assert_eq!(sorted(asked), sorted(open), "{}", self.story());
    }

    /// All that led here, for a failure.
    fn story(&self) -> String {
        let entries: Vec<String> =
            self.journal.iter().skip(1).map(|entry| format!("{:?}", entry.event)).collect();
        format!("seed {}\n{}\n{}", self.seed, self.flows, entries.join("\n"))
    }

    /// Does one thing: a command that is no timer, else what people do, else the next timer.
    fn advance(&mut self) -> bool {
        if self.is_time_to_cancel() {
            self.record(0, Event::Controlled { control: Control::Cancel, by: "ana".to_owned() });
            return true;
        }
        // At once, so that whoever plays on from a prefix loses no time and no place by it.
        let is_held = |step: &StepView| step.state == StepState::Held;
        if let Some(step) = self.run.open_steps().into_iter().find(is_held) {
            let (path, by) = (step.path, "ana@example.test".to_owned());
            self.record(0, Event::Resolved { path, ruling: Ruling::GoOn, by });
            return true;
        }
        let first = (0..self.open.len())
            .filter(|at| !matches!(self.open[*at], Command::Timer { .. }))
            .min_by_key(|at| asks_for(&self.open[*at]));
        if let Some(at) = first {
            match self.open.remove(at) {
                Command::Run(run) => self.perform(*run),
                Command::ReadPage(page) => self.read_page(*page),
                Command::Start(_)
                | Command::Timer { .. }
                | Command::Cancel { .. }
                | Command::Finish => {}
            }
            return true;
        }
        if let Some(event) = self.said() {
            self.record(1, event);
            return true;
        }
        let next = (0..self.open.len()).min_by_key(|at| match &self.open[*at] {
            Command::Timer { at, path, .. } => (*at, path.to_string()),
            _ => (Timestamp::MAX, String::new()),
        });
        match next.map(|at| self.open.remove(at)) {
            Some(Command::Timer { path, at, .. }) => {
                let at = at.max(self.run.now());
                self.apply(Entry { at, event: Event::Woke { path } });
                true
            }
            _ => false,
        }
    }

    fn is_time_to_cancel(&self) -> bool {
        let is_cancelled = |entry: &Entry| matches!(entry.event, Event::Controlled { .. });
        let is_call = |entry: &&Entry| {
            matches!(entry.event, Event::Succeeded(_) | Event::Failed(_) | Event::Woke { .. })
        };
        self.cancel_after.is_some_and(|after| self.journal.iter().filter(is_call).count() >= after)
            && !self.journal.iter().any(is_cancelled)
    }

    /// What somebody does about the first step that waits for it, if they do.
    fn said(&self) -> Option<Event> {
        let by = "ana@example.test".to_owned();
        self.run.open_steps().into_iter().find_map(|step| {
            let path = step.path;
            let mut chance = Chance::named(self.seed, &format!("said {path}"));
            if chance.one_in(3) {
                return None;
            }
            match step.waiting? {
                Waiting::Answer { .. } => Some(Event::Answered {
                    path,
                    values: json!({ "n": chance.below(9) }),
                    by: by.clone(),
                }),
                Waiting::Approval { .. } => {
                    let approved = chance.one_in(2);
                    let form = if approved { json!({}) } else { Value::Null };
                    Some(Event::Approval { path, approved, by: by.clone(), note: None, form })
                }
                Waiting::Signal { name } => {
                    let payload = Arc::new(json!({ "n": chance.below(9) }));
                    Some(Event::Signalled { name, payload, by: by.clone() })
                }
                Waiting::Until(_) | Waiting::Retry(_) | Waiting::Ruling(_) => None,
            }
        })
    }

    fn perform(&mut self, run: RunAction) {
        let is_write = run.action != "read";
        let fails = self.failure(&run.path, run.attempt);
        let (mut settled, look) = (run.intent.is_none(), look(&run.action));
        if let Some(intent) = &run.intent {
            settled = !intent.unsettled;
        }
        if !settled && run.action == "blind" {
            let reason = "nothing tells whether it was sent".to_owned();
            return self
                .record(0, Event::Held { path: run.path, reason, limit: None, blocked: false });
        }
        let mut is_done = false;
        if !settled {
            let mut chance = Chance::named(self.seed, &format!("verified {}", run.path));
            is_done = fails.is_none() && chance.one_in(2);
            let verdict = if is_done { Found::Done(wrote(&run.path)) } else { Found::NotDone };
            self.record(0, Event::Verified { path: run.path.clone(), verdict });
        }
        if is_write && !is_done {
            let (path, input) = (run.path.clone(), Arc::clone(&run.input));
            let (look, request) = (Arc::clone(&look), "POST /".to_owned());
            let (op, attempt) = (run.op, run.attempt);
            let intended = Intended { path, op, attempt, chunk: 0, input, look, request };
            self.record(0, Event::Intended(Box::new(intended)));
            self.appended.insert(self.journal.len());
        }
        match fails {
            None => self.succeed(run, is_write),
            Some(error) => self.fail(run, &error),
        }
    }

    fn succeed(&mut self, run: RunAction, is_write: bool) {
        let n = Chance::named(self.seed, &format!("output {}", run.path)).below(9);
        let wrote = is_write.then(|| wrote(&run.path));
        self.record(
            1,
            Event::Succeeded(Box::new(Succeeded {
                path: run.path,
                op: run.op,
                attempt: run.attempt,
                input: (!is_write).then_some(run.input),
                wrote,
                output: Some(Arc::new(json!({ "n": n, "half": 0.5 }))),
                effect: look(&run.action).effect,
                changes: u64::from(is_write),
            })),
        );
    }

    fn fail(&mut self, run: RunAction, error: &ActionError) {
        let at = self.run.now() + Duration::from_secs(1);
        let policy = RetryPolicy::default();
        let (place, certain) = ((&run.path, run.op), (Certainty::NotDone, &policy));
        match self.run.after_failure(place, error, Some(run.input), at, certain) {
            AfterFailure::Journal(event) | AfterFailure::Hold(event) => self.record(1, event),
            AfterFailure::Verify => panic!("it is known that nothing was written"),
        }
    }

    /// Why an attempt fails, if it does.
    fn failure(&self, path: &StepPath, attempt: u32) -> Option<ActionError> {
        let mut chance = Chance::named(self.seed, &format!("failure {path} {attempt}"));
        if !chance.one_in(4) {
            return None;
        }
        let kinds =
            [ErrorKind::Conflict, ErrorKind::NotFound, ErrorKind::Unavailable, ErrorKind::Timeout];
        let kind = kinds[chance.below(kinds.len())];
        Some(ActionError::new(kind, format!("{path} was told to fail")))
    }

    /// Two pages of two rows; the second begins with a row that the first had as well.
    fn read_page(&mut self, page: ReadPage) {
        let mut chance = Chance::named(self.seed, &format!("page {}", page.path));
        let (ids, cursor) = match page.cursor {
            None if chance.one_in(2) => ([1, 2], Some(json!(2))),
            None => ([1, 2], None),
            Some(_) => ([2, 3], None),
        };
        let rows = ids.iter().map(|id| Arc::new(json!({ "n": id }))).collect();
        let keys = ids.iter().map(ToString::to_string).collect();
        self.record(1, Event::Page { path: page.path, rows, keys, cursor });
    }
}

fn look(action: &str) -> Arc<Look> {
    let effect = match action {
        "write" => Effect::Create,
        "blind" => Effect::Send,
        _ => Effect::Read,
    };
    Arc::new(Look { found: json!({}), changes: vec![json!(1)], effect, chunks: 1, variant: None })
}

fn wrote(path: &StepPath) -> Wrote {
    Wrote::new(json!({ "of": path.to_string() }), 200, Effect::Create)
}

fn wanted(run: &Run, command: &Command) -> bool {
    match command {
        Command::Run(asked) => run.wants(&asked.path, asked.op),
        Command::ReadPage(page) => run.wants(&page.path, page.op),
        Command::Timer { op, path, .. } => run.wants(path, *op),
        Command::Start(start) => run.wants(&start.path, start.op),
        Command::Cancel { .. } | Command::Finish => false,
    }
}

/// What a command asks for, without its number.
fn asks_for(command: &Command) -> Option<(String, String)> {
    Some(match command {
        Command::Run(run) => (run.path.to_string(), format!("{} {}", run.action, run.attempt)),
        Command::ReadPage(page) => (page.path.to_string(), format!("page {:?}", page.cursor)),
        Command::Timer { path, at, .. } => (path.to_string(), format!("timer {at}")),
        Command::Start(start) => (start.path.to_string(), format!("start {}", start.flow)),
        Command::Cancel { .. } | Command::Finish => return None,
    })
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

/// Where a run stands, as far as it shows.
fn standing(run: &Run) -> String {
    let open: Vec<String> = run
        .open_steps()
        .iter()
        .map(|step| format!("{} {:?} {:?}", step.path, step.state, step.waiting))
        .collect();
    let outcome = run.outcome().map(told);
    format!(
        "{:?} {:?} {} {:?} {} {outcome:?}\n{}",
        run.standing(),
        run.now(),
        run.caught(),
        run.changes(),
        run.position(),
        open.join("\n")
    )
}

/// An outcome without its instants.
fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded { outputs } => format!("succeeded {outputs}"),
        Outcome::Failed { error } => {
            format!("failed {} {:?} {}", error.message, error.kind, error.step)
        }
        Outcome::Cancelled => "cancelled".to_owned(),
    }
}
