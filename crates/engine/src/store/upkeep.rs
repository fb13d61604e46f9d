//! What a store does for those who look after it, beside its two contracts: it says what it
//! is, reads everything, and copies itself while it is in use.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Error, Record, RunId, Store};

/// What a store is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Which storage engine keeps it.
    pub kind: String,
    /// Its folder.
    pub dir: PathBuf,
    /// The version of its form on disk.
    pub format: u32,
    /// How much room its files take.
    pub bytes: u64,
    /// Whether its files are others than those that were closed: something changed them, and
    /// they were not found whole since.
    pub is_changed: bool,
}

/// How much was read or copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Journals.
    pub runs: u64,
    /// Records.
    pub records: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

/// What a person can do about damage in a store that opens.
pub const REMEDY: &str = "restore a backup with `linchpin store restore`, or carry over what is \
                          whole with `linchpin store export --salvage`";

/// Something in a store that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// What it concerns: a run, a record, or the store as a whole.
    pub what: String,
    /// The run, when it is a journal.
    pub run: Option<RunId>,
    /// The file it is in.
    pub file: PathBuf,
    /// What was found.
    pub detail: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is damaged: {}; {REMEDY}", self.file.display(), self.what, self.detail)
    }
}

/// A piece of what a store holds.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Entries of a journal, in order; a long journal comes in several pieces.
    Entries {
        /// The run.
        run: RunId,
        /// The index of the first.
        from: u64,
        /// The entries.
        entries: Vec<Vec<u8>>,
    },
    /// One record.
    Record {
        /// Its collection.
        collection: String,
        /// The record.
        record: Record,
    },
    /// Something that cannot be read; the rest goes on.
    Damaged(Damage),
}

/// Told while something takes long; `Break` gives it up.
pub type Watch<'a> = &'a mut dyn FnMut(Tally) -> ControlFlow<()>;

/// A store that can be looked after. Every method may take long and keeps its thread busy.
pub trait Upkeep: Store {
    /// What it is.
    fn about(&self) -> Result<About, Error>;

    /// Whether it still takes writes; [`Error::Poisoned`] once one has failed.
    fn works(&self) -> Result<(), Error>;

    /// Everything was read and is whole: that its files were changed counts no more.
    fn trust(&self);

    /// Reads everything there is, runs ascending, then records by collection and key. What is
    /// written meanwhile may be seen or not. What is damaged comes as a piece; `Err` only when
    /// nothing more can be read at all.
    fn pieces(&self, see: &mut dyn FnMut(Piece) -> ControlFlow<()>) -> Result<Tally, Error>;

    /// Keeps the journals of the runs before this one, and the records of a collection under keys
    /// that are identities of such runs, in less room. Nothing that is read or written is different
    /// afterwards, and the store serves others meanwhile. Tells how many bytes it took together,
    /// and may be given up at any time. Not for an async thread.
    fn condense(&self, collection: &str, before: &RunId, watch: Watch<'_>) -> Result<Tally, Error>;

    /// Copies everything, as it is at the end of the copy, into a folder that is made. Writing
    /// goes on meanwhile. After `Ok` the folder is a closed store of the kind that is named, or
    /// of the same kind, on disk; otherwise there is none. Not for an async thread.
    fn copy(&self, to: &Path, kind: Option<&str>, watch: Watch<'_>) -> Result<Tally, Error>;
}
