//! `undo: all`: the calls that take back what the run has changed, newest first.
//!
//! The calls themselves belong to the run (`run/rollback.rs`): the step begins them and waits.

use std::sync::Arc;

use linchpin_language::json;

use crate::event::Decision;
use crate::run::scan::Scan;

/// Begins.
pub(crate) fn start(scan: &mut Scan<'_>) {
    scan.decide(Decision::Undo);
}

/// Ends when all of them have, as failed when something is left.
pub(crate) fn go_on(scan: &mut Scan<'_>) {
    let Some((n_undone, failures)) = scan.run.rolled_back() else { return };
    let Some(first) = failures.first() else {
        return scan.decide(Decision::Outputs(Arc::new(json!({ "undone": n_undone }))));
    };
    let n_all = n_undone + failures.len();
    let n_left = failures.len();
    let message = format!("{n_left} of {n_all} changes could not be taken back: {}", first.message);
    let mut error = crate::error::RunError::new(first.kind, message, &scan.path);
    error.others = failures;
    scan.decide(Decision::Failed(error));
}
