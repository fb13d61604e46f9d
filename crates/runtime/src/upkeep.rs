//! Looking after a store: what is in it, whether it is whole, copies, what may go.
//!
//! Long work runs beside the runs and tells how far it is; whoever drops the receiver gives it
//! up. What a store's bytes mean is known here, what they are on disk is not.

mod exchange;
mod verify;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use linchpin_engine::RunId;
use linchpin_engine::store::{Damage, Error, Store, Tally, Upkeep};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::summary::RUNS;

pub use self::exchange::{ExchangeError, export, import};

/// How many of the newest runs a store keeps as they were written.
const LOOSE: usize = 1_000;

/// What long work says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// So much was done until now.
    Progress(Tally),
    /// Something is damaged.
    Damage(Damage),
    /// A run was removed, or would be.
    Removed {
        /// The run.
        run: RunId,
        /// Its flow.
        flow: String,
        /// Which limit it is over, in words.
        why: String,
    },
    /// A run over a limit stays.
    Kept {
        /// The run.
        run: RunId,
        /// Why.
        why: String,
    },
    /// It is done, and so much was done in all.
    Done(Tally),
    /// It could not be done.
    Failed(String),
}

/// How many runs there are in each state; those that have not ended are `unfinished`.
pub async fn count(store: &dyn Store) -> Result<BTreeMap<String, u64>, Error> {
    #[derive(Deserialize)]
    struct Line {
        state: String,
    }
    let mut counts = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list(RUNS, "", after.as_deref(), 1000).await?;
        let Some(last) = page.last() else { return Ok(counts) };
        after = Some(last.key.clone());
        for record in &page {
            let state = match serde_json::from_slice::<Line>(&record.value) {
                Ok(line) if line.state == "running" => "unfinished".to_owned(),
                Ok(line) => line.state,
                Err(_) => "unreadable".to_owned(),
            };
            *counts.entry(state).or_default() += 1;
        }
        tokio::task::yield_now().await;
    }
}

/// Reads everything, and holds journals and lists of runs against each other.
pub fn verify(store: Arc<dyn Upkeep>) -> UnboundedReceiver<Told> {
    let handle = tokio::runtime::Handle::current();
    work(move |tell| verify::verify(&store, &handle, tell))
}

/// Copies a store while it is in use; to another kind where one is named.
pub fn copy(store: Arc<dyn Upkeep>, to: PathBuf, kind: Option<String>) -> UnboundedReceiver<Told> {
    work(move |tell| store.copy(&to, kind.as_deref(), &mut |tally| tell(Told::Progress(tally))))
}

/// Keeps all but the newest runs in less room, and tells how far it is; an error is one sentence.
/// Dropped before it is done, it is given up.
pub async fn condense(
    store: Arc<dyn Upkeep>,
    mut progress: impl FnMut(Tally),
) -> Result<Tally, String> {
    let newest = store.runs(None, LOOSE).await.map_err(|error| sentence(&error))?;
    let Some(before) = newest.get(LOOSE - 1).cloned() else { return Ok(Tally::default()) };
    let mut told =
        work(move |tell| store.condense(RUNS, &before, &mut |tally| tell(Told::Progress(tally))));
    loop {
        match told.recv().await {
            Some(Told::Progress(tally)) => progress(tally),
            Some(Told::Done(tally)) => return Ok(tally),
            Some(Told::Failed(why)) => return Err(why),
            Some(Told::Damage(_) | Told::Removed { .. } | Told::Kept { .. }) => {}
            None => return Err("it ended before it was done".to_owned()),
        }
    }
}

type Tell<'a> = &'a mut dyn FnMut(Told) -> ControlFlow<()>;

fn work(
    work: impl FnOnce(Tell<'_>) -> Result<Tally, Error> + Send + 'static,
) -> UnboundedReceiver<Told> {
    let (sender, receiver) = unbounded_channel();
    tokio::task::spawn_blocking(move || {
        let ended = work(&mut |told| match sender.send(told) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        });
        end(&sender, ended);
    });
    receiver
}

pub(crate) fn end(sender: &UnboundedSender<Told>, ended: Result<Tally, Error>) {
    let last = match ended {
        Ok(tally) => Told::Done(tally),
        Err(error) => Told::Failed(sentence(&error)),
    };
    // Whoever has gone does not want to know.
    sender.send(last).ok();
}

pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|source| format!(": {source}"));
    format!("{error}{}", cause.unwrap_or_default())
}
