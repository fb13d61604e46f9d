//! Deciding one batch: each operation is judged against the store as the operations before
//! it leave it, and adds its writes to one set.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::mpsc::Sender;

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Condition, Error, Expect, RecordWrite};

use super::bundle::Bundle;
use super::stored::{self, Head};
use super::tree::{Change, Tree, Writes};
use super::{fault, mark, pack};
use crate::key;

/// What a caller asks of the committer.
pub(crate) enum Operation {
    Append(Append),
    Put {
        collection: String,
        key: String,
        value: Vec<u8>,
        expect: Expect,
    },
    Delete {
        collection: String,
        key: String,
        expect: Expect,
    },
    Remove {
        run: RunId,
        only_if: Vec<Condition>,
        records: Vec<RecordWrite>,
    },
    /// These keys become a bundle, unless one of them has changed.
    Bundle(Bundle),
    /// Everything that is written from now on goes there too, after it is on disk. Without a
    /// place: what was written before has gone to all such places.
    Tap(Option<Sender<Writes>>),
}

impl Operation {
    /// About how many bytes it writes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Append(batch) => {
                let entries = batch.entries.iter().map(Vec::len);
                let values = batch.records.iter().filter_map(|write| write.value.as_ref());
                entries.chain(values.map(Vec::len)).sum()
            }
            Self::Put { value, .. } => value.len(),
            Self::Bundle(bundle) => bundle.body.len(),
            Self::Delete { .. } | Self::Remove { .. } | Self::Tap(_) => 0,
        }
    }
}

/// How many journals' lengths are remembered from batch to batch.
const MOST_LENGTHS: usize = 16 * 1024;

/// The number of entries of journals that were written lately.
#[derive(Default)]
pub(crate) struct Lengths(HashMap<RunId, u64>);

/// One batch in the making.
pub(crate) struct Staging<'a, T> {
    tree: &'a T,
    lengths: &'a mut HashMap<RunId, u64>,
    sequence: u64,
    writes: Writes,
}

impl<'a, T: Tree> Staging<'a, T> {
    /// An empty batch that will have this sequence number.
    pub(crate) fn new(tree: &'a T, lengths: &'a mut Lengths, sequence: u64) -> Self {
        let lengths = &mut lengths.0;
        if lengths.len() > MOST_LENGTHS {
            lengths.clear();
        }
        Self { tree, lengths, sequence, writes: Writes::new() }
    }

    /// Judges an operation. After an error it has added nothing. `Ok` is the version a put
    /// gave to its record, otherwise 0.
    pub(crate) fn add(&mut self, operation: Operation) -> Result<u64, Error> {
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
            Operation::Remove { run, only_if, records } => {
                for Condition { collection, key, expect } in &only_if {
                    self.require(collection, key, *expect)?;
                }
                self.remove(run, records).map(|()| 0)
            }
            Operation::Bundle(bundle) => self.bundle(bundle).map(|()| 0),
            // Nothing of the tree is concerned.
            Operation::Tap(_) => Ok(0),
        }
    }

    /// What the engine is to write.
    pub(crate) fn finish(mut self) -> Change {
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
        let number = stored::seal(key::SEQUENCE, self.sequence, &[]);
        self.writes.insert(key::SEQUENCE.to_vec(), Some(number));
        Change::Many(self.writes)
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

    fn bundle(&mut self, Bundle { span, pairs, body }: Bundle) -> Result<(), Error> {
        for (key, value) in &pairs {
            let present = self.tree.get(key)?;
            let is_same = present.is_some_and(|present| present.as_ref() == value.as_slice());
            if !is_same || self.writes.contains_key(key) {
                return Ok(());
            }
        }
        self.writes.extend(pairs.into_iter().map(|(key, _)| (key, None)));
        let sealed = stored::seal(&span.key, self.sequence, &[&body]);
        self.writes.insert(span.key, Some(sealed));
        Ok(())
    }

    fn remove(&mut self, run: RunId, records: Vec<RecordWrite>) -> Result<(), Error> {
        let keys = key::entries(&run, 0);
        let mut writes = Writes::new();
        self.tree.scan(keys.clone(), &mut |key, _| {
            writes.insert(key.to_vec(), None);
            Ok(ControlFlow::Continue(()))
        })?;
        writes.extend(self.writes.range(keys).map(|(key, _)| (key.clone(), None)));
        for write in records {
            self.write_record(&mut writes, &write.collection, &write.key, write.value)?;
        }
        self.writes.extend(writes);
        self.lengths.insert(run, 0);
        Ok(())
    }

    fn length(&self, run: &RunId) -> Result<u64, Error> {
        if let Some(length) = self.lengths.get(run) {
            return Ok(*length);
        }
        let Some((last, _)) = self.tree.last(key::entries(run, 0))? else { return Ok(0) };
        let last = last.as_ref();
        let last = key::parse_entry(last).ok_or_else(|| fault::checksum(last))?;
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
            None => match self.tree.get(key)? {
                Some(sealed) => stored::head(key, sealed.as_ref()).map(Some),
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
