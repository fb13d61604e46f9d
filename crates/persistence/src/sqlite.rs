//! The SQLite storage engine under a store: a write-ahead log that is synced with every commit.
//!
//! This folder is the only place that names it. What makes a store of it is in `embedded.rs`.

mod opening;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;

use linchpin_engine::store::Error;

use crate::embedded::transfer::Target;
use crate::embedded::{Embedded, Kind, Sync};

pub use tree::SqliteTree;

/// A store in a folder, kept by the SQLite storage engine.
pub type SqliteStore = Embedded<SqliteTree>;

impl Embedded<SqliteTree> {
    /// Opens the store in a folder, or makes one if the folder is empty or missing.
    ///
    /// [`Error::Locked`] at once when another process has it; [`Error::Damaged`],
    /// [`Error::Foreign`] and [`Error::Newer`] when it cannot be used. What was written is left
    /// as it was in a refused folder.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        // The engine syncs its log with each commit.
        Self::open_with(dir, Box::new(|| Ok(())))
    }

    /// A new store, to be filled by a copy.
    pub(crate) fn create(dir: &Path) -> Result<Target<SqliteTree>, Error> {
        Ok(Target { opened: opening::open(dir)?, sync: Box::new(|| Ok(())) })
    }

    /// Opens with something more to sync, so that a test can make it fail.
    pub(crate) fn open_with(dir: &Path, sync: Sync) -> Result<Self, Error> {
        Self::over(Kind::Sqlite, opening::open(dir)?, sync)
    }
}
