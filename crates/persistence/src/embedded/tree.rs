//! What a storage engine gives to the store above it: one ordered tree of keys.
//!
//! Everything that makes a store of it (batches, checksums, sequence numbers, the mark, the
//! lock) is above this trait and the same for every engine.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use linchpin_engine::store::Error;

/// Keys and what becomes of them; `None` removes.
pub type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A key and its value.
pub type Pair<B> = (B, B);

/// What a batch comes to.
#[derive(Clone, Debug)]
pub enum Change {
    /// Nothing is to be written.
    Nothing,
    /// One key: atomic by itself.
    One {
        /// The key.
        key: Vec<u8>,
        /// Its new value.
        value: Vec<u8>,
    },
    /// Several keys, one of them the sequence number.
    Many(Writes),
}

impl Change {
    /// The keys and what becomes of them.
    pub(crate) fn to_writes(&self) -> Writes {
        match self {
            Self::Nothing => Writes::new(),
            Self::One { key, value } => [(key.clone(), Some(value.clone()))].into(),
            Self::Many(writes) => writes.clone(),
        }
    }
}

/// What a scan does with each key and value; `Break` ends it.
pub type See<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Error>;

/// An ordered tree of keys in a folder. A clone is another handle of the same tree.
///
/// Errors name no file where the tree does not know it; the store puts it in.
pub trait Tree: Clone + Send + Sync + 'static {
    /// A value as the engine hands it out.
    type Bytes: AsRef<[u8]>;

    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Self::Bytes>, Error>;

    /// The greatest key of a range, with its value.
    fn last(&self, range: Range<Vec<u8>>) -> Result<Option<Pair<Self::Bytes>>, Error>;

    /// Shows the keys of a range, ascending. `see` may use the tree meanwhile.
    fn scan(&self, range: Range<Vec<u8>>, see: See<'_>) -> Result<(), Error>;

    /// Writes a change, all or nothing, also over a crash; whether it is on disk is for the
    /// store's own sync to say where the engine does not sync by itself.
    fn write(&self, change: Change) -> Result<(), Error>;

    /// Shows what is stored in a range as it is stored, to copy it.
    fn scan_stored(&self, range: Range<Vec<u8>>, see: See<'_>) -> Result<(), Error> {
        self.scan(range, see)
    }

    /// What is to be stored for a change.
    fn resolved(&self, change: Change) -> Result<Change, Error> {
        Ok(change)
    }

    /// The first of the keys that cannot be read alone at this key or behind it, and a key behind
    /// them.
    fn past_damage(&self, key: &[u8]) -> Result<Option<Pair<Vec<u8>>>, Error> {
        let _ = key;
        Ok(None)
    }

    /// Looks for damage in what the engine keeps around the values; one sentence for each.
    fn faults(&self) -> Result<Vec<String>, Error>;

    /// Closes the files; `in_order` unless a write failed. Returns their digest if they are
    /// not too large for one.
    fn close(self, in_order: bool) -> Result<Option<u32>, Error>;
}
