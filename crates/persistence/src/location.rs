//! Where a store is and of which kind, as settings and commands say it: `sqlite:PATH`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use linchpin_engine::store::{Error, Tally, Upkeep, Watch};

use crate::embedded::mark::{self, Mark, State};
use crate::embedded::transfer::{Filling, Unfinished};
use crate::embedded::{Kind, fault, files, lock, outgrown, stamp};
use crate::{SledStore, SqliteStore};

/// A store's kind and folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Which storage engine keeps it.
    pub kind: Kind,
    /// Its folder.
    pub dir: PathBuf,
}

/// A location names a kind of store that there is not, or no folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no store: write sqlite:DIR or sled:DIR")]
pub struct NoLocation(String);

/// Where settings want a store, and of which kind if they say that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The kind, if it is said.
    pub kind: Option<Kind>,
    /// Its folder.
    pub dir: PathBuf,
}

/// Reads `sqlite:PATH`, `sled:PATH` or a path alone. A word before a colon is a kind, so that a
/// misspelt one does not become a folder.
///
/// ```
/// use linchpin_persistence::{Kind, Wanted};
/// let read = |text: &str| text.parse::<Wanted>();
/// assert_eq!(read("sled:runs")?.kind, Some(Kind::Sled));
/// assert_eq!(read("runs")?.kind, None);
/// assert_eq!(read("/data/a:b")?.kind, None);
/// assert!(read("mysql:runs").is_err() && read("sqlite:").is_err());
/// # Ok::<(), linchpin_persistence::NoLocation>(())
/// ```
impl FromStr for Wanted {
    type Err = NoLocation;

    fn from_str(text: &str) -> Result<Self, NoLocation> {
        let is_word = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric());
        let wrong = || NoLocation(text.to_owned());
        let (kind, dir) = match text.split_once(':') {
            Some((name, dir)) if is_word(name) => (Some(Kind::named(name).ok_or_else(wrong)?), dir),
            _ => (None, text),
        };
        if dir.is_empty() { Err(wrong()) } else { Ok(Self { kind, dir: PathBuf::from(dir) }) }
    }
}

impl Wanted {
    /// The store that is meant: where no kind is said, that of the store which is there, and the
    /// default kind where there is none.
    pub fn location(self) -> Location {
        let Self { kind, dir } = self;
        let dir = followed(dir);
        // A folder that cannot be read as a store is told of by the open.
        let found = || Location::of(&dir).ok().flatten().map(|found| found.kind);
        let kind = kind.or_else(found).unwrap_or_default();
        Location { kind, dir }
    }
}

/// Reads what [`Wanted`] reads; a path alone means the default kind.
impl FromStr for Location {
    type Err = NoLocation;

    fn from_str(text: &str) -> Result<Self, NoLocation> {
        let Wanted { kind, dir } = text.parse()?;
        Ok(Self { kind: kind.unwrap_or_default(), dir })
    }
}

impl Location {
    /// The location of the store in a folder, whichever kind it is of; `None` when there is none.
    /// One that an interrupted process left under another name is there too: an open puts it back.
    pub fn of(dir: &Path) -> Result<Option<Self>, Error> {
        let found = stamp::read(&outgrown::present(dir))?;
        Ok(found.map(|(_, kind)| Self { kind, dir: dir.to_owned() }))
    }

    /// The format of the store in a folder; `None` when there is none.
    pub fn format_of(dir: &Path) -> Result<Option<u32>, Error> {
        Ok(stamp::read(&outgrown::present(dir))?.map(|(format, _)| format))
    }

    /// Whether an interrupted process left the store under another name; an open puts it back.
    pub fn steps_aside(&self) -> bool {
        outgrown::is_aside(&self.dir)
    }

    /// Opens the store there, or makes one where there is nothing.
    pub fn open(&self) -> Result<Arc<dyn Upkeep>, Error> {
        Ok(match self.kind {
            Kind::Sled => Arc::new(SledStore::open(&self.dir)?),
            Kind::Sqlite => Arc::new(SqliteStore::open(&self.dir)?),
        })
    }

    /// Opens what is left of a damaged store, as a copy in the folder `into`: what was acknowledged
    /// last may be missing from it. The store itself stays as it is.
    pub fn salvaged(&self, into: &Path) -> Result<Arc<dyn Upkeep>, Error> {
        let _held = lock::Lock::take(&self.dir)?;
        let stamped = stamp::read(&self.dir);
        let copy = || {
            let mut paths = files::listed(&self.dir)?;
            paths.retain(|path| {
                ![lock::FILE, mark::FILE].map(|name| self.dir.join(name)).contains(path)
            });
            files::copy(&paths, &self.dir, into)
        };
        copy().map_err(fault::io("copy the store to", into))?;
        // Nothing is known of what was acknowledged, so nothing that is missing refuses it.
        Mark::open(into)?.set_state(State::Closed(None))?;
        let mut kind = self.kind;
        if matches!(stamped, Err(Error::Damaged { .. })) {
            // The folder of its files says what the stamp does not.
            let files = |kind: &Kind| self.dir.join(kind.name()).is_dir();
            kind = Kind::ALL.into_iter().find(files).unwrap_or(kind);
            stamp::write(into, kind)?;
        }
        Self { kind, dir: into.to_owned() }.open()
    }

    /// Begins a new store there, which gets its name when it is finished. Refused where there is
    /// something, and while somebody else makes one there.
    pub fn make(&self) -> Result<Making, Error> {
        let unfinished = Unfinished::new(&self.dir)?;
        let store = Self { kind: self.kind, dir: unfinished.dir.clone() }.open()?;
        Ok(Making { store, unfinished })
    }

    /// Removes the store there, or the beginning of one, unless somebody has it open.
    pub fn discard(&self) -> Result<(), Error> {
        lock::remove_unless_held(&self.dir)
    }

    /// Writes the store anew without the room of what is no longer in it. Nobody may have it
    /// open. A process that ends in the middle leaves the store as it was.
    pub fn compact(&self, watch: Watch<'_>) -> Result<Tally, Error> {
        outgrown::replaceable(&self.dir)?;
        let anew = self.dir.with_file_name(name_with(&self.dir, ".compacted"));
        files::remove_folder(&anew).map_err(fault::io("remove", &anew))?;
        let store = self.open()?;
        let tally = store.copy(&anew, None, watch)?;
        let copied = Mark::open(&self.dir)?.sequence();
        drop(store);
        if let Err(error) = outgrown::replace(&self.dir, &anew, copied) {
            files::remove_folder(&anew).map_err(fault::io("remove", &anew))?;
            return Err(error);
        }
        Ok(tally)
    }

    /// A new store there, to be filled by a copy.
    pub(crate) fn create(&self) -> Result<Box<dyn Filling>, Error> {
        Ok(match self.kind {
            Kind::Sled => Box::new(SledStore::create(&self.dir)?),
            Kind::Sqlite => Box::new(SqliteStore::create(&self.dir)?),
        })
    }
}

/// A new store in the making. Dropped before it is finished, nothing of it is left.
pub struct Making {
    // Closed before its folder goes.
    store: Arc<dyn Upkeep>,
    unfinished: Unfinished,
}

impl Making {
    /// The store to be filled.
    pub fn store(&self) -> &dyn Upkeep {
        &*self.store
    }

    /// Everything is in it: it is closed and gets its name.
    pub fn finish(self) -> Result<(), Error> {
        let Self { store, unfinished } = self;
        drop(store);
        unfinished.finish()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.dir.display())
    }
}

/// What a link leads to, so that what steps aside does so where the store is. A link that leads
/// nowhere leads to where the store would be.
fn followed(mut dir: PathBuf) -> PathBuf {
    // As many links as the system follows.
    for _ in 0..40 {
        let Ok(target) = dir.read_link() else { break };
        dir = dir.parent().unwrap_or(Path::new("")).join(target);
    }
    dir
}

/// The name of a folder with something behind it.
pub(crate) fn name_with(dir: &Path, end: &str) -> String {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_default() + end
}
