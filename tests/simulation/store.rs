//! A store whose writes reach the disk when chance says so: each one whole, in any order among
//! the runs, and of those that were under way at a crash any may be there.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use linchpin_engine::store::{
    Append, Condition, Error, Expect, Journal, Record, RecordWrite, Records,
};
use linchpin_engine::{Entry, Event, RunId};

use super::world::{Gate, World};

/// What a driver does wrong, seen from its store: it goes on before the store has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// The write leaves while its intent is not on disk yet.
    SendsBeforeItsIntent,
    /// A result is acknowledged while it is not on disk yet.
    AcknowledgesBeforeSync,
}

impl Mutant {
    /// Whether this driver does not wait for these entries.
    fn hurries(self, entries: &[Vec<u8>]) -> bool {
        let event = |line: &Vec<u8>| serde_json::from_slice::<Entry>(line).map(|e| e.event).ok();
        entries.iter().filter_map(event).any(|event| match self {
            Self::SendsBeforeItsIntent => matches!(event, Event::Intended(_)),
            Self::AcknowledgesBeforeSync => matches!(event, Event::Succeeded(_)),
        })
    }
}

#[derive(Debug, Default)]
struct Disk {
    journals: BTreeMap<RunId, Vec<Vec<u8>>>,
    records: BTreeMap<(String, String), (u64, Vec<u8>)>,
}

/// One write that is not on disk yet.
#[derive(Clone, Debug)]
enum Batch {
    Append(Append),
    Put { collection: String, key: String, value: Option<Vec<u8>>, expect: Expect },
}

#[derive(Debug, Default)]
struct State {
    disk: Disk,
    pending: BTreeMap<u64, Batch>,
    results: BTreeMap<u64, Result<u64, Error>>,
    next: u64,
    is_poisoned: bool,
}

/// The store of a simulation.
#[derive(Debug)]
pub(super) struct SimStore {
    world: Arc<World>,
    mutant: Option<Mutant>,
    state: Mutex<State>,
}

impl SimStore {
    pub(super) fn new(world: Arc<World>, mutant: Option<Mutant>) -> Arc<Self> {
        Arc::new(Self { world, mutant, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A write is on disk now; those of the same run before it are too.
    pub(super) fn sync(&self, batch: u64) {
        let mut state = self.lock();
        for earlier in state.before(batch) {
            state.settle(earlier);
        }
        state.settle(batch);
        drop(state);
        self.world.lock().synced(batch);
    }

    /// The disk refuses a write: whether it is there nobody knows, and nothing more is taken.
    pub(super) fn fail(&self, batch: u64, is_there: bool) {
        let mut state = self.lock();
        if is_there {
            for earlier in state.before(batch) {
                state.settle(earlier);
            }
            state.settle(batch);
        }
        state.is_poisoned = true;
        state.pending.remove(&batch);
        let source = std::io::Error::other("the disk is full");
        let error = Error::Io { action: "sync", path: PathBuf::from("sim"), source };
        state.results.insert(batch, Err(error));
        drop(state);
        self.world.lock().synced(batch);
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.lock().is_poisoned
    }

    /// The process is gone. Of the writes under way any may have reached the disk, in any order.
    pub(super) fn crash(&self) {
        let mut state = self.lock();
        let mut world = self.world.lock();
        let mut pending: Vec<u64> = state.pending.keys().copied().collect();
        while !pending.is_empty() {
            let at = world.chance.below(pending.len());
            let batch = pending.swap_remove(at);
            if world.chance.one_in(2) {
                state.settle(batch);
            }
        }
        let State { disk, next, .. } = std::mem::take(&mut *state);
        *state = State { disk, next, ..State::default() };
    }

    pub(super) fn runs_on_disk(&self) -> Vec<(RunId, Vec<Entry>)> {
        let state = self.lock();
        let read = |lines: &Vec<Vec<u8>>| {
            let entries = lines.iter().map(|line| serde_json::from_slice(line));
            entries.collect::<Result<Vec<Entry>, _>>().expect("what was written can be read")
        };
        state.disk.journals.iter().map(|(run, lines)| (run.clone(), read(lines))).collect()
    }

    async fn write(&self, batch: Batch) -> Result<u64, Error> {
        let (id, waits) = {
            let mut state = self.lock();
            if state.is_poisoned {
                return Err(Error::Poisoned { cause: "the disk is full".to_owned() });
            }
            let hurries = match (&batch, self.mutant) {
                // That a run is accepted it waits for, like any other.
                (Batch::Append(append), Some(mutant)) if append.position > 0 => {
                    mutant.hurries(&append.entries)
                }
                _ => false,
            };
            state.next += 1;
            let id = state.next;
            state.pending.insert(id, batch);
            (id, !hurries)
        };
        let gate = Gate::Sync(id);
        if !waits {
            // Nobody waits at the gate, but it is there: the write reaches the disk in the end.
            let opened = self.world.lock().put(gate);
            tokio::spawn(opened);
            return Ok(0);
        }
        self.world.pass(gate).await;
        let result = self.lock().results.remove(&id);
        result.unwrap_or_else(|| Err(Error::Poisoned { cause: "it was cut off".to_owned() }))
    }
}

impl State {
    /// Writes of the same run that are under way and older.
    fn before(&self, batch: u64) -> Vec<u64> {
        let run = |batch: &Batch| match batch {
            Batch::Append(append) => Some(append.run.clone()),
            Batch::Put { .. } => None,
        };
        let Some(own) = self.pending.get(&batch).and_then(run) else { return Vec::new() };
        let older = self.pending.range(..batch);
        older.filter(|(_, other)| run(other).as_ref() == Some(&own)).map(|(id, _)| *id).collect()
    }

    fn settle(&mut self, id: u64) {
        let Some(batch) = self.pending.remove(&id) else { return };
        let result = match batch {
            Batch::Append(append) => self.disk.append(append),
            Batch::Put { collection, key, value, expect } => {
                self.disk.put((collection, key), value, expect)
            }
        };
        self.results.insert(id, result);
    }
}

impl Disk {
    fn append(&mut self, batch: Append) -> Result<u64, Error> {
        let found = self.journals.get(&batch.run).map_or(0, |lines| lines.len() as u64);
        if found != batch.position {
            return Err(Error::Conflict { run: batch.run, expected: batch.position, found });
        }
        if !batch.entries.is_empty() {
            self.journals.entry(batch.run).or_default().extend(batch.entries);
        }
        for RecordWrite { collection, key, value } in batch.records {
            self.put((collection, key), value, Expect::Anything)?;
        }
        Ok(0)
    }

    fn put(
        &mut self,
        key: (String, String),
        value: Option<Vec<u8>>,
        expect: Expect,
    ) -> Result<u64, Error> {
        let version = self.require(&key, expect)?.unwrap_or_default() + 1;
        match value {
            Some(value) => drop(self.records.insert(key, (version, value))),
            None => drop(self.records.remove(&key)),
        }
        Ok(version)
    }

    /// The version that a record has, if it is what is expected.
    fn require(&self, key: &(String, String), expect: Expect) -> Result<Option<u64>, Error> {
        let found = self.records.get(key).map(|(version, _)| *version);
        let holds = match expect {
            Expect::Anything => true,
            Expect::Absent => found.is_none(),
            Expect::Version(version) => found == Some(version),
        };
        match holds {
            true => Ok(found),
            false => Err(Error::Changed { collection: key.0.clone(), key: key.1.clone() }),
        }
    }
}

#[async_trait]
impl Journal for SimStore {
    async fn append(&self, batch: Append) -> Result<(), Error> {
        self.write(Batch::Append(batch)).await.map(drop)
    }

    async fn read(&self, run: &RunId, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let state = self.lock();
        let lines = state.disk.journals.get(run).map(Vec::as_slice).unwrap_or_default();
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(lines.len());
        Ok(lines[from..].iter().take(limit).cloned().collect())
    }

    async fn runs(&self, before: Option<&RunId>, limit: usize) -> Result<Vec<RunId>, Error> {
        let state = self.lock();
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let runs = state.disk.journals.range::<RunId, _>((Bound::Unbounded, end)).rev();
        Ok(runs.take(limit).map(|(run, _)| run.clone()).collect())
    }

    async fn remove(
        &self,
        run: &RunId,
        only_if: Vec<Condition>,
        records: Vec<RecordWrite>,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        for Condition { collection, key, expect } in only_if {
            state.disk.require(&(collection, key), expect)?;
        }
        state.disk.journals.remove(run);
        for RecordWrite { collection, key, value } in records {
            state.disk.put((collection, key), value, Expect::Anything)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Records for SimStore {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Record>, Error> {
        let state = self.lock();
        let found = state.disk.records.get(&(collection.to_owned(), key.to_owned()));
        Ok(found.map(|(version, value)| Record {
            key: key.to_owned(),
            version: *version,
            value: value.clone(),
        }))
    }

    async fn put(
        &self,
        collection: &str,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<u64, Error> {
        let (collection, key, value) = (collection.to_owned(), key.to_owned(), Some(value));
        self.write(Batch::Put { collection, key, value, expect }).await
    }

    async fn list(
        &self,
        collection: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        let state = self.lock();
        let wanted = state.disk.records.iter().filter(|((own, key), _)| {
            own == collection && key.starts_with(prefix) && after.is_none_or(|after| &**key > after)
        });
        let record = |((_, key), (version, value)): (&(String, String), &(u64, Vec<u8>))| Record {
            key: key.clone(),
            version: *version,
            value: value.clone(),
        };
        Ok(wanted.take(limit).map(record).collect())
    }

    async fn delete(&self, collection: &str, key: &str, expect: Expect) -> Result<(), Error> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        self.write(Batch::Put { collection, key, value: None, expect }).await.map(drop)
    }
}
