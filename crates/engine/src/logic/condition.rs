//! `if` / `then` / `else_if` / `else`.

use linchpin_language::Truth;

use crate::event::Decision;
use crate::flow::{Arm, If};
use crate::run::scan::{Place, Scan};

/// Reads the conditions in order. Unknown ones (dry runs only) leave several arms open: those
/// up to the first that surely holds.
pub(crate) fn start(scan: &mut Scan<'_>, place: Place<'_>, branch: &If) {
    let mut open = Vec::new();
    for (at, (condition, _)) in branch.arms.iter().enumerate() {
        match condition.value.eval_bool(place.env) {
            Ok(Truth::False) => {}
            Ok(Truth::True) => return decide(scan, open, Some(Arm::Then(at))),
            Ok(Truth::Unknown) => open.push(Arm::Then(at)),
            Err(error) => return scan.decide_unreadable("if", &error),
        }
    }
    decide(scan, open, branch.otherwise.as_ref().map(|_| Arm::Else));
}

fn decide(scan: &mut Scan<'_>, mut open: Vec<Arm>, last: Option<Arm>) {
    if open.is_empty() {
        return scan.decide(Decision::Arm(last));
    }
    open.extend(last);
    scan.decide(Decision::Arms(open));
}
