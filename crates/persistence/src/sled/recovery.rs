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

use crate::embedded::files::{copy, listed, remove_folder, total_length};
use crate::embedded::{Kind, fault};

const COPY: &str = "before-recovery";
const UNFINISHED: &str = "before-recovery.new";

/// Larger files are not copied.
const MOST_COPIED: u64 = 1 << 30;

/// A started recovery: it must be ended in one of two ways.
#[must_use]
pub(super) struct Recovery {
    dir: PathBuf,
    has_copy: bool,
}

impl Recovery {
    /// A recovery of nothing.
    pub(super) fn none(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), has_copy: false }
    }

    /// Makes the files ready to be opened, and safe against being opened.
    pub(super) fn begin(dir: &Path, is_as_closed: bool) -> Result<Self, Error> {
        let files = dir.join(Kind::Sled.name());
        let begin = || {
            put_back(dir)?;
            remove_folder(&dir.join(UNFINISHED))?;
            remove_unfinished_snapshots(&files)?;
            if !files.try_exists()? || is_as_closed {
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

fn put_back(dir: &Path) -> io::Result<()> {
    let (files, copy) = (dir.join(Kind::Sled.name()), dir.join(COPY));
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
    let (files, unfinished) = (dir.join(Kind::Sled.name()), dir.join(UNFINISHED));
    let paths = listed(&files)?;
    let total = total_length(&paths)?;
    if total > MOST_COPIED {
        tracing::warn!(bytes = total, "the store is too large to be copied before it is opened");
        return Ok(false);
    }
    copy(&paths, &files, &unfinished)?;
    if !unfinished.try_exists()? {
        return Ok(false);
    }
    fs::rename(unfinished, dir.join(COPY))?;
    File::open(dir)?.sync_all()?;
    Ok(true)
}
