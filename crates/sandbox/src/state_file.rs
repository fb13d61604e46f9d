//! The file that outlives the process: an append-only log of effects, replayed at the start.
//!
//! A line is written before the answer leaves, so that a killed process loses nothing it answered.
//! It is not synced: it survives the process, not a power cut.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ledger::{Effect, Request};

/// Why a sandbox cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A port cannot be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The state file cannot be read or written.
    #[error("cannot use the state file {path}")]
    State {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another sandbox uses the state file.
    #[error("the state file {path} is used by another sandbox")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The state file was made for another seed, or is not one of ours.
    #[error("the state file {path} does not fit: {detail}; reset it to begin anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

/// One row of a table put, or removed when `row` is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) row: Option<Value>,
}

impl Change {
    pub(crate) fn put(table: &str, key: impl Into<String>, row: Value) -> Self {
        Change { table: table.to_owned(), key: key.into(), row: Some(row) }
    }

    pub(crate) fn remove(table: &str, key: impl Into<String>) -> Self {
        Change { table: table.to_owned(), key: key.into(), row: None }
    }
}

/// One line of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<Header>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) effect: Option<Effect>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<Change>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Request>,
}

/// The first line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) sandbox_state: u32,
    pub(crate) seed: u64,
}

/// The open file.
#[derive(Debug)]
pub(crate) struct StateFile {
    file: File,
    seed: u64,
}

impl StateFile {
    /// Opens or makes the file, and reads what it holds.
    pub(crate) fn open(path: &Path, seed: u64) -> Result<(StateFile, Vec<Line>), Error> {
        let state = |source| Error::State { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(state)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path).map_err(state)?;
        lock(&file, path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(state)?;
        let (lines, whole) =
            lines(&text).map_err(|detail| Error::Damaged { path: path.to_owned(), detail })?;
        // A torn last line was never answered for: it is dropped.
        if whole < text.len() {
            file.set_len(whole as u64).map_err(state)?;
        }
        let mut opened = StateFile { file, seed };
        match lines.first().map(|line| &line.header) {
            None => opened.begin().map_err(state)?,
            Some(Some(header)) if *header == opened.header() => {}
            Some(header) => {
                let detail = format!("expected seed {seed}, found {header:?}");
                return Err(Error::Damaged { path: path.to_owned(), detail });
            }
        }
        Ok((opened, lines))
    }

    fn header(&self) -> Header {
        Header { sandbox_state: 1, seed: self.seed }
    }

    fn begin(&mut self) -> io::Result<()> {
        let header = Some(self.header());
        self.append(&Line { header, ..Line::default() })
    }

    /// Writes one line, in one call, at the end.
    pub(crate) fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)
    }

    /// Empties the file.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.begin()
    }
}

fn lock(file: &File, path: &Path) -> Result<(), Error> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked { path: path.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => {
            Err(Error::State { path: path.to_owned(), source })
        }
    }
}

/// The whole lines, and how many bytes they take.
fn lines(text: &[u8]) -> Result<(Vec<Line>, usize), String> {
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let parts = text[..whole].split(|byte| *byte == b'\n').filter(|part| !part.is_empty());
    let read = |(index, part): (usize, &[u8])| {
        serde_json::from_slice(part).map_err(|error| format!("line {}: {error}", index + 1))
    };
    Ok((parts.enumerate().map(read).collect::<Result<_, _>>()?, whole))
}

/// Removes the file, unless a sandbox uses it.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(file) => match file.try_lock() {
            Ok(()) => std::fs::remove_file(path),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::WouldBlock, "a sandbox uses this state file"))
            }
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        },
    }
}
