//! One folder, and that no path leads out of it.

use std::fs::{self, File};
use std::io::{ErrorKind as Io, Read, Write};
use std::path::{Component, Path, PathBuf};

use linchpin_connector::{ActionError, Connection, ErrorKind, WriteState};

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
            refused(format!("the connection {} names no folder for files", connection.alias))
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
        let target = self.target(path)?;
        let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let beside = target.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)
            .or_else(|error| match error.kind() {
                // One that a crash has left behind.
                Io::AlreadyExists => {
                    fs::remove_file(&beside).and_then(|()| File::create_new(&beside))
                }
                _ => Err(error),
            })
            .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
        let moved = written.and_then(|()| fs::rename(&beside, &target));
        moved.map_err(|error| {
            // The old content still stands; the part is of no use.
            fs::remove_file(&beside).ok();
            failed(path, &error).with_write(WriteState::None)
        })?;
        // That the new name is on disk too; a system that cannot say so has it in memory.
        let folder = target.parent().map(File::open);
        folder.and_then(Result::ok).and_then(|folder| folder.sync_all().ok());
        Ok(())
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

fn refused(message: String) -> ActionError {
    ActionError::new(ErrorKind::InvalidInput, message).with_write(WriteState::None)
}

fn failed(path: &str, error: &std::io::Error) -> ActionError {
    let kind = match error.kind() {
        Io::NotFound => ErrorKind::NotFound,
        Io::PermissionDenied => ErrorKind::Forbidden,
        _ => ErrorKind::Unavailable,
    };
    ActionError::new(kind, format!("{path}: {error}")).with_write(WriteState::None)
}
