//! Reading a whole store: every value is verified, and what is damaged is told beside the rest.
//!
//! The keys are passed in chunks, so that the engine holds nothing for long and writing goes
//! on. What looks damaged because it was written meanwhile is read again before it is told.

use std::ops::ControlFlow;
use std::path::Path;

use linchpin_engine::RunId;
use linchpin_engine::store::{Damage, Error, Piece, Tally};

use super::tree::Tree;
use super::{fault, reading, stored};
use crate::key;

/// How many keys are passed at a time.
const CHUNK: usize = 512;
/// How many entries of a journal are read at a time.
const ENTRIES: usize = 512;

type See<'a> = &'a mut dyn FnMut(Piece) -> ControlFlow<()>;

/// Shows everything in a tree.
pub(crate) fn pieces(tree: &impl Tree, file: &Path, see: See<'_>) -> Result<Tally, Error> {
    let mut survey =
        Survey { tree, file, see, tally: Tally::default(), is_over: false, n_keys: CHUNK };
    for fault in fault::guarded(file, || tree.faults())? {
        let what = "the structure of the file".to_owned();
        survey.tell(Damage { what, run: None, file: file.to_owned(), detail: fault });
    }
    survey.pass()?;
    Ok(survey.tally)
}

struct Survey<'a, T> {
    tree: &'a T,
    file: &'a Path,
    see: See<'a>,
    tally: Tally,
    is_over: bool,
    /// How many keys are passed at a time.
    n_keys: usize,
}

impl<T: Tree> Survey<'_, T> {
    fn tell(&mut self, damage: Damage) {
        self.show(Piece::Damaged(damage));
    }

    fn show(&mut self, piece: Piece) {
        self.is_over |= (self.see)(piece).is_break();
    }

    /// Goes through all keys. A journal is read by itself when its first key is met.
    fn pass(&mut self) -> Result<(), Error> {
        let mut next = Vec::new();
        while !self.is_over {
            let keys = match fault::guarded(self.file, || self.keys(next.clone())) {
                Ok(keys) => keys,
                Err(error) => {
                    let together = fault::guarded(self.file, || self.tree.past_damage(&next))?;
                    if let Some((first, past)) = together.filter(|_| self.n_keys == 1) {
                        let what =
                            format!("what is kept together from {} on", fault::shown(&first));
                        self.damaged(what, None, error)?;
                        (next, self.n_keys) = (past, CHUNK);
                        continue;
                    } else if self.n_keys > 1 {
                        // What can still be read before the damage is read key by key.
                        self.n_keys = 1;
                        continue;
                    }
                    let what = match next.as_slice() {
                        [] => "everything".to_owned(),
                        place => format!("everything from {} on", fault::shown(place)),
                    };
                    self.damaged(what, None, error)?;
                    return Ok(());
                }
            };
            let Some(last) = keys.last() else { return Ok(()) };
            next = [last.as_slice(), &[0]].concat();
            for key in keys {
                if self.is_over {
                    return Ok(());
                }
                let past = match key::parse_entry(&key) {
                    Some(entry) => {
                        self.journal(&entry.run)?;
                        Some(key::entries(&entry.run, 0).end)
                    }
                    None => self.other(&key)?,
                };
                // What was dealt with as a whole is passed.
                if let Some(past) = past {
                    next = past;
                    break;
                }
            }
        }
        Ok(())
    }

    fn keys(&self, from: Vec<u8>) -> Result<Vec<Vec<u8>>, Error> {
        let mut keys = Vec::new();
        self.tree.scan(from..vec![u8::MAX], &mut |key, _| {
            keys.push(key.to_vec());
            Ok(match keys.len() == self.n_keys {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        })?;
        Ok(keys)
    }

    fn journal(&mut self, run: &RunId) -> Result<(), Error> {
        let mut from = 0;
        loop {
            let (tree, file) = (self.tree, self.file);
            let read = fault::guarded(file, || reading::entries(tree, run, from, ENTRIES));
            match read {
                Ok(entries) if entries.is_empty() => {
                    self.tally.runs += u64::from(from > 0);
                    return Ok(());
                }
                Ok(entries) => {
                    let n_entries = entries.len() as u64;
                    self.tally.bytes += entries.iter().map(|entry| entry.len() as u64).sum::<u64>();
                    self.show(Piece::Entries { run: run.clone(), from, entries });
                    from += n_entries;
                }
                Err(error) => {
                    return self.damaged(format!("run {run}"), Some(run.clone()), error);
                }
            }
            if self.is_over {
                return Ok(());
            }
        }
    }

    /// A record, or one of the store's own keys. Returns where to go on when further keys are
    /// passed.
    fn other(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let (tree, file) = (self.tree, self.file);
        let Some((collection, own)) = key::parse_any_record(key) else {
            let read = fault::guarded(file, || match tree.get(key)? {
                Some(sealed) if key == key::SEQUENCE => {
                    stored::unseal(key, sealed.as_ref()).map(drop)
                }
                Some(_) => Err(fault::checksum(key)),
                None => Ok(()),
            });
            if let Err(error) = read {
                self.damaged(fault::shown(key), None, error)?;
            }
            return Ok(None);
        };
        let head = key::record(&collection, &own);
        let name = format!("the record {collection}/{own}");
        match fault::guarded(file, || reading::record(tree, &collection, &own)) {
            Ok(Some(record)) => {
                self.tally.records += 1;
                self.tally.bytes += record.value.len() as u64;
                self.show(Piece::Record { collection, record });
            }
            // A part without its head; a record that was deleted meanwhile has neither.
            Ok(None) if key != head && fault::guarded(file, || tree.get(key))?.is_some() => {
                self.damaged(name, None, fault::parts(&head))?;
            }
            Ok(None) => {}
            Err(error) => self.damaged(name, None, error)?,
        }
        // Past the parts, not past longer keys.
        Ok(Some(key::part(&head, u64::MAX)).map(|last| [last.as_slice(), &[0]].concat()))
    }

    /// Tells of damage; anything else ends the survey.
    fn damaged(&mut self, what: String, run: Option<RunId>, error: Error) -> Result<(), Error> {
        match fault::at(self.file, error) {
            Error::Damaged { file, detail, .. } => {
                self.tell(Damage { what, run, file, detail });
                Ok(())
            }
            Error::Io { path, source, .. } => {
                self.tell(Damage { what, run, file: path, detail: source.to_string() });
                Ok(())
            }
            other => Err(other),
        }
    }
}
