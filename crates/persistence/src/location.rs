//! Where a store is and of which kind, as settings and commands say it: `sqlite:PATH`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use linchpin_engine::store::{Error, Store};

use crate::embedded::{Kind, stamp};
use crate::{SledStore, SqliteStore};

/// A store's kind and folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Which storage engine keeps it.
    pub kind: Kind,
    /// Its folder.
    pub dir: PathBuf,
}

impl Location {
    /// Reads `sled:PATH`, `sqlite:PATH` or a path alone, which means sled.
    ///
    /// ```
    /// use linchpin_persistence::{Kind, Location};
    /// assert_eq!(Location::parse("sqlite:runs").kind, Kind::Sqlite);
    /// assert_eq!(Location::parse("runs"), Location::parse("sled:runs"));
    /// ```
    pub fn parse(text: &str) -> Self {
        let named = text.split_once(':').and_then(|(name, dir)| Some((Kind::named(name)?, dir)));
        let (kind, dir) = named.unwrap_or((Kind::default(), text));
        Self { kind, dir: PathBuf::from(dir) }
    }

    /// The location of the store in a folder, whichever kind it is of; `None` when there is none.
    pub fn of(dir: &Path) -> Result<Option<Self>, Error> {
        Ok(stamp::read(dir)?.map(|(_, kind)| Self { kind, dir: dir.to_owned() }))
    }

    /// Opens the store there, or makes one where there is nothing.
    pub fn open(&self) -> Result<Arc<dyn Store>, Error> {
        Ok(match self.kind {
            Kind::Sled => Arc::new(SledStore::open(&self.dir)?),
            Kind::Sqlite => Arc::new(SqliteStore::open(&self.dir)?),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.dir.display())
    }
}
