//! What a host has acknowledged, and what must be true of it for ever after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::Look;
use linchpin_engine::event::{Decision, Found, Ruling};
use linchpin_engine::{Entry, Event, RunId, StepPath};
use linchpin_language::Value;

use super::actions::part_of;
use super::world::World;

/// What was heard of the runs, each entry after it was said to be on disk.
pub(super) struct Told {
    /// A broken driver is found by what it does, not by its journal.
    is_mutant: bool,
    heard: BTreeMap<RunId, u64>,
    open: BTreeSet<RunId>,
    intended: BTreeMap<(RunId, StepPath), (Arc<Look>, u32)>,
    cursors: BTreeMap<(RunId, StepPath), u64>,
}

impl Told {
    pub(super) fn new(is_mutant: bool) -> Self {
        Self {
            is_mutant,
            heard: BTreeMap::new(),
            open: BTreeSet::new(),
            intended: BTreeMap::new(),
            cursors: BTreeMap::new(),
        }
    }

    /// The runs that have not ended, as far as was heard.
    pub(super) fn open(&self) -> Vec<RunId> {
        self.open.iter().cloned().collect()
    }

    /// The part of a write that was intended last, as the ledger knows it.
    pub(super) fn intended(&self, run: &RunId, path: &StepPath) -> Option<String> {
        let (look, chunk) = self.intended.get(&(run.clone(), path.clone()))?;
        Some(part_of(&format!("{run}/{path}"), look, *chunk))
    }

    /// An entry was acknowledged.
    pub(super) fn hear(&mut self, run: &RunId, entry: &Entry, world: &World) {
        world
            .lock()
            .note(format!("{} {run} {:?}", entry.at, entry.event).chars().take(400).collect());
        *self.heard.entry(run.clone()).or_default() += 1;
        let over = |path: &StepPath| format!("{run}/{path} over");
        match &entry.event {
            Event::Accepted(_) => {
                self.open.insert(run.clone());
            }
            Event::Ended { .. } => {
                self.open.remove(run);
            }
            Event::Intended(intended) => {
                let place = (run.clone(), intended.path.clone());
                self.intended.insert(place, (Arc::clone(&intended.look), intended.chunk));
            }
            Event::Succeeded(succeeded) => {
                let part = self.intended(run, &succeeded.path);
                let part = part.filter(|_| succeeded.wrote.is_some());
                let over = succeeded.output.is_some().then(|| over(&succeeded.path));
                world.lock().acknowledged.extend(part.into_iter().chain(over));
            }
            Event::Verified { path, verdict: Found::Done(_) } => {
                let part = self.intended(run, path);
                world.lock().acknowledged.extend(part);
            }
            Event::Resolved { path, ruling: Ruling::Done(_), .. } => {
                world.lock().acknowledged.insert(over(path));
            }
            Event::Page { path, cursor, .. } => {
                let place = (run.clone(), path.clone());
                let at = self.cursors.get(&place).copied().unwrap_or_default();
                world.lock().acknowledged.insert(format!("{run}/{path} page {at}"));
                self.cursors.insert(place, cursor.as_ref().and_then(Value::as_u64).unwrap_or(at));
            }
            Event::Begun
            | Event::Captured(_)
            | Event::Decided { .. }
            | Event::Failed(_)
            | Event::Verified { .. }
            | Event::Woke { .. }
            | Event::Answered { .. }
            | Event::Approval { .. }
            | Event::Signalled { .. }
            | Event::Undoable(_)
            | Event::Held { .. }
            | Event::Resolved { .. }
            | Event::Controlled { .. } => {}
        }
    }

    /// After a crash all that was acknowledged is there. What is there beyond it was on disk when
    /// the process died, and nobody has heard of it.
    pub(super) fn crashed(&mut self, on_disk: &[(RunId, Vec<Entry>)], world: &World) {
        let on_disk: BTreeMap<&RunId, &[Entry]> =
            on_disk.iter().map(|(run, entries)| (run, entries.as_slice())).collect();
        for (run, heard) in &self.heard {
            let there = on_disk.get(run).map_or(0, |entries| entries.len() as u64);
            if there < *heard && !self.is_mutant {
                let what = format!("{heard} entries of {run} were acknowledged, {there} are there");
                world.lock().violates(what);
            }
        }
        for (run, entries) in on_disk {
            let heard = self.heard.get(run).copied().unwrap_or_default();
            let heard = usize::try_from(heard).unwrap_or(usize::MAX).min(entries.len());
            for entry in &entries[heard..] {
                self.hear(run, entry, world);
            }
            self.heard.insert(run.clone(), entries.len() as u64);
        }
    }

    /// At the end every run has ended, each write that is said to be done is done once, and each
    /// timer has fired once.
    pub(super) fn ended(&self, on_disk: &[(RunId, Vec<Entry>)], world: &World) {
        let mut inner = world.lock();
        if !inner.violations.is_empty() {
            return;
        }
        for run in self.heard.keys() {
            let entries = on_disk.iter().find(|(own, _)| own == run).map(|(_, entries)| entries);
            let last = entries.and_then(|entries| entries.last()).map(|entry| &entry.event);
            if !matches!(last, Some(Event::Ended { .. })) {
                inner.violates(format!("{run} was accepted and never ended: {last:?}"));
            }
        }
        let acknowledged: Vec<String> = inner.acknowledged.iter().cloned().collect();
        for part in acknowledged.iter().filter(|key| key.contains(" #")) {
            if !inner.is_written(part) {
                inner.violates(format!("{part} was acknowledged as written and is not there"));
            }
        }
        for (run, entries) in on_disk {
            for what in fired_twice(entries) {
                inner.violates(format!("{run}: {what}"));
            }
        }
    }
}

/// Timers that fired more often than they were set.
fn fired_twice(entries: &[Entry]) -> Vec<String> {
    let mut set: BTreeMap<StepPath, BTreeSet<Timestamp>> = BTreeMap::new();
    let mut twice = Vec::new();
    for entry in entries {
        match &entry.event {
            Event::Decided { path, decision } => {
                let at = match decision {
                    Decision::Until(at) | Decision::Again(at) | Decision::Deadline(at) => *at,
                    _ => continue,
                };
                set.entry(path.clone()).or_default().insert(at);
            }
            Event::Failed(failed) => {
                set.entry(failed.path.clone()).or_default().extend(failed.next);
            }
            // The flow's own time: it is set by its beginning.
            Event::Begun => {
                set.entry(StepPath::default()).or_default().insert(entry.at);
            }
            Event::Woke { path } => {
                let was_set = set.entry(path.clone()).or_default().pop_first();
                let message = || format!("the timer of {path} fired twice");
                twice.extend(was_set.is_none().then(message));
            }
            _ => {}
        }
    }
    twice
}
