//! Deciding one batch: each operation is judged against the store as the operations before
//! it leave it, and adds its writes to one set.

use std::collections::{BTreeMap, HashMap};

use ::sled::{Batch, Tree};
use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Error, Expect};

use super::stored::{self, Head};
use super::{fault, mark, pack};
use crate::key;

/// What a caller asks of the committer.
pub(super) enum Operation {
    Append(Append),
    Put { collection: String, key: String, value: Vec<u8>, expect: Expect },
    Delete { collection: String, key: String, expect: Expect },
    Remove(RunId),
}

impl Operation {
    /// About how many bytes it writes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Append(batch) => {
                let entries = batch.entries.iter().map(Vec::len);
                let values = batch.records.iter().filter_map(|write| write.value.as_ref());
                entries.chain(values.map(Vec::len)).sum()
            }
            Self::Put { value, .. } => value.len(),
            Self::Delete { .. } | Self::Remove(_) => 0,
        }
    }
}

/// Keys and what becomes of them; `None` removes.
type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What a batch comes to.
pub(super) enum Change {
    Nothing,
    /// One key: atomic by itself.
    One {
        key: Vec<u8>,
        value: Vec<u8>,
    },
    /// Several keys, one of them the sequence number.
    Many(Batch),
}

/// How many journals' lengths are remembered from batch to batch.
const MOST_LENGTHS: usize = 16 * 1024;

/// The number of entries of journals that were written lately.
#[derive(Default)]
pub(super) struct Lengths(HashMap<RunId, u64>);

/// One batch in the making.
pub(super) struct Staging<'a> {
    tree: &'a Tree,
    lengths: &'a mut HashMap<RunId, u64>,
    sequence: u64,
    writes: Writes,
}

impl<'a> Staging<'a> {
    /// An empty batch that will have this sequence number.
    pub(super) fn new(tree: &'a Tree, lengths: &'a mut Lengths, sequence: u64) -> Self {
        let lengths = &mut lengths.0;
        if lengths.len() > MOST_LENGTHS {
            lengths.clear();
        }
        Self { tree, lengths, sequence, writes: Writes::new() }
    }

    /// Judges an operation. After an error it has added nothing. `Ok` is the version a put
    /// gave to its record, otherwise 0.
    pub(super) fn add(&mut self, operation: Operation) -> Result<u64, Error> {
        match operation {
            Operation::Append(batch) => self.append(batch).map(|()| 0),
            Operation::Put { collection, key, value, expect } => {
                self.require(&collection, &key, expect)?;
                let mut writes = Writes::new();
                let version = self.write_record(&mut writes, &collection, &key, Some(value))?;
                self.writes.extend(writes);
                Ok(version)
            }
            Operation::Delete { collection, key, expect } => {
                self.require(&collection, &key, expect)?;
                let mut writes = Writes::new();
                self.write_record(&mut writes, &collection, &key, None)?;
                self.writes.extend(writes);
                Ok(0)
            }
            Operation::Remove(run) => self.remove(run).map(|()| 0),
        }
    }

    /// What the engine is to write.
    pub(super) fn finish(mut self) -> Change {
        if self.writes.is_empty() {
            return Change::Nothing;
        }
        if self.writes.len() == 1
            && let Some(first) = self.writes.first_entry()
            && first.get().is_some()
            && first.key().len() <= mark::LONGEST_WITNESS
            && let (key, Some(value)) = first.remove_entry()
        {
            return Change::One { key, value };
        }
        let mut batch = Batch::default();
        for (key, value) in self.writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch.insert(key::SEQUENCE, stored::seal(key::SEQUENCE, self.sequence, &[]));
        Change::Many(batch)
    }

    fn append(&mut self, batch: Append) -> Result<(), Error> {
        let Append { run, position, entries, records } = batch;
        let found = self.length(&run)?;
        if found != position {
            return Err(Error::Conflict { run, expected: position, found });
        }
        let mut writes = Writes::new();
        let n_entries = entries.len() as u64;
        if n_entries > 0 {
            let key = key::entry(&run, position);
            writes.extend(sealed(&key, self.sequence, n_entries, &pack::pack(&entries)));
        }
        for write in records {
            self.write_record(&mut writes, &write.collection, &write.key, write.value)?;
        }
        self.writes.extend(writes);
        self.lengths.insert(run, position + n_entries);
        Ok(())
    }

    fn remove(&mut self, run: RunId) -> Result<(), Error> {
        let keys = key::entries(&run, 0);
        let mut writes = Writes::new();
        for key in self.tree.range(keys.clone()).keys() {
            writes.insert(key.map_err(fault::engine)?.to_vec(), None);
        }
        writes.extend(self.writes.range(keys).map(|(key, _)| (key.clone(), None)));
        self.writes.extend(writes);
        self.lengths.insert(run, 0);
        Ok(())
    }

    fn length(&self, run: &RunId) -> Result<u64, Error> {
        if let Some(length) = self.lengths.get(run) {
            return Ok(*length);
        }
        let Some(last) = self.tree.range(key::entries(run, 0)).next_back() else { return Ok(0) };
        let (last, _) = last.map_err(fault::engine)?;
        let last = key::parse_entry(&last).ok_or_else(|| fault::checksum(&last))?;
        let key = key::entry(run, last.position);
        let head = self.head(None, &key)?.ok_or_else(|| fault::parts(&key))?;
        Ok(last.position + head.number)
    }

    fn require(&self, collection: &str, key: &str, expect: Expect) -> Result<(), Error> {
        let holds = match expect {
            Expect::Anything => true,
            Expect::Absent => self.head(None, &key::record(collection, key))?.is_none(),
            Expect::Version(version) => {
                let head = self.head(None, &key::record(collection, key))?;
                head.is_some_and(|head| head.number == version)
            }
        };
        if holds {
            return Ok(());
        }
        Err(Error::Changed { collection: collection.to_owned(), key: key.to_owned() })
    }

    /// Adds the writes that put or delete a record; its new version, 0 for a delete.
    fn write_record(
        &self,
        writes: &mut Writes,
        collection: &str,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> Result<u64, Error> {
        let key = key::record(collection, key);
        let old = self.head(Some(writes), &key)?;
        let version = old.as_ref().map_or(1, |old| old.number + 1);
        if let Some(old) = old {
            writes.insert(key.clone(), None);
            writes.extend((1..old.n_parts()).map(|number| (key::part(&key, number), None)));
        }
        let Some(value) = value else { return Ok(0) };
        writes.extend(sealed(&key, self.sequence, version, &value));
        Ok(version)
    }

    /// The head of a record as the operations before leave it.
    fn head(&self, own: Option<&Writes>, key: &[u8]) -> Result<Option<Head>, Error> {
        let staged = own.and_then(|writes| writes.get(key)).or_else(|| self.writes.get(key));
        match staged {
            Some(None) => Ok(None),
            Some(Some(sealed)) => stored::head(key, sealed).map(Some),
            None => match self.tree.get(key).map_err(fault::engine)? {
                Some(sealed) => stored::head(key, &sealed).map(Some),
                None => Ok(None),
            },
        }
    }
}

fn sealed(
    key: &[u8],
    sequence: u64,
    version: u64,
    value: &[u8],
) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
    let stored = stored::seal_value(key, sequence, version, value);
    stored.into_iter().map(|(key, value)| (key, Some(value)))
}
