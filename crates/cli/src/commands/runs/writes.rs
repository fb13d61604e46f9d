//! The write requests of a run: which took effect, and of which nobody knows.

use jiff::Timestamp;
use linchpin_engine::event::{Found, Ruling};
use linchpin_engine::history::History;
use linchpin_engine::{Entry, Event, StepPath};
use linchpin_server::Client;

use crate::failure::Failure;
use crate::steps::print_instant;

/// What a run has sent, and what became of it.
#[derive(Debug, Default)]
pub(super) struct Writes {
    history: History,
    /// Those whose outcome is known to be an effect.
    pub(super) done: u64,
    /// Whether somebody has said of one of them that it was done: the run knows no way back.
    pub(super) has_ruled: bool,
    /// Whether there is anything that takes one of them back.
    pub(super) has_undo: bool,
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

    /// Those of which nobody knows: where, when, and the request in words.
    pub(super) fn open(&self) -> impl Iterator<Item = (&StepPath, Timestamp, &str)> {
        self.history.steps.iter().filter_map(|step| {
            let request = step.requests.last().map(String::as_str).unwrap_or_default();
            Some((&step.path, step.in_doubt?, request))
        })
    }

    /// Whether nobody knows of the write of a step.
    pub(super) fn is_open(&self, step: &str) -> bool {
        self.open().any(|(path, ..)| path.to_string() == step)
    }

    /// The steps whose writes took effect: where, the last request in words, and how many things
    /// they changed.
    pub(super) fn effects(&self) -> impl Iterator<Item = (&StepPath, &str, u64)> {
        self.history.steps.iter().filter_map(|step| {
            let request = step.requests.last()?.as_str();
            (step.changes > 0).then_some((&step.path, request, step.changes))
        })
    }

    /// Whether a step is held for something that it needs, such as a connection.
    pub(super) fn is_blocked(&self, step: &str) -> bool {
        self.history.steps.iter().any(|row| row.is_blocked && row.path.to_string() == step)
    }

    /// Who cancelled the run, and when.
    pub(super) fn cancelled(&self) -> Option<String> {
        let mut controls = self.history.controls.iter().rev();
        let (at, words) = controls.find(|(_, words)| words.starts_with("cancel"))?;
        Some(format!("{words} at {}", print_instant(*at)))
    }

    /// Those of which nobody knows, a line each.
    pub(super) fn unclear(&self) -> Vec<String> {
        let open = self.open().map(|(step, at, request)| {
            format!("{step}: {request} at {}, no clear answer", print_instant(at))
        });
        open.collect()
    }

    fn add(&mut self, entry: &Entry) {
        self.history.add(entry);
        match &entry.event {
            Event::Succeeded(succeeded) => {
                let wrote = succeeded.wrote.as_ref().is_some_and(|wrote| wrote.effect.is_write());
                self.done += u64::from(wrote);
            }
            Event::Verified { verdict, .. } => {
                self.done += u64::from(!matches!(verdict, Found::NotDone));
            }
            Event::Resolved { ruling: Ruling::Done(_), .. } => {
                self.done += 1;
                self.has_ruled = true;
            }
            Event::Undoable(undoable) => self.has_undo |= undoable.problem.is_none(),
            _ => {}
        }
    }
}
