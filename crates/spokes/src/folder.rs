//! The folder of a connection: that no path leads out of it, and that a file in it is written whole
//! or not at all.
//!
//! Its functions wait for the disk; actions call them through [`blocking`].

use std::fs::{self, File};
use std::io::{ErrorKind as Io, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use linchpin_connector::{ActionError, Connection, ErrorKind};

/// Does what may wait for a disk where no other run waits for it too.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ActionError> + Send + 'static,
) -> Result<T, ActionError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(ActionError::new(ErrorKind::Internal, error.to_string())),
    }
}

/// The folder of a connection.
pub(crate) struct Folder {
    /// Without links, so that what is below it can be told by its path.
    root: PathBuf,
}

impl Folder {
    /// The folder that the connection names.
    pub(crate) fn of(connection: &Connection) -> Result<Folder, ActionError> {
        let named = connection.values.get("folder").and_then(|folder| folder.as_str());
        let named = named.filter(|folder| !folder.is_empty()).ok_or_else(|| {
            let alias = &connection.alias;
            refused(format!(
                "the connection {alias} names no `folder` for files: add it in connections.yaml"
            ))
        })?;
        if !Path::new(named).is_absolute() {
            return Err(refused(format!(
                "the folder {named} of {} must be an absolute path",
                connection.alias
            )));
        }
        let root = fs::canonicalize(named).map_err(|error| failed(named, &error))?;
        if !root.is_dir() {
            return Err(refused(format!("{named} is no folder")));
        }
        Ok(Folder { root })
    }

    /// Opens a file for reading, with its size and the instant of its last change.
    pub(crate) fn open(&self, path: &str) -> Result<(File, String), ActionError> {
        let inside = self.inside(path)?;
        let found = fs::canonicalize(&inside).map_err(|error| failed(path, &error))?;
        if !found.starts_with(&self.root) {
            return Err(refused(format!("{path} is a link that leads out of the folder")));
        }
        // Asked before it is opened: opening a pipe would wait for its other end.
        let about = fs::metadata(&found).map_err(|error| failed(path, &error))?;
        if !about.is_file() {
            return Err(refused(format!("{path} is no file")));
        }
        let file = File::open(&found).map_err(|error| failed(path, &error))?;
        let changed =
            about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let stamp = format!("{}-{}", about.len(), changed.unwrap_or_default().as_nanos());
        Ok((file, stamp))
    }

    /// The whole content of a file.
    pub(crate) fn read(&self, path: &str, most: u64) -> Result<Vec<u8>, ActionError> {
        let (file, _) = self.open(path)?;
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes).map_err(|error| failed(path, &error))?;
        if bytes.len() as u64 > most {
            let message = format!("{path} has more than {} MB", most / 1024 / 1024);
            return Err(ActionError::new(ErrorKind::LimitExceeded, message));
        }
        Ok(bytes)
    }

    /// The content that a file has, as far as it matters to compare it with one of that length.
    pub(crate) fn present(
        &self,
        path: &str,
        length: usize,
    ) -> Result<Option<Vec<u8>>, ActionError> {
        let target = self.target(path)?;
        if !target.exists() {
            return Ok(None);
        }
        let (file, _) = self.open(path)?;
        let mut bytes = Vec::new();
        file.take(length as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(path, &error))?;
        Ok(Some(bytes))
    }

    /// Writes the whole content of a file: a reader sees the old one or the new one, never a part.
    pub(crate) fn replace(&self, path: &str, content: &[u8]) -> Result<(), ActionError> {
        let mut part = self.part(path)?;
        part.write(content)?;
        part.place()
    }

    /// Begins a file that takes its place when it is whole.
    pub(crate) fn part(&self, path: &str) -> Result<Part, ActionError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let target = self.target(path)?;
        let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let beside = target.with_file_name(format!(".{name}.{process}-{count}.part"));
        let file = File::create_new(&beside).or_else(|error| match error.kind() {
            // One that a crash has left behind.
            Io::AlreadyExists => fs::remove_file(&beside).and_then(|()| File::create_new(&beside)),
            _ => Err(error),
        });
        let file = file.map_err(|error| failed(path, &error))?;
        Ok(Part { file, beside, target, path: path.to_owned() })
    }

    /// Whether there is a file, and it may be written.
    pub(crate) fn is_there(&self, path: &str) -> Result<bool, ActionError> {
        Ok(self.target(path)?.exists())
    }

    /// Where a file is written: in a folder that is there, and not through a link.
    fn target(&self, path: &str) -> Result<PathBuf, ActionError> {
        let inside = self.inside(path)?;
        let parent = inside.parent().unwrap_or(&self.root);
        let parent = fs::canonicalize(parent).map_err(|error| failed(path, &error))?;
        if !parent.starts_with(&self.root) {
            return Err(refused(format!("{path} is behind a link that leads out of the folder")));
        }
        let target = parent.join(inside.file_name().unwrap_or_default());
        match fs::symlink_metadata(&target) {
            Ok(about) if about.file_type().is_symlink() => {
                Err(refused(format!("{path} is a link, and nothing is written through one")))
            }
            Ok(about) if !about.is_file() => Err(refused(format!("{path} is no file"))),
            _ => Ok(target),
        }
    }

    /// The path below the folder, as it is written.
    fn inside(&self, path: &str) -> Result<PathBuf, ActionError> {
        let written = Path::new(path);
        let is_plain = written.components().all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || !is_plain || path.contains(['\0', '\\']) || path.ends_with('/') {
            let message = format!(
                "{path:?} must be the path of a file below the folder, without .. and not absolute"
            );
            return Err(refused(message));
        }
        Ok(self.root.join(written))
    }
}

/// A file that is being written, beside the place it will take. Dropped before, it was never there.
pub(crate) struct Part {
    file: File,
    beside: PathBuf,
    target: PathBuf,
    path: String,
}

impl Part {
    /// Writes the next piece.
    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<(), ActionError> {
        self.file.write_all(piece).map_err(|error| failed(&self.path, &error))
    }

    /// Puts the file in its place, on disk.
    pub(crate) fn place(self) -> Result<(), ActionError> {
        let moved = self.file.sync_all().and_then(|()| fs::rename(&self.beside, &self.target));
        moved.map_err(|error| failed(&self.path, &error))?;
        // That the new name is on disk too; a system that cannot say so has it in memory.
        let folder = self.target.parent().map(File::open);
        folder.and_then(Result::ok).and_then(|folder| folder.sync_all().ok());
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // In its place, it is not beside it any more.
        fs::remove_file(&self.beside).ok();
    }
}

fn refused(message: String) -> ActionError {
    ActionError::new(ErrorKind::InvalidInput, message)
}

fn failed(path: &str, error: &std::io::Error) -> ActionError {
    let kind = match error.kind() {
        Io::NotFound => ErrorKind::NotFound,
        Io::PermissionDenied => ErrorKind::Forbidden,
        _ => ErrorKind::Unavailable,
    };
    ActionError::new(kind, format!("{path}: {error}"))
}
