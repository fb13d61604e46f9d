//! Who waits for a budget, in an order that is fair between runs.
//!
//! Each run counts its own turns. Who joins gets the turn after its run's last one, but none that is
//! over already; the lowest turn is served first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::Notify;

use super::caller::Caller;

/// Those who wait.
#[derive(Default)]
pub(super) struct Queue {
    waiting: BTreeMap<(u64, u64), Arc<Notify>>,
    /// The last turn that each run has taken or waits for.
    last: HashMap<Arc<str>, u64>,
    /// The turn that is served.
    now: u64,
    n_joined: u64,
}

/// A place in the queue.
pub(super) struct Place {
    key: (u64, u64),
    /// Told when it may be first.
    pub(super) turn: Arc<Notify>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// A place for the run that asks.
    pub(super) fn join(&mut self) -> Place {
        let run = Caller::present().map_or_else(|| Arc::from(""), |caller| Arc::clone(&caller.run));
        let last = self.last.entry(run).or_insert(0);
        *last = (*last).max(self.now) + 1;
        self.n_joined += 1;
        let place = Place { key: (*last, self.n_joined), turn: Arc::default() };
        self.waiting.insert(place.key, place.turn.clone());
        place
    }

    pub(super) fn is_first(&self, place: &Place) -> bool {
        self.waiting.first_key_value().is_some_and(|(key, _)| *key == place.key)
    }

    /// Leaves, served or not; whoever is first then is told.
    pub(super) fn quit(&mut self, place: &Place) {
        if self.is_first(place) {
            self.now = self.now.max(place.key.0);
        }
        self.waiting.remove(&place.key);
        match self.waiting.first_key_value() {
            Some((_, turn)) => turn.notify_one(),
            None => *self = Self { n_joined: self.n_joined, ..Self::default() },
        }
    }
}
