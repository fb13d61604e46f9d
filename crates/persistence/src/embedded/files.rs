//! The files of a storage engine as files: their digest, their size, a copy of them.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::mark::State;

/// Larger files are not read to make a digest.
pub(crate) const MOST_DIGESTED: u64 = 64 << 20;

/// How much of a file is in memory at once while it is digested.
const PART: usize = 64 << 10;

/// A digest of the files, by which a later open sees that they are as they were closed.
/// `None` when they are too large to be read for that.
pub(crate) fn digest(files: &Path) -> Option<u32> {
    let paths = listed(files).ok()?;
    let total = total_length(&paths).ok()?;
    if total > MOST_DIGESTED {
        return None;
    }
    let mut hasher = crc32fast::Hasher::new();
    for path in paths {
        hasher.update(path.file_name()?.as_encoded_bytes());
        add(&path, &mut hasher).ok()?;
    }
    Some(hasher.finalize())
}

/// Adds a file's length and content, which is never in memory as a whole.
fn add(path: &Path, hasher: &mut crc32fast::Hasher) -> io::Result<()> {
    let mut file = File::open(path)?;
    hasher.update(&file.metadata()?.len().to_be_bytes());
    let mut part = vec![0; PART];
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(n_read) => hasher.update(&part[..n_read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether the files are as they were when the store was closed.
pub(crate) fn is_as_closed(files: &Path, state: State) -> bool {
    match state {
        State::Open | State::Doubted => false,
        State::Closed(None) => true,
        State::Closed(closed) => digest(files) == closed,
    }
}

/// All files below a folder, sorted; none when there is no such folder.
pub(crate) fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                paths.push(entry.path());
            }
        }
    }
    paths.sort();
    Ok(paths)
}

/// How many bytes files have in all. One that goes away meanwhile has none.
pub(crate) fn total_length(paths: &[PathBuf]) -> io::Result<u64> {
    let mut total = 0;
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) => total += metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

/// Copies files below `from` to the same places below `to`, each synced. Folders that are made are
/// their owner's alone, as those of a store are.
pub(crate) fn copy(paths: &[PathBuf], from: &Path, to: &Path) -> io::Result<()> {
    for path in paths {
        let target = to.join(path.strip_prefix(from).unwrap_or(path));
        if let Some(parent) = target.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        fs::copy(path, &target)?;
        File::open(&target)?.sync_all()?;
    }
    Ok(())
}

/// Whether two files hold the same bytes.
pub(crate) fn are_equal(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let mut one = BufReader::new(File::open(one)?);
    let mut other = BufReader::new(File::open(other)?);
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let n = left.len().min(right.len());
        if n == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        if left[..n] != right[..n] {
            return Ok(false);
        }
        one.consume(n);
        other.consume(n);
    }
}

/// Removes a folder and all in it, if it is there.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Names made in these folders survive a loss of power.
pub(crate) fn sync_folders(folders: &[&Path]) -> io::Result<()> {
    folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
}
