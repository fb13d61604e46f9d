//! What a store does for those who look after it.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;

use linchpin_engine::RunId;
use linchpin_engine::store::{About, Error, Piece, Tally, Upkeep, Watch};
use tokio::sync::oneshot;

use super::committer::{Request, Synced};
use super::staging::Operation;
use super::transfer::{self, Transfer, Unfinished};
use super::tree::Tree;
use super::{Embedded, Kind, bundle, fault, files, stamp, stopped, survey};
use crate::{Location, key};

impl<T: Tree> Upkeep for Embedded<T> {
    fn about(&self) -> Result<About, Error> {
        let paths = files::listed(&self.dir).and_then(|paths| files::total_length(&paths));
        let bytes = paths.map_err(fault::io("look into", &self.dir))?;
        let (kind, dir) = (self.kind.name().to_owned(), self.dir.clone());
        let (format, is_changed) = (stamp::FORMAT, self.doubt.load(Ordering::SeqCst));
        Ok(About { kind, dir, format, bytes, is_changed })
    }

    fn works(&self) -> Result<(), Error> {
        match &*self.progress.synced.borrow() {
            Synced::Through(_) => Ok(()),
            Synced::Failed(cause) => Err(Error::Poisoned { cause: cause.clone() }),
        }
    }

    fn trust(&self) {
        self.doubt.store(false, Ordering::SeqCst);
    }

    fn pieces(&self, see: &mut dyn FnMut(Piece) -> ControlFlow<()>) -> Result<Tally, Error> {
        let tree = self.tree.as_ref().ok_or_else(stopped)?;
        survey::pieces(tree, &self.file, see)
    }

    fn condense(&self, collection: &str, before: &RunId, watch: Watch<'_>) -> Result<Tally, Error> {
        self.condense_from(collection, before, (usize::MAX, watch))
    }

    fn copy(&self, to: &Path, kind: Option<&str>, watch: Watch<'_>) -> Result<Tally, Error> {
        let kind = match kind {
            Some(name) => Kind::named(name).ok_or_else(|| Error::Foreign {
                dir: to.to_owned(),
                detail: format!("there is no kind of store named {name:?}"),
                remedy: format!("the kinds are {}", Kind::ALL.map(Kind::name).join(" and ")),
            })?,
            None => self.kind,
        };
        let unfinished = Unfinished::new(to)?;
        let tally = self.fill(&Location { kind, dir: unfinished.dir.clone() }, watch)?;
        unfinished.finish()?;
        Ok(tally)
    }
}

impl<T: Tree> Embedded<T> {
    /// As `condense`, for bundles of at least so many bytes where that is less than usual.
    pub(crate) fn condense_from(
        &self,
        collection: &str,
        before: &RunId,
        (least, watch): (usize, Watch<'_>),
    ) -> Result<Tally, Error> {
        let tree = self.tree.as_ref().ok_or_else(stopped)?;
        let _making = tree.making();
        let mut tally = Tally::default();
        let records = key::records_below(collection, before.as_str());
        for Range { start: mut from, end } in [key::journals(Some(before)), records] {
            while from < end {
                let free = fault::guarded(&self.file, || tree.free(&from, &end))?;
                let gathered = fault::guarded(&self.file, || bundle::gather(tree, &free, least))?;
                let (bundle, next) = gathered;
                if let Some(bundle) = bundle {
                    let sizes = bundle.pairs.iter().map(|(key, value)| key.len() + value.len());
                    tally.bytes += sizes.sum::<usize>() as u64;
                    bundle.pairs.iter().for_each(|(key, _)| transfer::count(&mut tally, key));
                    self.ask(Operation::Bundle(bundle))?;
                }
                if watch(tally).is_break() {
                    return Ok(tally);
                }
                from = next.unwrap_or(free.end);
            }
        }
        Ok(tally)
    }

    fn fill(&self, to: &Location, watch: Watch<'_>) -> Result<Tally, Error> {
        let tree = self.tree.as_ref().ok_or_else(stopped)?;
        let mut transfer = Transfer::new(tree, &self.file, to.create()?);
        let (tap, told) = channel();
        self.ask(Operation::Tap(Some(tap)))?;
        if !transfer.pass(&told, watch)? {
            return Err(Error::Io {
                action: "go on with the copy in",
                path: to.dir.clone(),
                source: std::io::ErrorKind::Interrupted.into(),
            });
        }
        // What was asked for before this has been told, and is on disk.
        self.ask(Operation::Tap(None))?;
        transfer.catch_up(&told)?;
        let Transfer { to, tally, .. } = transfer;
        let is_doubted = self.doubt.load(Ordering::SeqCst);
        to.finish(self.progress.visible.load(Ordering::SeqCst), is_doubted)?;
        Ok(tally)
    }

    /// Asks the committer, and waits for its answer on this thread.
    fn ask(&self, operation: Operation) -> Result<(), Error> {
        let (answer, outcome) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(stopped)?;
        requests.send(Request { operation, answer }).map_err(|_| stopped())?;
        outcome.blocking_recv().map_err(|_| stopped())?.map(drop)
    }
}
