//! A store that kills its own process at one of its writes.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use linchpin_engine::RunId;
use linchpin_engine::store::{
    Append, Condition, Error, Expect, Journal, Record, RecordWrite, Records, Upkeep,
};

/// When the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Nothing of the write is on disk.
    Before,
    /// All of it is on disk, and nothing was done about it.
    After,
}

/// A store whose process does not survive the n-th write.
pub(super) struct Mortal {
    inner: Arc<dyn Upkeep>,
    moment: Moment,
    n: u64,
    writes: AtomicU64,
}

impl Mortal {
    pub(super) fn new(inner: Arc<dyn Upkeep>, moment: Moment, n: u64) -> Self {
        Self { inner, moment, n, writes: AtomicU64::new(0) }
    }

    async fn write<T>(&self, write: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let is_last = self.writes.fetch_add(1, Ordering::SeqCst) + 1 == self.n;
        if is_last && self.moment == Moment::Before {
            die();
        }
        let written = write.await;
        if is_last {
            die();
        }
        written
    }
}

/// No destructor runs and no buffer is flushed: the process is killed as an operator would.
fn die() -> ! {
    let own = std::process::id().to_string();
    Command::new("kill").args(["-KILL", &own]).status().expect("there is a kill command");
    loop {
        std::thread::park();
    }
}

#[async_trait]
impl Journal for Mortal {
    async fn append(&self, batch: Append) -> Result<(), Error> {
        self.write(self.inner.append(batch)).await
    }

    async fn read(&self, run: &RunId, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        self.inner.read(run, from, limit).await
    }

    async fn runs(&self, before: Option<&RunId>, limit: usize) -> Result<Vec<RunId>, Error> {
        self.inner.runs(before, limit).await
    }

    async fn remove(
        &self,
        run: &RunId,
        only_if: Vec<Condition>,
        records: Vec<RecordWrite>,
    ) -> Result<(), Error> {
        self.write(self.inner.remove(run, only_if, records)).await
    }
}

#[async_trait]
impl Records for Mortal {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Record>, Error> {
        self.inner.get(collection, key).await
    }

    async fn put(
        &self,
        collection: &str,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<u64, Error> {
        self.write(self.inner.put(collection, key, value, expect)).await
    }

    async fn list(
        &self,
        collection: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        self.inner.list(collection, prefix, after, limit).await
    }

    async fn delete(&self, collection: &str, key: &str, expect: Expect) -> Result<(), Error> {
        self.write(self.inner.delete(collection, key, expect)).await
    }
}
