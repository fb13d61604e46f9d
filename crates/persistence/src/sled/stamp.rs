//! The stamp: a text file that says that a folder is a store, and of which format.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use linchpin_engine::store::Error;

use super::{fault, lock};

/// The format this version writes, and the newest it reads.
pub(super) const FORMAT: u32 = 1;

/// The name of the stamp in the folder of a store.
pub(super) const FILE: &str = "store";

const UNFINISHED: &str = "store.new";
const WORDS: &str = "linchpin store ";

/// Refuses a folder that holds something else, or a store of a newer format. Changes nothing.
/// `false` when there is no store yet and one may be made here.
pub(super) fn check(dir: &Path) -> Result<bool, Error> {
    let path = dir.join(FILE);
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return refuse_foreign(dir).map(|()| false);
        }
        Err(source) => return Err(Error::Io { action: "read", path, source }),
    };
    let format = text.strip_prefix(WORDS).and_then(|rest| rest.trim_end().parse::<u32>().ok());
    match format {
        Some(found) if found > FORMAT => {
            Err(Error::Newer { dir: dir.to_owned(), found, known: FORMAT })
        }
        Some(1..) => Ok(true),
        _ => Err(fault::damaged(&path, "it is not the stamp of a store")),
    }
}

/// Writes the stamp, all or nothing.
pub(super) fn write(dir: &Path) -> Result<(), Error> {
    let unfinished = dir.join(UNFINISHED);
    let write = || {
        let mut file = fs::File::create(&unfinished)?;
        writeln!(file, "{WORDS}{FORMAT}")?;
        file.sync_all()?;
        fs::rename(&unfinished, dir.join(FILE))?;
        fs::File::open(dir)?.sync_all()
    };
    write().map_err(fault::io("write", &dir.join(FILE)))
}

fn refuse_foreign(dir: &Path) -> Result<(), Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::Io { action: "open", path: dir.to_owned(), source }),
    };
    for entry in entries {
        let name = entry.map_err(fault::io("open", dir))?.file_name();
        // What a process that was killed while it made a store may have left.
        if name != lock::FILE && name != UNFINISHED {
            let detail = format!(
                "it is no store: it holds {} but not the stamp {FILE}",
                name.to_string_lossy()
            );
            let remedy = "name an empty folder, or restore the stamp from a backup".to_owned();
            return Err(Error::Damaged { file: dir.to_owned(), detail, remedy });
        }
    }
    Ok(())
}
