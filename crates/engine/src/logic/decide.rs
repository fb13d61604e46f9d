//! `decide:`, a decision table: the first row that holds, or each one.

use std::sync::Arc;

use linchpin_language::{Truth, Value, unknown};
use serde::{Deserialize, Serialize};

use crate::event::{Decision, HeldRow};
use crate::flow::{Answer, Arm, Block, Decide, Match, Step};
use crate::run::scan::{Place, Scan};
use crate::run::state::{Effects, List, Over, Stop};

/// The rows of a decision whose steps run, one row after the other.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rows {
    pub(crate) lists: Vec<(HeldRow, List)>,
    result: Arc<Value>,
}

/// Reads all conditions that matter and renders the results, before any step of a row.
pub(crate) fn start(scan: &mut Scan<'_>, place: Place<'_>, decide: &Decide) {
    let mut held = Vec::new();
    let mut surely = false;
    for (at, row) in decide.rows.iter().enumerate() {
        let may = match row.when.value.eval_bool(place.env) {
            Ok(Truth::False) => continue,
            Ok(Truth::True) => false,
            Ok(Truth::Unknown) => true,
            Err(error) => {
                return scan.decide_unreadable(&format!("when of row {}", at + 1), &error);
            }
        };
        surely |= !may;
        held.push((Arm::Row(at), may, &row.answer));
        if surely && decide.matching == Match::First {
            break;
        }
    }
    if let Some(default) = decide.default.as_ref().filter(|_| !surely) {
        held.push((Arm::Default, !held.is_empty(), default));
    }
    // Where only one row can count, each of several that are left is no more than possible.
    if decide.matching == Match::First && held.len() > 1 {
        held.iter_mut().for_each(|(_, may, _)| *may = true);
    }
    let mut results = Vec::new();
    for (row, _, answer) in &held {
        let Some(result) = &answer.result else { continue };
        match result.value.render(place.env) {
            Ok(value) => results.push(value),
            Err(error) => return scan.decide_unreadable(&format!("result of {row}"), &error),
        }
    }
    let is_unknown = held.iter().any(|(_, may, _)| *may);
    let result = match decide.matching {
        _ if is_unknown => {
            let path = &scan.path;
            unknown(&format!("result of {path}"), "any", &format!("what {path} decides"))
        }
        Match::First => results.pop().unwrap_or(Value::Null),
        Match::All => Value::Array(results),
    };
    let rows = held.into_iter().map(|(row, may, answer)| held_row(row, may, answer));
    scan.decide(Decision::Rows { rows: rows.collect(), result: Arc::new(result) });
}

fn held_row(row: Arm, may: bool, answer: &Answer) -> HeldRow {
    HeldRow { row, steps: !answer.steps.steps.is_empty(), may }
}

/// Goes on in the first row that is not over.
pub(crate) fn go_on(scan: &mut Scan<'_>, place: Place<'_>, step: &Step, rows: &Rows) {
    let before = scan.may;
    for (row, list) in &rows.lists {
        scan.may = before || row.may;
        scan.arm(place, step, row.row, list);
        if !list.is_over() {
            break;
        }
    }
    scan.may = before;
}

impl Rows {
    pub(crate) fn new(step: &Step, rows: &[HeldRow], result: Arc<Value>) -> Self {
        let open = |row: &HeldRow| Some((*row, List::new(step.block(row.row)?)));
        let lists = rows.iter().filter(|row| row.steps).filter_map(open).collect();
        Self { lists, result }
    }

    pub(crate) fn list(&self, arm: Arm) -> Option<&List> {
        self.lists.iter().find(|(row, _)| row.row == arm).map(|(_, list)| list)
    }

    pub(crate) fn list_mut(&mut self, arm: Arm) -> Option<&mut List> {
        self.lists.iter_mut().find(|(row, _)| row.row == arm).map(|(_, list)| list)
    }

    /// Whether it is unknown that the row holds (dry runs only).
    pub(crate) fn may(&self, arm: Arm) -> bool {
        self.lists.iter().any(|(row, _)| row.row == arm && row.may)
    }

    pub(crate) fn halt(&mut self, step: &Step, effects: &mut Effects) {
        halt_all(&mut self.lists, step, effects);
    }

    /// What stops the list around it, and the output, once it is over: rows behind one that was
    /// stopped do not begin.
    pub(crate) fn outcome(&mut self, step: &Step, effects: &mut Effects) -> Option<Over> {
        for at in 0..self.lists.len() {
            if let Some(stop) = self.lists[at].1.outcome()? {
                halt_all(&mut self.lists[at + 1..], step, effects);
                return Some((Some(stop), None));
            }
        }
        Some((None, Some(Arc::clone(&self.result))))
    }
}

fn halt_all(lists: &mut [(HeldRow, List)], step: &Step, effects: &mut Effects) {
    for (row, list) in lists {
        let block: Option<&Block> = step.block(row.row);
        if let Some(block) = block.filter(|_| !list.is_over()) {
            list.halt(block, Stop::cancel(), effects);
        }
    }
}
