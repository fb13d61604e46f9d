//! Opening a store: stamp, lock, mark, then the storage engine, in this order.
//!
//! ```text
//! <dir>/store             stamp: format                    stamp.rs
//! <dir>/lock              who has it open                  lock.rs
//! <dir>/acknowledged      mark: last acknowledged batch    mark.rs
//! <dir>/sled/             the storage engine's files
//! <dir>/before-recovery/  their copy during an open        recovery.rs
//! ```
//! Everything that refuses a folder comes before anything that changes it.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::sled::Db;
use linchpin_engine::store::Error;

use super::lock::Lock;
use super::mark::{Mark, State};
use super::recovery::{self, Recovery};
use super::{fault, stamp, stored};
use crate::key;

/// The engine keeps several times this in memory.
const CACHE: u64 = 8 << 20;

/// How long the engine of a store that was just closed may hold its own lock.
const LINGERING: Duration = Duration::from_millis(700);

/// An open store, as the committer gets it.
pub(super) struct Opened {
    pub(super) db: Db,
    /// Where the engine's files are.
    pub(super) files: PathBuf,
    /// The engine's log, opened by ourselves to sync it.
    pub(super) log: File,
    pub(super) mark: Mark,
    /// Below the numbers of all batches to come.
    pub(super) sequence: u64,
    pub(super) lock: Lock,
}

/// Each open numbers its batches from a multiple of this on: a batch that was written but
/// not acknowledged before a crash must not share its number with a later one.
const NUMBERS_PER_OPEN: u64 = 1 << 32;

/// Opens the store in a folder, or makes one there.
pub(super) fn open(dir: &Path) -> Result<Opened, Error> {
    if !stamp::check(dir)? {
        make_private(dir)?;
    }
    let lock = Lock::take(dir)?;
    if !stamp::check(dir)? {
        stamp::write(dir)?;
    }
    let files = dir.join(recovery::FILES);
    let log = files.join("db");
    let has_log = log.try_exists().map_err(fault::io("open", &log))?;
    if has_log && !dir.join(super::mark::FILE).exists() {
        return Err(fault::damaged(&dir.join(super::mark::FILE), "it is missing"));
    }
    let mut mark = Mark::open(dir)?;
    let state = mark.state();
    let recovery = Recovery::begin(dir, state)?;
    if mark.sequence() > 0 && !log.exists() {
        return Err(fault::damaged(&log, "it is missing"));
    }
    // From here on the files differ from what the mark says of them.
    mark.set_state(State::Open)?;
    match open_engine(dir, &files, &mark) {
        Ok((db, sequence)) => {
            recovery.keep()?;
            let log = File::open(&log).map_err(fault::io("open", &log))?;
            sync_folders(dir, &files)?;
            Ok(Opened { db, files, log, mark, sequence, lock })
        }
        Err(error) => {
            recovery.undo()?;
            mark.set_state(state)?;
            Err(error)
        }
    }
}

/// Opens the engine and compares the last batch it has with the last acknowledged one.
fn open_engine(dir: &Path, files: &Path, mark: &Mark) -> Result<(Db, u64), Error> {
    let log = files.join("db");
    fault::guarded(&log, || {
        let db = open_when_free(dir, files)?;
        // The witness may be gone by a later batch, which then wrote its own number.
        let sequence = number_of(&db, key::SEQUENCE)?.max(number_of(&db, mark.witness())?);
        if sequence < mark.sequence() {
            return Err(fault::damaged(&log, "what was written last cannot be read back"));
        }
        let sequence = (sequence / NUMBERS_PER_OPEN + 1) * NUMBERS_PER_OPEN;
        Ok((db, sequence))
    })
}

/// The batch that wrote a key; 0 when the key is not there.
fn number_of(db: &Db, key: &[u8]) -> Result<u64, Error> {
    match db.get(key).map_err(fault::engine)? {
        Some(sealed) => Ok(stored::unseal(key, &sealed)?.0),
        None => Ok(0),
    }
}

/// Threads of an engine that was closed a moment ago in this process may still hold its lock.
fn open_when_free(dir: &Path, files: &Path) -> Result<Db, Error> {
    // No flushing in the background: the committer flushes each batch, and the engine
    // cleans up when pages are rewritten.
    let config = ::sled::Config::new().path(files).cache_capacity(CACHE).flush_every_ms(None);
    let started = Instant::now();
    loop {
        match config.open() {
            Err(::sled::Error::Io(error)) if error.to_string().contains("acquire lock") => {
                if started.elapsed() > LINGERING {
                    let holder = "a process that opened its files directly".to_owned();
                    return Err(Error::Locked { dir: dir.to_owned(), holder });
                }
                sleep(Duration::from_millis(5));
            }
            other => return other.map_err(fault::engine),
        }
    }
}

/// The folder holds journals: only its owner may look into it.
fn make_private(dir: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(fault::io("make", dir))
}

/// The files made by this open have names that survive a loss of power.
fn sync_folders(dir: &Path, files: &Path) -> Result<(), Error> {
    for folder in [files, dir] {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(fault::io("sync", folder))?;
    }
    Ok(())
}
