//! The keys of runs: however often and however many at once start with a key, one run has it.

use linchpin_engine::RunId;
use linchpin_engine::store::{Error as StoreError, Expect, Record};

use super::{Error, Host, KEYS, State, lock};

/// A run between the claim of its key and its first entry: nobody takes the key over.
pub(super) struct Claiming<'a> {
    state: &'a State,
    run: RunId,
}

impl<'a> Claiming<'a> {
    pub(super) fn new(state: &'a State, run: &RunId) -> Self {
        lock(&state.claiming).insert(run.clone());
        Self { state, run: run.clone() }
    }
}

impl Drop for Claiming<'_> {
    fn drop(&mut self) {
        lock(&self.state.claiming).remove(&self.run);
    }
}

impl Host {
    /// The run that has a key.
    pub(super) async fn find(&self, key: &str) -> Result<Option<RunId>, Error> {
        match self.shared.store.get(KEYS, key).await? {
            Some(record) => self.holder(&record).await,
            None => Ok(None),
        }
    }

    /// Claims a key for a run. `Some` when another run has it.
    pub(super) async fn claim(&self, key: &str, run: &RunId) -> Result<Option<RunId>, Error> {
        let store = &self.shared.store;
        let value = run.as_str().as_bytes().to_vec();
        match store.put(KEYS, key, value.clone(), Expect::Absent).await {
            Ok(_) => return Ok(None),
            Err(StoreError::Changed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(record) = store.get(KEYS, key).await? else { return Ok(None) };
        if let Some(holder) = self.holder(&record).await? {
            return Ok(Some(holder));
        }
        // The process died between the claim and the first entry: this start takes it over.
        match store.put(KEYS, key, value, Expect::Version(record.version)).await {
            Ok(_) => Ok(None),
            Err(StoreError::Changed { .. }) => {
                Ok(store.get(KEYS, key).await?.as_ref().and_then(named))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The run that a key's record names, if it came to be or is about to.
    async fn holder(&self, record: &Record) -> Result<Option<RunId>, Error> {
        let Some(run) = named(record) else { return Ok(None) };
        let is_coming = lock(&self.state.claiming).contains(&run)
            || lock(&self.state.active).contains_key(&run);
        let is_there = is_coming || !self.shared.store.read(&run, 0, 1).await?.is_empty();
        Ok(is_there.then_some(run))
    }
}

/// The run that a key's record names.
fn named(record: &Record) -> Option<RunId> {
    RunId::parse(std::str::from_utf8(&record.value).ok()?)
}
