//! Opening a store that the engine keeps: its files are copied first unless they are exactly
//! as they were closed, because the engine repairs what it finds.
//!
//! ```text
//! <dir>/sled/             the engine's files
//! <dir>/before-recovery/  their copy during an open        recovery.rs
//! ```

use std::fs::File;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::sled::Db;
use linchpin_engine::store::Error;

use super::recovery::Recovery;
use super::tree::{SledTree, said};
use crate::embedded::folder::{Folder, Opened};
use crate::embedded::{Kind, fault};

/// The engine keeps several times this in memory.
const CACHE: u64 = 8 << 20;

/// How long the engine of a store that was just closed may hold its own lock.
const LINGERING: Duration = Duration::from_millis(700);

/// Opens the store in a folder, or makes one there. The file is the engine's log, to sync it.
pub(super) fn open(dir: &Path) -> Result<(Opened<SledTree>, File), Error> {
    let mut recovery = None;
    let mut folder = Folder::take(dir, Kind::Sled, |is_as_closed| {
        recovery = Some(Recovery::begin(dir, is_as_closed)?);
        Ok(())
    })?;
    let recovery = recovery.unwrap_or_else(|| Recovery::none(dir));
    let state = folder.state;
    folder.begin()?;
    if !folder.file.exists() {
        forget_settings(&folder.files)?;
    }
    let opened = fault::guarded(&folder.file, || {
        let tree = SledTree::new(open_when_free(dir, &folder.files)?, &folder.files);
        let sequence = folder.last_batch(&tree)?;
        Ok((tree, sequence))
    });
    match opened {
        Ok((tree, sequence)) => {
            recovery.keep()?;
            // The engine hands its log to the system only: it is synced by ourselves.
            let log = File::open(&folder.file).map_err(fault::io("open", &folder.file))?;
            Ok((folder.opened(tree, sequence)?, log))
        }
        Err(error) => {
            recovery.undo()?;
            folder.mark.set_state(state)?;
            Err(error)
        }
    }
}

/// The engine writes its settings before it has any data, and not at once: those of a process
/// that ended meanwhile would be taken for damage.
fn forget_settings(files: &Path) -> Result<(), Error> {
    let settings = files.join("conf");
    match std::fs::remove_file(&settings) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Io { action: "remove", path: settings, source })
        }
        _ => Ok(()),
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
            other => return other.map_err(said),
        }
    }
}
