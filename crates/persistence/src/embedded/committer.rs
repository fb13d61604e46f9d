//! The committer: the one thread that writes.
//!
//! ```text
//! callers ──Request──▶ queue ──▶ up to 512 at once: decide, one batch, one flush,
//!    ▲                           one sync, mark ──┐
//!    └───────────── answer to each ◀──────────────┘
//! ```
//! While a batch is being synced the next one collects in the queue, so the cost of a sync
//! is shared by all that write at the same time. After a write or sync that failed nobody
//! knows what is on disk: every later request is refused until the store is opened anew.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};

use linchpin_engine::store::Error;
use tokio::sync::{oneshot, watch};

use super::crowd::Crowd;
use super::fault;
use super::folder::Opened;
use super::lock::Lock;
use super::mark::{Mark, State};
use super::staging::{Lengths, Operation, Staging};
use super::tree::{Change, Tree, Writes};
use crate::key;

/// The most operations in one batch.
const MOST_OPERATIONS: usize = 512;

/// A batch is closed when its values have this many bytes.
const MOST_BYTES: usize = 4 << 20;

/// An operation and where its outcome goes.
pub(crate) struct Request {
    pub(crate) operation: Operation,
    pub(crate) answer: Answer,
}

type Answer = oneshot::Sender<Result<u64, Error>>;

/// Puts the engine's log on disk for good.
pub(crate) type Sync = Box<dyn FnMut() -> io::Result<()> + Send>;

/// How far the store is, for readers.
pub(crate) struct Progress {
    /// The last batch that readers may see.
    pub(crate) visible: AtomicU64,
    /// The last batch that is on disk.
    pub(crate) synced: watch::Sender<Synced>,
}

/// The last batch that is on disk, or why there will be no further one.
#[derive(Clone, Debug)]
pub(crate) enum Synced {
    Through(u64),
    Failed(String),
}

/// The state of the committer's thread.
pub(crate) struct Committer<T> {
    tree: T,
    sync: Sync,
    mark: Mark,
    file: PathBuf,
    sequence: u64,
    lengths: Lengths,
    crowd: Crowd,
    progress: Arc<Progress>,
    doubt: Arc<AtomicBool>,
    /// Copies that are on their way: each is told of every batch.
    taps: Vec<Sender<Writes>>,
    failure: Option<String>,
    // Last: released after everything else is closed.
    lock: Lock,
}

impl<T: Tree> Committer<T> {
    /// A committer for an open store; `sync` puts its log on disk.
    pub(crate) fn new(opened: Opened<T>, sync: Sync) -> Self {
        let sequence = opened.sequence;
        let synced = watch::Sender::new(Synced::Through(sequence));
        Self {
            tree: opened.tree,
            sync,
            mark: opened.mark,
            file: opened.file,
            sequence,
            lengths: Lengths::default(),
            crowd: Crowd::new(),
            progress: Arc::new(Progress { visible: AtomicU64::new(sequence), synced }),
            doubt: opened.doubt,
            taps: Vec::new(),
            failure: None,
            lock: opened.lock,
        }
    }

    /// What readers watch.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Serves requests until all senders are gone, then closes the store.
    pub(crate) fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            if let Some(pause) = self.crowd.pause() {
                std::thread::sleep(pause);
            }
            let batch = self.gather(first, requests);
            self.serve(batch);
        }
        self.close();
    }

    /// All that wait now, up to the limits of a batch.
    fn gather(&mut self, first: Request, requests: &Receiver<Request>) -> Vec<Request> {
        let mut weight = first.operation.weight();
        let mut batch = vec![first];
        while batch.len() < MOST_OPERATIONS && weight < MOST_BYTES {
            let Ok(next) = requests.try_recv() else { break };
            weight += next.operation.weight();
            batch.push(next);
        }
        for request in &batch {
            if let Operation::Append(append) = &request.operation {
                self.crowd.count(&append.run);
            }
        }
        batch
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let mut answers = Vec::with_capacity(requests.len());
        if self.failure.is_some() {
            answers.extend(requests.into_iter().map(|request| (request.answer, Ok(0))));
        } else if let Err(error) = self.commit(requests, &mut answers) {
            tracing::error!(%error, "the store refuses every write from now on");
            let cause = fault::with_reason(&error);
            self.progress.synced.send_replace(Synced::Failed(cause.clone()));
            self.failure = Some(cause);
        }
        for (answer, outcome) in answers {
            let outcome = match &self.failure {
                Some(cause) => Err(Error::Poisoned { cause: cause.clone() }),
                None => outcome,
            };
            // A caller that went away does not want to know.
            answer.send(outcome).ok();
        }
    }

    /// Decides all requests and writes what they change; the answers may be given when this
    /// returns, even to those that were refused because of others in the same batch.
    fn commit(
        &mut self,
        mut requests: Vec<Request>,
        answers: &mut Vec<(Answer, Result<u64, Error>)>,
    ) -> Result<(), Error> {
        // A bundle has to know what becomes of its keys.
        requests.sort_by_key(|request| matches!(request.operation, Operation::Bundle(_)));
        let Self { tree, file, lengths, sequence, taps, .. } = self;
        let next = *sequence + 1;
        let mut staging = Staging::new(tree, lengths, next);
        for Request { operation, answer } in requests {
            if let Operation::Tap(Some(tap)) = &operation {
                taps.push(tap.clone());
            }
            let outcome = fault::guarded(file, || staging.add(operation));
            answers.push((answer, outcome));
        }
        match staging.finish() {
            Change::Nothing => Ok(()),
            change => self.write(change, next),
        }
    }

    fn write(&mut self, change: Change, sequence: u64) -> Result<(), Error> {
        let Self { tree, sync, mark, file, progress, taps, lock, .. } = self;
        let change = fault::guarded(file, || tree.resolved(change))?;
        let told = (!taps.is_empty()).then(|| change.to_writes());
        // Before readers can see anything of the batch.
        progress.visible.store(sequence, Ordering::SeqCst);
        let witness = match &change {
            Change::One { key, .. } => key.clone(),
            Change::Many(_) | Change::Nothing => key::SEQUENCE.to_vec(),
        };
        fault::guarded(file, || {
            // Hands everything to the system; whether that syncs it is the engine's own.
            tree.write(change)?;
            sync().map_err(fault::io("sync", file))
        })?;
        // Nobody is told of a write that went into files which nobody finds again.
        lock.check()?;
        mark.advance(sequence, &witness)?;
        progress.synced.send_replace(Synced::Through(sequence));
        if let Some(told) = told {
            // One whose copy has ended does not listen any more.
            taps.retain(|tap| tap.send(told.clone()).is_ok());
        }
        self.sequence = sequence;
        Ok(())
    }

    fn close(self) {
        let Self { tree, mut mark, file, failure, doubt, lock, .. } = self;
        let closed = fault::guarded(&file, || {
            let digest = tree.close(failure.is_none())?;
            match failure {
                // What is on disk is unknown: the next open must look closely.
                Some(_) => Ok(()),
                None => mark.set_state(State::closed(digest, doubt.load(Ordering::SeqCst))),
            }
        });
        if let Err(error) = closed {
            tracing::warn!(%error, "the store could not be closed in order");
        }
        drop(lock);
    }
}
