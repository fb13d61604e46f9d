//! The sled storage engine under a store.
//!
//! This folder is the only place that names it. What makes a store of it is in `embedded.rs`.

mod opening;
mod recovery;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;

use linchpin_engine::store::Error;

#[cfg(test)]
use crate::embedded::Sync;
use crate::embedded::transfer::Target;
use crate::embedded::{Embedded, Kind};

pub use tree::SledTree;

/// A store in a folder, kept by the sled storage engine.
pub type SledStore = Embedded<SledTree>;

impl Embedded<SledTree> {
    /// Opens the store in a folder, or makes one if the folder is empty or missing.
    ///
    /// [`Error::Locked`] at once when another process has it; [`Error::Damaged`],
    /// [`Error::Foreign`] and [`Error::Newer`] when it cannot be used. A refused folder is left
    /// as it was.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let (opened, log) = opening::open(dir)?;
        Self::over(Kind::Sled, opened, Box::new(move || log.sync_data()))
    }

    /// A new store, to be filled by a copy.
    pub(crate) fn create(dir: &Path) -> Result<Target<SledTree>, Error> {
        let (opened, log) = opening::open(dir)?;
        Ok(Target { opened, sync: Box::new(move || log.sync_data()) })
    }

    /// Opens with another way to sync, so that a test can make it fail.
    #[cfg(test)]
    pub(crate) fn open_with(dir: &Path, sync: Sync) -> Result<Self, Error> {
        Self::over(Kind::Sled, opening::open(dir)?.0, sync)
    }
}
