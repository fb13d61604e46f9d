//! The embedded host: it accepts runs, drives each in a task of its own, and brings back after
//! a restart those that had not ended.

mod answer;
mod error;
mod held;
mod keys;
mod recovery;
mod retry;
mod start;
pub(crate) mod turns;
mod undo;

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use linchpin_engine::catalog::Catalog;
use linchpin_engine::event::{Control, Outcome};
use linchpin_engine::plan::Program;
use linchpin_engine::run::Standing;
use linchpin_engine::store::{Error as StoreError, RecordWrite, Store};
use linchpin_engine::{Entry, Event, Run, RunId};
use linchpin_language::{Map, Value};
use tokio::sync::{OnceCell, Semaphore, broadcast, mpsc, oneshot, watch};

use self::answer::answered;
pub use self::error::Error;
pub use self::held::HeldPreview;
pub use self::retry::RetryPreview;
pub(crate) use self::retry::leaves;
use self::turns::Turns;
pub use self::undo::UndoPreview;
use crate::clock::Clock;
use crate::connections::Connections;
use crate::driver::{Driver, Message};
use crate::flows::{Flows, Loaded};
use crate::snapshots::{self, Replayed};
use crate::summary::{RUNS, Summary};
use crate::triggers::flow::Awaited;

/// The collection of flow texts, by content hash.
const TEXTS: &str = "texts";
/// The collection of run keys, by flow and key.
pub(crate) const KEYS: &str = "keys";

/// How many of the runs that a restart brings back wait for the first answer of another system at
/// the same time.
const RETURNING: usize = 64;

/// What a host is made of.
pub struct Parts {
    /// Where journals and records are kept.
    pub store: Arc<dyn Store>,
    /// The actions that exist.
    pub catalog: Arc<Catalog>,
    /// What the aliases lead to.
    pub connections: Arc<Connections>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What the drivers share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) clock: Arc<dyn Clock>,
    catalog: Arc<Catalog>,
    /// Brought-back runs that begin to call at the same time.
    pub(crate) returning: Arc<Semaphore>,
    /// Starts a run from within another one; a host puts itself here.
    starter: OnceLock<Starter>,
    watchers: broadcast::Sender<(RunId, Entry)>,
    awaited: RwLock<Awaited>,
    /// By how many bytes a journal grows at least between two snapshots of its run.
    pub(crate) snapshots_apart: AtomicU64,
}

type Starter = Box<dyn Fn(Start) -> Starting + Send + Sync>;
type Starting = Pin<Box<dyn Future<Output = Result<RunId, Error>> + Send>>;

/// The embedded host.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
    state: Arc<State>,
}

struct State {
    flows: RwLock<Flows>,
    /// How often the flows were replaced.
    changes: watch::Sender<u64>,
    active: Mutex<HashMap<RunId, Active>>,
    /// Held from the look whether somebody drives a run until it is driven: nobody drives it twice.
    waking: tokio::sync::Mutex<()>,
    /// Programs by the hashes of their texts: parsed once.
    programs: Mutex<HashMap<BTreeMap<String, String>, Arc<Program>>>,
    ids: Mutex<Ids>,
    /// Runs that claim their key and are not on disk yet, each until its start has an answer.
    claiming: Mutex<HashMap<RunId, watch::Receiver<()>>>,
    /// Which run of a flow waits for which.
    turns: Mutex<Turns>,
    turns_read: OnceCell<()>,
    is_stopping: Mutex<bool>,
}

/// Where the identities of new runs come from.
enum Ids {
    Chance(ulid::Generator),
    /// Counted upwards, for a test that wants the same ones each time.
    Counted(u128),
}

#[derive(Clone)]
struct Active {
    inbox: mpsc::UnboundedSender<Message>,
    outcome: watch::Receiver<Option<Option<Outcome>>>,
}

/// A wish to start a run.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The flow.
    pub flow: String,
    /// Its inputs as given.
    pub inputs: Map<String, Value>,
    /// The run key: a second start with it finds the first run.
    pub key: Option<String>,
    /// What starts it.
    pub trigger: Value,
    /// Who starts it.
    pub user: Option<Value>,
    /// Aliases of the flow that are rebound, each to one of the environment.
    pub aliases: BTreeMap<String, String>,
}

/// A run that was started, or found under its key.
#[derive(Clone, Debug)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// Whether this start made it.
    pub is_new: bool,
}

impl Shared {
    /// Starts a run from within another one.
    pub(crate) fn start(&self, start: Start) -> Starting {
        match self.starter.get() {
            Some(starter) => starter(start),
            None => Box::pin(async { Err(Error::Stopping) }),
        }
    }

    /// Takes the entries, which are on disk, to those who watch.
    pub(crate) fn tell(&self, run: &RunId, entries: &mut Vec<Entry>) {
        if self.watchers.receiver_count() == 0 {
            return entries.clear();
        }
        for entry in entries.drain(..) {
            // Nobody watching any more is no fault.
            drop(self.watchers.send((run.clone(), entry)));
        }
    }

    /// The notes for flows that wait for what these entries of a run say.
    pub(crate) fn notes(&self, run: &Run, entries: &[Entry]) -> Vec<RecordWrite> {
        self.awaited.read().map_or_else(|_| Vec::new(), |awaited| awaited.notes(run, entries))
    }
}

impl Host {
    /// A host that drives nothing yet.
    pub fn new(parts: Parts, flows: Flows) -> Self {
        Self::made(parts, flows, Ids::Chance(ulid::Generator::new()))
    }

    /// The same for a test that repeats what it did: the identities of its runs are counted from
    /// `first` on.
    pub fn repeatable(parts: Parts, flows: Flows, first: u64) -> Self {
        Self::made(parts, flows, Ids::Counted(first.into()))
    }

    fn made(parts: Parts, flows: Flows, ids: Ids) -> Self {
        let Parts { store, catalog, connections, clock } = parts;
        let watchers = broadcast::Sender::new(1024);
        let (starter, awaited) = (OnceLock::new(), RwLock::new(Awaited::of(&flows)));
        let returning = Arc::new(Semaphore::new(RETURNING));
        let shared = Shared {
            store,
            connections,
            clock,
            catalog,
            returning,
            starter,
            watchers,
            awaited,
            snapshots_apart: AtomicU64::new(snapshots::APART),
        };
        let state = State {
            flows: RwLock::new(flows),
            changes: watch::Sender::new(0),
            active: Mutex::default(),
            waking: tokio::sync::Mutex::default(),
            programs: Mutex::default(),
            ids: Mutex::new(ids),
            claiming: Mutex::default(),
            turns: Mutex::default(),
            turns_read: OnceCell::new(),
            is_stopping: Mutex::new(false),
        };
        let host = Self { shared: Arc::new(shared), state: Arc::new(state) };
        let (shared, state) = (Arc::downgrade(&host.shared), Arc::downgrade(&host.state));
        let starter: Starter = Box::new(move |start| {
            let host = shared.upgrade().zip(state.upgrade());
            let host = host.map(|(shared, state)| Self { shared, state });
            Box::pin(async move {
                let host = host.ok_or(Error::Stopping)?;
                Ok(host.start(start).await?.run)
            })
        });
        // Nobody else has the host yet, so the place is empty.
        drop(host.shared.starter.set(starter));
        host
    }

    /// Keeps snapshots of its runs whenever a journal has grown by this many bytes; usually by
    /// some megabytes.
    pub fn keep_snapshots(&self, apart: u64) {
        self.shared.snapshots_apart.store(apart, Ordering::Relaxed);
    }

    /// The flows that runs are started from.
    pub fn flows(&self) -> Flows {
        self.state.flows.read().map_or_else(|_| Flows::default(), |flows| flows.clone())
    }

    /// Takes new flows for the runs to come; those that go on keep theirs.
    pub fn set_flows(&self, flows: Flows) {
        if let Ok(mut awaited) = self.shared.awaited.write() {
            *awaited = Awaited::of(&flows);
        }
        if let Ok(mut current) = self.state.flows.write() {
            *current = flows;
        }
        self.state.changes.send_modify(|n_changes| *n_changes += 1);
    }

    /// Takes newer texts of some flows; the others stay as they are.
    pub fn renew(&self, flows: Flows) {
        let present = self.flows();
        let is_newer = |loaded: &Arc<Loaded>| {
            let same = present.get(&loaded.flow.name);
            same.is_none_or(|same| same.hash != loaded.hash || same.file != loaded.file)
        };
        if flows.iter().any(is_newer) {
            self.set_flows(flows.over(&present));
        }
    }

    /// Tells whenever the flows were replaced.
    pub(crate) fn flow_changes(&self) -> watch::Receiver<u64> {
        self.state.changes.subscribe()
    }

    /// What the aliases lead to.
    pub fn connections(&self) -> &Arc<Connections> {
        &self.shared.connections
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The actions that exist.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.shared.catalog
    }

    /// Every entry of every run from now on, after it is on disk.
    pub fn watch(&self) -> broadcast::Receiver<(RunId, Entry)> {
        self.shared.watchers.subscribe()
    }

    /// Puts a run on its way.
    fn drive(
        &self,
        run: Replayed,
        from: (u64, Vec<Entry>),
        accepted: Option<oneshot::Sender<Result<(), Arc<StoreError>>>>,
    ) {
        let id = run.run.accepted().run.clone();
        let (driver, inbox) = Driver::new(Arc::clone(&self.shared), run, from, accepted);
        let (ended, outcome) = watch::channel(None);
        lock(&self.state.active).insert(id.clone(), Active { inbox, outcome });
        let host = self.clone();
        tokio::spawn(async move {
            let outcome = driver.drive().await;
            lock(&host.state.active).remove(&id);
            if outcome.is_some() {
                host.leave(&id);
            }
            ended.send_replace(Some(outcome));
        });
    }

    /// Waits for the end of a run; `None` when this host stopped before it.
    pub async fn wait(&self, id: &RunId) -> Option<Outcome> {
        let mut outcome = lock(&self.state.active).get(id).map(|active| active.outcome.clone());
        if let Some(outcome) = &mut outcome
            && let Ok(ended) = outcome.wait_for(Option::is_some).await
        {
            return ended.clone().flatten();
        }
        self.rebuilt(id).await.ok()?.outcome().cloned()
    }

    /// Looks at a run that goes on; `None` when it does not.
    pub async fn look<T: Send + 'static>(
        &self,
        id: &RunId,
        see: impl FnOnce(&Run) -> T + Send + 'static,
    ) -> Option<T> {
        let inbox = self.inbox(id)?;
        let (seen, answer) = oneshot::channel();
        let see = Box::new(move |run: &Run| drop(seen.send(see(run))));
        inbox.send(Message::Look { see }).ok()?;
        answered(&inbox, answer).await
    }

    /// How a run that goes on stands.
    pub async fn standing(&self, id: &RunId) -> Option<Standing> {
        self.look(id, Run::standing).await
    }

    /// Hands an event of a person to a run, which goes on with it if nobody drives it. After `Ok`
    /// it is on disk.
    pub async fn tell(&self, id: &RunId, event: Event) -> Result<(), Error> {
        let inbox = match self.inbox(id) {
            Some(inbox) => inbox,
            None => {
                self.until_accepted(id).await;
                let _waking = self.state.waking.lock().await;
                match self.inbox(id) {
                    Some(inbox) => inbox,
                    None => return self.wake(id, event).await,
                }
            }
        };
        let (taken, answer) = oneshot::channel();
        if inbox.send(Message::Event { event, taken }).is_err() {
            return Err(Error::Ended(id.clone()));
        }
        match answered(&inbox, answer).await {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(Error::Refused { run: id.clone(), why }),
            None => Err(Error::Ended(id.clone())),
        }
    }

    /// Pauses, resumes or cancels a run.
    pub async fn control(&self, id: &RunId, control: Control, by: &str) -> Result<(), Error> {
        self.tell(id, Event::Controlled { control, by: by.to_owned() }).await
    }

    /// The newest runs, those before `before` only.
    pub async fn list(&self, before: Option<&RunId>, limit: usize) -> Result<Vec<Summary>, Error> {
        let mut summaries = Vec::new();
        for run in self.shared.store.runs(before, limit).await? {
            let Some(record) = self.shared.store.get(RUNS, run.as_str()).await? else { continue };
            let summary = serde_json::from_slice::<Summary>(&record.value);
            let mut summary =
                summary.map_err(|why| Error::Journal { run: run.clone(), why: why.to_string() })?;
            if summary.state == "running" {
                summary = match self.look(&run, |run| Summary::standing(run, true)).await {
                    Some(summary) => summary,
                    None => self.left(&run, summary).await,
                };
            }
            summaries.push(summary);
        }
        Ok(summaries)
    }

    /// The summary of a run that has not ended and that nobody drives. One whose journal cannot
    /// be replayed is listed all the same.
    async fn left(&self, id: &RunId, summary: Summary) -> Summary {
        match self.rebuilt(id).await {
            Ok(run) => Summary::standing(&run, false),
            Err(error) => Summary {
                state: "interrupted".to_owned(),
                error: Some(error.to_string()),
                ..summary
            },
        }
    }

    /// The summary of a run as it was last recorded: at its start, and at its end.
    pub async fn recorded(&self, id: &RunId) -> Option<Summary> {
        let record = self.shared.store.get(RUNS, id.as_str()).await.ok()??;
        serde_json::from_slice(&record.value).ok()
    }

    /// The inbox of a run that is driven.
    fn inbox(&self, id: &RunId) -> Option<mpsc::UnboundedSender<Message>> {
        lock(&self.state.active).get(id).map(|active| active.inbox.clone())
    }

    /// How many runs are being driven.
    pub fn n_active(&self) -> usize {
        lock(&self.state.active).len()
    }

    /// Starts nothing new and waits until every run has come to rest or `grace` is over. Reads
    /// and timers are dropped, writes are waited for. Nothing is lost either way.
    pub async fn stop(&self, grace: std::time::Duration) -> usize {
        *lock(&self.state.is_stopping) = true;
        let active: Vec<_> = lock(&self.state.active).values().cloned().collect();
        for run in &active {
            // A run whose inbox is closed has ended already.
            drop(run.inbox.send(Message::Stop));
        }
        let all = async {
            for mut run in active {
                // The sender goes when the run's task ends, which is what is waited for.
                drop(run.outcome.wait_for(Option::is_some).await);
            }
        };
        // Whatever is left after the grace is journaled as unknown by its open intent.
        drop(tokio::time::timeout(grace, all).await);
        self.n_active()
    }
}

/// The word for how a run stands.
pub fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Queued => "queued",
        Standing::Running => "running",
        Standing::Waiting => "waiting",
        Standing::NeedsAttention => "needs attention",
        Standing::Paused => "paused",
        Standing::Cancelling => "cancelling",
    }
}

/// A lock whose holder never panics while it holds it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
