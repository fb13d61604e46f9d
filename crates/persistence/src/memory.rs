//! A store that keeps everything in memory: for tests, dry runs and nothing else.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use linchpin_engine::RunId;
use linchpin_engine::store::{
    Append, Condition, Error, Expect, Journal, Record, RecordWrite, Records,
};
use tokio::sync::Mutex;

/// A store without a disk. It keeps the contracts except that nothing survives the process.
///
/// ```
/// use linchpin_engine::store::{Expect, Records};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = linchpin_persistence::MemoryStore::new();
/// let version = store.put("settings", "theme", b"dark".to_vec(), Expect::Absent).await;
/// assert_eq!(version.unwrap(), 1);
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    journals: BTreeMap<RunId, Vec<Vec<u8>>>,
    collections: BTreeMap<String, BTreeMap<String, Versioned>>,
}

#[derive(Debug)]
struct Versioned {
    version: u64,
    value: Vec<u8>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn append(&self, batch: Append) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let found = state.journals.get(&batch.run).map_or(0, |entries| entries.len() as u64);
        if found != batch.position {
            return Err(Error::Conflict { run: batch.run, expected: batch.position, found });
        }
        if !batch.entries.is_empty() {
            state.journals.entry(batch.run).or_default().extend(batch.entries);
        }
        state.write(batch.records);
        Ok(())
    }

    async fn read(&self, run: &RunId, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let state = self.state.lock().await;
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let entries = state.journals.get(run).and_then(|entries| entries.get(from..));
        let entries = entries.unwrap_or_default();
        Ok(entries[..limit.min(entries.len())].to_vec())
    }

    async fn runs(&self, before: Option<&RunId>, limit: usize) -> Result<Vec<RunId>, Error> {
        let state = self.state.lock().await;
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let runs = state.journals.range::<RunId, _>((Bound::Unbounded, end)).rev();
        Ok(runs.take(limit).map(|(run, _)| run.clone()).collect())
    }

    async fn remove(
        &self,
        run: &RunId,
        only_if: Vec<Condition>,
        records: Vec<RecordWrite>,
    ) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        for Condition { collection, key, expect } in &only_if {
            state.require(collection, key, *expect)?;
        }
        state.journals.remove(run);
        state.write(records);
        Ok(())
    }
}

#[async_trait]
impl Records for MemoryStore {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Record>, Error> {
        let state = self.state.lock().await;
        Ok(state.find(collection, key).map(|found| found.to_record(key)))
    }

    async fn put(
        &self,
        collection: &str,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<u64, Error> {
        let mut state = self.state.lock().await;
        state.require(collection, key, expect)?;
        Ok(state.put(collection, key, value))
    }

    async fn list(
        &self,
        collection: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        let state = self.state.lock().await;
        let Some(records) = state.collections.get(collection) else { return Ok(Vec::new()) };
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let found = records
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix));
        Ok(found.take(limit).map(|(key, versioned)| versioned.to_record(key)).collect())
    }

    async fn delete(&self, collection: &str, key: &str, expect: Expect) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        state.require(collection, key, expect)?;
        state.delete(collection, key);
        Ok(())
    }
}

impl State {
    fn find(&self, collection: &str, key: &str) -> Option<&Versioned> {
        self.collections.get(collection)?.get(key)
    }

    fn require(&self, collection: &str, key: &str, expect: Expect) -> Result<(), Error> {
        let found = self.find(collection, key).map(|versioned| versioned.version);
        let holds = match expect {
            Expect::Anything => true,
            Expect::Absent => found.is_none(),
            Expect::Version(version) => found == Some(version),
        };
        if holds {
            return Ok(());
        }
        Err(Error::Changed { collection: collection.to_owned(), key: key.to_owned() })
    }

    fn put(&mut self, collection: &str, key: &str, value: Vec<u8>) -> u64 {
        let version = self.find(collection, key).map_or(1, |versioned| versioned.version + 1);
        let records = self.collections.entry(collection.to_owned()).or_default();
        records.insert(key.to_owned(), Versioned { version, value });
        version
    }

    fn write(&mut self, records: Vec<RecordWrite>) {
        for write in records {
            match write.value {
                Some(value) => {
                    self.put(&write.collection, &write.key, value);
                }
                None => self.delete(&write.collection, &write.key),
            }
        }
    }

    fn delete(&mut self, collection: &str, key: &str) {
        if let Some(records) = self.collections.get_mut(collection) {
            records.remove(key);
        }
    }
}

impl Versioned {
    fn to_record(&self, key: &str) -> Record {
        Record { key: key.to_owned(), version: self.version, value: self.value.clone() }
    }
}
