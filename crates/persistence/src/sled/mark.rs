//! The mark: a small file that remembers the last batch that was acknowledged.
//!
//! After a crash the storage engine goes on from the last batch it can read and says nothing
//! about those it cannot. The mark is written after each sync and before the
//! acknowledgement, so a store that comes back with less than the mark is known to be
//! damaged. The mark is not synced: it may be older than the store, never newer.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use linchpin_engine::store::Error;

use super::fault;

/// The name of the mark in the folder of a store.
pub(super) const FILE: &str = "acknowledged";

const LENGTH: usize = 17;

/// How the store was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is open, or its process ended without closing it.
    Open,
    /// It was closed, and its files had this digest if they were not too large.
    Closed(Option<u32>),
}

/// The open mark.
pub(super) struct Mark {
    file: File,
    path: PathBuf,
}

impl Mark {
    /// Opens the mark and says what is in it; makes one at 0 when there is none.
    pub(super) fn open(dir: &Path) -> Result<(Self, u64, State), Error> {
        let path = dir.join(FILE);
        let is_new = !path.try_exists().map_err(fault::io("open", &path))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fault::io("open", &path))?;
        let mark = Self { file, path };
        if is_new {
            mark.write(0, State::Open)?;
            mark.file.sync_all().map_err(fault::io("sync", &mark.path))?;
        }
        let (sequence, state) = mark.read()?;
        Ok((mark, sequence, state))
    }

    /// Writes the number of the last acknowledged batch.
    pub(super) fn write(&self, sequence: u64, state: State) -> Result<(), Error> {
        let (kind, digest) = match state {
            State::Open => (0, 0),
            State::Closed(None) => (1, 0),
            State::Closed(Some(digest)) => (2, digest),
        };
        let mut bytes = [0; LENGTH];
        bytes[4..12].copy_from_slice(&sequence.to_be_bytes());
        bytes[12] = kind;
        bytes[13..17].copy_from_slice(&digest.to_be_bytes());
        let checksum = crc32fast::hash(&bytes[4..]);
        bytes[..4].copy_from_slice(&checksum.to_be_bytes());
        self.file.write_all_at(&bytes, 0).map_err(fault::io("write", &self.path))
    }

    fn read(&self) -> Result<(u64, State), Error> {
        let mut bytes = [0; LENGTH];
        let read = self.file.read_exact_at(&mut bytes, 0);
        if read.is_err() || bytes[..4] != crc32fast::hash(&bytes[4..]).to_be_bytes() {
            return Err(fault::damaged(&self.path, "it is not what was written"));
        }
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
        };
        let digest = u32::try_from(number(13..17)).unwrap_or_default();
        let state = match bytes[12] {
            0 => State::Open,
            1 => State::Closed(None),
            _ => State::Closed(Some(digest)),
        };
        Ok((number(4..12), state))
    }
}
