//! The rows that simulated writes would have added or taken away, by connection and collection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use linchpin_connector::{ActionSpec, Overlay, SimulatedRow};

/// All simulated rows of a dry run.
#[derive(Debug, Default)]
pub(super) struct Simulations {
    by_alias: BTreeMap<String, Vec<Row>>,
}

#[derive(Clone, Debug)]
struct Row {
    row: SimulatedRow,
    /// Whether the write is one that may run.
    may: bool,
}

/// Those of one connection, as its reads see them.
#[derive(Debug)]
pub(super) struct Bound {
    rows: Vec<Row>,
    /// Whether the step that reads may run itself: what may have been written before it is seen
    /// by it then, as by the steps beside the write.
    may: bool,
    /// Whether something was read of which it is not certain that it is there.
    is_uncertain: AtomicBool,
}

impl Simulations {
    /// What a step sees; `may` when it is one that may run.
    pub(super) fn bound(&self, alias: &str, may: bool) -> Bound {
        let rows = self.by_alias.get(alias).cloned().unwrap_or_default();
        Bound { rows, may, is_uncertain: AtomicBool::new(false) }
    }

    pub(super) fn add(&mut self, alias: &str, rows: Vec<SimulatedRow>, may: bool) {
        let rows = rows.into_iter().map(|row| Row { row, may });
        self.by_alias.entry(alias.to_owned()).or_default().extend(rows);
    }
}

impl Bound {
    /// Whether a read may differ from what the real run will see: it names no collection, or what
    /// it reads may or may not be written before it.
    pub(super) fn may_differ(&self, spec: &ActionSpec) -> bool {
        let is_changed = !self.rows.is_empty() && spec.collections.is_empty();
        is_changed || self.is_uncertain.load(Ordering::Relaxed)
    }

    /// Whether what was read may or may not be written before it.
    pub(super) fn is_uncertain(&self) -> bool {
        self.is_uncertain.load(Ordering::Relaxed)
    }
}

impl Overlay for Bound {
    fn rows(&self, collection: &str) -> Vec<SimulatedRow> {
        let mut seen = Vec::new();
        for one in self.rows.iter().filter(|one| one.row.collection == collection) {
            if one.may && !self.may {
                self.is_uncertain.store(true, Ordering::Relaxed);
            } else {
                seen.push(one.row.clone());
            }
        }
        seen
    }
}
