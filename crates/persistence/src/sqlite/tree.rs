//! The engine's table as a [`Tree`]: one connection that writes, and some that read.
//!
//! A reader sees a commit only after the engine has synced it.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use linchpin_engine::store::Error;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row};

use crate::embedded::{Change, See, Tree, fault, files};

/// One table of keys and values in the order of the keys.
const TABLE: &str = "CREATE TABLE tree (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID";
const GET: &str = "SELECT value FROM tree WHERE key = ?1";
const LAST: &str =
    "SELECT key, value FROM tree WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT 1";
const SCAN: &str = "SELECT key, value FROM tree WHERE key >= ?1 AND key < ?2 ORDER BY key";
const PUT: &str = "INSERT INTO tree (key, value) VALUES (?1, ?2) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM tree WHERE key = ?1";

/// The size of a page: two or three entries of a usual journal fit.
const PAGE: u32 = 8192;
/// Kilobytes of pages that a connection keeps.
const CACHE: u32 = 4096;
/// The log is moved into the file after so many pages.
const CHECKPOINT: u32 = 1000;
/// Readers that are kept for the next who read.
const MOST_READERS: usize = 8;
/// Nobody else has the file; two of our own connections meet for a moment only.
const BUSY: Duration = Duration::from_secs(10);

/// The engine, open in a folder.
#[derive(Clone)]
pub struct SqliteTree {
    shared: Arc<Shared>,
}

struct Shared {
    file: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl SqliteTree {
    /// Opens the file, or makes it. It is left as it is, its log too, until [`Self::adopt`].
    pub(super) fn open(file: &Path) -> Result<Self, Error> {
        if !file.try_exists().map_err(fault::io("open", file))? {
            make(file)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let writer = Connection::open_with_flags(file, flags).map_err(said)?;
        // A file that may not be written is opened all the same, and refuses the first write.
        if writer.is_readonly("main").map_err(said)? {
            let source = ErrorKind::PermissionDenied.into();
            return Err(Error::Io { action: "write to", path: file.to_owned(), source });
        }
        writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(said)?;
        writer.busy_timeout(BUSY).map_err(said)?;
        let mode: String =
            writer.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(said)?;
        if mode != "wal" {
            return Err(fault::damaged(file, "it is not the file of a store"));
        }
        let settings = format!(
            "PRAGMA synchronous=FULL; PRAGMA cache_size=-{CACHE}; PRAGMA temp_store=MEMORY; \
             PRAGMA wal_autocheckpoint={CHECKPOINT}; PRAGMA cell_size_check=ON;"
        );
        writer.execute_batch(&settings).map_err(said)?;
        // What is no table of ours is noticed before anything is written.
        writer.prepare(SCAN).map_err(said)?;
        let shared = Shared {
            file: file.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The file is good: its log is moved into it from time to time, and at the end.
    pub(super) fn adopt(&self) -> Result<(), Error> {
        let writer = lock(&self.shared.writer);
        writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(said)?;
        Ok(())
    }

    fn reader(&self) -> Result<Reader<'_>, Error> {
        let kept = lock(&self.shared.readers).pop();
        let connection = match kept {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection =
                    Connection::open_with_flags(&self.shared.file, flags).map_err(said)?;
                connection.busy_timeout(BUSY).map_err(said)?;
                // Moving the log into the file is for the writer alone to do, or not to do.
                let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                connection.set_db_config(keep, true).map_err(said)?;
                let settings = "PRAGMA query_only=ON; PRAGMA cache_size=-1024; \
                                PRAGMA cell_size_check=ON;";
                connection.execute_batch(settings).map_err(said)?;
                connection
            }
        };
        Ok(Reader { tree: self, connection: Some(connection) })
    }
}

/// A connection that goes back to the others when it is not needed any more.
struct Reader<'a> {
    tree: &'a SqliteTree,
    connection: Option<Connection>,
}

impl Reader<'_> {
    fn ask<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let connection = self.connection.as_ref();
        ask(connection.ok_or_else(|| fault::reported("a connection went away"))?)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut readers = lock(&self.tree.shared.readers);
        if readers.len() < MOST_READERS {
            readers.extend(self.connection.take());
        }
    }
}

impl Tree for SqliteTree {
    type Bytes = Vec<u8>;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.reader()?.ask(|connection| {
            let mut get = connection.prepare_cached(GET).map_err(said)?;
            get.query_row([key], |row| row.get(0)).optional().map_err(said)
        })
    }

    fn last(&self, range: Range<Vec<u8>>) -> Result<Option<(Vec<u8>, Vec<u8>)>, Error> {
        self.reader()?.ask(|connection| {
            let mut last = connection.prepare_cached(LAST).map_err(said)?;
            let both = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            last.query_row([range.start, range.end], both).optional().map_err(said)
        })
    }

    fn scan(&self, range: Range<Vec<u8>>, see: See<'_>) -> Result<(), Error> {
        self.reader()?.ask(|connection| {
            let mut scan = connection.prepare_cached(SCAN).map_err(said)?;
            let mut rows = scan.query([range.start, range.end]).map_err(said)?;
            while let Some(row) = rows.next().map_err(said)? {
                let blob = |at| row.get_ref(at).map_err(said)?.as_blob().map_err(unlike);
                if see(blob(0)?, blob(1)?)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn write(&self, change: Change) -> Result<(), Error> {
        let mut writer = lock(&self.shared.writer);
        let writing = writer.transaction().map_err(said)?;
        {
            let mut put = writing.prepare_cached(PUT).map_err(said)?;
            match change {
                Change::Nothing => {}
                Change::One { key, value } => {
                    put.execute([key, value]).map_err(said)?;
                }
                Change::Many(writes) => {
                    let mut delete = writing.prepare_cached(DELETE).map_err(said)?;
                    for (key, value) in writes {
                        match value {
                            Some(value) => put.execute([key, value]),
                            None => delete.execute([key]),
                        }
                        .map_err(said)?;
                    }
                }
            }
        }
        writing.commit().map_err(said)
    }

    fn faults(&self) -> Result<Vec<String>, Error> {
        self.reader()?.ask(|connection| {
            let mut check = connection.prepare("PRAGMA integrity_check").map_err(said)?;
            let found = check.query_map([], |row| row.get::<_, String>(0)).map_err(said)?;
            let mut faults = found.collect::<Result<Vec<_>, _>>().map_err(said)?;
            faults.retain(|fault| fault != "ok");
            Ok(faults)
        })
    }

    fn close(self, in_order: bool) -> Result<Option<u32>, Error> {
        let shared = self.shared;
        lock(&shared.readers).clear();
        let file = shared.file.clone();
        {
            let writer = lock(&shared.writer);
            if in_order {
                let moved = writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
                moved.map_err(said)?;
            } else {
                let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                writer.set_db_config(keep, true).map_err(said)?;
            }
        }
        drop(shared);
        Ok(file.parent().and_then(files::digest))
    }
}

/// Makes the file under another name, so that one that is there is whole.
fn make(file: &Path) -> Result<(), Error> {
    let unfinished = file.with_extension("new");
    if unfinished.exists() {
        std::fs::remove_file(&unfinished).map_err(fault::io("remove", &unfinished))?;
    }
    let make = || {
        let connection = Connection::open(&unfinished)?;
        connection.execute_batch(&format!("PRAGMA page_size={PAGE}; PRAGMA synchronous=FULL;"))?;
        connection.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
        connection.execute_batch(TABLE)
    };
    make().map_err(said)?;
    std::fs::rename(&unfinished, file).map_err(fault::io("make", file))
}

const FULL: &str = "no space left on its disk";
const OTHERS: &str = "another program has a transaction open in it: end that one";

/// What the storage engine reported.
pub(super) fn said(error: rusqlite::Error) -> Error {
    let nowhere = Path::new("");
    let text = error.to_string();
    let system = |action, kind: ErrorKind, text: &str| Error::Io {
        action,
        path: PathBuf::new(),
        source: std::io::Error::new(kind, text.to_owned()),
    };
    // A file that ends before a page that it says to have.
    const SHORT_READ: i32 = 522;
    if error.sqlite_error().is_some_and(|error| error.extended_code == SHORT_READ) {
        return fault::damaged(nowhere, "it ends too early");
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            fault::damaged(nowhere, format!("what is written there cannot be read back ({text})"))
        }
        Some(ErrorCode::DiskFull) => system("write to", ErrorKind::StorageFull, FULL),
        Some(ErrorCode::CannotOpen) => system("open", ErrorKind::Other, &text),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            system("write to", ErrorKind::PermissionDenied, &text)
        }
        Some(ErrorCode::SystemIoFailure) => system("access", ErrorKind::Other, &text),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            system("write to", ErrorKind::ResourceBusy, OTHERS)
        }
        _ => fault::reported(&text),
    }
}

fn unlike(_: rusqlite::types::FromSqlError) -> Error {
    fault::damaged(Path::new(""), "a value in it is of another type than was written")
}

/// A lock whose holder leaves what it guards whole, also when it panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
