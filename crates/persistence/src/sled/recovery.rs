//! Opening files that may be damaged without harming them.
//!
//! The storage engine repairs a torn log by cutting it off, which would also cut off good
//! data behind a damaged place. Unless the files are exactly as they were closed, they are
//! therefore copied first; the copy is put back when the store turns out to be damaged, and
//! deleted when it is not. A copy found at the start belongs to an attempt that did not end.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use linchpin_engine::store::Error;

use super::fault;
use super::mark::State;

/// The folder of the storage engine's files in the folder of a store.
pub(super) const FILES: &str = "sled";

const COPY: &str = "before-recovery";
const UNFINISHED: &str = "before-recovery.new";

/// Larger files are not read to make a digest.
const MOST_DIGESTED: u64 = 64 << 20;

/// Larger files are not copied.
const MOST_COPIED: u64 = 1 << 30;

/// A started recovery: it must be ended in one of two ways.
#[must_use]
pub(super) struct Recovery {
    dir: PathBuf,
    has_copy: bool,
}

impl Recovery {
    /// Makes the files ready to be opened, and safe against being opened.
    pub(super) fn begin(dir: &Path, state: State) -> Result<Self, Error> {
        let files = dir.join(FILES);
        let begin = || {
            put_back(dir)?;
            remove_folder(&dir.join(UNFINISHED))?;
            remove_unfinished_snapshots(&files)?;
            if !files.try_exists()? || is_as_closed(&files, state) {
                return Ok(false);
            }
            copy_files(dir)
        };
        let has_copy = begin().map_err(fault::io("prepare", &files))?;
        Ok(Self { dir: dir.to_owned(), has_copy })
    }

    /// The files are good.
    pub(super) fn keep(self) -> Result<(), Error> {
        let copy = self.dir.join(COPY);
        if self.has_copy {
            // Renamed first: a half-deleted copy must not look like one to be put back.
            let unfinished = self.dir.join(UNFINISHED);
            fs::rename(&copy, &unfinished).map_err(fault::io("remove", &copy))?;
            remove_folder(&unfinished).map_err(fault::io("remove", &copy))?;
        }
        Ok(())
    }

    /// The files are damaged: they are put back as they were.
    pub(super) fn undo(self) -> Result<(), Error> {
        if self.has_copy {
            put_back(&self.dir).map_err(fault::io("put back", &self.dir.join(COPY)))?;
        }
        Ok(())
    }
}

/// A digest of the files, by which a later open sees that they are as they were closed.
/// `None` when they are too large to be read for that.
pub(super) fn digest(files: &Path) -> Option<u32> {
    let paths = listed(files).ok()?;
    let total = total_length(&paths).ok()?;
    if total > MOST_DIGESTED {
        return None;
    }
    let mut hasher = crc32fast::Hasher::new();
    for path in paths {
        hasher.update(path.file_name()?.as_encoded_bytes());
        let bytes = fs::read(&path).ok()?;
        hasher.update(&bytes.len().to_be_bytes());
        hasher.update(&bytes);
    }
    Some(hasher.finalize())
}

fn is_as_closed(files: &Path, state: State) -> bool {
    match state {
        State::Open => false,
        State::Closed(None) => true,
        State::Closed(closed) => digest(files) == closed,
    }
}

fn put_back(dir: &Path) -> io::Result<()> {
    let (files, copy) = (dir.join(FILES), dir.join(COPY));
    if copy.try_exists()? {
        remove_folder(&files)?;
        fs::rename(copy, files)?;
    }
    Ok(())
}

/// A snapshot that was being written by a killed process is a cache that was never in use,
/// but the engine would take it for the newest one and refuse to start.
fn remove_unfinished_snapshots(files: &Path) -> io::Result<()> {
    for path in listed(files)? {
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Whether a copy was made.
fn copy_files(dir: &Path) -> io::Result<bool> {
    let (files, unfinished) = (dir.join(FILES), dir.join(UNFINISHED));
    let paths = listed(&files)?;
    let total = total_length(&paths)?;
    if total > MOST_COPIED {
        tracing::warn!(bytes = total, "the store is too large to be copied before it is opened");
        return Ok(false);
    }
    for path in paths {
        let target = unfinished.join(path.strip_prefix(&files).unwrap_or(&path));
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&path, &target)?;
        File::open(&target)?.sync_all()?;
    }
    if !unfinished.try_exists()? {
        return Ok(false);
    }
    fs::rename(unfinished, dir.join(COPY))?;
    File::open(dir)?.sync_all()?;
    Ok(true)
}

/// All files below a folder, sorted.
fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                paths.push(entry.path());
            }
        }
    }
    paths.sort();
    Ok(paths)
}

fn total_length(paths: &[PathBuf]) -> io::Result<u64> {
    let mut total = 0;
    for path in paths {
        total += fs::metadata(path)?.len();
    }
    Ok(total)
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
