//! Reading entries and records, each verified against its checksum.
//!
//! Reads run beside the committer. An entry never changes; a record that is replaced while
//! its parts are read is read again.

use std::collections::BTreeSet;

use ::sled::Tree;
use linchpin_engine::RunId;
use linchpin_engine::store::{Error, Record};

use super::{fault, pack, stored};
use crate::key;

/// What a check of a whole store has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Journals.
    pub runs: u64,
    /// Stored keys, each with a right checksum.
    pub values: u64,
}

/// The entries of a journal from a position on, `limit` of them at most.
pub(super) fn entries(
    tree: &Tree,
    run: &RunId,
    from: u64,
    limit: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    // The append that has `from` in it may begin before.
    let up_to = key::entries(run, 0).start..=key::entry(run, from);
    let Some(item) = tree.range(up_to).next_back() else { return Ok(Vec::new()) };
    let (start, _) = item.map_err(fault::engine)?;
    let start = key::parse_entry(&start).ok_or_else(|| fault::checksum(&start))?.position;

    let mut entries = Vec::new();
    let mut next = start;
    let end = from.saturating_add(limit as u64);
    for item in tree.range(key::entries(run, start)) {
        if next >= end {
            break;
        }
        let (key, sealed) = item.map_err(fault::engine)?;
        let Some(parsed) = key::parse_entry(&key).filter(|parsed| !parsed.is_part) else {
            continue;
        };
        if parsed.position != next {
            return Err(fault::gap(&key));
        }
        // Removed while it was read: what is left of it is nobody's any more.
        let Some(whole) = stored::whole(tree, &key, &sealed)? else { break };
        let packed =
            pack::unpack(&whole.value).filter(|packed| packed.len() as u64 == whole.number);
        entries.extend(packed.ok_or_else(|| fault::checksum(&key))?);
        next += whole.number;
    }
    let n_before = usize::try_from(from - start).unwrap_or(usize::MAX).min(entries.len());
    let mut entries = entries.split_off(n_before);
    entries.truncate(limit);
    Ok(entries)
}

/// Runs that have a journal, newest first.
pub(super) fn runs(tree: &Tree, before: Option<&RunId>, limit: usize) -> Result<Vec<RunId>, Error> {
    let mut runs: Vec<RunId> = Vec::new();
    while runs.len() < limit {
        let keys = key::journals(runs.last().or(before));
        let Some(item) = tree.range(keys).next_back() else { break };
        let (key, _) = item.map_err(fault::engine)?;
        let parsed = key::parse_entry(&key).ok_or_else(|| fault::checksum(&key))?;
        runs.push(parsed.run);
    }
    Ok(runs)
}

/// One record.
pub(super) fn record(tree: &Tree, collection: &str, own: &str) -> Result<Option<Record>, Error> {
    let key = key::record(collection, own);
    let Some(sealed) = tree.get(&key).map_err(fault::engine)? else { return Ok(None) };
    let whole = stored::whole(tree, &key, &sealed)?;
    Ok(whole.map(|whole| to_record(own.to_owned(), whole)))
}

/// Records by key, ascending.
pub(super) fn records(
    tree: &Tree,
    collection: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for item in tree.range(key::records(collection, prefix, after)) {
        if records.len() == limit {
            break;
        }
        let (key, sealed) = item.map_err(fault::engine)?;
        let (own, is_part) =
            key::parse_record(collection, &key).ok_or_else(|| fault::checksum(&key))?;
        if is_part {
            continue;
        }
        if let Some(whole) = stored::whole(tree, &key, &sealed)? {
            records.push(to_record(own, whole));
        }
    }
    Ok(records)
}

/// Reads everything.
pub(super) fn check(tree: &Tree) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    let mut seen = BTreeSet::new();
    for item in tree.iter() {
        let (key, sealed) = item.map_err(fault::engine)?;
        stored::unseal(&key, &sealed)?;
        tally.values += 1;
        if let Some(parsed) = key::parse_entry(&key)
            && seen.insert(parsed.run.clone())
        {
            entries(tree, &parsed.run, 0, usize::MAX)?;
            tally.runs += 1;
        }
    }
    Ok(tally)
}

fn to_record(key: String, whole: stored::Whole) -> Record {
    Record { key, version: whole.number, value: whole.value }
}
