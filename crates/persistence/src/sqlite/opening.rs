//! Opening a store that the engine keeps. Nothing of its files is changed before they are
//! known to be good: a log that ends early stays as it is.
//!
//! ```text
//! <dir>/sqlite/db         the engine's file
//! <dir>/sqlite/db-wal     its log; gone when the store was closed
//! <dir>/sqlite/db-shm     an index of the log, made anew by each open
//! ```

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use linchpin_engine::store::Error;

use super::tree::SqliteTree;
use crate::embedded::files::{self, MOST_DIGESTED};
use crate::embedded::folder::{Folder, Opened, make_private};
use crate::embedded::mark::State;
use crate::embedded::{Kind, Tree as _, fault};

/// Opens the store in a folder, or makes one there.
pub(super) fn open(dir: &Path) -> Result<Opened<SqliteTree>, Error> {
    let mut folder = Folder::take(dir, Kind::Sqlite, |_| Ok(()))?;
    make_private(&folder.files)?;
    let log = beside(&folder.file, "-wal");
    // The engine makes a log wherever it finds none.
    let had_log = log.exists();
    let state = folder.state;
    let is_to_check = !folder.is_as_closed && is_small(&folder.files)?;
    folder.begin()?;
    let opened = fault::guarded(&folder.file, || {
        let tree = SqliteTree::open(&folder.file)?;
        // Damage in the engine's own pages hides values instead of changing them.
        if is_to_check && let Some(first) = tree.faults()?.first() {
            return Err(fault::damaged(&folder.file, first.trim_end_matches('.')));
        }
        let sequence = folder.last_batch(&tree)?;
        tree.adopt()?;
        Ok((tree, sequence))
    });
    match opened {
        Ok((tree, sequence)) => folder.opened(tree, sequence),
        Err(error) => {
            folder.mark.set_state(state)?;
            if !had_log {
                leave_no_log(&folder.file)?;
            }
            Err(match error {
                Error::Damaged { .. } if state == State::Open && !had_log => {
                    fault::damaged(&log, "it is missing")
                }
                other => other,
            })
        }
    }
}

/// Takes away the log that an open made for itself: whoever looks sees that there was none.
fn leave_no_log(file: &Path) -> Result<(), Error> {
    let log = beside(file, "-wal");
    if log.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        for made in [log, beside(file, "-shm")] {
            match std::fs::remove_file(&made) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(fault::io("remove", &made)(error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn is_small(files: &Path) -> Result<bool, Error> {
    let total = files::listed(files).and_then(|paths| files::total_length(&paths));
    Ok(total.map_err(fault::io("read", files))? <= MOST_DIGESTED)
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
