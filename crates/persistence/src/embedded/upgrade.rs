//! A store of an older format becomes one of this version, after a copy of it was made.
//!
//! ```text
//! format 1    one kind of store, its stamp names none
//! format 2    the stamp names the kind, so that no store is opened as one of another kind
//! format 3    old runs may be in bundles
//! ```

use std::io;
use std::path::{Path, PathBuf};

use linchpin_engine::store::Error;

use super::stamp::{self, Kind};
use super::{fault, files, lock};

/// Where the copy of a store of an older format is kept: beside the store.
pub(crate) fn copy_of(dir: &Path, format: u32) -> PathBuf {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    dir.with_file_name(format!("{name}.format-{format}"))
}

/// Upgrades a store that this process holds. A copy that was not finished is made anew; one that
/// holds what the store holds is left alone, and one that holds something else gets a number at
/// the end of its name. The stamp is written last.
pub(crate) fn upgrade(dir: &Path, kind: Kind, from: u32) -> Result<(), Error> {
    let copy = copy_of(dir, from);
    if !is_made(dir, &copy).map_err(fault::io("look into", &copy))? {
        let unfinished = unfinished(&copy);
        let make = || {
            files::remove_folder(&unfinished)?;
            files::copy(&stored(dir)?, dir, &unfinished)?;
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

/// Whether the copy is there already. One of another state is moved aside: whoever went back to
/// an older version for a while has it.
fn is_made(dir: &Path, copy: &Path) -> io::Result<bool> {
    if !copy.try_exists()? {
        return Ok(false);
    }
    if holds_the_same(dir, copy)? {
        return Ok(true);
    }
    let numbered = |number: u32| {
        let mut name = copy.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let mut number = 1;
    while numbered(number).try_exists()? {
        number += 1;
    }
    std::fs::rename(copy, numbered(number))?;
    Ok(false)
}

fn unfinished(copy: &Path) -> PathBuf {
    let mut name = copy.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Whether a copy has the files of the store, byte for byte.
fn holds_the_same(dir: &Path, copy: &Path) -> io::Result<bool> {
    let own = stored(dir)?;
    let copied = stored(copy)?;
    let below = |paths: &[PathBuf], root: &Path| -> Vec<PathBuf> {
        paths.iter().filter_map(|path| Some(path.strip_prefix(root).ok()?.to_owned())).collect()
    };
    if below(&own, dir) != below(&copied, copy) {
        return Ok(false);
    }
    for (one, other) in own.iter().zip(&copied) {
        if !files::are_equal(one, other)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The files of a store but for its lock, in order.
fn stored(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = files::listed(dir)?;
    paths.retain(|path| *path != dir.join(lock::FILE));
    Ok(paths)
}
