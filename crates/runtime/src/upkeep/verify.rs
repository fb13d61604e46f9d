//! Whether a store is whole: each value by itself, and journals, the list of runs and the list
//! of unfinished runs against each other. What one of them has lost another one names.

use std::ops::ControlFlow;
use std::sync::Arc;

use linchpin_engine::store::{Damage, Error, Piece, Tally, Upkeep};
use linchpin_engine::{Entry, Event, RunId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::runtime::Handle;

use super::{Tell, Told};
use crate::summary::{OPEN, RUNS};

/// Progress is told after so many pieces.
const STRIDE: u64 = 256;

/// Reads everything; what is damaged is told.
pub(super) fn verify(
    store: &Arc<dyn Upkeep>,
    handle: &Handle,
    tell: Tell<'_>,
) -> Result<Tally, Error> {
    let mut verify = Verify { store, handle, journal: None, seen: Tally::default(), n_pieces: 0 };
    let mut failed = None;
    let tally = store.pieces(&mut |piece| match verify.piece(piece, tell) {
        Ok(flow) => flow,
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => verify.end_of_journal(tell).map(|_| tally),
    }
}

struct Verify<'a> {
    store: &'a Arc<dyn Upkeep>,
    handle: &'a Handle,
    journal: Option<Journal>,
    seen: Tally,
    n_pieces: u64,
}

/// The journal whose pieces come.
struct Journal {
    run: RunId,
    length: u64,
    has_ended: bool,
}

/// What the list of runs says of one.
#[derive(Deserialize)]
struct Line {
    state: String,
}

impl Verify<'_> {
    fn piece(&mut self, piece: Piece, tell: Tell<'_>) -> Result<ControlFlow<()>, Error> {
        let is_next = match (&piece, &self.journal) {
            (Piece::Entries { run, .. }, Some(journal)) => *run == journal.run,
            _ => false,
        };
        if !is_next
            && let Piece::Damaged(Damage { run: Some(run), .. }) = &piece
            && self.journal.as_ref().is_some_and(|journal| journal.run == *run)
        {
            // What is told of it is enough.
            self.journal = None;
        } else if !is_next && self.end_of_journal(tell)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let flow = match piece {
            Piece::Damaged(damage) => tell(Told::Damage(damage)),
            Piece::Entries { run, from, entries } => self.entries(run, from, &entries, tell),
            Piece::Record { collection, record } => {
                self.seen.records += 1;
                self.seen.bytes += record.value.len() as u64;
                match collection == RUNS {
                    true => self.line(&record.key, tell)?,
                    false => ControlFlow::Continue(()),
                }
            }
        };
        self.n_pieces += 1;
        if flow.is_continue() && self.n_pieces.is_multiple_of(STRIDE) {
            return Ok(tell(Told::Progress(self.seen)));
        }
        Ok(flow)
    }

    fn entries(
        &mut self,
        run: RunId,
        from: u64,
        entries: &[Vec<u8>],
        tell: Tell<'_>,
    ) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        for (position, entry) in (from..).zip(entries) {
            self.seen.bytes += entry.len() as u64;
            if let Err(error) = serde_json::from_slice::<IgnoredAny>(entry) {
                let detail = format!("its entry {position} is no JSON: {error}");
                flow = self.tell(tell, format!("run {run}"), Some(&run), &detail);
            }
        }
        let has_ended = entries.last().is_some_and(|entry| is_end(entry));
        self.journal = Some(Journal { run, length: from + entries.len() as u64, has_ended });
        flow
    }

    /// The journal is complete: the lists must know the run as it is.
    fn end_of_journal(&mut self, tell: Tell<'_>) -> Result<ControlFlow<()>, Error> {
        let Some(journal) = self.journal.take() else { return Ok(ControlFlow::Continue(())) };
        self.seen.runs += 1;
        let Some(detail) = self.mismatch(&journal)? else { return Ok(ControlFlow::Continue(())) };
        // The run may have gone on, ended or been removed since its journal was read.
        let rest = self.store.read(&journal.run, journal.length.saturating_sub(1), usize::MAX);
        let rest = self.handle.block_on(rest)?;
        let Some(last) = rest.last() else { return Ok(ControlFlow::Continue(())) };
        let now = Journal { has_ended: is_end(last), ..journal };
        match self.mismatch(&now)? {
            Some(detail) => {
                Ok(self.tell(tell, format!("run {}", now.run), Some(&now.run), &detail))
            }
            None => {
                tracing::debug!(run = %now.run, "{detail} while it was verified");
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    fn mismatch(&self, journal: &Journal) -> Result<Option<String>, Error> {
        let (store, run) = (self.store, journal.run.as_str());
        let line = match self.handle.block_on(store.get(RUNS, run)) {
            Ok(line) => line,
            // It is told of by itself.
            Err(Error::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(line) = line else {
            return Ok(Some("it is missing in the list of runs".to_owned()));
        };
        let Ok(Line { state }) = serde_json::from_slice(&line.value) else {
            return Ok(Some("its line in the list of runs cannot be read".to_owned()));
        };
        let is_listed_as_ended = state != "running";
        if is_listed_as_ended && !journal.has_ended {
            return Ok(Some(format!("the end of its journal is missing: it is listed as {state}")));
        }
        if !is_listed_as_ended && journal.has_ended {
            return Ok(Some("it has ended and is listed as unfinished".to_owned()));
        }
        if journal.has_ended {
            return Ok(None);
        }
        let is_open = match self.handle.block_on(store.get(OPEN, run)) {
            Ok(open) => open.is_some(),
            Err(Error::Damaged { .. }) => true,
            Err(error) => return Err(error),
        };
        Ok((!is_open).then(|| "it is missing in the list of unfinished runs".to_owned()))
    }

    /// A run that is listed must have a journal.
    fn line(&self, run: &str, tell: Tell<'_>) -> Result<ControlFlow<()>, Error> {
        let Some(run) = RunId::parse(run) else { return Ok(ControlFlow::Continue(())) };
        match self.handle.block_on(self.store.read(&run, 0, 1)) {
            Ok(entries) if !entries.is_empty() => Ok(ControlFlow::Continue(())),
            // It may have been removed since the list was read.
            Ok(_) if self.handle.block_on(self.store.get(RUNS, run.as_str()))?.is_none() => {
                Ok(ControlFlow::Continue(()))
            }
            Ok(_) => {
                let detail = "its journal is missing";
                Ok(self.tell(tell, format!("run {run}"), Some(&run), detail))
            }
            Err(Error::Damaged { .. }) => Ok(ControlFlow::Continue(())),
            Err(error) => Err(error),
        }
    }

    fn tell(
        &self,
        tell: Tell<'_>,
        what: String,
        run: Option<&RunId>,
        detail: &str,
    ) -> ControlFlow<()> {
        let file = self.store.about().map(|about| about.dir).unwrap_or_default();
        let (run, detail) = (run.cloned(), detail.to_owned());
        tell(Told::Damage(Damage { what, run, file, detail }))
    }
}

fn is_end(entry: &[u8]) -> bool {
    let entry = serde_json::from_slice::<Entry>(entry);
    entry.is_ok_and(|entry| matches!(entry.event, Event::Ended { .. }))
}
