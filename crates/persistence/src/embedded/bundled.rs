//! A tree some of whose keys are in bundles: it reads and changes as if there were none.
//!
//! A key outside of a bundle counts before the same key in one. To remove a key that is in a
//! bundle takes the bundle apart, in the same batch. Bundles come and go by the committer alone;
//! meanwhile nobody reads, so that no key is missed on its way.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use linchpin_engine::store::Error;

use super::bundle::{self, Pairs, Span};
use super::fault;
use super::tree::{Change, Pair, See, Tree, Writes};
use crate::key;

/// How many keys are read before they are shown.
const CHUNK: usize = 256;
/// How many of them the first time: most that is asked for is short.
const FIRST: usize = 16;

/// The smallest and the greatest key in a bundle, by the first byte of keys.
type Reach = BTreeMap<u8, (Vec<u8>, Vec<u8>)>;

/// A tree with bundles.
#[derive(Clone)]
pub(crate) struct Bundled<T> {
    tree: T,
    shared: Arc<Shared>,
}

struct Shared {
    /// Held for writing while bundles come and go.
    reach: RwLock<Reach>,
    /// The bundle that was read last.
    open: Mutex<Option<(Vec<u8>, Arc<Pairs>)>>,
    /// Held while bundles are made, so that no two of them overlap.
    making: Mutex<()>,
}

/// A value as it was found.
pub(crate) enum Found<B> {
    /// By itself.
    Alone(B),
    /// In a bundle.
    Bundled(Vec<u8>),
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Found<B> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Alone(value) => value.as_ref(),
            Self::Bundled(value) => value,
        }
    }
}

impl<T: Tree> Bundled<T> {
    pub(crate) fn over(tree: T) -> Result<Self, Error> {
        let mut reach = Reach::new();
        for kind in key::KINDS {
            let bundles = key::bundles_of(kind);
            if let Some((key, _)) = tree.last(bundles.clone())? {
                let last = Span::parse(key.as_ref())?.last;
                let mut first = Vec::new();
                tree.scan(bundles, &mut |key, _| {
                    first = Span::parse(key)?.first;
                    Ok(ControlFlow::Break(()))
                })?;
                reach.insert(kind, (first, last));
            }
        }
        let shared =
            Shared { reach: RwLock::new(reach), open: Mutex::default(), making: Mutex::default() };
        Ok(Self { tree, shared: Arc::new(shared) })
    }

    /// Reads while no bundle comes or goes.
    fn reading<R>(&self, read: impl FnOnce(&Reach) -> Result<R, Error>) -> Result<R, Error> {
        read(&self.shared.reach.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn last_of(&self, bundles: Range<Vec<u8>>) -> Result<Option<Span>, Error> {
        let found = self.tree.last(bundles)?;
        found.map(|(key, _)| Span::parse(key.as_ref())).transpose()
    }

    /// The bundle from whose first to whose last key this one is.
    fn around(&self, reach: &Reach, key: &[u8]) -> Result<Option<Span>, Error> {
        let within =
            |(first, last): &(Vec<u8>, Vec<u8>)| first.as_slice() <= key && key <= last.as_slice();
        if !key.first().and_then(|kind| reach.get(kind)).is_some_and(within) {
            return Ok(None);
        }
        let span = self.last_of(key::bundles_up_to(key))?;
        Ok(span.filter(|span| span.last.as_slice() >= key))
    }

    /// The first bundle that begins behind this key and before the end.
    fn after(&self, reach: &Reach, key: &[u8], end: &[u8]) -> Result<Option<Span>, Error> {
        let mut found = None;
        if meets(reach, key, end) {
            self.tree.scan(key::bundles_between(key, end), &mut |bundle, _| {
                found = Some(Span::parse(bundle)?);
                Ok(ControlFlow::Break(()))
            })?;
        }
        Ok(found)
    }

    fn pairs(&self, span: &Span) -> Result<Arc<Pairs>, Error> {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((key, pairs)) = &*open
            && *key == span.key
        {
            return Ok(Arc::clone(pairs));
        }
        let sealed = self.tree.get(&span.key)?.ok_or_else(|| fault::parts(&span.key))?;
        let pairs = Arc::new(bundle::open(span, sealed.as_ref())?);
        *open = Some((span.key.clone(), Arc::clone(&pairs)));
        Ok(pairs)
    }

    /// Some keys from the beginning of a range, and where to go on.
    fn part(
        &self,
        reach: &Reach,
        range: Range<Vec<u8>>,
        n_keys: usize,
    ) -> Result<(Pairs, Option<Vec<u8>>), Error> {
        let Range { start, end } = range;
        if let Some(span) = self.around(reach, &start)? {
            let stop = span.past().min(end.clone());
            let (alone, next) = self.alone(start.clone()..stop.clone(), n_keys)?;
            let stop = next.unwrap_or(stop);
            let own = self.pairs(&span)?;
            let inside = own.iter().filter(|(key, _)| *key >= start && *key < stop);
            // Behind the others: the same key alone counts.
            let merged: BTreeMap<_, _> = inside.cloned().chain(alone).collect();
            return Ok((merged.into_iter().collect(), (stop < end).then_some(stop)));
        }
        let stop = match self.after(reach, &start, &end)? {
            Some(span) => span.first,
            None => end.clone(),
        };
        let (pairs, next) = self.alone(start..stop.clone(), n_keys)?;
        Ok((pairs, next.or_else(|| (stop < end).then_some(stop))))
    }

    /// Some keys that are in no bundle, and where to go on when there may be more.
    fn alone(
        &self,
        range: Range<Vec<u8>>,
        n_keys: usize,
    ) -> Result<(Pairs, Option<Vec<u8>>), Error> {
        let mut pairs = Pairs::new();
        self.tree.scan(range, &mut |key, value| {
            pairs.push((key.to_vec(), value.to_vec()));
            Ok(match pairs.len() == n_keys {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        })?;
        let last = pairs.last().filter(|_| pairs.len() == n_keys);
        let next = last.map(|(key, _)| [key.as_slice(), &[0]].concat());
        Ok((pairs, next))
    }

    /// Waits until nobody else makes bundles.
    pub(crate) fn making(&self) -> MutexGuard<'_, ()> {
        self.shared.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where no bundle is from this key on: the next that can be made ends before there.
    pub(crate) fn free(&self, from: &[u8], end: &[u8]) -> Result<Range<Vec<u8>>, Error> {
        self.reading(|reach| {
            let mut start = from.to_vec();
            while let Some(span) = self.around(reach, &start)? {
                start = span.past();
            }
            let next = self.after(reach, &start, end)?;
            let stop = next.map_or_else(|| end.to_vec(), |span| span.first);
            Ok(start..stop)
        })
    }

    /// Adds to a batch what takes the bundles apart from which it removes keys.
    fn take_apart(&self, writes: &mut Writes) -> Result<(), Error> {
        let mut apart: BTreeMap<Vec<u8>, Span> = BTreeMap::new();
        self.reading(|reach| {
            for (key, _) in writes.iter().filter(|(_, value)| value.is_none()) {
                let Some(span) = self.around(reach, key)? else { continue };
                if self.pairs(&span)?.binary_search_by(|(own, _)| own.cmp(key)).is_ok() {
                    apart.insert(span.key.clone(), span);
                }
            }
            Ok(())
        })?;
        for (bundle, span) in apart {
            for (key, value) in self.pairs(&span)?.iter() {
                if !writes.contains_key(key) && self.tree.get(key)?.is_none() {
                    writes.insert(key.clone(), Some(value.clone()));
                }
            }
            writes.insert(bundle, None);
        }
        Ok(())
    }
}

impl<T: Tree> Tree for Bundled<T> {
    type Bytes = Found<T::Bytes>;

    fn get(&self, key: &[u8]) -> Result<Option<Self::Bytes>, Error> {
        self.reading(|reach| {
            if let Some(value) = self.tree.get(key)? {
                return Ok(Some(Found::Alone(value)));
            }
            let Some(span) = self.around(reach, key)? else { return Ok(None) };
            let pairs = self.pairs(&span)?;
            let at = pairs.binary_search_by(|(own, _)| own.as_slice().cmp(key)).ok();
            Ok(at.map(|at| Found::Bundled(pairs[at].1.clone())))
        })
    }

    fn last(&self, range: Range<Vec<u8>>) -> Result<Option<Pair<Self::Bytes>>, Error> {
        self.reading(|reach| {
            let alone = self.tree.last(range.clone())?;
            let found = match meets(reach, &range.start, &range.end) {
                true => self.last_of(key::bundles_below(&range.end))?,
                false => None,
            };
            let mut bundled = None;
            if let Some(span) = found {
                let pairs = self.pairs(&span)?;
                let at = pairs.partition_point(|(key, _)| *key < range.end);
                let last = at.checked_sub(1).map(|at| pairs[at].clone());
                bundled = last.filter(|(key, _)| *key >= range.start);
            }
            Ok(match (alone, bundled) {
                (Some((key, value)), Some((own, _))) if key.as_ref() >= own.as_slice() => {
                    Some((Found::Alone(key), Found::Alone(value)))
                }
                (_, Some((key, value))) => Some((Found::Bundled(key), Found::Bundled(value))),
                (alone, None) => alone.map(|(key, value)| (Found::Alone(key), Found::Alone(value))),
            })
        })
    }

    fn scan(&self, range: Range<Vec<u8>>, see: See<'_>) -> Result<(), Error> {
        // The bundles themselves are no keys of the tree.
        let mut start = range.start.max(vec![key::BUNDLE + 1]);
        let mut n_keys = FIRST;
        loop {
            if start >= range.end {
                return Ok(());
            }
            let part = |reach: &_| self.part(reach, start.clone()..range.end.clone(), n_keys);
            let (pairs, next) = self.reading(part)?;
            for (key, value) in &pairs {
                if see(key, value)?.is_break() {
                    return Ok(());
                }
            }
            n_keys = CHUNK;
            match next {
                Some(next) => start = next,
                None => return Ok(()),
            }
        }
    }

    fn scan_stored(&self, range: Range<Vec<u8>>, see: See<'_>) -> Result<(), Error> {
        self.tree.scan_stored(range, see)
    }

    fn resolved(&self, change: Change) -> Result<Change, Error> {
        let Change::Many(mut writes) = change else { return Ok(change) };
        self.take_apart(&mut writes)?;
        Ok(Change::Many(writes))
    }

    fn write(&self, change: Change) -> Result<(), Error> {
        let bundles: Vec<_> = match &change {
            Change::Many(writes) => {
                writes.range(vec![key::BUNDLE]..vec![key::BUNDLE + 1]).collect()
            }
            Change::One { .. } | Change::Nothing => Vec::new(),
        };
        if bundles.is_empty() {
            return self.tree.write(change);
        }
        let mut reach = self.shared.reach.write().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in bundles.iter().filter(|(_, value)| value.is_some()) {
            let Span { first, last, .. } = Span::parse(key)?;
            let reached = reach.entry(last[0]).or_insert_with(|| (first.clone(), last.clone()));
            reached.0 = first.min(std::mem::take(&mut reached.0));
            reached.1 = last.max(std::mem::take(&mut reached.1));
        }
        *self.shared.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.tree.write(change)
    }

    fn past_damage(&self, key: &[u8]) -> Result<Option<Pair<Vec<u8>>>, Error> {
        self.reading(|reach| {
            let around = self.around(reach, key)?;
            let span =
                around.map_or_else(|| self.after(reach, key, &[u8::MAX]), |span| Ok(Some(span)))?;
            let Some(span) = span else { return Ok(None) };
            // What stands before it by itself is not its damage.
            let mut is_next = true;
            if key < span.first.as_slice() {
                let between = key.to_vec()..span.first.clone();
                let scanned = self.tree.scan(between, &mut |_, _| {
                    is_next = false;
                    Ok(ControlFlow::Break(()))
                });
                is_next &= scanned.is_ok();
            }
            Ok(is_next.then(|| (span.first.clone(), span.past())))
        })
    }

    fn faults(&self) -> Result<Vec<String>, Error> {
        self.tree.faults()
    }

    fn close(self, in_order: bool) -> Result<Option<u32>, Error> {
        self.tree.close(in_order)
    }
}

/// Whether a bundle may have keys from one to below another.
fn meets(reach: &Reach, from: &[u8], below: &[u8]) -> bool {
    reach.values().any(|(first, last)| last.as_slice() >= from && first.as_slice() < below)
}

#[cfg(test)]
mod tests;
