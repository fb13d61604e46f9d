//! What the engine needs of a store: two contracts, `Journal` and `Records`, over opaque bytes.
//!
//! Each method says what is true after it returns. A store knows nothing of events: it keeps
//! entries in order, durably, and refuses to guess when it cannot.

mod upkeep;

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::upkeep::{About, Damage, Piece, REMEDY, Tally, Upkeep, Watch};

/// The identity of a run: 26 characters of `[0-9a-z]`, ascending with the start time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Reads an identity; `None` when the text is not 26 characters of `[0-9a-z]`.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 26
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
        fits.then(|| Self(text.to_owned()))
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Entries for the journal of one run, with the records that must change in the same moment.
#[derive(Clone, Debug)]
pub struct Append {
    /// The run whose journal grows.
    pub run: RunId,
    /// How many entries the journal holds already: the fence against a second writer.
    pub position: u64,
    /// The entries, in order.
    pub entries: Vec<Vec<u8>>,
    /// Records written in the same atomic batch.
    pub records: Vec<RecordWrite>,
}

/// An unconditional write of one record, as part of an [`Append`] or a removal.
#[derive(Clone, Debug)]
pub struct RecordWrite {
    /// The collection the record is in.
    pub collection: String,
    /// Its key in the collection.
    pub key: String,
    /// The new value; `None` deletes the record.
    pub value: Option<Vec<u8>>,
}

/// One record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key within its collection.
    pub key: String,
    /// 1 for the first value, one more with each put.
    pub version: u64,
    /// The bytes that were put.
    pub value: Vec<u8>,
}

/// What must be true of a record for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The write always happens.
    Anything,
    /// There is no record under the key.
    Absent,
    /// The record has this version.
    Version(u64),
}

/// What must be true of one record for something else to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The collection the record is in.
    pub collection: String,
    /// Its key in the collection.
    pub key: String,
    /// What it is expected to be.
    pub expect: Expect,
}

/// The journals of runs.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends a batch. After `Ok` every entry and record of it is on disk, in order, and a
    /// crash at any moment leaves all of it or nothing. [`Error::Conflict`] when the journal
    /// does not hold exactly `position` entries; nothing is written then.
    async fn append(&self, batch: Append) -> Result<(), Error>;

    /// The entries of a run from index `from` on, in order, `limit` of them at most, so that a
    /// long journal need not be held whole; empty after the last and for an unknown run.
    async fn read(&self, run: &RunId, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, Error>;

    /// Up to `limit` runs that have a journal, newest first, those before `before` only.
    async fn runs(&self, before: Option<&RunId>, limit: usize) -> Result<Vec<RunId>, Error>;

    /// Removes the journal of a run and writes the records in the same atomic batch, if every
    /// condition holds. After `Ok` the run is unknown, also after a crash. [`Error::Changed`]
    /// when a condition does not hold; nothing is removed and nothing is written then.
    async fn remove(
        &self,
        run: &RunId,
        only_if: Vec<Condition>,
        records: Vec<RecordWrite>,
    ) -> Result<(), Error>;
}

/// Small records beside the journals: keys of runs, schedules, the vault, settings.
#[async_trait]
pub trait Records: Send + Sync {
    /// The record under a key.
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Record>, Error>;

    /// Puts a value if `expect` holds and returns its version. After `Ok` it is on disk.
    /// [`Error::Changed`] when `expect` does not hold; nothing is written then.
    async fn put(
        &self,
        collection: &str,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<u64, Error>;

    /// Up to `limit` records whose key starts with `prefix`, ascending by key, those after
    /// the key `after` only.
    async fn list(
        &self,
        collection: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error>;

    /// Deletes a record if `expect` holds. After `Ok` it is gone, also after a crash.
    async fn delete(&self, collection: &str, key: &str, expect: Expect) -> Result<(), Error>;
}

/// A store: both contracts over one place on disk, so that one batch can change both.
pub trait Store: Journal + Records {}

impl<T: Journal + Records> Store for T {}

/// Why a store refused. Nothing was written unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else appended to this journal.
    #[error("the journal of run {run} holds {found} entries, not {expected}")]
    Conflict {
        /// The run.
        run: RunId,
        /// The position that the batch was made for.
        expected: u64,
        /// The entries that are there.
        found: u64,
    },
    /// The record is not as the writer expected.
    #[error("the record {collection}/{key} has changed")]
    Changed {
        /// The collection.
        collection: String,
        /// The key.
        key: String,
    },
    /// An earlier sync failed: what is on disk is unknown, so nothing is accepted any more.
    #[error(
        "the store stopped after a failed write ({cause}); put that right and start again: what \
         was acknowledged is on disk"
    )]
    Poisoned {
        /// The failure that stopped it.
        cause: String,
    },
    /// What is on disk is not what was written.
    #[error("{} is damaged: {detail}; {remedy}", file.display())]
    Damaged {
        /// The file or folder.
        file: PathBuf,
        /// What was found.
        detail: String,
        /// What a person can do.
        remedy: String,
    },
    /// The folder is no store, or one of another kind.
    #[error("{} cannot be used: {detail}; {remedy}", dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// What was found.
        detail: String,
        /// What a person can do.
        remedy: String,
    },
    /// Another process has the store open.
    #[error("the store {} is in use by {holder}", dir.display())]
    Locked {
        /// The folder of the store.
        dir: PathBuf,
        /// Who holds it, as far as it said.
        holder: String,
    },
    /// The store was written by a newer version.
    #[error("the store {} has format {found}, this version reads up to {known}; use the newer version", dir.display())]
    Newer {
        /// The folder of the store.
        dir: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format this version knows.
        known: u32,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: `open`, `sync`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The refusal.
        source: std::io::Error,
    },
}
