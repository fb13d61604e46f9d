//! The keys of runs: however often and however many at once start with a key, one run has it.

use linchpin_engine::RunId;
use linchpin_engine::store::{Error as StoreError, Expect, Record};
use tokio::sync::watch;

use super::{Error, Host, KEYS, State, lock};

/// A run between the claim of its key and its first entry: nobody takes the key over or drives it
/// beside its start, and whoever finds it waits until it is on disk.
pub(super) struct Claiming<'a> {
    state: &'a State,
    run: RunId,
    /// Those that wait are woken by its end.
    _until: watch::Sender<()>,
}

impl<'a> Claiming<'a> {
    pub(super) fn new(state: &'a State, run: &RunId) -> Self {
        let (until, waiting) = watch::channel(());
        lock(&state.claiming).insert(run.clone(), waiting);
        Self { state, run: run.clone(), _until: until }
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
        loop {
            let Some(record) = store.get(KEYS, key).await? else { return Ok(None) };
            if let Some(holder) = self.holder(&record).await? {
                return Ok(Some(holder));
            }
            // The run of the claim never came to be: this start takes it over, unless another
            // start is faster. Whether that one's run comes to be is asked again.
            match store.put(KEYS, key, value.clone(), Expect::Version(record.version)).await {
                Ok(_) => return Ok(None),
                Err(StoreError::Changed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits while a run is being started: it is driven then, or never came to be.
    pub(super) async fn until_accepted(&self, run: &RunId) {
        let claiming = lock(&self.state.claiming).get(run).cloned();
        if let Some(mut claiming) = claiming {
            // Nothing is ever sent: the end of the sender is the end of the claim.
            while claiming.changed().await.is_ok() {}
        }
    }

    /// The run that a key's record names, if it came to be or is about to.
    async fn holder(&self, record: &Record) -> Result<Option<RunId>, Error> {
        let Some(run) = named(record) else { return Ok(None) };
        self.until_accepted(&run).await;
        // Whoever started it may have gone before it was on disk. It is when the run looks back.
        self.look(&run, |_| ()).await;
        let is_there = !self.shared.store.read(&run, 0, 1).await?.is_empty();
        Ok(is_there.then_some(run))
    }
}

/// The run that a key's record names.
fn named(record: &Record) -> Option<RunId> {
    RunId::parse(std::str::from_utf8(&record.value).ok()?)
}
