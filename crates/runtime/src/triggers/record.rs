//! Starts flows for records that were made or changed.
//!
//! Each trigger looks at its stream every so often and keeps, in the store, how far it has come.
//! Its own place only moves on when the runs of a look are on disk, and each change has a run key
//! of its own, so a change starts one run however often the process dies in between. A record that
//! changes twice between two looks is seen once, as it is then.

mod place;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_engine::flow::Trigger;
use linchpin_engine::store::Expect;
use tokio::sync::watch as signal;
use tokio::task::{AbortHandle, JoinSet};

use self::watch::Watch;
use super::Tell;
use crate::host::{Error, Host};

/// The collection of how far each record trigger has come, by flow and place in it.
const PLACES: &str = "records";
/// How many places are read at a time.
const PAGE: usize = 256;

/// The record triggers of the enabled flows of a host.
pub struct Records {
    host: Host,
    tell: Tell,
    watches: BTreeMap<String, (String, AbortHandle)>,
    tasks: JoinSet<Result<(), Error>>,
}

impl Records {
    /// Over a host. What keeps a trigger from looking is told, once each time it begins and ends.
    pub fn new(host: Host, tell: Tell) -> Self {
        Self { host, tell, watches: BTreeMap::new(), tasks: JoinSet::new() }
    }

    /// Looks for changed records, until `stop` changes.
    pub async fn run(mut self, mut stop: signal::Receiver<bool>) -> Result<(), Error> {
        let mut changed = self.host.flow_changes();
        if self.host.flows().are_all() {
            self.forget_others().await?;
        }
        self.follow_flows();
        loop {
            tokio::select! {
                // The host holds the sender, and this holds the host.
                _ = changed.changed() => {
                    for gone in self.follow_flows() {
                        self.host.store().delete(PLACES, &gone, Expect::Anything).await?;
                    }
                }
                Some(ended) = self.tasks.join_next() => match ended {
                    Ok(Err(error)) => return Err(error),
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    // A trigger that is gone, or has changed.
                    Ok(Ok(())) | Err(_) => {}
                },
                _ = stop.changed() => return Ok(()),
            }
        }
    }

    /// Begins with triggers that are new or have changed, and ends those that are gone; their names.
    fn follow_flows(&mut self) -> Vec<String> {
        let mut old = std::mem::take(&mut self.watches);
        for watch in self.wanted() {
            let (name, kind) = (watch.name.clone(), watch.kind());
            let task = match old.remove(&name) {
                Some((same, task)) if same == kind => task,
                known => {
                    if let Some((_, task)) = known {
                        task.abort();
                    }
                    self.tasks.spawn(watch.run())
                }
            };
            self.watches.insert(name, (kind, task));
        }
        old.values().for_each(|(_, task)| task.abort());
        old.into_keys().collect()
    }

    fn wanted(&self) -> Vec<Watch> {
        let mut wanted = Vec::new();
        for loaded in self.host.flows().iter().filter(|loaded| loaded.flow.enabled) {
            for (at, trigger) in loaded.flow.triggers.iter().enumerate() {
                if let Trigger::Record(record) = &trigger.value {
                    let host = self.host.clone();
                    wanted.push(Watch::new(host, Arc::clone(loaded), at, record, &self.tell));
                }
            }
        }
        wanted
    }

    /// Forgets the places of triggers that are there no more: one that comes back begins anew.
    async fn forget_others(&self) -> Result<(), Error> {
        let wanted: Vec<String> = self.wanted().into_iter().map(|watch| watch.name).collect();
        let mut after: Option<String> = None;
        loop {
            let page = self.host.store().list(PLACES, "", after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for record in page.iter().filter(|record| !wanted.contains(&record.key)) {
                self.host.store().delete(PLACES, &record.key, Expect::Anything).await?;
            }
        }
    }
}
