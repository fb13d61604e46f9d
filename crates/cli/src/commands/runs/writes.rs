//! The write requests of a run: which took effect, and of which nobody knows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use linchpin_connector::WriteState;
use linchpin_engine::event::{Found, Ruling};
use linchpin_engine::{Entry, Event, StepPath};
use linchpin_server::Client;

use crate::failure::Failure;
use crate::steps::print_instant;

/// A write request that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) at: Timestamp,
    pub(super) request: String,
}

/// What a run has sent, and what became of it.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// Those whose outcome is known to be an effect.
    pub(super) done: u64,
    /// Those of which nobody knows.
    pub(super) open: BTreeMap<StepPath, Sent>,
}

impl Writes {
    /// What the journal of a run says of them.
    pub(super) async fn of(client: &Client, run: &str) -> Result<Self, Failure> {
        let mut writes = Self::default();
        let mut lines = client.lines(&format!("/v1/runs/{run}/journal")).await?;
        while let Some(line) = lines.next().await? {
            let entry: Entry = serde_json::from_value(line)
                .map_err(|error| Failure::because("the journal is of another version", &error))?;
            writes.add(&entry);
        }
        Ok(writes)
    }

    /// Those of which nobody knows, a line each.
    pub(super) fn unclear(&self) -> Vec<String> {
        let open = self.open.iter().map(|(step, sent)| {
            format!("{step}: {} at {}, no clear answer", sent.request, print_instant(sent.at))
        });
        open.collect()
    }

    fn add(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Intended(intended) => {
                let sent = Sent { at: entry.at, request: intended.request.clone() };
                self.open.insert(intended.path.clone(), sent);
            }
            Event::Succeeded(succeeded) if succeeded.wrote.is_some() => {
                self.open.remove(&succeeded.path);
                self.done += 1;
            }
            Event::Verified { path, verdict } => {
                self.open.remove(path);
                self.done += u64::from(!matches!(verdict, Found::NotDone));
            }
            Event::Failed(failed) if failed.error.write == WriteState::None => {
                self.open.remove(&failed.path);
            }
            // Whoever says that it has failed does not say that nothing happened.
            Event::Resolved { path, ruling: Ruling::Done(_) | Ruling::GoOn, .. } => {
                self.open.remove(path);
            }
            _ => {}
        }
    }
}
