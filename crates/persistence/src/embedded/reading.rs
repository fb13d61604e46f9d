//! Reading entries and records, each verified against its checksum.
//!
//! Reads run beside the committer. An entry never changes; a record that is replaced while
//! its parts are read is read again.

use std::ops::{ControlFlow, Range};

use linchpin_engine::RunId;
use linchpin_engine::store::{Error, Record};

use super::tree::Tree;
use super::{fault, pack, stored};
use crate::key;

/// How often a journal whose beginning is missing is looked at.
const ATTEMPTS: usize = 3;

/// The entries of a journal from a position on, `limit` of them at most.
pub(crate) fn entries(
    tree: &impl Tree,
    run: &RunId,
    from: u64,
    limit: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    // The append that has `from` in it may begin before. No key lies between an entry's own
    // and the same with a zero behind it.
    let mut up_to = key::entry(run, from);
    up_to.push(0);
    let range = key::entries(run, 0).start..up_to;
    let Some(start) = beginning(tree, run, &range)? else { return Ok(Vec::new()) };
    let start = key::parse_entry(&start).ok_or_else(|| fault::checksum(&start))?.position;

    let mut entries = Vec::new();
    let mut next = start;
    let end = from.saturating_add(limit as u64);
    tree.scan(key::entries(run, start), &mut |key, sealed| {
        if next >= end {
            return Ok(ControlFlow::Break(()));
        }
        let Some(parsed) = key::parse_entry(key).filter(|parsed| !parsed.is_part) else {
            return Ok(ControlFlow::Continue(()));
        };
        if parsed.position != next {
            return Err(fault::gap(key));
        }
        // Removed while it was read: what is left of it is nobody's any more.
        let Some(whole) = stored::whole(tree, key, sealed)? else {
            return Ok(ControlFlow::Break(()));
        };
        let packed =
            pack::unpack(&whole.value).filter(|packed| packed.len() as u64 == whole.number);
        entries.extend(packed.ok_or_else(|| fault::checksum(key))?);
        next += whole.number;
        Ok(ControlFlow::Continue(()))
    })?;
    let n_before = usize::try_from(from - start).unwrap_or(usize::MAX).min(entries.len());
    let mut entries = entries.split_off(n_before);
    entries.truncate(limit);
    Ok(entries)
}

/// The last key in the range that ends with the entry to begin at. A journal without its
/// beginning is no run that nobody knows; one that was begun or removed meanwhile is looked at
/// again.
fn beginning(
    tree: &impl Tree,
    run: &RunId,
    range: &Range<Vec<u8>>,
) -> Result<Option<Vec<u8>>, Error> {
    for _ in 0..ATTEMPTS {
        if let Some((start, _)) = tree.last(range.clone())? {
            return Ok(Some(start.as_ref().to_vec()));
        }
        if tree.last(key::entries(run, 0))?.is_none() {
            return Ok(None);
        }
    }
    Err(fault::gap(&key::entry(run, 0)))
}

/// Runs that have a journal, newest first.
pub(crate) fn runs(
    tree: &impl Tree,
    before: Option<&RunId>,
    limit: usize,
) -> Result<Vec<RunId>, Error> {
    let mut runs: Vec<RunId> = Vec::new();
    while runs.len() < limit {
        let keys = key::journals(runs.last().or(before));
        let Some((key, _)) = tree.last(keys)? else { break };
        let key = key.as_ref();
        let parsed = key::parse_entry(key).ok_or_else(|| fault::checksum(key))?;
        runs.push(parsed.run);
    }
    Ok(runs)
}

/// One record.
pub(crate) fn record(
    tree: &impl Tree,
    collection: &str,
    own: &str,
) -> Result<Option<Record>, Error> {
    let key = key::record(collection, own);
    let Some(sealed) = tree.get(&key)? else { return Ok(None) };
    let whole = stored::whole(tree, &key, sealed.as_ref())?;
    Ok(whole.map(|whole| to_record(own.to_owned(), whole)))
}

/// Records by key, ascending.
pub(crate) fn records(
    tree: &impl Tree,
    collection: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    if limit == 0 {
        return Ok(records);
    }
    tree.scan(key::records(collection, prefix, after), &mut |key, sealed| {
        let (own, is_part) =
            key::parse_record(collection, key).ok_or_else(|| fault::checksum(key))?;
        if !is_part && let Some(whole) = stored::whole(tree, key, sealed)? {
            records.push(to_record(own, whole));
        }
        Ok(match records.len() == limit {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    })?;
    Ok(records)
}

fn to_record(key: String, whole: stored::Whole) -> Record {
    Record { key, version: whole.number, value: whole.value }
}
