//! A store as lines of JSON, to be read by other programs and by another version of this one.
//!
//! ```text
//! {"linchpin_export":1,"kind":"sled"}
//! {"run":"01...","from":0,"entries":[{...},{...}]}
//! {"collection":"runs","key":"01...","value":{...}}
//! {"end":{"runs":1,"records":1,"bytes":123},"left_out":0,"crc32":"9ae0daaf"}
//! ```
//! A value that is not JSON as this program writes it is `{"base64":"..."}` under `raw`. What
//! the vault sealed stays sealed: no secret is in clear. The last line tells a whole export
//! from the beginning of one.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Damage, Error, Expect, Piece, Store, Tally, Upkeep, Watch};
use linchpin_language::{Map, Value, json};

/// The version of the form.
const VERSION: u64 = 1;
/// How many lines are put into a store at once: they share the writes to disk.
const AT_ONCE: usize = 256;

/// Why an export was not written or not read.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The file cannot be written or read.
    #[error("the export cannot be {action}")]
    File {
        /// `written` or `read`.
        action: &'static str,
        /// The refusal.
        source: io::Error,
    },
    /// Something in the store is damaged.
    #[error("{0}")]
    Damaged(Damage),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] Error),
    /// A line is not what an export has there.
    #[error("line {line} of the export {why}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The store has something in it.
    #[error("the store is not empty: an export is imported into a new store only")]
    NotEmpty,
}

/// Writes everything in a store. With `damages` what is damaged is left out whole and put there,
/// with a run all that is listed of it; without, it ends the export.
pub fn export(
    store: &dyn Upkeep,
    out: &mut dyn Write,
    mut damages: Option<&mut Vec<Damage>>,
    watch: Watch<'_>,
) -> Result<Tally, ExchangeError> {
    let kind = store.about()?.kind;
    let (crc, tally) = (crc32fast::Hasher::new(), Tally::default());
    let mut lines = Lines { out, crc, tally, lost: BTreeSet::new() };
    lines.write(&json!({ "linchpin_export": VERSION, "kind": kind }))?;
    let mut failed = None;
    // A journal is written when it is known to be whole.
    let mut journal: Option<(RunId, Vec<Vec<Vec<u8>>>)> = None;
    store.pieces(&mut |piece| {
        let step = lines.piece(piece, &mut journal, damages.as_deref_mut());
        match step {
            Ok(()) => watch(lines.tally),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    lines.journal(journal.take())?;
    let tally = lines.tally;
    let left_out = damages.map_or(0, |damages| damages.len());
    let crc = format!("{:08x}", lines.crc.clone().finalize());
    lines.write(&json!({ "end": tally, "left_out": left_out, "crc32": crc }))?;
    lines.out.flush().map_err(unwritten)?;
    Ok(tally)
}

struct Lines<'a> {
    out: &'a mut dyn Write,
    crc: crc32fast::Hasher,
    tally: Tally,
    /// The runs whose journals are left out. Journals come before records.
    lost: BTreeSet<String>,
}

type Pending = Option<(RunId, Vec<Vec<Vec<u8>>>)>;

impl Lines<'_> {
    fn write(&mut self, line: &Value) -> Result<(), ExchangeError> {
        let mut bytes = line.to_string().into_bytes();
        bytes.push(b'\n');
        self.crc.update(&bytes);
        self.tally.bytes += bytes.len() as u64;
        self.out.write_all(&bytes).map_err(unwritten)
    }

    fn piece(
        &mut self,
        piece: Piece,
        pending: &mut Pending,
        damages: Option<&mut Vec<Damage>>,
    ) -> Result<(), ExchangeError> {
        match piece {
            Piece::Entries { run, entries, .. } => match pending {
                Some((same, parts)) if *same == run => parts.push(entries),
                _ => self.journal(pending.replace((run, vec![entries])))?,
            },
            Piece::Record { collection, record } => {
                self.journal(pending.take())?;
                // A list that names a run without a journal would be damaged itself.
                if self.lost.contains(&record.key) {
                    return Ok(());
                }
                let mut line = Map::new();
                line.insert("collection".to_owned(), collection.into());
                line.insert("key".to_owned(), record.key.into());
                let (name, value) = written(&record.value);
                line.insert(name.to_owned(), value);
                self.tally.records += 1;
                self.write(&Value::Object(line))?;
            }
            Piece::Damaged(damage) => {
                let Some(damages) = damages else { return Err(ExchangeError::Damaged(damage)) };
                if pending.as_ref().is_some_and(|(run, _)| Some(run) == damage.run.as_ref()) {
                    *pending = None;
                }
                self.lost.extend(damage.run.as_ref().map(RunId::to_string));
                damages.push(damage);
            }
        }
        Ok(())
    }

    fn journal(&mut self, journal: Pending) -> Result<(), ExchangeError> {
        let Some((run, parts)) = journal else { return Ok(()) };
        self.tally.runs += 1;
        let mut from = 0;
        for entries in parts {
            let n_entries = entries.len() as u64;
            let entries: Vec<Value> = entries
                .iter()
                .map(|entry| match written(entry) {
                    ("value", value) => value,
                    (name, value) => json!({ name: value }),
                })
                .collect();
            self.write(&json!({ "run": run, "from": from, "entries": entries }))?;
            from += n_entries;
        }
        Ok(())
    }
}

/// A value as JSON if it comes back byte for byte, otherwise as it is.
fn written(bytes: &[u8]) -> (&'static str, Value) {
    let value = serde_json::from_slice::<Value>(bytes).ok();
    let same = value.filter(|value| serde_json::to_vec(value).is_ok_and(|back| back == bytes));
    match same {
        Some(value) if value.get("base64").is_none() => ("value", value),
        _ => ("raw", json!({ "base64": STANDARD.encode(bytes) })),
    }
}

fn read_back(value: &Value) -> Option<Vec<u8>> {
    match value.get("base64") {
        Some(text) => STANDARD.decode(text.as_str()?).ok(),
        None => serde_json::to_vec(value).ok(),
    }
}

fn unwritten(source: io::Error) -> ExchangeError {
    ExchangeError::File { action: "written", source }
}

/// Puts an export into an empty store. It is read whole before anything is written, so that
/// the beginning of an export is not taken for one.
pub async fn import(
    store: &dyn Store,
    open: impl Fn() -> io::Result<Box<dyn BufRead + Send>>,
    watch: &mut (dyn FnMut(Tally) + Send),
) -> Result<Tally, ExchangeError> {
    if !store.runs(None, 1).await?.is_empty() {
        return Err(ExchangeError::NotEmpty);
    }
    let unread = |source| ExchangeError::File { action: "read", source };
    check(open().map_err(unread)?)?;
    let mut tally = Tally::default();
    let mut batch: Vec<Piece> = Vec::new();
    for (number, line) in (1..).zip(open().map_err(unread)?.lines()) {
        let line = line.map_err(unread)?;
        tally.bytes += line.len() as u64 + 1;
        let piece = parse(&line).ok_or_else(|| ExchangeError::Line {
            line: number,
            why: "cannot be read".to_owned(),
        })?;
        let Some(piece) = piece else { continue };
        match &piece {
            Piece::Entries { from, .. } => tally.runs += u64::from(*from == 0),
            Piece::Record { .. } => tally.records += 1,
            Piece::Damaged(_) => {}
        }
        // Parts of one journal go one after the other.
        let goes_on = matches!(&piece, Piece::Entries { from, .. } if *from > 0);
        if batch.len() == AT_ONCE || goes_on {
            put(store, std::mem::take(&mut batch)).await?;
            watch(tally);
        }
        batch.push(piece);
    }
    put(store, batch).await?;
    Ok(tally)
}

async fn put(store: &dyn Store, batch: Vec<Piece>) -> Result<(), Error> {
    let puts = batch.into_iter().map(|piece| async {
        match piece {
            Piece::Entries { run, from, entries } => {
                let append = Append { run, position: from, entries, records: Vec::new() };
                store.append(append).await
            }
            Piece::Record { collection, record } => {
                let put = store.put(&collection, &record.key, record.value, Expect::Absent);
                put.await.map(drop)
            }
            Piece::Damaged(_) => Ok(()),
        }
    });
    join_all(puts).await.into_iter().collect()
}

/// Whether an export is whole: its first line, its last line, its checksum.
fn check(lines: Box<dyn BufRead + Send>) -> Result<(), ExchangeError> {
    let mut crc = crc32fast::Hasher::new();
    let (mut number, mut ended) = (0, false);
    for line in lines.lines() {
        number += 1;
        let line = line.map_err(|source| ExchangeError::File { action: "read", source })?;
        let wrong = |why: &str| ExchangeError::Line { line: number, why: why.to_owned() };
        if ended {
            return Err(wrong("follows the line that ends it"));
        }
        if number == 1 {
            let first: Value = serde_json::from_str(&line).unwrap_or_default();
            match first["linchpin_export"].as_u64() {
                Some(VERSION) => {}
                Some(newer) => {
                    let why = format!("says version {newer}; this program reads {VERSION}");
                    return Err(wrong(&why));
                }
                None => return Err(wrong("is not the beginning of an export")),
            }
        }
        if line.starts_with("{\"end\"") {
            let last: Value = serde_json::from_str(&line).unwrap_or_default();
            let stated = last["crc32"].as_str().unwrap_or_default();
            if stated != format!("{:08x}", crc.clone().finalize()) {
                return Err(wrong("does not fit the lines before it: the export was changed"));
            }
            ended = true;
        }
        crc.update(line.as_bytes());
        crc.update(b"\n");
    }
    if ended {
        return Ok(());
    }
    let why = "is the last, and not the one that ends an export: it is not whole".to_owned();
    Err(ExchangeError::Line { line: number, why })
}

/// A line as a piece; `Some(None)` for the first and the last line.
fn parse(line: &str) -> Option<Option<Piece>> {
    let value: Value = serde_json::from_str(line).ok()?;
    if value.get("linchpin_export").is_some() || value.get("end").is_some() {
        return Some(None);
    }
    if let Some(run) = value.get("run") {
        let run = RunId::parse(run.as_str()?)?;
        let read = |entry: &Value| read_back(entry.get("raw").unwrap_or(entry));
        let entries = value["entries"].as_array()?.iter().map(read).collect::<Option<_>>()?;
        return Some(Some(Piece::Entries { run, from: value["from"].as_u64()?, entries }));
    }
    let collection = value["collection"].as_str()?.to_owned();
    let key = value["key"].as_str()?.to_owned();
    let bytes = read_back(value.get("raw").or_else(|| value.get("value"))?)?;
    let record = linchpin_engine::store::Record { key, version: 1, value: bytes };
    Some(Some(Piece::Record { collection, record }))
}
