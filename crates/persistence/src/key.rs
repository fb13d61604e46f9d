//! How runs, entries and records are laid out as keys of one ordered key-value tree.
//!
//! ```text
//! j <run: 26 bytes> <position: 8 bytes>                      the entries of one append
//! m sequence                                                 the last batch of several keys
//! r <collection, escaped> 00 00 <key, escaped> 00 00         a record
//! b <first key, escaped> 00 00 <last key>                    such keys, together; see `bundle.rs`
//! ```
//! A value too long for one key goes on under the same key with a part number (4 bytes)
//! behind it. Numbers are big-endian, and escaping writes 00 as 00 FF, so the order of the
//! bytes is the order of positions and of texts.

use std::ops::Range;

use linchpin_engine::RunId;

const JOURNAL: u8 = b'j';
const RECORD: u8 = b'r';
/// The first byte of the keys of bundles. No other key begins with it or a smaller one.
pub(crate) const BUNDLE: u8 = b'b';
/// The first bytes of keys that can be in a bundle.
pub(crate) const KINDS: [u8; 2] = [JOURNAL, RECORD];
const RUN_LENGTH: usize = 26;
const ENTRY_LENGTH: usize = 1 + RUN_LENGTH + 8;

/// The key of the number of the last batch of several keys.
pub(crate) const SEQUENCE: &[u8] = b"msequence";

/// What an entry's key says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EntryKey {
    pub(crate) run: RunId,
    pub(crate) position: u64,
    /// Whether the value is a further part, not the beginning.
    pub(crate) is_part: bool,
}

/// The key of the entries appended at a position.
pub(crate) fn entry(run: &RunId, position: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(ENTRY_LENGTH);
    key.push(JOURNAL);
    key.extend_from_slice(run.as_str().as_bytes());
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// All keys of one journal from a position on.
pub(crate) fn entries(run: &RunId, from: u64) -> Range<Vec<u8>> {
    let start = entry(run, from);
    let end = successor(&start[..1 + RUN_LENGTH]);
    start..end
}

/// The keys of all journals, or of those of runs before `before`.
pub(crate) fn journals(before: Option<&RunId>) -> Range<Vec<u8>> {
    let end = match before {
        Some(run) => entry(run, 0)[..1 + RUN_LENGTH].to_vec(),
        None => vec![JOURNAL + 1],
    };
    vec![JOURNAL]..end
}

/// Reads an entry's key; `None` when it is not one.
pub(crate) fn parse_entry(key: &[u8]) -> Option<EntryKey> {
    if key.first() != Some(&JOURNAL) || key.len() < ENTRY_LENGTH {
        return None;
    }
    let run = RunId::parse(std::str::from_utf8(&key[1..=RUN_LENGTH]).ok()?)?;
    let position = u64::from_be_bytes(key[1 + RUN_LENGTH..ENTRY_LENGTH].try_into().ok()?);
    Some(EntryKey { run, position, is_part: key.len() > ENTRY_LENGTH })
}

/// The key of one record.
pub(crate) fn record(collection: &str, key: &str) -> Vec<u8> {
    let mut bytes = records_start(collection, key);
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

/// The keys of the records of a collection whose key starts with `prefix` and is after `after`.
pub(crate) fn records(collection: &str, prefix: &str, after: Option<&str>) -> Range<Vec<u8>> {
    let start = records_start(collection, prefix);
    let end = successor(&start);
    let start = match after {
        None => start,
        Some(after) => {
            // Past the record and its parts (00 00), before longer keys with a zero (00 FF).
            let mut past = records_start(collection, after);
            past.extend_from_slice(&[0, 1]);
            past.max(start)
        }
    };
    let end = end.max(start.clone());
    start..end
}

/// The record's own key in a key of `collection`, and whether the value is a further part.
pub(crate) fn parse_record(collection: &str, key: &[u8]) -> Option<(String, bool)> {
    let rest = key.strip_prefix(records_start(collection, "").as_slice())?;
    let (own, rest) = unescape(rest)?;
    Some((String::from_utf8(own).ok()?, !rest.is_empty()))
}

/// The collection and the own key in the key of any record, or of a part of one.
pub(crate) fn parse_any_record(key: &[u8]) -> Option<(String, String)> {
    let (collection, rest) = unescape(key.strip_prefix(&[RECORD])?)?;
    let (own, _) = unescape(rest)?;
    Some((String::from_utf8(collection).ok()?, String::from_utf8(own).ok()?))
}

/// Whether a key is that of a record, not of a further part of one.
pub(crate) fn is_record_head(key: &[u8]) -> bool {
    let own = key.strip_prefix(&[RECORD]).and_then(unescape).and_then(|(_, rest)| unescape(rest));
    own.is_some_and(|(_, rest)| rest.is_empty())
}

/// The key of a further part of the value under `key`; parts count from 1.
pub(crate) fn part(key: &[u8], number: u64) -> Vec<u8> {
    // A part holds kilobytes: 2^32 parts are more than any disk.
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    [key, &number.to_be_bytes()].concat()
}

/// The key of the bundle of all keys from one to another.
pub(crate) fn bundle(first: &[u8], last: &[u8]) -> Vec<u8> {
    let mut bytes = bundle_start(first);
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(last);
    bytes
}

/// The first and the last key of a bundle; `None` when it is not one.
pub(crate) fn parse_bundle(key: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (first, last) = unescape(key.strip_prefix(&[BUNDLE])?)?;
    (!first.is_empty() && !last.is_empty()).then(|| (first, last.to_vec()))
}

/// The keys of the bundles whose first key is at most this one.
pub(crate) fn bundles_up_to(first: &[u8]) -> Range<Vec<u8>> {
    vec![BUNDLE]..[bundle_start(first).as_slice(), &[0, 1]].concat()
}

/// The keys of the bundles whose first key is below this one.
pub(crate) fn bundles_below(first: &[u8]) -> Range<Vec<u8>> {
    vec![BUNDLE]..[bundle_start(first).as_slice(), &[0, 0]].concat()
}

/// The keys of the bundles whose first key is between two others.
pub(crate) fn bundles_between(after: &[u8], below: &[u8]) -> Range<Vec<u8>> {
    let start = bundles_up_to(after).end;
    let end = bundles_below(below).end.max(start.clone());
    start..end
}

/// The keys of the bundles of one kind of keys.
pub(crate) fn bundles_of(kind: u8) -> Range<Vec<u8>> {
    vec![BUNDLE, kind]..vec![BUNDLE, kind + 1]
}

fn bundle_start(first: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(first.len() + 8);
    bytes.push(BUNDLE);
    escape(first, &mut bytes);
    bytes
}

/// The keys of the records of a collection that are below one of its keys.
pub(crate) fn records_below(collection: &str, below: &str) -> Range<Vec<u8>> {
    records_start(collection, "")..records_start(collection, below)
}

/// The smallest key above all keys that start with `prefix`.
fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

fn records_start(collection: &str, prefix: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(collection.len() + prefix.len() + 5);
    bytes.push(RECORD);
    escape(collection.as_bytes(), &mut bytes);
    bytes.extend_from_slice(&[0, 0]);
    escape(prefix.as_bytes(), &mut bytes);
    bytes
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        out.push(*byte);
        if *byte == 0 {
            out.push(u8::MAX);
        }
    }
}

/// The text up to the end mark, and what follows the mark.
fn unescape(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match rest {
            [0, 0, after @ ..] => return Some((text, after)),
            [0, u8::MAX, after @ ..] => {
                text.push(0);
                rest = after;
            }
            [0, ..] | [] => return None,
            [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(letter: char) -> RunId {
        RunId::parse(&letter.to_string().repeat(26)).unwrap()
    }

    #[test]
    fn entries_sort_by_run_and_position() {
        let keys = [entry(&run('a'), 1), entry(&run('a'), 300), entry(&run('b'), 0)];
        assert!(keys.is_sorted());
        assert!(entries(&run('a'), 1).contains(&keys[1]));
        assert!(!entries(&run('a'), 1).contains(&keys[2]));
        assert!(journals(Some(&run('b'))).contains(&keys[1]));
        assert!(!journals(Some(&run('b'))).contains(&keys[2]));
        assert!(journals(None).contains(&keys[2]));
    }

    #[test]
    fn an_entry_key_reads_back() {
        let key = entry(&run('z'), 7);
        let parsed = EntryKey { run: run('z'), position: 7, is_part: false };
        assert_eq!(parse_entry(&key), Some(parsed));
        assert!(parse_entry(&part(&key, 1)).unwrap().is_part);
        assert_eq!(parse_entry(SEQUENCE), None);
    }

    #[test]
    fn record_keys_keep_the_order_of_texts_and_stay_in_their_collection() {
        let texts = ["", "a", "a\0", "a\0\0b", "a\0b", "a\u{1}", "ab", "b", "é", "\u{10ffff}"];
        let keys: Vec<_> = texts.iter().map(|text| record("c", text)).collect();
        assert!(texts.is_sorted() && keys.is_sorted());
        for (text, key) in texts.iter().zip(&keys) {
            assert_eq!(parse_record("c", key), Some(((*text).to_owned(), false)));
            assert_eq!(parse_record("c", &part(key, 3)), Some(((*text).to_owned(), true)));
            assert!(records("c", "", None).contains(key));
            assert!(!records("c\0", "", None).contains(key));
            assert!(!records("", "", None).contains(key));
        }
    }

    #[test]
    fn after_a_record_its_parts_are_passed_but_longer_keys_are_not() {
        let range = records("c", "", Some("a"));
        assert!(!range.contains(&record("c", "a")));
        assert!(!range.contains(&part(&record("c", "a"), u64::MAX)));
        assert!(range.contains(&record("c", "a\0")));
        assert!(records("c", "b", Some("c")).is_empty());
    }
}
