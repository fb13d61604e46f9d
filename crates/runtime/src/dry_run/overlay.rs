//! The rows that simulated writes would have added or taken away, by connection and collection.

use std::collections::BTreeMap;

use linchpin_connector::{ActionSpec, Overlay, SimulatedRow};

/// All simulated rows of a dry run.
#[derive(Debug, Default)]
pub(super) struct Simulations {
    by_alias: BTreeMap<String, Vec<SimulatedRow>>,
}

/// Those of one connection, as its reads see them.
#[derive(Debug)]
pub(super) struct Bound {
    rows: Vec<SimulatedRow>,
}

impl Simulations {
    pub(super) fn bound(&self, alias: &str) -> Bound {
        Bound { rows: self.by_alias.get(alias).cloned().unwrap_or_default() }
    }

    pub(super) fn add(&mut self, alias: &str, rows: Vec<SimulatedRow>) {
        self.by_alias.entry(alias.to_owned()).or_default().extend(rows);
    }
}

impl Bound {
    /// Whether a read that names no collection may differ from what the real run will see.
    pub(super) fn is_changed_without_collection(&self, spec: &ActionSpec) -> bool {
        !self.rows.is_empty() && spec.collections.is_empty()
    }
}

impl Overlay for Bound {
    fn rows(&self, collection: &str) -> Vec<SimulatedRow> {
        self.rows.iter().filter(|row| row.collection == collection).cloned().collect()
    }
}
