//! What the store says when something on disk is not as it was written.
//!
//! The place is filled in by [`at`] at the border, where the folder is known.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use linchpin_engine::store::Error;

/// The remedy where a person cannot mend what is there.
pub(super) const RESTORE: &str = "nothing was changed; restore the folder from a backup";

/// A damaged file.
pub(super) fn damaged(file: &Path, detail: impl Into<String>) -> Error {
    Error::Damaged { file: file.to_owned(), detail: detail.into(), remedy: RESTORE.to_owned() }
}

/// A value whose checksum is wrong.
pub(super) fn checksum(key: &[u8]) -> Error {
    damaged(Path::new(""), format!("the checksum of {} is wrong", shown(key)))
}

/// A value that lacks parts.
pub(super) fn parts(key: &[u8]) -> Error {
    damaged(Path::new(""), format!("a part of {} is missing", shown(key)))
}

/// A journal that lacks an entry.
pub(super) fn gap(key: &[u8]) -> Error {
    damaged(Path::new(""), format!("the entry before {} is missing", shown(key)))
}

/// What the storage engine reported.
pub(super) fn engine(error: ::sled::Error) -> Error {
    match error {
        ::sled::Error::Io(source) => Error::Io { action: "access", path: PathBuf::new(), source },
        ::sled::Error::Corruption { .. } => {
            damaged(Path::new(""), "what is written there cannot be read back")
        }
        other => damaged(Path::new(""), format!("the storage engine reports: {other}")),
    }
}

/// Puts the file into an error that does not name one yet.
pub(super) fn at(path: &Path, error: Error) -> Error {
    match error {
        Error::Damaged { file, detail, remedy } if file.as_os_str().is_empty() => {
            Error::Damaged { file: path.to_owned(), detail, remedy }
        }
        Error::Io { action, path: place, source } if place.as_os_str().is_empty() => {
            Error::Io { action, path: path.to_owned(), source }
        }
        other => other,
    }
}

/// Runs something that uses the storage engine, which panics on some damage: an error here.
pub(super) fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| at(path, error)),
        Err(panic) => {
            Err(damaged(path, format!("the storage engine gave up ({})", said(panic.as_ref()))))
        }
    }
}

/// A closure for `map_err` on file operations.
pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given").to_owned()
}

fn shown(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}
