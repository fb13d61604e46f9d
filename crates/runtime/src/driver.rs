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

mod crashes;
mod detach;
mod ledger;
mod returning;
mod snapshot;
mod undo;

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::Arc;

use linchpin_connector::{ActionError, Look, Wrote};
use linchpin_engine::command::{Command, ReadPage, RunAction};
use linchpin_engine::event::{Captured, Control, Decision, Outcome};
use linchpin_engine::store::{Append, Error as StoreError, RecordWrite};
use linchpin_engine::{Entry, Event, Run, RunId, StepPath};
use linchpin_language::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use self::crashes::Crashes;
use self::returning::Returning;
use crate::call::{Prepared, Stage};
use crate::capture::Capture;
use crate::host::turns::Turn;
use crate::host::{self, Shared};
use crate::snapshots::{Growth, Replayed};
use crate::summary::Summary;

/// What comes into a run.
pub(crate) enum Message {
    /// A stage of a call ended.
    Stage { op: u64, stage: Stage },
    /// A timer fell due.
    Due { op: u64 },
    /// An event from a person, and where to say whether it was taken.
    Event { event: Event, taken: oneshot::Sender<Result<(), String>> },
    /// The run leaves the queue.
    Begin,
    /// A run of its own was started, or could not be.
    Started { op: u64, path: StepPath, result: Result<RunId, host::Error> },
    /// Somebody wants to see the run as it stands.
    Look { see: Box<dyn FnOnce(&Run) + Send> },
    /// A snapshot was made, or could not be.
    Snapshot { made: Option<Vec<u8>> },
    /// Nothing new is to be started; the task ends when nothing is under way.
    Stop,
}

/// A call that is under way.
struct UnderWay {
    run: RunAction,
    prepared: Prepared,
    /// What the look found, once there is one.
    look: Option<Arc<Look>>,
    /// The chunk being written.
    chunk: u32,
    wrote: Vec<Wrote>,
    /// Whether a read-back showed that the last chunk was done.
    is_adopted: bool,
    /// The failure that a verify is to settle.
    doubt: Option<ActionError>,
    /// How many of the changes were not made, though the writes were answered well.
    n_missing: u64,
}

impl UnderWay {
    fn new(run: RunAction, prepared: Prepared, wrote: Vec<Wrote>) -> Self {
        let (look, chunk, is_adopted, doubt, n_missing) = (None, 0, false, None, 0);
        Self { run, prepared, look, chunk, wrote, is_adopted, doubt, n_missing }
    }
}

/// A stage of a call that is awaited without a task of its own.
type InPlace = Pin<Box<dyn Future<Output = Stage> + Send>>;

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
    timers: BTreeMap<u64, (StepPath, jiff::Timestamp)>,
    /// What is kept of the exchanges of calls under way, where that is asked for.
    captures: HashMap<u64, (StepPath, Capture)>,
    tasks: HashMap<u64, AbortHandle>,
    /// The only call under way, when there is no other: it needs no task of its own.
    only: Option<(u64, InPlace)>,
    accepted: Option<oneshot::Sender<Result<(), Arc<StoreError>>>>,
    crashes: Crashes,
    returning: Option<Returning>,
    growth: Growth,
    /// The task that makes a snapshot.
    snapshot: Option<AbortHandle>,
    is_stopping: bool,
}

impl Driver {
    /// A driver of a run whose first `saved` entries are in the journal; `unsaved` are applied
    /// already and are appended first.
    pub(crate) fn new(
        shared: Arc<Shared>,
        Replayed { run, growth }: Replayed,
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
            captures: HashMap::new(),
            tasks: HashMap::new(),
            only: None,
            crashes: match (saved, accepted.is_some()) {
                (0, _) => Crashes::None,
                // A person's word brings it back: that is something new in its journal.
                (_, true) => Crashes::Counted,
                (_, false) => Crashes::Uncounted,
            },
            returning: None,
            growth,
            snapshot: None,
            accepted,
            is_stopping: false,
        };
        (driver, sender)
    }

    /// Runs to the end, to a stop of the host, or to a store that refuses.
    pub(crate) async fn drive(mut self) -> Option<Outcome> {
        let result = self.turns().await;
        self.forget_crashes().await;
        for task in self.tasks.values().chain(&self.snapshot) {
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
        if self.crashes == Crashes::Uncounted {
            self.returns().await?;
        }
        loop {
            self.turn().await?;
            if self.calls.is_empty() && self.pages.is_empty() {
                self.returning = None;
            }
            if self.run.outcome().is_some() || (self.is_stopping && self.calls.is_empty()) {
                return Ok(());
            }
            let Some(message) = self.first_message().await else { return Ok(()) };
            self.receive(message).await?;
            while self.run.outcome().is_none()
                && let Ok(message) = self.inbox.try_recv()
            {
                // Who looks sees what came of everything that was said before.
                if matches!(message, Message::Look { .. }) {
                    self.turn().await?;
                }
                self.receive(message).await?;
            }
        }
    }

    /// The next message, or the end of the only call.
    async fn message(&mut self) -> Option<Message> {
        let Some((op, stage)) = &mut self.only else { return self.inbox.recv().await };
        let op = *op;
        tokio::select! {
            biased;
            message = self.inbox.recv() => message,
            stage = stage => {
                self.only = None;
                Some(Message::Stage { op, stage })
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
            let (commands, mut is_settled) = self.spared(turn.commands).await?;
            for command in commands {
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
                    Command::Start(wanted) => self.detach(*wanted),
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

    /// Journals what was said during a stage, before what came of it.
    fn note_exchanges(&mut self, op: u64, has_failed: bool) -> Result<(), Halt> {
        let Some((path, capture)) = self.captures.get(&op) else { return Ok(()) };
        let (path, exchanges) = (path.clone(), capture.take(has_failed));
        if exchanges.is_empty() {
            return Ok(());
        }
        self.record(Event::Captured(Box::new(Captured { path, op, exchanges })))
    }

    /// Notes that the exchanges of a call are kept, if they are.
    fn listen(&mut self, op: u64, path: &StepPath, prepared: &Prepared) {
        if let Some(capture) = &prepared.capture {
            self.captures.insert(op, (path.clone(), capture.clone()));
        }
    }

    /// Records an event now.
    fn record(&mut self, event: Event) -> Result<(), Halt> {
        self.record_at(self.shared.clock.now(), event)
    }

    fn record_at(&mut self, at: jiff::Timestamp, event: Event) -> Result<(), Halt> {
        let entry = Entry { at, event };
        self.run.apply(&entry)?;
        self.unsaved.push(entry);
        Ok(())
    }

    /// One append for everything since the last: after it, all of it is on disk.
    async fn save(&mut self) -> Result<(), Halt> {
        if self.unsaved.is_empty() {
            return Ok(());
        }
        let entries = self.unsaved.iter().map(line).collect::<Result<Vec<_>, _>>()?;
        let count = entries.len() as u64;
        self.growth.add(&entries);
        let records = self.index_records()?;
        let batch = Append { run: self.id.clone(), position: self.saved, entries, records };
        self.shared.store.append(batch).await?;
        self.saved += count;
        if let Some(accepted) = self.accepted.take() {
            // Whoever started the run may be gone; then nobody needs to know.
            drop(accepted.send(Ok(())));
        }
        self.shared.tell(&self.id, &mut self.unsaved);
        self.keep_snapshot();
        Ok(())
    }

    /// The index changes when a run begins to be and when it ends.
    fn index_records(&mut self) -> Result<Vec<RecordWrite>, Halt> {
        let is_new = self.saved == 0;
        let has_ended = self.run.outcome().is_some();
        let begins = || self.unsaved.iter().any(|entry| opens(&entry.event));
        let mut records = self.shared.notes(&self.run, &self.unsaved);
        if is_new || has_ended || begins() {
            let summary = serde_json::to_vec(&Summary::of(&self.run))?;
            records.extend(Summary::records(&self.id, summary, has_ended));
            records.extend(Turn::record(&self.run)?);
        }
        records.extend(self.growth.record(&self.id, has_ended));
        if has_ended {
            records.extend(self.crashes.record(&self.id));
        }
        Ok(records)
    }

    async fn receive(&mut self, message: Message) -> Result<(), Halt> {
        match message {
            Message::Stage { op, stage } => {
                self.tasks.remove(&op);
                self.note_exchanges(op, stage.has_failed())?;
                self.stage_ended(op, stage).await?;
                if !self.calls.contains_key(&op) {
                    self.captures.remove(&op);
                }
                Ok(())
            }
            Message::Due { op } => {
                self.tasks.remove(&op);
                match self.timers.remove(&op) {
                    Some((path, at)) if self.run.wants(&path, op) => {
                        // The clock may have been set back since: it was due all the same.
                        self.record_at(at.max(self.shared.clock.now()), Event::Woke { path })
                    }
                    Some(_) | None => Ok(()),
                }
            }
            Message::Event { event, taken } => {
                if let Some(why) = self.run.refuses(&event) {
                    drop(taken.send(Err(why)));
                    return Ok(());
                }
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
            Message::Begin if self.run.is_begun() || self.run.outcome().is_some() => Ok(()),
            Message::Begin => self.record(Event::Begun),
            Message::Started { op, path, result } => {
                self.tasks.remove(&op);
                self.started(op, path, result)
            }
            Message::Snapshot { made } => {
                self.growth.ends(made);
                Ok(())
            }
            Message::Look { see } => {
                see(&self.run);
                Ok(())
            }
            Message::Stop => {
                self.stop();
                Ok(())
            }
        }
    }

    /// Starts nothing new, and waits for writes alone.
    fn stop(&mut self) {
        self.is_stopping = true;
        let is_read = |call: &UnderWay| !call.prepared.is_write() || call.look.is_none();
        let reads = self.calls.iter().filter(|(_, call)| is_read(call));
        for op in reads.map(|(op, _)| *op).collect::<Vec<_>>() {
            self.drop_op(op);
        }
    }

    fn start_timer(&mut self, op: u64, path: StepPath, at: jiff::Timestamp) {
        self.timers.insert(op, (path, at));
        let (clock, sender) = (Arc::clone(&self.shared.clock), self.sender.clone());
        let task = tokio::spawn(async move {
            clock.sleep_until(at).await;
            // The run may have ended meanwhile.
            drop(sender.send(Message::Due { op }));
        });
        self.tasks.insert(op, task.abort_handle());
    }

    /// Starts a stage: in this task when nothing else is under way, else in one of its own, so
    /// that many calls are not served by one processor.
    fn spawn(&mut self, op: u64, task: StageTask) {
        let Some(stage) = self.stage(op, task) else { return };
        if self.only.is_none() && self.tasks.is_empty() {
            self.only = Some((op, stage));
            return;
        }
        let sender = self.sender.clone();
        let task = tokio::spawn(async move {
            let stage = stage.await;
            // The run may have ended meanwhile.
            drop(sender.send(Message::Stage { op, stage }));
        });
        self.tasks.insert(op, task.abort_handle());
    }

    fn stage(
        &self,
        op: u64,
        task: StageTask,
    ) -> Option<Pin<Box<dyn Future<Output = Stage> + Send>>> {
        let task = match task {
            StageTask::Page(prepared, cursor) => return Some(Box::pin(prepared.page(cursor))),
            task => task,
        };
        let call = self.calls.get(&op)?;
        let (prepared, chunk, wrote) = (call.prepared.clone(), call.chunk, call.wrote.clone());
        Some(match (task, call.look.clone()) {
            (StageTask::Read, _) => Box::pin(prepared.read()),
            (StageTask::Write, Some(look)) => Box::pin(prepared.write(look, chunk, wrote)),
            (StageTask::Verify, Some(look)) => Box::pin(prepared.verify(look, chunk)),
            (StageTask::Finish, Some(look)) => Box::pin(prepared.finish(look, wrote)),
            _ => Box::pin(prepared.look()),
        })
    }

    fn drop_op(&mut self, op: u64) {
        self.calls.remove(&op);
        self.pages.remove(&op);
        self.captures.remove(&op);
        self.timers.remove(&op);
        if self.only.as_ref().is_some_and(|(only, _)| *only == op) {
            self.only = None;
        }
        if let Some(task) = self.tasks.remove(&op) {
            task.abort();
        }
    }
}

/// Whether a run is open from this event on that was not before.
fn opens(event: &Event) -> bool {
    matches!(
        event,
        Event::Begun | Event::Controlled { control: Control::Undo | Control::Retry, .. }
    )
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

/// An entry as the journal keeps it.
fn line(entry: &Entry) -> Result<Vec<u8>, serde_json::Error> {
    // Most are a few hundred bytes: room from the start is cheaper than growing to it.
    let mut line = Vec::with_capacity(512);
    serde_json::to_writer(&mut line, entry)?;
    Ok(line)
}

/// Whether an entry is a line for people.
pub(crate) fn as_log(entry: &Entry) -> Option<&str> {
    match &entry.event {
        Event::Decided { decision: Decision::Logged { message, .. }, .. } => Some(message),
        _ => None,
    }
}
