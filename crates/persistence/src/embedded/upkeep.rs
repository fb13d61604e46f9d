//! What a store does for those who look after it.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};

use linchpin_engine::store::{About, Error, Piece, Tally, Upkeep, Watch};
use tokio::sync::oneshot;

use super::committer::Request;
use super::staging::Operation;
use super::transfer::{Transfer, Unfinished};
use super::tree::{Tree, Writes};
use super::{Embedded, Kind, fault, files, stamp, stopped, survey};
use crate::Location;

impl<T: Tree> Upkeep for Embedded<T> {
    fn about(&self) -> Result<About, Error> {
        let paths = files::listed(&self.dir).and_then(|paths| files::total_length(&paths));
        let bytes = paths.map_err(fault::io("look into", &self.dir))?;
        let (kind, dir) = (self.kind.name().to_owned(), self.dir.clone());
        let (format, is_changed) = (stamp::FORMAT, self.doubt.load(Ordering::SeqCst));
        Ok(About { kind, dir, format, bytes, is_changed })
    }

    fn trust(&self) {
        self.doubt.store(false, Ordering::SeqCst);
    }

    fn pieces(&self, see: &mut dyn FnMut(Piece) -> ControlFlow<()>) -> Result<Tally, Error> {
        let tree = self.tree.as_ref().ok_or_else(stopped)?;
        survey::pieces(tree, &self.file, see)
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
    fn fill(&self, to: &Location, watch: Watch<'_>) -> Result<Tally, Error> {
        let tree = self.tree.as_ref().ok_or_else(stopped)?;
        let mut transfer = Transfer::new(tree, &self.file, to.create()?);
        let (tap, told) = channel();
        self.tap(Some(tap))?;
        if !transfer.pass(&told, watch)? {
            return Err(Error::Io {
                action: "go on with the copy in",
                path: to.dir.clone(),
                source: std::io::ErrorKind::Interrupted.into(),
            });
        }
        // What was asked for before this has been told, and is on disk.
        self.tap(None)?;
        transfer.catch_up(&told)?;
        let Transfer { to, tally, .. } = transfer;
        let is_doubted = self.doubt.load(Ordering::SeqCst);
        to.finish(self.progress.visible.load(Ordering::SeqCst), is_doubted)?;
        Ok(tally)
    }

    /// Asks the committer, and waits for its answer on this thread.
    fn tap(&self, tap: Option<Sender<Writes>>) -> Result<(), Error> {
        let (answer, outcome) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(stopped)?;
        let operation = Operation::Tap(tap);
        requests.send(Request { operation, answer }).map_err(|_| stopped())?;
        outcome.blocking_recv().map_err(|_| stopped())?.map(drop)
    }
}
