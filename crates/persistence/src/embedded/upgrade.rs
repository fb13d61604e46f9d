//! A store of an older format becomes one of this version, after a copy of it was made.
//!
//! ```text
//! format 1    one kind of store, its stamp names none
//! format 2    the stamp names the kind, so that no store is opened as one of another kind
//! format 3    old runs may be in bundles
//! ```

use std::path::{Path, PathBuf};

use linchpin_engine::store::Error;

use super::stamp::{self, Kind};
use super::{fault, files, lock};

/// Where the copy of a store of an older format is kept: beside the store.
pub(crate) fn copy_of(dir: &Path, format: u32) -> PathBuf {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    dir.with_file_name(format!("{name}.format-{format}"))
}

/// Upgrades a store that this process holds. A copy that was not finished is made anew; one
/// that was is left alone. The stamp is written last.
pub(crate) fn upgrade(dir: &Path, kind: Kind, from: u32) -> Result<(), Error> {
    let copy = copy_of(dir, from);
    if !copy.try_exists().map_err(fault::io("open", &copy))? {
        let unfinished = copy.with_extension(format!("format-{from}.new"));
        let make = || {
            files::remove_folder(&unfinished)?;
            let mut paths = files::listed(dir)?;
            paths.retain(|path| *path != dir.join(lock::FILE));
            files::copy(&paths, dir, &unfinished)?;
            std::fs::rename(&unfinished, &copy)?;
            files::sync_folders(&[copy.parent().unwrap_or(dir)])
        };
        make().map_err(fault::io("copy the store to", &copy))?;
    }
    // What the older formats have is read as it is.
    stamp::write(dir, kind)?;
    tracing::info!(
        from,
        to = stamp::FORMAT,
        copy = %copy.display(),
        "the store was upgraded; its copy is not needed any more once everything works"
    );
    Ok(())
}
