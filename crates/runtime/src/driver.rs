//! One run on its way: replay the journal; ask the engine what is next; write the intent; do it;
//! write the outcome; apply it; again.
//!
//! A task per run owns its [`Run`] and is the only writer of its journal. Calls and timers are
//! tasks of their own that answer into the run's inbox:
//!
//! ```text
//!   operator ──▶ inbox ◀── call tasks, timers
//!                  │
//!                  ▼
//!      apply · next ─▶ one append per turn ─▶ start calls, timers
//! ```

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use linchpin_connector::{ActionError, Effect, ErrorKind, Look, Verdict, Wrote};
use linchpin_engine::command::{Command, OpenIntent, ReadPage, RunAction};
use linchpin_engine::event::{Decision, Failed, Found, Intended, Outcome, Succeeded};
use linchpin_engine::retry::RetryPolicy;
use linchpin_engine::run::{AfterFailure, Certainty};
use linchpin_engine::store::{Append, Error as StoreError, RecordWrite};
use linchpin_engine::{Entry, Event, Run, RunError, RunId, StepPath};
use linchpin_language::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::call::{Prepared, Stage, Unprepared, is_written, key, n_changes};
use crate::host::Shared;
use crate::summary::Summary;

/// What comes into a run.
pub(crate) enum Message {
    /// A stage of a call ended.
    Stage { op: u64, stage: Stage },
    /// A timer fell due.
    Due { op: u64 },
    /// An event from a person, and where to say whether it was taken.
    Event { event: Event, taken: oneshot::Sender<Result<(), String>> },
    /// Somebody wants to see the run as it stands.
    Look { see: Box<dyn FnOnce(&Run) + Send> },
    /// Nothing new is to be started; the task ends when nothing is under way.
    Stop,
}

/// A call that is under way.
struct UnderWay {
    run: RunAction,
    prepared: Prepared,
    /// What the look found, once there is one.
    look: Option<Look>,
    /// The chunk being written.
    chunk: u32,
    wrote: Vec<Wrote>,
    /// The failure that a verify is to settle.
    doubt: Option<ActionError>,
}

/// Why a run stopped without having ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Mismatch(#[from] linchpin_engine::run::Mismatch),
    #[error("cannot write an event as JSON")]
    Json(#[from] serde_json::Error),
}

/// The task of one run.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    run: Run,
    id: RunId,
    inbox: mpsc::UnboundedReceiver<Message>,
    sender: mpsc::UnboundedSender<Message>,
    /// Entries that are applied and not yet in the journal.
    unsaved: Vec<Entry>,
    /// Entries in the journal.
    saved: u64,
    calls: HashMap<u64, UnderWay>,
    pages: HashMap<u64, ReadPage>,
    timers: BTreeMap<u64, StepPath>,
    tasks: HashMap<u64, AbortHandle>,
    accepted: Option<oneshot::Sender<Result<(), Arc<StoreError>>>>,
    is_stopping: bool,
}

impl Driver {
    /// A driver of a run whose first `saved` entries are in the journal; `unsaved` are applied
    /// already and are appended first.
    pub(crate) fn new(
        shared: Arc<Shared>,
        run: Run,
        (saved, unsaved): (u64, Vec<Entry>),
        accepted: Option<oneshot::Sender<Result<(), Arc<StoreError>>>>,
    ) -> (Self, mpsc::UnboundedSender<Message>) {
        let (sender, inbox) = mpsc::unbounded_channel();
        let id = run.accepted().run.clone();
        let driver = Self {
            shared,
            run,
            id,
            inbox,
            sender: sender.clone(),
            unsaved,
            saved,
            calls: HashMap::new(),
            pages: HashMap::new(),
            timers: BTreeMap::new(),
            tasks: HashMap::new(),
            accepted,
            is_stopping: false,
        };
        (driver, sender)
    }

    /// Runs to the end, to a stop of the host, or to a store that refuses.
    pub(crate) async fn drive(mut self) -> Option<Outcome> {
        let result = self.turns().await;
        for task in self.tasks.values() {
            task.abort();
        }
        if let Err(halt) = result {
            tracing::error!(run = %self.id, "run stopped: {halt}");
            if let (Some(accepted), Halt::Store(error)) = (self.accepted.take(), halt) {
                // Whoever started the run may be gone; then nobody needs to know.
                drop(accepted.send(Err(Arc::new(error))));
            }
        }
        self.run.outcome().cloned()
    }

    async fn turns(&mut self) -> Result<(), Halt> {
        loop {
            self.turn().await?;
            if self.run.outcome().is_some() || (self.is_stopping && self.calls.is_empty()) {
                return Ok(());
            }
            let Some(message) = self.inbox.recv().await else { return Ok(()) };
            self.receive(message).await?;
            while let Ok(message) = self.inbox.try_recv() {
                self.receive(message).await?;
            }
        }
    }

    /// Asks what is next, saves what was decided with what led to it, and starts what is asked.
    async fn turn(&mut self) -> Result<(), Halt> {
        if self.is_stopping {
            return self.save().await;
        }
        loop {
            let turn = self.run.next()?;
            self.unsaved.extend(turn.entries);
            let mut start = Vec::new();
            let mut is_settled = true;
            for command in turn.commands {
                match command {
                    Command::Run(run) => {
                        let op = run.op;
                        match self.prepare(*run).await? {
                            Some(stage) => start.push((op, stage)),
                            // It ended or is held before anything was sent.
                            None => is_settled = false,
                        }
                    }
                    Command::ReadPage(page) => match self.prepare_page(*page).await? {
                        Some((op, stage)) => start.push((op, stage)),
                        None => is_settled = false,
                    },
                    Command::Timer { op, path, at } => self.start_timer(op, path, at),
                    Command::Cancel { op } => self.drop_op(op),
                    Command::Finish => {}
                }
            }
            self.save().await?;
            for (op, stage) in start {
                self.spawn(op, stage);
            }
            if is_settled {
                return Ok(());
            }
        }
    }

    /// Records an event now.
    fn record(&mut self, event: Event) -> Result<(), Halt> {
        let entry = Entry { at: self.shared.clock.now(), event };
        self.run.apply(&entry)?;
        self.unsaved.push(entry);
        Ok(())
    }

    /// One append for everything since the last: after it, all of it is on disk.
    async fn save(&mut self) -> Result<(), Halt> {
        if self.unsaved.is_empty() {
            return Ok(());
        }
        let entries = self.unsaved.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>()?;
        let count = entries.len() as u64;
        let records = self.index_records()?;
        let batch = Append { run: self.id.clone(), position: self.saved, entries, records };
        self.shared.store.append(batch).await?;
        self.saved += count;
        if let Some(accepted) = self.accepted.take() {
            // Whoever started the run may be gone; then nobody needs to know.
            drop(accepted.send(Ok(())));
        }
        for entry in self.unsaved.drain(..) {
            self.shared.tell(&self.id, entry);
        }
        Ok(())
    }

    /// The index changes when a run begins to be and when it ends.
    fn index_records(&self) -> Result<Vec<RecordWrite>, Halt> {
        let is_new = self.saved == 0;
        let has_ended = self.run.outcome().is_some();
        if !is_new && !has_ended {
            return Ok(Vec::new());
        }
        let summary = serde_json::to_vec(&Summary::of(&self.run))?;
        Ok(Summary::records(&self.id, summary, has_ended))
    }

    async fn receive(&mut self, message: Message) -> Result<(), Halt> {
        match message {
            Message::Stage { op, stage } => {
                self.tasks.remove(&op);
                self.stage_ended(op, stage).await
            }
            Message::Due { op } => {
                self.tasks.remove(&op);
                match self.timers.remove(&op) {
                    Some(path) if self.run.wants(&path, op) => self.record(Event::Woke { path }),
                    Some(_) | None => Ok(()),
                }
            }
            Message::Event { event, taken } => {
                let entry = Entry { at: self.shared.clock.now(), event };
                let result = self.run.apply(&entry);
                if result.is_ok() {
                    self.unsaved.push(entry);
                    self.save().await?;
                }
                // The person may have hung up; the event stands either way.
                drop(taken.send(result.map_err(|mismatch| mismatch.to_string())));
                Ok(())
            }
            Message::Look { see } => {
                see(&self.run);
                Ok(())
            }
            Message::Stop => {
                self.is_stopping = true;
                let reads: Vec<_> = self
                    .calls
                    .iter()
                    .filter(|(_, call)| !call.prepared.is_write() || call.look.is_none())
                    .map(|(op, _)| *op)
                    .collect();
                for op in reads {
                    self.drop_op(op);
                }
                Ok(())
            }
        }
    }

    /// Makes a call ready: its next stage, or `None` when it ended before it began.
    async fn prepare(&mut self, run: RunAction) -> Result<Option<StageTask>, Halt> {
        let about = (key(&self.id, &run.path), self.shared.clock.now(), run.timeout);
        let connections = &self.shared.connections;
        let prepared = Prepared::new(connections, &run.alias, &run.action, &run.input, about).await;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(Unprepared::Hold(reason)) => {
                self.record(Event::Held { path: run.path, reason })?;
                return Ok(None);
            }
            Err(Unprepared::Failed(error)) => {
                self.fail((run.path, run.op), &error, Some(run.input), Certainty::NotDone)?;
                return Ok(None);
            }
        };
        let op = run.op;
        let wrote = run.wrote.clone();
        let mut call = UnderWay { prepared, look: None, chunk: 0, wrote, doubt: None, run };
        let task = match call.run.intent.take() {
            _ if !call.prepared.is_write() => StageTask::Read,
            None if call.prepared.action.spec().looks => StageTask::Look,
            None => match call.prepared.clone().look().await {
                Stage::Looked(Ok(look)) => {
                    self.calls.insert(op, call);
                    return self.intend(op, look, 0);
                }
                Stage::Looked(Err(error)) => {
                    let (path, input) = (call.run.path, call.run.input);
                    self.fail((path, op), &error, Some(input), Certainty::NotDone)?;
                    return Ok(None);
                }
                _ => StageTask::Look,
            },
            Some(OpenIntent { look, chunk, unsettled: true }) => {
                call.look = Some(look);
                call.chunk = chunk;
                return self.settle_doubt(op, call);
            }
            Some(intent) => {
                call.run.intent = Some(intent.clone());
                let is_written = is_written(&call.run);
                call.look = Some(intent.look.clone());
                self.calls.insert(op, call);
                if is_written {
                    return Ok(Some(StageTask::Finish));
                }
                return self.intend(op, intent.look, intent.chunk);
            }
        };
        self.calls.insert(op, call);
        Ok(Some(task))
    }

    /// A write was intended and its outcome is not known: read back, send again when that does
    /// no harm, or leave it to a person.
    fn settle_doubt(&mut self, op: u64, call: UnderWay) -> Result<Option<StageTask>, Halt> {
        let message = "the process stopped before the answer was recorded";
        let mut error = ActionError::new(ErrorKind::ConnectionFailed, message);
        error.write = linchpin_connector::WriteState::Unknown;
        let path = call.run.path.clone();
        let (look, chunk) = (call.look.clone(), call.chunk);
        let is_idempotent = call.prepared.action.spec().idempotent;
        let at = self.shared.clock.now();
        let doubt = (Certainty::NotVerified, &RetryPolicy::default());
        let after = self.run.after_failure((&path, op), &error, None, at, doubt);
        self.calls.insert(op, call);
        match (after, look) {
            (AfterFailure::Verify, _) => Ok(Some(StageTask::Verify)),
            // A call that a crash cut is no attempt: it is sent again at once.
            (AfterFailure::Journal(_), Some(look)) if is_idempotent => self.intend(op, look, chunk),
            (AfterFailure::Journal(event) | AfterFailure::Hold(event), _) => {
                self.calls.remove(&op);
                self.record(event)?;
                Ok(None)
            }
        }
    }

    async fn prepare_page(&mut self, page: ReadPage) -> Result<Option<(u64, StageTask)>, Halt> {
        let about = (key(&self.id, &page.path), self.shared.clock.now(), page.timeout);
        let connections = &self.shared.connections;
        let prepared =
            Prepared::new(connections, &page.alias, &page.action, &page.input, about).await;
        match prepared {
            Ok(prepared) => {
                let (op, cursor) = (page.op, page.cursor.clone());
                self.pages.insert(op, page);
                Ok(Some((op, StageTask::Page(Box::new(prepared), cursor))))
            }
            Err(Unprepared::Hold(reason)) => {
                self.record(Event::Held { path: page.path, reason })?;
                Ok(None)
            }
            Err(Unprepared::Failed(error)) => {
                self.fail((page.path, page.op), &error, Some(page.input), Certainty::NotDone)?;
                Ok(None)
            }
        }
    }

    /// Journals the intent of one chunk, after which it is sent; unless there is nothing to do,
    /// a limit is passed, or the step is not wanted any more.
    fn intend(&mut self, op: u64, look: Look, chunk: u32) -> Result<Option<StageTask>, Halt> {
        let Some(call) = self.calls.get_mut(&op) else { return Ok(None) };
        let path = call.run.path.clone();
        if !self.run.wants(&path, op) {
            self.calls.remove(&op);
            return Ok(None);
        }
        call.look = Some(look.clone());
        call.chunk = chunk;
        if look.chunks == 0 {
            return Ok(Some(StageTask::Finish));
        }
        let input = Arc::clone(&call.run.input);
        let (attempt, request) = (call.run.attempt, call.prepared.request(&look, chunk));
        if chunk == 0
            && let Some(reason) = self.run.over_limit(look.effect, n_changes(&look))
        {
            self.calls.remove(&op);
            self.record(Event::Held { path, reason })?;
            return Ok(None);
        }
        let intended = Intended { path, op, attempt, chunk, input, look, request };
        self.record(Event::Intended(Box::new(intended)))?;
        Ok(Some(StageTask::Write))
    }

    async fn stage_ended(&mut self, op: u64, stage: Stage) -> Result<(), Halt> {
        if let Stage::Page(result) = stage {
            return self.page_ended(op, result);
        }
        let Some(call) = self.calls.remove(&op) else { return Ok(()) };
        if !self.run.wants(&call.run.path, op) {
            return Ok(());
        }
        match stage {
            Stage::Page(_) => Ok(()),
            Stage::Read(Ok(output)) | Stage::Finished(Ok(output)) => {
                self.succeed(&call, op, (None, Some(output)))
            }
            Stage::Read(Err(error)) | Stage::Looked(Err(error)) | Stage::Finished(Err(error)) => {
                self.call_failed(call, op, error, Certainty::NotDone)
            }
            Stage::Looked(Ok(look)) => {
                self.calls.insert(op, call);
                let next = self.intend(op, look, 0)?;
                self.after_saving(op, next).await
            }
            Stage::Wrote(Ok((wrote, None))) => {
                self.succeed(&call, op, (Some(wrote.clone()), None))?;
                self.go_on_writing(call, op, wrote).await
            }
            Stage::Wrote(Ok((wrote, Some(Ok(output))))) => {
                self.succeed(&call, op, (Some(wrote), Some(output)))
            }
            Stage::Wrote(Ok((wrote, Some(Err(error))))) => {
                self.succeed(&call, op, (Some(wrote), None))?;
                self.call_failed(call, op, error, Certainty::NotDone)
            }
            Stage::Wrote(Err(error)) => {
                let certainty = Certainty::NotVerified;
                self.call_failed(call, op, error, certainty)
            }
            Stage::Verified(result) => self.verified(call, op, result).await,
        }
    }

    async fn go_on_writing(
        &mut self,
        mut call: UnderWay,
        op: u64,
        wrote: Wrote,
    ) -> Result<(), Halt> {
        call.wrote.push(wrote);
        let (chunk, look) = (call.chunk + 1, call.look.clone());
        self.calls.insert(op, call);
        let Some(look) = look else { return Ok(()) };
        let next = if chunk >= look.chunks {
            Some(StageTask::Finish)
        } else {
            self.intend(op, look, chunk)?
        };
        self.after_saving(op, next).await
    }

    async fn verified(
        &mut self,
        mut call: UnderWay,
        op: u64,
        result: Result<(Verdict, Option<Look>), ActionError>,
    ) -> Result<(), Halt> {
        let path = call.run.path.clone();
        let doubt = call.doubt.take();
        match result {
            Ok((Verdict::Done(wrote), _)) => {
                let verdict = Found::Done(wrote.clone());
                self.record(Event::Verified { path, verdict })?;
                self.go_on_writing(call, op, wrote).await
            }
            Ok((Verdict::NotDone, _)) => {
                self.record(Event::Verified { path, verdict: Found::NotDone })?;
                match doubt {
                    Some(error) => self.call_failed(call, op, error, Certainty::NotDone),
                    None => self.send_again(call, op, None).await,
                }
            }
            Ok((Verdict::Part(_), Some(left))) => {
                let verdict = Found::Part(left.clone());
                self.record(Event::Verified { path, verdict })?;
                self.send_again(call, op, Some(left)).await
            }
            Ok((Verdict::Part(_), None)) => Ok(()),
            Ok((Verdict::CannotTell(reason), _)) => {
                let error = doubt.unwrap_or_else(|| unknown_outcome(reason));
                self.call_failed(call, op, error, Certainty::CannotTell)
            }
            Err(error) => {
                let message = format!("the read-back failed as well: {}", error.message);
                let error = doubt.unwrap_or_else(|| unknown_outcome(message));
                self.call_failed(call, op, error, Certainty::CannotTell)
            }
        }
    }

    async fn send_again(
        &mut self,
        call: UnderWay,
        op: u64,
        look: Option<Look>,
    ) -> Result<(), Halt> {
        let chunk = if look.is_some() { 0 } else { call.chunk };
        let Some(look) = look.or_else(|| call.look.clone()) else { return Ok(()) };
        self.calls.insert(op, call);
        let next = self.intend(op, look, chunk)?;
        self.after_saving(op, next).await
    }

    async fn after_saving(&mut self, op: u64, task: Option<StageTask>) -> Result<(), Halt> {
        self.save().await?;
        if let Some(task) = task {
            self.spawn(op, task);
        }
        Ok(())
    }

    fn succeed(
        &mut self,
        call: &UnderWay,
        op: u64,
        (wrote, output): (Option<Wrote>, Option<Value>),
    ) -> Result<(), Halt> {
        let look = call.look.as_ref();
        let effect = wrote.as_ref().map(|wrote| wrote.effect);
        let effect = effect.or(look.map(|look| look.effect)).unwrap_or(Effect::Read);
        let is_last = look.is_some_and(|look| call.chunk + 1 == look.chunks && wrote.is_some());
        let succeeded = Succeeded {
            path: call.run.path.clone(),
            op,
            attempt: call.run.attempt,
            input: look.is_none_or(|look| look.chunks == 0).then(|| Arc::clone(&call.run.input)),
            changes: if is_last { look.map_or(0, n_changes) } else { 0 },
            wrote,
            output: output.map(Arc::new),
            effect,
        };
        self.record(Event::Succeeded(Box::new(succeeded)))
    }

    fn call_failed(
        &mut self,
        mut call: UnderWay,
        op: u64,
        error: ActionError,
        certainty: Certainty,
    ) -> Result<(), Halt> {
        let path = call.run.path.clone();
        let at = self.shared.clock.now();
        let input = call.look.is_none().then(|| Arc::clone(&call.run.input));
        let policy = RetryPolicy::default();
        let after = self.run.after_failure((&path, op), &error, input, at, (certainty, &policy));
        match after {
            AfterFailure::Journal(event) | AfterFailure::Hold(event) => self.record(event),
            AfterFailure::Verify => {
                call.doubt = Some(error);
                self.calls.insert(op, call);
                self.spawn(op, StageTask::Verify);
                Ok(())
            }
        }
    }

    fn fail(
        &mut self,
        (path, op): (StepPath, u64),
        error: &ActionError,
        input: Option<Arc<Value>>,
        certainty: Certainty,
    ) -> Result<(), Halt> {
        let at = self.shared.clock.now();
        let doubt = (certainty, &RetryPolicy::default());
        let after = self.run.after_failure((&path, op), error, input.clone(), at, doubt);
        let event = match after {
            AfterFailure::Journal(event) | AfterFailure::Hold(event) => event,
            AfterFailure::Verify => {
                let error = RunError::of_attempt(error, &path, 1);
                Event::Failed(Box::new(Failed { path, op, input, error, next: None }))
            }
        };
        self.record(event)
    }

    fn page_ended(
        &mut self,
        op: u64,
        result: Result<linchpin_connector::Page, ActionError>,
    ) -> Result<(), Halt> {
        let Some(page) = self.pages.remove(&op) else { return Ok(()) };
        if !self.run.wants(&page.path, op) {
            return Ok(());
        }
        match result {
            Ok(answer) => {
                let rows = answer.rows.into_iter().map(Arc::new).collect();
                let (keys, cursor) = (answer.keys, answer.cursor);
                self.record(Event::Page { path: page.path, rows, keys, cursor })
            }
            Err(error) => {
                let input = Some(Arc::clone(&page.input));
                self.fail((page.path, op), &error, input, Certainty::NotDone)
            }
        }
    }

    fn start_timer(&mut self, op: u64, path: StepPath, at: jiff::Timestamp) {
        self.timers.insert(op, path);
        let (clock, sender) = (Arc::clone(&self.shared.clock), self.sender.clone());
        let task = tokio::spawn(async move {
            clock.sleep_until(at).await;
            // The run may have ended meanwhile.
            drop(sender.send(Message::Due { op }));
        });
        self.tasks.insert(op, task.abort_handle());
    }

    fn spawn(&mut self, op: u64, task: StageTask) {
        let sender = self.sender.clone();
        let stage = match task {
            StageTask::Page(prepared, cursor) => {
                tokio::spawn(async move { answer(sender, op, prepared.page(cursor)).await })
            }
            task => {
                let Some(call) = self.calls.get(&op) else { return };
                let (prepared, chunk, wrote) =
                    (call.prepared.clone(), call.chunk, call.wrote.clone());
                let look = call.look.clone();
                match (task, look) {
                    (StageTask::Read, _) => tokio::spawn(answer(sender, op, prepared.read())),
                    (StageTask::Write, Some(look)) => {
                        tokio::spawn(answer(sender, op, prepared.write(look, chunk, wrote)))
                    }
                    (StageTask::Verify, Some(look)) => {
                        tokio::spawn(answer(sender, op, prepared.verify(look, chunk)))
                    }
                    (StageTask::Finish, Some(look)) => {
                        tokio::spawn(answer(sender, op, prepared.finish(look, wrote)))
                    }
                    _ => tokio::spawn(answer(sender, op, prepared.look())),
                }
            }
        };
        self.tasks.insert(op, stage.abort_handle());
    }

    fn drop_op(&mut self, op: u64) {
        self.calls.remove(&op);
        self.pages.remove(&op);
        self.timers.remove(&op);
        if let Some(task) = self.tasks.remove(&op) {
            task.abort();
        }
    }
}

/// Which stage of a call comes next.
enum StageTask {
    Read,
    Look,
    Write,
    Verify,
    Finish,
    Page(Box<Prepared>, Option<Value>),
}

async fn answer(
    sender: mpsc::UnboundedSender<Message>,
    op: u64,
    stage: impl Future<Output = Stage>,
) {
    let stage = stage.await;
    // The run may have ended meanwhile.
    drop(sender.send(Message::Stage { op, stage }));
}

fn unknown_outcome(reason: String) -> ActionError {
    let mut error = ActionError::new(ErrorKind::ConnectionFailed, reason);
    error.write = linchpin_connector::WriteState::Unknown;
    error
}

/// Whether an entry is a line for people.
pub(crate) fn as_log(entry: &Entry) -> Option<&str> {
    match &entry.event {
        Event::Decided { decision: Decision::Logged { message, .. }, .. } => Some(message),
        _ => None,
    }
}
