//! The embedded store: one folder, one process, one thread that writes.
//!
//! This folder is the only place that names the storage engine. What is acknowledged is on
//! disk: see `committer.rs` for how, `recovery.rs` for what happens at the next open, and
//! `stored.rs` for the form of the values. Reading takes no lock and waits only when it saw
//! something that is not on disk yet.

mod committer;
mod crowd;
mod fault;
mod lock;
mod mark;
mod opening;
mod pack;
mod reading;
mod recovery;
mod staging;
mod stamp;
mod stored;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

use ::sled::Db;
use async_trait::async_trait;
use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Error, Expect, Journal, Record, Records};
use tokio::sync::oneshot;

use committer::{Committer, Progress, Request, Sync, Synced};
use staging::Operation;

pub use reading::Tally;

/// A store in a folder, kept by the sled storage engine.
///
/// Dropping the last handle closes it: what was asked for is written first.
pub struct SledStore {
    dir: PathBuf,
    progress: Arc<Progress>,
    // Both are `None` only while the store is being dropped.
    db: Option<Db>,
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl SledStore {
    /// Opens the store in a folder, or makes one if the folder is empty or missing.
    ///
    /// [`Error::Locked`] at once when another process has it; [`Error::Damaged`] and
    /// [`Error::Newer`] when it cannot be used. A refused folder is left as it was.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_with(dir, None)
    }

    /// Opens with another way to sync, so that a test can make it fail.
    fn open_with(dir: &Path, sync: Option<Sync>) -> Result<Self, Error> {
        let mut opened = opening::open(dir)?;
        let db = opened.db.clone();
        let sync = match sync {
            Some(sync) => sync,
            None => {
                let log = opened.log.try_clone().map_err(fault::io("open", &opened.files))?;
                Box::new(move || log.sync_data())
            }
        };
        opened.files = dir.join(recovery::FILES);
        let committer = Committer::new(opened, sync);
        let progress = committer.progress();
        let (requests, queue) = channel();
        let thread = Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || committer.run(&queue))
            .map_err(fault::io("start the committer of", dir))?;
        let dir = dir.to_owned();
        Ok(Self { dir, progress, db: Some(db), requests: Some(requests), thread: Some(thread) })
    }

    /// Writes what was asked for, closes the files and releases the folder.
    pub fn close(self) {
        drop(self);
    }

    /// Reads everything and verifies every checksum, and that no journal has a gap.
    pub fn check(&self) -> Result<Tally, Error> {
        self.reading(|db| reading::check(db))
    }

    async fn submit(&self, operation: Operation) -> Result<u64, Error> {
        let (answer, outcome) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(stopped)?;
        requests.send(Request { operation, answer }).map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?.map_err(|error| fault::at(&self.log(), error))
    }

    fn reading<T>(&self, read: impl FnOnce(&Db) -> Result<T, Error>) -> Result<T, Error> {
        let db = self.db.as_ref().ok_or_else(stopped)?;
        fault::guarded(&self.log(), || read(db))
    }

    /// Waits until all that a read may have seen is on disk: what a caller was told must not
    /// be gone after a crash.
    async fn settled<T>(&self, read: Result<T, Error>) -> Result<T, Error> {
        let seen = self.progress.visible.load(Ordering::SeqCst);
        let mut synced = self.progress.synced.subscribe();
        let reached = synced
            .wait_for(|synced| match synced {
                Synced::Through(sequence) => *sequence >= seen,
                Synced::Failed(_) => true,
            })
            .await
            .map_err(|_| stopped())?;
        match &*reached {
            Synced::Through(_) => read,
            Synced::Failed(cause) => Err(Error::Poisoned { cause: cause.clone() }),
        }
    }

    fn log(&self) -> PathBuf {
        self.dir.join(recovery::FILES).join("db")
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.db = None;
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(dir = %self.dir.display(), "the committer of the store panicked");
        }
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStore").field("dir", &self.dir).finish_non_exhaustive()
    }
}

#[async_trait]
impl Journal for SledStore {
    async fn append(&self, batch: Append) -> Result<(), Error> {
        self.submit(Operation::Append(batch)).await.map(drop)
    }

    async fn read(&self, run: &RunId, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        self.settled(self.reading(|db| reading::entries(db, run, from, limit))).await
    }

    async fn runs(&self, before: Option<&RunId>, limit: usize) -> Result<Vec<RunId>, Error> {
        self.settled(self.reading(|db| reading::runs(db, before, limit))).await
    }

    async fn remove(&self, run: &RunId) -> Result<(), Error> {
        self.submit(Operation::Remove(run.clone())).await.map(drop)
    }
}

#[async_trait]
impl Records for SledStore {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Record>, Error> {
        self.settled(self.reading(|db| reading::record(db, collection, key))).await
    }

    async fn put(
        &self,
        collection: &str,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<u64, Error> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        self.submit(Operation::Put { collection, key, value, expect }).await
    }

    async fn list(
        &self,
        collection: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        let read = |db: &Db| reading::records(db, collection, prefix, after, limit);
        self.settled(self.reading(read)).await
    }

    async fn delete(&self, collection: &str, key: &str, expect: Expect) -> Result<(), Error> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        self.submit(Operation::Delete { collection, key, expect }).await.map(drop)
    }
}

fn stopped() -> Error {
    Error::Poisoned { cause: "its committer has ended".to_owned() }
}
