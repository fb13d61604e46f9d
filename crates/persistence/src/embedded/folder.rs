//! The folder of a store, up to its storage engine: stamp, lock, mark, in this order.
//!
//! ```text
//! <dir>/store             stamp: format and kind           stamp.rs
//! <dir>/lock              who has it open                  lock.rs
//! <dir>/acknowledged      mark: last acknowledged batch    mark.rs
//! <dir>/<kind>/           the storage engine's files
//! ```
//! Everything that refuses a folder comes before anything that changes it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use linchpin_engine::store::Error;

use super::lock::Lock;
use super::mark::{self, Mark, State};
use super::stamp::{self, Kind};
use super::tree::Tree;
use super::{fault, files, outgrown, stored};
use crate::key;

/// Each open numbers its batches from a multiple of this on: a batch that was written but
/// not acknowledged before a crash must not share its number with a later one.
const NUMBERS_PER_OPEN: u64 = 1 << 32;

/// An open store, as the committer gets it.
pub(crate) struct Opened<T> {
    pub(crate) tree: T,
    /// The folder of the store.
    pub(crate) dir: PathBuf,
    /// What damage is reported of: the engine's main file.
    pub(crate) file: PathBuf,
    pub(crate) mark: Mark,
    /// Below the numbers of all batches to come.
    pub(crate) sequence: u64,
    /// Whether the files are others than those that were closed; until they were read whole.
    pub(crate) doubt: Arc<AtomicBool>,
    pub(crate) lock: Lock,
}

impl<T> Opened<T> {
    /// The same with what a function makes of the tree.
    pub(crate) fn try_map<U>(
        self,
        make: impl FnOnce(T) -> Result<U, Error>,
    ) -> Result<Opened<U>, Error> {
        let Self { tree, dir, file, mark, sequence, doubt, lock } = self;
        Ok(Opened { tree: make(tree)?, dir, file, mark, sequence, doubt, lock })
    }
}

/// A folder that is ours, with an engine that is not open yet.
pub(crate) struct Folder {
    pub(crate) dir: PathBuf,
    /// The folder of the engine's files.
    pub(crate) files: PathBuf,
    /// The engine's main file.
    pub(crate) file: PathBuf,
    pub(crate) mark: Mark,
    /// How the store was left.
    pub(crate) state: State,
    /// Whether its files are as they were closed, as far as they are not too large to tell.
    pub(crate) is_as_closed: bool,
    lock: Lock,
}

impl Folder {
    /// Takes a folder, or makes one. `prepare` puts right what an interrupted process left
    /// of the engine's files, and is told whether they are as they were closed.
    pub(crate) fn take(
        dir: &Path,
        kind: Kind,
        prepare: impl FnOnce(bool) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        outgrown::put_back(dir)?;
        if stamp::check(dir, kind)?.is_none() {
            make_private(dir)?;
        }
        let lock = Lock::take(dir)?;
        match stamp::check(dir, kind)? {
            // It stepped aside after it was looked for.
            None if outgrown::is_aside(dir) => {
                let holder = "another process, which writes it anew".to_owned();
                return Err(Error::Locked { dir: dir.to_owned(), holder });
            }
            None => stamp::write(dir, kind)?,
            Some(stamp::FORMAT) => {}
            Some(older) => super::upgrade::upgrade(dir, kind, older)?,
        }
        let files = dir.join(kind.name());
        let file = files.join("db");
        let has_file = file.try_exists().map_err(fault::io("open", &file))?;
        if has_file && !dir.join(mark::FILE).exists() {
            return Err(fault::damaged(&dir.join(mark::FILE), "it is missing"));
        }
        let mark = Mark::open(dir)?;
        let state = mark.state();
        let is_as_closed = files::is_as_closed(&files, state);
        prepare(is_as_closed)?;
        if mark.sequence() > 0 && !file.exists() {
            return Err(fault::damaged(&file, "it is missing"));
        }
        Ok(Self { dir: dir.to_owned(), files, file, mark, state, is_as_closed, lock })
    }

    /// The engine is about to be opened: from here on the files differ from what the mark says.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        let state = if self.is_doubted() { State::Doubted } else { State::Open };
        self.mark.set_state(state)
    }

    fn is_doubted(&self) -> bool {
        match self.state {
            State::Open => false,
            State::Doubted => true,
            State::Closed(_) => !self.is_as_closed,
        }
    }

    /// The number of the last batch that a tree has; an error when it lacks some that were
    /// acknowledged.
    pub(crate) fn last_batch(&self, tree: &impl Tree) -> Result<u64, Error> {
        // The witness may be gone by a later batch, which then wrote its own number.
        let witness = number_of(tree, self.mark.witness())?;
        let sequence = number_of(tree, key::SEQUENCE)?.max(witness);
        if sequence < self.mark.sequence() {
            return Err(fault::damaged(&self.file, "what was written last cannot be read back"));
        }
        Ok((sequence / NUMBERS_PER_OPEN + 1) * NUMBERS_PER_OPEN)
    }

    /// The engine is open.
    pub(crate) fn opened<T>(self, tree: T, sequence: u64) -> Result<Opened<T>, Error> {
        let doubt = Arc::new(AtomicBool::new(self.is_doubted()));
        let Self { dir, files, file, mark, lock, .. } = self;
        files::sync_folders(&[&files, &dir]).map_err(fault::io("sync", &dir))?;
        Ok(Opened { tree, dir, file, mark, sequence, doubt, lock })
    }
}

/// The batch that wrote a key; 0 when the key is not there.
fn number_of(tree: &impl Tree, key: &[u8]) -> Result<u64, Error> {
    match tree.get(key)? {
        Some(sealed) => Ok(stored::unseal(key, sealed.as_ref())?.0),
        None => Ok(0),
    }
}

/// The folder holds journals: only its owner may look into it.
pub(crate) fn make_private(dir: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(fault::io("make", dir))
}
