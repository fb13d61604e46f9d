//! One process per store: an advisory lock on a file that names its holder.
//!
//! The system releases the lock when the process ends, however it ends, so a lock file that
//! is left behind stops nobody.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use linchpin_engine::store::Error;

use super::{fault, files};

/// The name of the lock file in the folder of a store.
pub(crate) const FILE: &str = "lock";

/// Holds the store until it is dropped.
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock, or says at once who has it.
    pub(crate) fn take(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(fault::io("open", &path))?;
            match file.try_lock() {
                // Another store may have taken this one's place since the file was opened.
                Ok(()) if !is_at(&file, &path).map_err(fault::io("lock", &path))? => {}
                Ok(()) => {
                    write_holder(&mut file).map_err(fault::io("write", &path))?;
                    return Ok(Self { file, path });
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked { dir: dir.to_owned(), holder: holder(&mut file) });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(Error::Io { action: "lock", path, source });
                }
            }
        }
    }

    /// Whether the store is still where it was opened. Somebody may have moved or removed its
    /// folder, and then what is written is nowhere to be found again.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if is_at(&self.file, &self.path).map_err(fault::io("look at", &self.path))? {
            return Ok(());
        }
        let source = std::io::Error::new(
            ErrorKind::NotFound,
            "its folder was moved or removed while it was in use",
        );
        let dir = self.path.parent().unwrap_or(&self.path);
        Err(Error::Io { action: "find", path: dir.to_owned(), source })
    }
}

/// Removes a folder with all that is in it, if it is there; refuses while somebody holds it.
pub(crate) fn remove_unless_held(dir: &Path) -> Result<(), Error> {
    if !dir.try_exists().map_err(fault::io("look into", dir))? {
        return Ok(());
    }
    let _held = Lock::take(dir)?;
    files::remove_folder(dir).map_err(fault::io("remove", dir))
}

/// Whether the path leads to the open file.
pub(super) fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "process {}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(200).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "another process".to_owned(),
    }
}
