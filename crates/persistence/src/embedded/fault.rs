//! What the store says when something on disk is not as it was written.
//!
//! The place is filled in by [`at`] at the border, where the folder is known.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use linchpin_engine::store::{Error, REMEDY};

use crate::key;

/// A damaged file.
pub(crate) fn damaged(file: &Path, detail: impl Into<String>) -> Error {
    Error::Damaged { file: file.to_owned(), detail: detail.into(), remedy: REMEDY.to_owned() }
}

/// A value whose checksum is wrong.
pub(crate) fn checksum(key: &[u8]) -> Error {
    damaged(Path::new(""), format!("the checksum of {} is wrong", shown(key)))
}

/// A value that lacks parts.
pub(crate) fn parts(key: &[u8]) -> Error {
    damaged(Path::new(""), format!("a part of {} is missing", shown(key)))
}

/// A journal that lacks an entry.
pub(crate) fn gap(key: &[u8]) -> Error {
    damaged(Path::new(""), format!("the entry before {} is missing", shown(key)))
}

/// What a storage engine says without naming a place.
pub(crate) fn reported(text: &str) -> Error {
    damaged(Path::new(""), format!("the storage engine reports: {text}"))
}

/// An error with what the system said.
pub(crate) fn with_reason(error: &Error) -> String {
    match error {
        Error::Io { source, .. } => format!("{error}: {source}"),
        other => other.to_string(),
    }
}

/// Puts the file into an error that does not name one yet.
pub(crate) fn at(path: &Path, error: Error) -> Error {
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

thread_local! {
    /// How many of the calls on this thread's stack are guarded.
    static GUARDED: Cell<u32> = const { Cell::new(0) };
}

/// Whether a panic on this thread becomes an error: a panic hook has nothing to say of it.
pub fn is_guarded() -> bool {
    GUARDED.get() > 0
}

/// Runs something that uses the storage engine, which panics on some damage: an error here.
pub(crate) fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    GUARDED.set(GUARDED.get() + 1);
    let ended = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(GUARDED.get() - 1);
    match ended {
        Ok(result) => result.map_err(|error| at(path, error)),
        Err(panic) => {
            Err(damaged(path, format!("the storage engine gave up ({})", said(panic.as_ref()))))
        }
    }
}

/// A closure for `map_err` on file operations.
pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given").to_owned()
}

/// A key in words.
pub(crate) fn shown(key: &[u8]) -> String {
    if let Some(parsed) = key::parse_entry(key) {
        return format!("entry {} of run {}", parsed.position, parsed.run);
    }
    match key::parse_any_record(key) {
        Some((collection, own)) => format!("the record {collection}/{own}"),
        None => key.escape_ascii().to_string(),
    }
}
