//! A host in memory that plays flows: every command is answered at once, in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use linchpin_connector::{ActionError, Effect, ErrorKind};
use linchpin_engine::catalog::ActionFacts;
use linchpin_engine::command::{Command, RunAction};
use linchpin_engine::event::{Accepted, Failed, Outcome, Succeeded, VERSION};
use linchpin_engine::plan::Program;
use linchpin_engine::retry::RetryPolicy;
use linchpin_engine::run::{AfterFailure, Certainty};
use linchpin_engine::{Entry, Event, Run, RunId, StepPath};
use linchpin_language::{Value, json};

/// How a call is answered: by its action, its rendered input and its attempt.
pub(crate) type Answer = fn(&str, &Value, u32) -> Result<Value, ActionError>;
/// What people and other systems say to a run that waits.
pub(crate) type Says = fn(&Run) -> Option<Event>;

/// A host in memory: every command is answered at once, in order; a second passes each time.
pub(crate) struct Played {
    pub(crate) program: Arc<Program>,
    pub(crate) run: Run,
    pub(crate) journal: Vec<Entry>,
    pub(crate) calls: Vec<String>,
    /// Those of which it was unknown whether they run.
    pub(crate) may: Vec<String>,
    pub(crate) answer: Answer,
    pub(crate) says: Says,
    pub(crate) open: std::collections::VecDeque<Command>,
}

impl Played {
    pub(crate) fn begin(flows: &[&str], inputs: Value, answer: Answer) -> Self {
        Self::accepted(flows, inputs, answer, false)
    }

    /// As `begin`, for a dry run.
    pub(crate) fn dry(flows: &[&str], inputs: Value, answer: Answer) -> Self {
        Self::accepted(flows, inputs, answer, true)
    }

    fn accepted(flows: &[&str], inputs: Value, answer: Answer, dry_run: bool) -> Self {
        let name = |text: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix("flow: "));
            line.expect("a flow has a name").to_owned()
        };
        let texts: BTreeMap<_, _> =
            flows.iter().map(|text| (name(text), (*text).to_owned())).collect();
        let facts =
            |effect| ActionFacts { effect, idempotent: false, verifies: false, is_stream: false };
        let stream = ActionFacts { is_stream: true, ..facts(Effect::Read) };
        let actions: BTreeMap<_, _> = [
            ("sys.rows.stream".to_owned(), stream),
            ("sys.read".to_owned(), facts(Effect::Read)),
            ("sys.write".to_owned(), facts(Effect::Create)),
        ]
        .into();
        let root = name(flows[0]);
        let program = Program::new(&root, &texts, actions.clone())
            .unwrap_or_else(|mistakes| panic!("{}", mistakes[0].message));
        let accepted = Accepted {
            version: VERSION,
            run: RunId::parse(&"0".repeat(26)).expect("26 digits"),
            flow: root,
            texts: BTreeMap::new(),
            actions,
            inputs: Arc::new(inputs),
            key: None,
            trigger: Value::Null,
            user: None,
            aliases: BTreeMap::new(),
            dry_run,
        };
        let at = Timestamp::UNIX_EPOCH;
        let first = Entry { at, event: Event::Accepted(Arc::new(accepted)) };
        let program = Arc::new(program);
        let run = Run::new(Arc::clone(&program), &first).expect("an accepted run");
        let (journal, open) = (vec![first], [].into());
        let (calls, may) = (Vec::new(), Vec::new());
        let mut played = Self { program, run, journal, calls, may, answer, says: |_| None, open };
        played.record(Event::Begun);
        played
    }

    pub(crate) fn record(&mut self, event: Event) {
        let at = self.run.now() + Duration::from_secs(1);
        let entry = Entry { at, event };
        self.run.apply(&entry).expect("the event has a place");
        self.journal.push(entry);
    }

    /// Plays until the run has ended or waits for a person.
    pub(crate) fn play(&mut self) -> Option<Outcome> {
        loop {
            let turn = self.run.next().expect("the run can go on");
            self.journal.extend(turn.entries);
            self.open.extend(turn.commands);
            // People speak before any time passes.
            if self.open.iter().all(|open| matches!(open, Command::Timer { .. }))
                && self.run.outcome().is_none()
                && let Some(event) = (self.says)(&self.run)
            {
                self.record(event);
                continue;
            }
            match self.take() {
                Some(command) => self.perform(command),
                None => return self.run.outcome().cloned(),
            }
        }
    }

    /// The next command: calls in their order, and when there is none the timer that is due first.
    fn take(&mut self) -> Option<Command> {
        let at = |command: &Command| match command {
            Command::Timer { at, .. } => Some(*at),
            _ => None,
        };
        let next = self.open.iter().enumerate().min_by_key(|(_, command)| at(command))?.0;
        self.open.remove(next)
    }

    /// Takes commands in that a test has asked for itself.
    pub(crate) fn open(&mut self, commands: Vec<Command>) {
        self.open.extend(commands);
    }

    /// Plays until a timer is asked for, and leaves it at that.
    pub(crate) fn play_to_timer(&mut self) {
        loop {
            let turn = self.run.next().expect("the run can go on");
            self.journal.extend(turn.entries);
            self.open.extend(turn.commands);
            match self.open.pop_front() {
                Some(Command::Timer { .. }) => return,
                Some(command) => self.perform(command),
                None => panic!("no timer was asked for"),
            }
        }
    }

    fn call(&mut self, run: RunAction) {
        if !self.run.wants(&run.path, run.op) {
            return;
        }
        self.calls.push(run.path.to_string());
        if run.may {
            self.may.push(run.path.to_string());
        }
        let answer = (self.answer)(&run.action, &run.input, run.attempt);
        if let Ok(output) = &answer
            && let Some(undoable) = self.run.undo_of(&run.path, output)
        {
            self.record(Event::Undoable(Box::new(undoable)));
        }
        match answer {
            Ok(output) => self.record(Event::Succeeded(Box::new(Succeeded {
                path: run.path,
                op: run.op,
                attempt: run.attempt,
                input: Some(run.input),
                wrote: None,
                output: Some(Arc::new(output)),
                effect: Effect::Read,
                changes: 0,
            }))),
            Err(error) => {
                let policy = RetryPolicy::default();
                let (place, certain) = ((&run.path, run.op), (Certainty::NotDone, &policy));
                let input = Some(run.input);
                let at = self.run.now();
                match self.run.after_failure(place, &error, input, at, certain) {
                    AfterFailure::Journal(event) | AfterFailure::Hold(event) => {
                        self.record(event);
                    }
                    AfterFailure::Verify => panic!("nothing here verifies"),
                }
            }
        }
    }

    pub(crate) fn perform(&mut self, command: Command) {
        match command {
            Command::Run(run) => self.call(*run),
            Command::Timer { op, path, at } => {
                if self.run.wants(&path, op) {
                    let at = at.max(self.run.now());
                    let entry = Entry { at, event: Event::Woke { path } };
                    self.run.apply(&entry).expect("a timer has a place");
                    self.journal.push(entry);
                }
            }
            Command::Start(start) => {
                if !self.run.wants(&start.path, start.op) {
                    return;
                }
                self.calls.push(start.path.to_string());
                let output =
                    json!({ "run": format!("run of {} with {}", start.flow, start.inputs) });
                self.record(Event::Succeeded(Box::new(Succeeded {
                    path: start.path,
                    op: start.op,
                    attempt: 1,
                    input: None,
                    wrote: None,
                    output: Some(Arc::new(output)),
                    effect: Effect::None,
                    changes: 0,
                })));
            }
            Command::ReadPage(page) => {
                if self.run.wants(&page.path, page.op) {
                    self.read_page(page.path, page.cursor.as_ref());
                }
            }
            Command::Cancel { .. } | Command::Finish => {}
        }
    }

    /// Two pages of two rows; the second begins with a row that the first had as well.
    fn read_page(&mut self, path: StepPath, cursor: Option<&Value>) {
        let (ids, cursor) =
            if cursor.is_none() { ([1, 2], Some(json!(2))) } else { ([2, 3], None) };
        self.calls.push(format!("page of {path}"));
        let rows = ids.iter().map(|id| Arc::new(json!({ "id": id }))).collect();
        let keys = ids.iter().map(ToString::to_string).collect();
        self.record(Event::Page { path, rows, keys, cursor });
    }

    /// Continues from the first `length` entries, as after a crash.
    pub(crate) fn interrupted_at(&self, length: usize) -> Self {
        let journal = self.journal[..length].to_vec();
        let run = Run::replay(Arc::clone(&self.program), &journal).expect("a prefix replays");
        let (calls, open) = (Vec::new(), [].into());
        let (program, answer, says) = (Arc::clone(&self.program), self.answer, self.says);
        Self { program, run, journal, calls, answer, says, open, may: Vec::new() }
    }
}

/// Plays a flow to its end, then again from each prefix of its journal.
pub(crate) fn check(flows: &[&str], inputs: Value, answer: Answer) -> (Outcome, Vec<String>) {
    check_with(flows, inputs, answer, |_| None)
}

/// The same with people who say something when the run waits.
pub(crate) fn check_with(
    flows: &[&str],
    inputs: Value,
    answer: Answer,
    says: Says,
) -> (Outcome, Vec<String>) {
    let mut first = Played::begin(flows, inputs, answer);
    first.says = says;
    let outcome = first.play().expect("the run ends");
    for length in 2..=first.journal.len() {
        let mut again = first.interrupted_at(length);
        let done: Vec<String> = again.journal.iter().filter_map(final_path).collect();
        let outcome_again = again.play().expect("an interrupted run ends");
        assert_eq!(plain(&outcome_again), plain(&outcome), "interrupted after {length} entries");
        for call in &again.calls {
            assert!(!done.contains(call), "{call} was called again after {length} entries");
        }
    }
    (outcome, first.calls)
}

fn final_path(entry: &Entry) -> Option<String> {
    match &entry.event {
        Event::Succeeded(succeeded) => Some(succeeded.path.to_string()),
        Event::Failed(failed) => is_final(failed).then(|| failed.path.to_string()),
        _ => None,
    }
}

fn is_final(failed: &Failed) -> bool {
    failed.next.is_none()
}

/// An outcome without its instants.
pub(crate) fn plain(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Succeeded { outputs } => json!({ "succeeded": **outputs }),
        Outcome::Failed { error } => {
            json!({ "failed": error.message, "kind": error.kind, "at": error.step })
        }
        Outcome::Cancelled => json!("cancelled"),
    }
}

pub(crate) fn succeeded(outcome: &Outcome) -> &Value {
    match outcome {
        Outcome::Succeeded { outputs } => outputs,
        other => panic!("the run ended as {}", plain(other)),
    }
}

pub(crate) fn echo(action: &str, input: &Value, _: u32) -> Result<Value, ActionError> {
    match input.get("fail").and_then(Value::as_str) {
        Some(kind) => {
            let kind = ErrorKind::parse(kind).expect("a kind of error");
            Err(ActionError::new(kind, format!("{action} was told to fail")))
        }
        None => Ok(input.clone()),
    }
}
