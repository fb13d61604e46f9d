//! How often processes ended while calls of a run were under way and nothing came of them. A run
//! that takes its process down again and again is not started once more: its steps are held.

use linchpin_engine::command::Command;
use linchpin_engine::store::{Expect, RecordWrite};
use linchpin_engine::{Event, RunId};
use serde::{Deserialize, Serialize};

use super::{Driver, Halt};
use crate::host::leaves;

/// The collection of the runs that were brought back with calls under way, by run.
const CRASHES: &str = "crashes";
/// After so many ends of a process the steps are held.
const MOST: u32 = 5;

/// What is known of the ends of processes that drove a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crashes {
    /// This is the first process that drives it.
    None,
    /// It was brought back, and has started no call yet.
    Uncounted,
    /// It was brought back, and its calls under way are counted.
    Counted,
}

/// What is on disk about it.
#[derive(Serialize, Deserialize)]
struct Ended {
    /// How many entries the journal had.
    position: u64,
    /// How often a process ended with no more of them.
    times: u32,
}

impl Crashes {
    /// Forgets what is on disk, if there can be anything.
    pub(super) fn record(self, run: &RunId) -> Option<RecordWrite> {
        let (collection, key) = (CRASHES.to_owned(), run.to_string());
        (self != Self::None).then_some(RecordWrite { collection, key, value: None })
    }
}

impl Driver {
    /// The commands that are to be carried out, and whether that is all of them. The first calls
    /// of a run that was brought back are counted, and held after too many ends of a process.
    pub(super) async fn spared(
        &mut self,
        mut commands: Vec<Command>,
    ) -> Result<(Vec<Command>, bool), Halt> {
        let calls: Vec<_> = commands.iter().filter_map(leaves).cloned().collect();
        if self.crashes != Crashes::Uncounted || calls.is_empty() {
            return Ok((commands, true));
        }
        self.crashes = Crashes::Counted;
        let times = self.count_crash().await?;
        if times < MOST {
            return Ok((commands, true));
        }
        commands.retain(|command| leaves(command).is_none());
        for path in calls {
            let reason = format!(
                "the process ended {times} times while it was under way, and nothing came of it: \
                 `linchpin runs resume` lets it try again"
            );
            self.record(Event::Held { path, reason, limit: None, blocked: true })?;
        }
        Ok((commands, false))
    }

    /// Counts one more end, unless entries were added since the last.
    async fn count_crash(&mut self) -> Result<u32, Halt> {
        let (store, key) = (&self.shared.store, self.id.as_str());
        let before = store.get(CRASHES, key).await?;
        let before = before.and_then(|record| serde_json::from_slice::<Ended>(&record.value).ok());
        let before = before.filter(|before| before.position == self.saved);
        let times = before.map_or(1, |before| before.times + 1);
        let value = serde_json::to_vec(&Ended { position: self.saved, times })?;
        store.put(CRASHES, key, value, Expect::Anything).await?;
        Ok(times)
    }

    /// A process that ends as it should is no crash.
    pub(super) async fn forget_crashes(&mut self) {
        if self.is_stopping && self.crashes == Crashes::Counted && self.run.outcome().is_none() {
            // Where the store refuses, one end too many is counted.
            let forgotten =
                self.shared.store.delete(CRASHES, self.id.as_str(), Expect::Anything).await;
            if let Err(error) = forgotten {
                tracing::debug!(run = %self.id, "its count of crashes stays: {error}");
            }
        }
    }
}
