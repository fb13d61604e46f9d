//! The stamp: a text file that says that a folder is a store, of which format and kind.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use linchpin_engine::store::Error;

use super::{fault, lock, mark};

/// The format this version writes, and the newest it reads.
pub(crate) const FORMAT: u32 = 3;

/// The name of the stamp in the folder of a store.
pub(crate) const FILE: &str = "store";

const UNFINISHED: &str = "store.new";
const WORDS: &str = "linchpin store ";

/// Which storage engine keeps a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// SQLite with a write-ahead log that is synced with every commit.
    #[default]
    Sqlite,
    /// The log-structured engine, whose log the store syncs by itself.
    Sled,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Sled];

    /// The name that settings, stamps and folders have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Sqlite => "sqlite",
        }
    }

    /// The kind with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the stamp in a folder says; `None` when there is no store yet and one may be made.
pub(crate) fn read(dir: &Path) -> Result<Option<(u32, Kind)>, Error> {
    let path = dir.join(FILE);
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return refuse_foreign(dir).map(|()| None);
        }
        Err(error)
            if matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::NotADirectory) =>
        {
            return Err(foreign(dir, "it is no store".to_owned()));
        }
        Err(source) => return Err(Error::Io { action: "read", path, source }),
    };
    let mut words = text.strip_prefix(WORDS).unwrap_or_default().split_whitespace();
    let format = words.next().and_then(|word| word.parse::<u32>().ok());
    let kind = words.next().map(Kind::named);
    match (format, kind) {
        (Some(found), _) if found > FORMAT => {
            Err(Error::Newer { dir: dir.to_owned(), found, known: FORMAT })
        }
        (Some(1), None) => Ok(Some((1, Kind::Sled))),
        (Some(format @ 2..), Some(Some(kind))) => Ok(Some((format, kind))),
        _ => Err(fault::damaged(&path, "it is not the stamp of a store")),
    }
}

/// Refuses a folder that holds something else, a store of a newer format or of another kind.
/// Changes nothing. The format, or `None` when a store may be made here.
pub(crate) fn check(dir: &Path, kind: Kind) -> Result<Option<u32>, Error> {
    match read(dir)? {
        Some((_, found)) if found != kind => Err(Error::Foreign {
            dir: dir.to_owned(),
            detail: format!("it is a store of the kind {found}, not {kind}"),
            remedy: format!(
                "write `store: {found}:{}` into linchpin.yaml; `linchpin store copy --to \
                 {kind}:OTHER` then moves it",
                dir.display()
            ),
        }),
        found => Ok(found.map(|(format, _)| format)),
    }
}

/// Writes the stamp, all or nothing.
pub(crate) fn write(dir: &Path, kind: Kind) -> Result<(), Error> {
    let unfinished = dir.join(UNFINISHED);
    let write = || {
        let mut file = fs::File::create(&unfinished)?;
        writeln!(file, "{WORDS}{FORMAT} {kind}")?;
        file.sync_all()?;
        fs::rename(&unfinished, dir.join(FILE))?;
        fs::File::open(dir)?.sync_all()
    };
    write().map_err(fault::io("write", &dir.join(FILE)))
}

fn refuse_foreign(dir: &Path) -> Result<(), Error> {
    // What a process that was killed while it made a store may have left.
    let Some(name) = first_other(dir, |name| name == lock::FILE || name == UNFINISHED)? else {
        return Ok(());
    };
    Err(foreign(dir, format!("it is no store: it holds {name} but not the stamp {FILE}")))
}

/// Refuses a folder in which there is something that no store has, nor what is left of one.
pub(crate) fn refuse_others(dir: &Path) -> Result<(), Error> {
    let own = [FILE, UNFINISHED, lock::FILE, mark::FILE, mark::UNFINISHED];
    let is_own = |name: &str| own.contains(&name) || Kind::named(name).is_some();
    let Some(name) = first_other(dir, is_own)? else { return Ok(()) };
    Err(Error::Foreign {
        dir: dir.to_owned(),
        detail: format!("it holds {name}, which no store has"),
        remedy: "move it away, or name another place".to_owned(),
    })
}

/// The first name in a folder that is not the store's own; none where there is no folder.
fn first_other(dir: &Path, is_own: impl Fn(&str) -> bool) -> Result<Option<String>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Io { action: "open", path: dir.to_owned(), source }),
    };
    for entry in entries {
        let name = entry.map_err(fault::io("open", dir))?.file_name();
        let name = name.to_string_lossy();
        if !is_own(&name) {
            return Ok(Some(name.into_owned()));
        }
    }
    Ok(None)
}

fn foreign(dir: &Path, detail: String) -> Error {
    let remedy = "name an empty folder, or restore the stamp from a backup".to_owned();
    Error::Foreign { dir: dir.to_owned(), detail, remedy }
}
