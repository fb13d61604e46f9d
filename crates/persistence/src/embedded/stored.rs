//! The form of each stored value: checksum, sequence number, then the value or a part of it.
//!
//! sled keeps a page of up to about 20 values as one item of its log, and writes an item
//! above 128 KiB into a file of its own that is never synced. A value is therefore cut into
//! parts of [`PART`] bytes, so that a full page stays below that limit. Every engine keeps the
//! same bytes under the same keys: a store is copied from one to another without reading them.

use linchpin_engine::store::Error;

use super::fault;
use super::tree::Tree;
use crate::key;

/// The most bytes of a value under one key.
pub(crate) const PART: usize = 6 * 1024;

const CHECKSUM: usize = 4;
const SEQUENCE: usize = 8;
const HEAD: usize = 16;

/// How often a value that is replaced while it is read is read again.
const ATTEMPTS: usize = 1000;

/// The beginning of a value, as stored under its key.
pub(crate) struct Head {
    /// The batch that wrote it.
    pub(crate) sequence: u64,
    /// The version of a record, or how many entries are packed in the value.
    pub(crate) number: u64,
    total: u64,
    first: Vec<u8>,
}

impl Head {
    /// How many keys the value takes.
    pub(crate) fn n_parts(&self) -> u64 {
        n_parts(self.total)
    }
}

/// A value put together from its parts.
pub(crate) struct Whole {
    pub(crate) number: u64,
    pub(crate) value: Vec<u8>,
}

/// The keys and sealed bytes that store a value.
pub(crate) fn seal_value(
    key: &[u8],
    sequence: u64,
    number: u64,
    value: &[u8],
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let total = value.len() as u64;
    let (first, rest) = value.split_at(value.len().min(PART));
    let head = [&number.to_be_bytes(), &total.to_be_bytes(), first];
    let mut stored = vec![(key.to_vec(), seal(key, sequence, &head))];
    for (number, part) in (1..).zip(rest.chunks(PART)) {
        let key = key::part(key, number);
        let sealed = seal(&key, sequence, &[part]);
        stored.push((key, sealed));
    }
    stored
}

/// Seals `body` for one key: checksum over key, sequence number and body.
pub(crate) fn seal(key: &[u8], sequence: u64, body: &[&[u8]]) -> Vec<u8> {
    let length = body.iter().map(|part| part.len()).sum::<usize>();
    let mut sealed = Vec::with_capacity(CHECKSUM + SEQUENCE + length);
    sealed.extend_from_slice(&[0; CHECKSUM]);
    sealed.extend_from_slice(&sequence.to_be_bytes());
    body.iter().for_each(|part| sealed.extend_from_slice(part));
    let checksum = checksum(key, &sealed[CHECKSUM..]);
    sealed[..CHECKSUM].copy_from_slice(&checksum);
    sealed
}

/// The sequence number and the body of a sealed value, if its checksum is right.
pub(crate) fn unseal<'a>(key: &[u8], sealed: &'a [u8]) -> Result<(u64, &'a [u8]), Error> {
    let parts = sealed
        .split_first_chunk::<CHECKSUM>()
        .filter(|(stated, rest)| **stated == checksum(key, rest))
        .and_then(|(_, rest)| rest.split_first_chunk::<SEQUENCE>());
    let (sequence, body) = parts.ok_or_else(|| fault::checksum(key))?;
    Ok((u64::from_be_bytes(*sequence), body))
}

/// Reads the head of a value.
pub(crate) fn head(key: &[u8], sealed: &[u8]) -> Result<Head, Error> {
    let (sequence, body) = unseal(key, sealed)?;
    let (numbers, first) = body.split_first_chunk::<HEAD>().ok_or_else(|| fault::checksum(key))?;
    let read = |at: usize| {
        numbers[at..at + 8].iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
    };
    Ok(Head { sequence, number: read(0), total: read(8), first: first.to_vec() })
}

/// The whole value under `key`, whose head was just read as `sealed`. `None` when it was
/// deleted meanwhile; a value replaced meanwhile is read again.
pub(crate) fn whole(tree: &impl Tree, key: &[u8], sealed: &[u8]) -> Result<Option<Whole>, Error> {
    let mut current = head(key, sealed)?;
    for _ in 0..ATTEMPTS {
        let mut value = std::mem::take(&mut current.first);
        if add_parts(tree, key, &current, &mut value)? {
            return Ok(Some(Whole { number: current.number, value }));
        }
        let Some(sealed) = tree.get(key)? else { return Ok(None) };
        let next = head(key, sealed.as_ref())?;
        if next.sequence == current.sequence {
            return Err(fault::parts(key));
        }
        current = next;
    }
    Err(fault::parts(key))
}

/// Adds the further parts; `false` when one is missing or of another batch.
fn add_parts(
    tree: &impl Tree,
    key: &[u8],
    head: &Head,
    value: &mut Vec<u8>,
) -> Result<bool, Error> {
    for number in 1..head.n_parts() {
        let key = key::part(key, number);
        let Some(sealed) = tree.get(&key)? else { return Ok(false) };
        let (sequence, part) = unseal(&key, sealed.as_ref())?;
        if sequence != head.sequence {
            return Ok(false);
        }
        value.extend_from_slice(part);
    }
    Ok(value.len() as u64 == head.total)
}

fn n_parts(total: u64) -> u64 {
    total.div_ceil(PART as u64).max(1)
}

fn checksum(key: &[u8], rest: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(rest);
    hasher.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let sealed = seal(b"key", 7, &[b"value"]);
        assert_eq!(unseal(b"key", &sealed).unwrap(), (7, b"value".as_slice()));
        assert!(unseal(b"kez", &sealed).is_err());
        for bit in 0..sealed.len() * 8 {
            let mut broken = sealed.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(b"key", &broken).is_err(), "bit {bit}");
        }
        assert!(unseal(b"key", &sealed[..3]).is_err());
    }

    #[test]
    fn a_value_takes_as_many_keys_as_it_needs() {
        for (length, keys) in [(0, 1), (1, 1), (PART, 1), (PART + 1, 2), (3 * PART, 3)] {
            let stored = seal_value(b"key", 1, 1, &vec![7; length]);
            assert_eq!(stored.len(), keys, "{length}");
            assert_eq!(head(b"key", &stored[0].1).unwrap().n_parts(), keys as u64);
        }
    }
}
