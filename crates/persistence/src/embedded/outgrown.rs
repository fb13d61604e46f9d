//! One store in the place of another: the old one steps aside, the new one takes its name, and
//! then the old one goes. An open that finds neither in its place puts the old one back.

use std::fs;
use std::path::{Path, PathBuf};

use linchpin_engine::store::Error;

use super::{fault, files};
use crate::location::name_with;

/// Where the store in `dir` steps aside to.
pub(crate) fn aside(dir: &Path) -> PathBuf {
    dir.with_file_name(name_with(dir, ".outgrown"))
}

/// Puts the closed store `anew` in the place of the closed store in `dir`.
pub(crate) fn replace(dir: &Path, anew: &Path) -> Result<(), Error> {
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
    let old = aside(dir);
    if dir.exists() || !old.exists() {
        return Ok(());
    }
    fs::rename(&old, dir).map_err(fault::io("put back", &old))
}
