//! Null tests: where a value that can be null was looked at before it is read.

use linchpin_language::{Expression, Reference};

use super::Checker;
use super::sight::Hop;
use crate::flow::{Arm, StepKind};

/// Whether a null test stands around a reference: in the same expression, in the `if` of its step
/// or of a branch around it; or a test of what the skipped step itself depended on.
pub(super) fn is_guarded(
    checker: &Checker<'_>,
    trail: &[Hop<'_>],
    beside: &[Reference],
    reference: &Reference,
) -> bool {
    if reference.guarded {
        return true;
    }
    let around = conditions(trail);
    let tests_it = |test: &&Expression| {
        test.references()
            .iter()
            .any(|other| other.root == reference.root && (other.guarded || other.path.is_empty()))
    };
    if around.iter().any(tests_it) {
        return true;
    }
    let Some(skipped) = checker.places.get(reference.root.as_str()) else {
        return false;
    };
    let reasons = conditions(skipped);
    let mut read = reasons.iter().flat_map(|reason| reason.references()).peekable();
    read.peek().is_some()
        && read.all(|reason| {
            let same = |other: &Reference| other.root == reason.root && other.path == reason.path;
            beside.iter().any(same) || around.iter().any(|test| test.references().iter().any(same))
        })
}

/// The conditions under which a place is reached.
fn conditions<'f>(trail: &[Hop<'f>]) -> Vec<&'f Expression> {
    let mut found = Vec::new();
    for (depth, hop) in trail.iter().enumerate() {
        found.extend(hop.step().and_then(|step| step.guard.as_ref()).map(|guard| &guard.value));
        let (Some(step), Some(inner)) = (hop.step(), trail.get(depth + 1)) else { continue };
        let tests: Vec<&Expression> = match &step.kind {
            StepKind::If(branch) => branch.arms.iter().map(|(test, _)| &test.value).collect(),
            StepKind::Decide(decide) => decide.rows.iter().map(|row| &row.when.value).collect(),
            _ => continue,
        };
        // Those before it did not hold.
        found.extend(match inner.arm {
            Arm::Then(at) | Arm::Row(at) => tests.into_iter().take(at + 1).collect::<Vec<_>>(),
            _ => tests,
        });
    }
    found
}
