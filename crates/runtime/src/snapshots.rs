//! Snapshots of long runs: what it takes to bring a run back depends on how it stands, and not on
//! how much has happened in it.
//!
//! A snapshot is a record beside the journal, written with an append of its run and removed with
//! its end. It is made from the journal, beside the run, so that it is what a replay gives and
//! nothing else; without it, or with one that cannot be read, the whole journal is. The next one is
//! due when the journal has grown by twice the size of the last: what is written for snapshots
//! stays below what is written for the journal.

use std::sync::Arc;

use linchpin_engine::event::Accepted;
use linchpin_engine::plan::Program;
use linchpin_engine::run::Snapshot;
use linchpin_engine::store::{RecordWrite, Store};
use linchpin_engine::{Entry, Event, Run, RunId};

use crate::host::{Error, Host};

/// The collection of snapshots, by run.
const SNAPSHOTS: &str = "snapshots";
/// By how many bytes a journal grows at least between two snapshots.
pub(crate) const APART: u64 = 4 << 20;
/// A larger one is not kept: the run that it is of takes its time anyway.
const LARGEST: usize = 8 << 20;
/// How many entries of a journal are read at once.
const PART: usize = 512;

/// A run that was brought back.
pub(crate) struct Replayed {
    pub(crate) run: Run,
    pub(crate) growth: Growth,
}

/// Where the program of a run comes from.
pub(crate) enum Programs<'a> {
    /// From the texts that the host keeps.
    Kept(&'a Host),
    /// It is known already.
    Known(Arc<Program>),
}

impl Programs<'_> {
    async fn of(&self, accepted: &Accepted) -> Result<Arc<Program>, Error> {
        match self {
            Self::Kept(host) => host.program(accepted).await,
            Self::Known(program) => Ok(Arc::clone(program)),
        }
    }
}

/// How far the journal of a run has grown since its last snapshot.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    /// The bytes that came since.
    since: u64,
    /// The size of the last.
    size: u64,
    /// Whether one is in the store.
    is_kept: bool,
    is_being_made: bool,
    made: Option<Vec<u8>>,
}

impl Growth {
    /// Notes what was appended.
    pub(crate) fn add(&mut self, entries: &[Vec<u8>]) {
        self.since += entries.iter().map(|entry| entry.len() as u64).sum::<u64>();
    }

    /// Whether the next snapshot is to be made now; asked once, it is being made.
    pub(crate) fn begins(&mut self, apart: u64) -> bool {
        let is_due = !self.is_being_made && self.since >= apart.max(2 * self.size);
        if is_due {
            (self.is_being_made, self.since) = (true, 0);
        }
        is_due
    }

    /// Takes in what was made; none when it could not be.
    pub(crate) fn ends(&mut self, made: Option<Vec<u8>>) {
        self.is_being_made = false;
        self.size = made.as_ref().map_or(self.size, |made| made.len() as u64);
        self.made = made.filter(|made| made.len() <= LARGEST);
    }

    /// What is to be written with the next entries of the run.
    pub(crate) fn record(&mut self, run: &RunId, has_ended: bool) -> Option<RecordWrite> {
        let value = match has_ended {
            true => std::mem::take(&mut self.is_kept).then_some(None)?,
            false => Some(self.made.take()?),
        };
        self.is_kept = value.is_some();
        let (collection, key) = (SNAPSHOTS.to_owned(), run.to_string());
        Some(RecordWrite { collection, key, value })
    }
}

/// The snapshot of a run after its first `end` entries; none when it cannot be had.
pub(crate) async fn make(
    store: &dyn Store,
    id: &RunId,
    program: Arc<Program>,
    end: u64,
) -> Option<Vec<u8>> {
    let made = async {
        let replayed = replay(store, id, end, &Programs::Known(program)).await?;
        let unwritten = |why: serde_json::Error| unread(id, why.to_string());
        replayed.run.snapshot().map_err(unwritten)
    };
    made.await.inspect_err(|error| tracing::warn!(run = %id, "no snapshot is made: {error}")).ok()
}

/// A run as the first `end` entries of its journal make it. The journal is read in parts: one of
/// a long loop may be larger than the memory that its run needs.
pub(crate) async fn replay(
    store: &dyn Store,
    id: &RunId,
    end: u64,
    programs: &Programs<'_>,
) -> Result<Replayed, Error> {
    let (mut run, mut growth) = restored(store, id, end, programs).await?;
    loop {
        let from = run.as_ref().map_or(0, Run::position);
        let part = PART.min(usize::try_from(end - from).unwrap_or(PART));
        let lines = if part == 0 { Vec::new() } else { store.read(id, from, part).await? };
        if lines.is_empty() {
            let run = run.ok_or_else(|| Error::UnknownRun(id.to_string()))?;
            return Ok(Replayed { run, growth });
        }
        growth.add(&lines);
        for line in lines {
            let entry: Entry =
                serde_json::from_slice(&line).map_err(|why| unread(id, why.to_string()))?;
            match &mut run {
                Some(run) => run.apply(&entry).map_err(|why| unread(id, why.to_string()))?,
                None => run = Some(begun(id, &entry, programs).await?),
            }
        }
    }
}

/// The run of its snapshot, if there is one of this version that the journal reaches.
async fn restored(
    store: &dyn Store,
    id: &RunId,
    end: u64,
    programs: &Programs<'_>,
) -> Result<(Option<Run>, Growth), Error> {
    let Some(record) = store.get(SNAPSHOTS, id.as_str()).await? else {
        return Ok((None, Growth::default()));
    };
    let growth = Growth { is_kept: true, ..Growth::default() };
    let Some(snapshot) = Snapshot::read(&record.value) else { return Ok((None, growth)) };
    let program = programs.of(snapshot.accepted()).await?;
    let run = match snapshot.restore(program) {
        Ok(run) => run,
        Err(error) => {
            tracing::warn!(run = %id, "all of its journal is read: {error}");
            return Ok((None, growth));
        }
    };
    let last = run.position().saturating_sub(1);
    if run.position() > end || store.read(id, last, 1).await?.is_empty() {
        return Ok((None, growth));
    }
    Ok((Some(run), Growth { size: record.value.len() as u64, ..growth }))
}

/// The run of a first entry.
async fn begun(id: &RunId, first: &Entry, programs: &Programs<'_>) -> Result<Run, Error> {
    let Event::Accepted(accepted) = &first.event else {
        return Err(Error::UnknownRun(id.to_string()));
    };
    Run::new(programs.of(accepted).await?, first).map_err(|why| unread(id, why.to_string()))
}

fn unread(id: &RunId, why: String) -> Error {
    Error::Journal { run: id.clone(), why }
}
