//! The rows of all three systems; each table is seeded the first time it is looked at.

use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::identity::Identity;
use crate::state_file::Change;

/// Rows by key, in the order they were made.
pub(crate) type Rows = Map<String, Value>;

/// What a seeder may know: nothing else can make two starts differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeedContext {
    pub(crate) identity: Identity,
    /// The start of this sandbox.
    pub(crate) now: Timestamp,
}

/// One table: its name and how it is filled.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) seed: fn(&SeedContext) -> Rows,
}

/// A table that begins empty.
pub(crate) fn nothing(_: &SeedContext) -> Rows {
    Rows::new()
}

/// Counters and other bookkeeping, by name.
pub(crate) const COUNTERS: &str = "sandbox/counters";

/// All tables.
#[derive(Debug)]
pub(crate) struct Tables {
    context: SeedContext,
    cells: Vec<(&'static Table, OnceLock<Rows>)>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

static BOOKKEEPING: [Table; 1] = [Table { name: COUNTERS, seed: nothing }];

impl Tables {
    pub(crate) fn new(context: SeedContext) -> Self {
        let all = BOOKKEEPING
            .iter()
            .chain(&crate::litmos::TABLES)
            .chain(&crate::servicenow::TABLES)
            .chain(&crate::sumtotal::TABLES)
            .chain(&crate::webhooks::TABLES);
        Tables { context, cells: all.map(|table| (table, OnceLock::new())).collect() }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.cells.iter().map(|(table, _)| table.name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// The rows of a table.
    ///
    /// # Panics
    /// When no table has that name: a mistake in this crate.
    pub(crate) fn rows(&self, name: &str) -> &Rows {
        let found = self.cells.iter().find(|(table, _)| table.name == name);
        let (table, cell) = found.expect("every table that is named is declared");
        cell.get_or_init(|| (table.seed)(&self.context))
    }

    /// Puts or removes one row; one of a table that does not exist (any more) is let go.
    pub(crate) fn apply(&mut self, change: &Change) {
        if !self.has(&change.table) {
            return;
        }
        self.rows(&change.table);
        let cell = self.cells.iter_mut().find(|(table, _)| table.name == change.table);
        let Some(rows) = cell.and_then(|(_, cell)| cell.get_mut()) else { return };
        match &change.row {
            Some(row) => {
                rows.insert(change.key.clone(), row.clone());
            }
            None => {
                rows.shift_remove(&change.key);
            }
        }
    }
}
