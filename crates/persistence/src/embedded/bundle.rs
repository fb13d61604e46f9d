//! A bundle: keys that stand side by side and are seldom read, compressed with their values under
//! one key.
//!
//! ```text
//! b <first key, escaped> 00 00 <last key>      key, value, key, value, ...
//! ```
//! Finished runs are alike, so that a bundle takes a fraction of their room, and an engine that
//! opens has one key to know in place of hundreds.

use std::io::{Read, Write};
use std::ops::{ControlFlow, Range};
use std::path::Path;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use linchpin_engine::store::Error;

use super::tree::Tree;
use super::{fault, pack, stored};
use crate::key;

/// Keys with their values, ascending.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// How many keys go into a bundle at most.
const MOST_KEYS: usize = 512;
/// How many bytes are compressed together at most.
const MOST_BYTES: usize = 64 << 10;
/// Less than this is left as it is: more will come.
const LEAST_BYTES: usize = 32 << 10;

/// The keys from the first to the last of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The key of the bundle.
    pub(crate) key: Vec<u8>,
    pub(crate) first: Vec<u8>,
    pub(crate) last: Vec<u8>,
}

/// Keys that are to become a bundle.
pub(crate) struct Bundle {
    pub(crate) span: Span,
    pub(crate) pairs: Pairs,
    /// The same, compressed.
    pub(crate) body: Vec<u8>,
}

impl Span {
    fn new(first: &[u8], last: &[u8]) -> Self {
        Self { key: key::bundle(first, last), first: first.to_vec(), last: last.to_vec() }
    }

    /// What the key of a bundle says.
    pub(crate) fn parse(key: &[u8]) -> Result<Self, Error> {
        let (first, last) = key::parse_bundle(key).ok_or_else(|| fault::checksum(key))?;
        Ok(Self { key: key.to_vec(), first, last })
    }

    /// The smallest key behind it.
    pub(crate) fn past(&self) -> Vec<u8> {
        [self.last.as_slice(), &[0]].concat()
    }
}

/// The pairs of a bundle.
pub(crate) fn open(span: &Span, sealed: &[u8]) -> Result<Pairs, Error> {
    let (_, body) = stored::unseal(&span.key, sealed)?;
    let mut packed = Vec::new();
    // What its checksum vouches for was made by `gather`.
    let read = DeflateDecoder::new(body).read_to_end(&mut packed);
    let parts = read.ok().and_then(|_| pack::unpack(&packed));
    let parts = parts.filter(|parts| parts.len() % 2 == 0);
    let mut parts = parts.ok_or_else(|| fault::checksum(&span.key))?.into_iter();
    Ok(std::iter::from_fn(|| Some((parts.next()?, parts.next()?))).collect())
}

/// The next keys of a range that can become a bundle, and where to go on; none at its end.
pub(crate) fn gather(
    tree: &impl Tree,
    range: &Range<Vec<u8>>,
    least: usize,
) -> Result<(Option<Bundle>, Option<Vec<u8>>), Error> {
    let (mut pairs, mut bytes) = (Pairs::new(), 0);
    tree.scan_stored(range.clone(), &mut |key, sealed| {
        stored::unseal(key, sealed)?;
        bytes += key.len() + sealed.len();
        pairs.push((key.to_vec(), sealed.to_vec()));
        Ok(match pairs.len() == MOST_KEYS || bytes >= MOST_BYTES {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    })?;
    if bytes < least.min(LEAST_BYTES) {
        return Ok((None, None));
    }
    while let (Some((first, _)), Some((last, _))) = (pairs.first(), pairs.last()) {
        let span = Span::new(first, last);
        let (next, body) = (span.past(), deflated(&pairs)?);
        if body.len() <= stored::PART {
            return Ok((Some(Bundle { span, pairs, body }), Some(next)));
        }
        if pairs.len() == 1 {
            // What cannot be made small stays as it is.
            return Ok((None, Some(next)));
        }
        pairs.truncate(pairs.len() / 2);
    }
    Ok((None, None))
}

fn deflated(pairs: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let parts: Vec<_> = pairs.iter().flat_map(|(key, value)| [key, value]).collect();
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let body = encoder.write_all(&pack::pack(&parts)).and_then(|()| encoder.finish());
    body.map_err(fault::io("compress", Path::new("")))
}
