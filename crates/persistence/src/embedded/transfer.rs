//! Copying a store into a new folder: the sealed values as they are, each verified on the way.
//!
//! ```text
//! the tree, by ascending key ──▶ chunk ──▶ the copy
//! the committer ──▶ each batch from now on ──▶ those of its keys that were passed already
//! ```
//! What is written during a copy is seen either by the pass or by the tap on the committer;
//! at its end the copy holds exactly what the store held when the tap was closed.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use linchpin_engine::store::{Error, Tally, Watch};

use super::bundle::{self, Span};
use super::committer::Sync;
use super::folder::Opened;
use super::mark::State;
use super::tree::{Change, Tree, Writes};
use super::{fault, files, lock, stamp, stored};
use crate::key;
use crate::location::name_with;

/// How many keys are copied at a time.
const MOST_KEYS: usize = 2_000;
/// How many bytes are copied at a time.
const MOST_BYTES: usize = 2 << 20;

/// A new store that is filled with sealed values.
pub(crate) trait Filling {
    /// Takes keys and values.
    fn take(&mut self, writes: Writes) -> Result<(), Error>;

    /// Everything is there: puts it on disk and closes the store. Its batches go on after
    /// `sequence`. What was copied from files that nobody has read whole since they were changed
    /// is doubted as they are.
    fn finish(self: Box<Self>, sequence: u64, is_doubted: bool) -> Result<(), Error>;
}

/// A new store over an engine.
pub(crate) struct Target<T> {
    pub(crate) opened: Opened<T>,
    pub(crate) sync: Sync,
}

impl<T: Tree> Filling for Target<T> {
    fn take(&mut self, writes: Writes) -> Result<(), Error> {
        let Self { opened, .. } = self;
        fault::guarded(&opened.file, || opened.tree.write(Change::Many(writes)))
    }

    fn finish(self: Box<Self>, sequence: u64, is_doubted: bool) -> Result<(), Error> {
        let Self { opened: Opened { tree, file, mut mark, lock, .. }, mut sync } = *self;
        fault::guarded(&file, || {
            let number = stored::seal(key::SEQUENCE, sequence, &[]);
            tree.write(Change::Many([(key::SEQUENCE.to_vec(), Some(number))].into()))?;
            sync().map_err(fault::io("sync", &file))?;
            mark.advance(sequence, key::SEQUENCE)?;
            let digest = tree.close(true)?;
            mark.set_state(State::closed(digest, is_doubted))
        })?;
        drop(lock);
        Ok(())
    }
}

/// A copy on its way.
pub(crate) struct Transfer<'a, T> {
    pub(crate) from: &'a T,
    pub(crate) file: &'a Path,
    pub(crate) to: Box<dyn Filling>,
    pub(crate) tally: Tally,
    /// Keys below are in the copy.
    passed: Vec<u8>,
}

impl<'a, T: Tree> Transfer<'a, T> {
    pub(crate) fn new(from: &'a T, file: &'a Path, to: Box<dyn Filling>) -> Self {
        Self { from, file, to, tally: Tally::default(), passed: Vec::new() }
    }

    /// Copies all keys; `tap` gives what is written meanwhile. `false` when `watch` gave it up.
    pub(crate) fn pass(&mut self, tap: &Receiver<Writes>, watch: Watch<'_>) -> Result<bool, Error> {
        loop {
            let chunk = fault::guarded(self.file, || self.chunk())?;
            let Some((last, _)) = chunk.last_key_value() else { break };
            self.passed = [last.as_slice(), &[0]].concat();
            self.to.take(chunk)?;
            self.catch_up(tap)?;
            if watch(self.tally).is_break() {
                return Ok(false);
            }
        }
        // Nothing is left to pass: everything that is written from here on comes by the tap.
        self.passed = vec![u8::MAX];
        Ok(true)
    }

    /// What was written to keys that were passed already. The other keys are still to come.
    pub(crate) fn catch_up(&mut self, tap: &Receiver<Writes>) -> Result<(), Error> {
        for mut writes in tap.try_iter() {
            drop(writes.split_off(&self.passed));
            if !writes.is_empty() {
                self.to.take(writes)?;
            }
        }
        Ok(())
    }

    fn chunk(&mut self) -> Result<Writes, Error> {
        let (mut chunk, mut bytes) = (Writes::new(), 0);
        let tally = &mut self.tally;
        self.from.scan_stored(self.passed.clone()..vec![u8::MAX], &mut |key, sealed| {
            stored::unseal(key, sealed)?;
            bytes += key.len() + sealed.len();
            tally.bytes += (key.len() + sealed.len()) as u64;
            if key.first() == Some(&key::BUNDLE) {
                let pairs = bundle::open(&Span::parse(key)?, sealed)?;
                pairs.iter().for_each(|(key, _)| count(tally, key));
            } else {
                count(tally, key);
            }
            chunk.insert(key.to_vec(), Some(sealed.to_vec()));
            Ok(match chunk.len() == MOST_KEYS || bytes >= MOST_BYTES {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        })?;
        Ok(chunk)
    }
}

/// Counts a key that is the beginning of a run or a record.
pub(crate) fn count(tally: &mut Tally, key: &[u8]) {
    match key::parse_entry(key) {
        Some(entry) => tally.runs += u64::from(entry.position == 0 && !entry.is_part),
        None => tally.records += u64::from(key::is_record_head(key)),
    }
}

/// A folder in the making beside the one it becomes, so that a folder with the right name is
/// always whole. Dropped before it is finished, it goes.
pub(crate) struct Unfinished {
    pub(crate) dir: PathBuf,
    to: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    /// Refuses when the folder is taken, or when somebody fills it right now; removes what an
    /// earlier attempt left.
    pub(crate) fn new(to: &Path) -> Result<Self, Error> {
        let detail = match to.is_file() {
            true => Some("it is a file, and no folder"),
            false => is_taken(to)
                .map_err(fault::io("look into", to))?
                .then_some("there is something in it already, which is never overwritten"),
        };
        if let Some(detail) = detail {
            return Err(Error::Foreign {
                dir: to.to_owned(),
                detail: detail.to_owned(),
                remedy: "name another folder, or move this one away".to_owned(),
            });
        }
        let dir = to.with_file_name(name_with(to, ".unfinished"));
        stamp::refuse_others(&dir)?;
        lock::remove_unless_held(&dir)?;
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(fault::io("make", parent))?;
        }
        Ok(Self { dir, to: to.to_owned(), is_finished: false })
    }

    /// It is whole.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let finish = || {
            if self.to.exists() {
                fs::remove_dir(&self.to)?;
            }
            fs::rename(&self.dir, &self.to)?;
            match self.to.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => files::sync_folders(&[parent]),
                _ => Ok(()),
            }
        };
        finish().map_err(fault::io("make", &self.to))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Somebody else may have begun one in the same moment.
        if !self.is_finished
            && let Err(error) = lock::remove_unless_held(&self.dir)
        {
            tracing::warn!(dir = %self.dir.display(), %error, "an unfinished copy is left behind");
        }
    }
}

fn is_taken(dir: &Path) -> std::io::Result<bool> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
