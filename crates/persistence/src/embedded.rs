//! The store above a storage engine: one folder, one process, one thread that writes.
//!
//! Everything but the engine itself is here, once for all engines. What is acknowledged is on
//! disk: see `committer.rs` for how, `folder.rs` for what happens at the next open, and
//! `stored.rs` for the form of the values, `bundled.rs` for what is old. Reading waits only
//! while bundles change, and when it saw something that is not on disk yet.

mod bundle;
mod bundled;
mod committer;
mod crowd;
pub(crate) mod fault;
pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod lock;
pub(crate) mod mark;
pub(crate) mod outgrown;
mod pack;
mod reading;
mod staging;
pub(crate) mod stamp;
mod stored;
mod survey;
#[cfg(test)]
mod tests;
pub(crate) mod transfer;
mod tree;
mod upgrade;
mod upkeep;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

use async_trait::async_trait;
use linchpin_engine::RunId;
use linchpin_engine::store::{
    Append, Condition, Error, Expect, Journal, Record, RecordWrite, Records,
};
use tokio::sync::oneshot;

use self::bundled::Bundled;
use self::committer::{Committer, Progress, Request, Synced};
use self::folder::Opened;
use self::staging::Operation;

pub(crate) use self::committer::Sync;
pub use self::stamp::Kind;
pub use self::tree::{Change, Pair, See, Tree, Writes};
#[cfg(test)]
use self::upgrade::copy_of as copy_of_format;

/// A store in a folder, kept by a storage engine.
///
/// Dropping the last handle closes it: what was asked for is written first.
pub struct Embedded<T: Tree> {
    kind: Kind,
    doubt: Arc<AtomicBool>,
    dir: PathBuf,
    file: PathBuf,
    progress: Arc<Progress>,
    // These are `None` only while the store is being dropped.
    tree: Option<Bundled<T>>,
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Tree> Embedded<T> {
    /// Writes what was asked for, closes the files and releases the folder.
    pub fn close(self) {
        drop(self);
    }
}

impl<T: Tree> Embedded<T> {
    /// A store over an open engine; `sync` puts on disk what the engine has not.
    pub(crate) fn over(kind: Kind, opened: Opened<T>, sync: Sync) -> Result<Self, Error> {
        let doubt = Arc::clone(&opened.doubt);
        let (dir, file) = (opened.dir.clone(), opened.file.clone());
        let opened = opened.try_map(Bundled::over).map_err(|error| fault::at(&file, error))?;
        let tree = opened.tree.clone();
        let committer = Committer::new(opened, sync);
        let progress = committer.progress();
        let (requests, queue) = channel();
        let thread = Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || committer.run(&queue))
            .map_err(fault::io("start the committer of", &dir))?;
        let (tree, requests, thread) = (Some(tree), Some(requests), Some(thread));
        Ok(Self { kind, doubt, dir, file, progress, tree, requests, thread })
    }

    async fn submit(&self, operation: Operation) -> Result<u64, Error> {
        let (answer, outcome) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(stopped)?;
        requests.send(Request { operation, answer }).map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?.map_err(|error| fault::at(&self.file, error))
    }

    fn reading<R>(&self, read: impl FnOnce(&Bundled<T>) -> Result<R, Error>) -> Result<R, Error> {
        let tree = self.tree.as_ref().ok_or_else(stopped)?;
        fault::guarded(&self.file, || read(tree))
    }

    /// Waits until all that a read may have seen is on disk: what a caller was told must not
    /// be gone after a crash.
    async fn settled<R>(&self, read: Result<R, Error>) -> Result<R, Error> {
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
}

impl<T: Tree> Drop for Embedded<T> {
    fn drop(&mut self) {
        self.tree = None;
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(dir = %self.dir.display(), "the committer of the store panicked");
        }
    }
}

impl<T: Tree> fmt::Debug for Embedded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("dir", &self.dir).finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Tree> Journal for Embedded<T> {
    async fn append(&self, batch: Append) -> Result<(), Error> {
        self.submit(Operation::Append(batch)).await.map(drop)
    }

    async fn read(&self, run: &RunId, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        self.settled(self.reading(|tree| reading::entries(tree, run, from, limit))).await
    }

    async fn runs(&self, before: Option<&RunId>, limit: usize) -> Result<Vec<RunId>, Error> {
        self.settled(self.reading(|tree| reading::runs(tree, before, limit))).await
    }

    async fn remove(
        &self,
        run: &RunId,
        only_if: Vec<Condition>,
        records: Vec<RecordWrite>,
    ) -> Result<(), Error> {
        self.submit(Operation::Remove { run: run.clone(), only_if, records }).await.map(drop)
    }
}

#[async_trait]
impl<T: Tree> Records for Embedded<T> {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Record>, Error> {
        self.settled(self.reading(|tree| reading::record(tree, collection, key))).await
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
        let read = |tree: &Bundled<T>| reading::records(tree, collection, prefix, after, limit);
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
