//! The engine's tree as a [`Tree`].

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ::sled::{Batch, Db, IVec};
use linchpin_engine::store::Error;

use crate::embedded::{Change, See, Tree, fault, files};

/// The engine, open in a folder.
#[derive(Clone)]
pub struct SledTree {
    db: Db,
    files: PathBuf,
}

impl SledTree {
    pub(super) fn new(db: Db, files: &Path) -> Self {
        Self { db, files: files.to_owned() }
    }
}

impl Tree for SledTree {
    type Bytes = IVec;

    fn get(&self, key: &[u8]) -> Result<Option<IVec>, Error> {
        self.db.get(key).map_err(said)
    }

    fn last(&self, range: Range<Vec<u8>>) -> Result<Option<(IVec, IVec)>, Error> {
        self.db.range(range).next_back().transpose().map_err(said)
    }

    fn scan(&self, range: Range<Vec<u8>>, see: See<'_>) -> Result<(), Error> {
        for item in self.db.range(range) {
            let (key, value) = item.map_err(said)?;
            if see(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, change: Change) -> Result<(), Error> {
        match change {
            Change::Nothing => return Ok(()),
            Change::One { key, value } => {
                self.db.insert(&key, value).map_err(said)?;
            }
            Change::Many(writes) => {
                let mut batch = Batch::default();
                for (key, value) in writes {
                    match value {
                        Some(value) => batch.insert(key, value),
                        None => batch.remove(key),
                    }
                }
                self.db.apply_batch(batch).map_err(said)?;
            }
        }
        // Hands every log buffer to the system; it does not sync them.
        self.db.flush().map_err(said).map(drop)
    }

    fn faults(&self) -> Result<Vec<String>, Error> {
        // Each item of the log has a checksum of its own, verified whenever it is read.
        Ok(Vec::new())
    }

    fn close(self, _in_order: bool) -> Result<Option<u32>, Error> {
        let Self { db, files } = self;
        drop(db);
        Ok(files::digest(&files))
    }
}

/// What the storage engine reported.
pub(super) fn said(error: ::sled::Error) -> Error {
    match error {
        ::sled::Error::Io(source) => {
            let source = match source.kind() {
                // The engine wraps what the system said into text of its own; the kind says it.
                kind @ (ErrorKind::StorageFull
                | ErrorKind::PermissionDenied
                | ErrorKind::ReadOnlyFilesystem) => kind.into(),
                _ => source,
            };
            Error::Io { action: "access", path: PathBuf::new(), source }
        }
        ::sled::Error::Corruption { .. } => {
            fault::damaged(Path::new(""), "what is written there cannot be read back")
        }
        other => fault::reported(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::embedded::fault::with_reason;

    #[test]
    fn what_the_system_said_is_told() {
        let text = |source| with_reason(&said(::sled::Error::Io(source)));
        let broken = text(io::Error::from_raw_os_error(5));
        assert!(broken.contains("Input/output error"), "{broken}");
        let wrapped = io::Error::new(ErrorKind::StorageFull, "Os { code: 28 }");
        assert!(text(wrapped).ends_with("no storage space"));
    }
}
