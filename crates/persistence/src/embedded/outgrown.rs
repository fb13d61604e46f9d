//! One store in the place of another: the old one steps aside, the new one takes its name, and
//! then the old one goes. An open that finds neither in its place puts the old one back.
//!
//! Whoever replaces a store holds it meanwhile: its lock steps aside with it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use linchpin_engine::store::Error;

use super::lock::{self, Lock};
use super::mark::Mark;
use super::{fault, files, stamp};
use crate::location::name_with;

/// Where the store in `dir` steps aside to.
pub(crate) fn aside(dir: &Path) -> PathBuf {
    dir.with_file_name(name_with(dir, ".outgrown"))
}

/// Whether the store that belongs in `dir` has stepped aside and nothing has taken its place.
pub(crate) fn is_aside(dir: &Path) -> bool {
    !dir.join(stamp::FILE).exists() && aside(dir).exists()
}

/// Where the store that belongs in `dir` is now.
pub(crate) fn present(dir: &Path) -> PathBuf {
    if is_aside(dir) { aside(dir) } else { dir.to_owned() }
}

/// Refuses a folder that cannot step aside because another disk is mounted there.
pub(crate) fn replaceable(dir: &Path) -> Result<(), Error> {
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev());
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
    let above = device(above.unwrap_or(Path::new("."))).map_err(fault::io("look into", dir))?;
    match device(dir) {
        Ok(own) if own != above => Err(Error::Foreign {
            dir: dir.to_owned(),
            detail: "it is a mount point, which cannot be replaced".to_owned(),
            remedy: "`linchpin store copy` the store into a folder on that disk".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Puts the closed store `anew` in the place of the closed store in `dir`, of which it is a copy
/// made when the last acknowledged batch was `sequence`.
pub(crate) fn replace(dir: &Path, anew: &Path, sequence: u64) -> Result<(), Error> {
    let _held = Lock::take(dir)?;
    if Mark::open(dir)?.sequence() != sequence {
        let holder = "another process, which has written since it was copied".to_owned();
        return Err(Error::Locked { dir: dir.to_owned(), holder });
    }
    let old = aside(dir);
    let replace = || {
        files::remove_folder(&old)?;
        fs::rename(dir, &old)?;
        fs::rename(anew, dir)?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            files::sync_folders(&[parent])?;
        }
        files::remove_folder(&old)
    };
    replace().map_err(fault::io("replace", dir))
}

/// Ends what a killed process began: the place is never empty while there is an old store.
pub(crate) fn put_back(dir: &Path) -> Result<(), Error> {
    if !is_aside(dir) {
        return Ok(());
    }
    let old = aside(dir);
    let _held = match Lock::take(&old) {
        // Whoever replaced it has done so.
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(()),
        taken => taken?,
    };
    if !is_aside(dir) {
        return Ok(());
    }
    let put_back = || {
        // Somebody may have been about to make a store here.
        match fs::remove_file(dir.join(lock::FILE)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(&old, dir)
    };
    put_back().map_err(fault::io("put back", &old))
}
