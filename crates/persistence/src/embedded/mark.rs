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
pub(crate) const FILE: &str = "acknowledged";

pub(crate) const UNFINISHED: &str = "acknowledged.new";

/// The longest key that can be the witness of a batch.
pub(crate) const LONGEST_WITNESS: usize = 128;

/// Checksum 4, sequence number 8, state 1, digest 4, length of the witness 1, witness.
const LENGTH: usize = 18 + LONGEST_WITNESS;

/// How the store was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is open, or its process ended without closing it.
    Open,
    /// Its files are others than those that were closed, and nobody has read them whole since.
    Doubted,
    /// It was closed, and its files had this digest if they were not too large.
    Closed(Option<u32>),
}

impl State {
    /// A store that is closed, and whose files have this digest.
    pub(crate) fn closed(digest: Option<u32>, is_doubted: bool) -> Self {
        match is_doubted {
            true => Self::Doubted,
            false => Self::Closed(digest),
        }
    }
}

/// The open mark.
pub(crate) struct Mark {
    file: File,
    path: PathBuf,
    sequence: u64,
    state: State,
    witness: Vec<u8>,
}

impl Mark {
    /// Opens the mark; makes one at 0 when there is none.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        if !path.try_exists().map_err(fault::io("open", &path))? {
            return Self::make(dir, path);
        }
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let file = opened.map_err(fault::io("open", &path))?;
        let mut mark = Self { file, path, sequence: 0, state: State::Open, witness: Vec::new() };
        mark.read()?;
        Ok(mark)
    }

    /// Makes a mark, all or nothing: a process that ends meanwhile leaves none.
    fn make(dir: &Path, path: PathBuf) -> Result<Self, Error> {
        let unfinished = dir.join(UNFINISHED);
        let made = File::create(&unfinished).map_err(fault::io("make", &unfinished))?;
        let mark = Self { file: made, path, sequence: 0, state: State::Open, witness: Vec::new() };
        mark.write()?;
        mark.file.sync_all().map_err(fault::io("sync", &unfinished))?;
        std::fs::rename(&unfinished, &mark.path).map_err(fault::io("make", &mark.path))?;
        Ok(mark)
    }

    /// The last acknowledged batch.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How the store was left.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// A key that the last acknowledged batch wrote.
    pub(crate) fn witness(&self) -> &[u8] {
        &self.witness
    }

    /// Another batch is on disk, and wrote the key `witness`.
    pub(crate) fn advance(&mut self, sequence: u64, witness: &[u8]) -> Result<(), Error> {
        self.sequence = sequence;
        self.witness.clear();
        self.witness.extend_from_slice(&witness[..witness.len().min(LONGEST_WITNESS)]);
        self.write()
    }

    /// The store is left otherwise.
    pub(crate) fn set_state(&mut self, state: State) -> Result<(), Error> {
        self.state = state;
        self.write()
    }

    fn write(&self) -> Result<(), Error> {
        let (kind, digest) = match self.state {
            State::Open => (0, 0),
            State::Doubted => (3, 0),
            State::Closed(None) => (1, 0),
            State::Closed(Some(digest)) => (2, digest),
        };
        let mut bytes = [0; LENGTH];
        bytes[4..12].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[12] = kind;
        bytes[13..17].copy_from_slice(&digest.to_be_bytes());
        bytes[17] = u8::try_from(self.witness.len()).unwrap_or_default();
        bytes[18..18 + self.witness.len()].copy_from_slice(&self.witness);
        let checksum = crc32fast::hash(&bytes[4..]);
        bytes[..4].copy_from_slice(&checksum.to_be_bytes());
        self.file.write_all_at(&bytes, 0).map_err(fault::io("write", &self.path))
    }

    fn read(&mut self) -> Result<(), Error> {
        let mut bytes = [0; LENGTH];
        let read = self.file.read_exact_at(&mut bytes, 0);
        let is_right = bytes[..4] == crc32fast::hash(&bytes[4..]).to_be_bytes();
        let witness = bytes.get(18..18 + usize::from(bytes[17]));
        let (Ok(()), true, Some(witness)) = (read, is_right, witness) else {
            return Err(fault::damaged(&self.path, "it is not what was written"));
        };
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
        };
        self.sequence = number(4..12);
        self.witness = witness.to_vec();
        self.state = match bytes[12] {
            0 => State::Open,
            1 => State::Closed(None),
            3 => State::Doubted,
            _ => State::Closed(u32::try_from(number(13..17)).ok()),
        };
        Ok(())
    }
}
