//! What is known at a place of the flow: the conditions under which it is reached hold there, and
//! those that would have ended the flow before it do not.

use linchpin_language::{Expression, Facts, Reference, Span};

use super::Checker;
use super::sight::Hop;
use crate::flow::{Arm, Block, Decide, If, Located, Match, OnError, Step, StepKind};

/// A condition, and whether it holds.
type Fact<'f> = (&'f Expression, bool);

/// All that is known where something is read. `span` is the place of it: a condition does not
/// vouch for itself.
pub(super) fn facts<'c>(
    checker: &Checker<'c>,
    trail: &[Hop<'c>],
    span: Span,
    read: &[Reference],
) -> Facts<'c> {
    let mut facts = Facts::default();
    for (condition, holds) in conditions(checker, trail, span) {
        facts.assume(condition, holds);
    }
    // A step that was skipped for a reason that does not hold here is there.
    let mut asked: Vec<&str> = Vec::new();
    for reference in read {
        let root = reference.root.as_str();
        if !asked.contains(&root) {
            asked.push(root);
            if let Some(reasons) = reasons(checker, root, trail) {
                facts.know_if(root, &reasons);
            }
        }
    }
    facts
}

/// On what it depends that a step has given an output here; `None` when conditions do not tell.
fn reasons<'c>(checker: &Checker<'c>, id: &str, trail: &[Hop<'c>]) -> Option<Vec<Fact<'c>>> {
    let place = checker.places.get(id)?;
    let common = trail.iter().zip(place).take_while(|(a, b)| a.is_same(b)).count();
    let step = place.last().and_then(Hop::step)?;
    if !matches!(step.on_error, OnError::Stop) {
        return None;
    }
    let mut reasons = Vec::new();
    for (depth, hop) in place.iter().enumerate().skip(common) {
        reasons.extend(hop.step().and_then(|step| step.guard.as_ref()).map(|g| (&g.value, true)));
        let Some(inner) = place.get(depth + 1) else { continue };
        match hop.step().map(|step| &step.kind) {
            Some(StepKind::If(branch)) => reasons.extend(of_arm(branch, inner.arm)),
            _ => return None,
        }
    }
    (!reasons.is_empty()).then_some(reasons)
}

/// The conditions under which a place is reached, outer before inner.
fn conditions<'c>(checker: &Checker<'c>, trail: &[Hop<'c>], span: Span) -> Vec<Fact<'c>> {
    let mut found = Vec::new();
    for (depth, hop) in trail.iter().enumerate() {
        let is_past_end = hop.at >= hop.block.steps.len();
        for (at, step) in hop.block.steps.iter().enumerate() {
            if is_past_end || checker.ancestors[hop.block.index].contains(hop.at, at) {
                found.extend(passed(step, is_past_end));
            }
        }
        let Some(step) = hop.step() else { continue };
        if let Some(guard) = step.guard.as_ref().filter(|guard| guard.span != span) {
            found.push((&guard.value, true));
        }
        let inner = trail.get(depth + 1).map(|inner| inner.arm);
        found.extend(match (&step.kind, inner) {
            (StepKind::If(branch), Some(arm)) => of_arm(branch, arm),
            (StepKind::If(branch), None) => before_test(branch, span),
            (StepKind::Decide(decide), Some(arm)) => of_row(decide, arm),
            _ => Vec::new(),
        });
    }
    found
}

/// What holds where a row of a decision counts.
fn of_row(decide: &Decide, arm: Arm) -> Vec<Fact<'_>> {
    let rows = decide.rows.iter();
    match arm {
        Arm::Row(taken) => rows
            .enumerate()
            .filter(|(at, _)| *at == taken || (*at < taken && decide.matching == Match::First))
            .map(|(at, row)| (&row.when.value, at == taken))
            .collect(),
        Arm::Default => rows.map(|row| (&row.when.value, false)).collect(),
        _ => Vec::new(),
    }
}

/// The tests before one of an `if` did not hold when it is read.
fn before_test(branch: &If, span: Span) -> Vec<Fact<'_>> {
    let is_test = |(test, _): &(Located<Expression>, Block)| test.span == span;
    let Some(at) = branch.arms.iter().position(is_test) else { return Vec::new() };
    branch.arms[..at].iter().map(|(test, _)| (&test.value, false)).collect()
}

/// What holds in an arm of an `if`.
fn of_arm(branch: &If, arm: Arm) -> Vec<Fact<'_>> {
    let tests = branch.arms.iter();
    match arm {
        Arm::Then(taken) => tests
            .enumerate()
            .filter(|(at, _)| *at <= taken)
            .map(|(at, (test, _))| (&test.value, at == taken))
            .collect(),
        Arm::Else => tests.map(|(test, _)| (&test.value, false)).collect(),
        _ => Vec::new(),
    }
}

/// What is known behind a step: had it held, nothing would have come after it. Outputs and what
/// else is read past the end of a list are read after an `end` or a `next` as well.
fn passed(step: &Step, is_past_end: bool) -> Vec<Fact<'_>> {
    let mut found = Vec::new();
    match &step.kind {
        StepKind::If(branch) if step.guard.is_none() && matches!(step.on_error, OnError::Stop) => {
            let stops = |block: &Block| never_goes_on(block, is_past_end);
            let ending = branch.arms.iter().take_while(|(_, block)| stops(block));
            found.extend(ending.map(|(test, _)| (&test.value, false)));
            if let ([(test, _)], Some(otherwise)) = (branch.arms.as_slice(), &branch.otherwise)
                && stops(otherwise)
            {
                found.push((&test.value, true));
            }
        }
        _ if stops(step, is_past_end) => {
            found.extend(step.guard.as_ref().map(|guard| (&guard.value, false)));
        }
        _ => {}
    }
    found
}

/// Whether nothing surely comes after a list.
fn never_goes_on(block: &Block, is_past_end: bool) -> bool {
    block.steps.iter().any(|step| step.guard.is_none() && stops(step, is_past_end))
}

/// Whether nothing comes after a step that is reached.
fn stops(step: &Step, is_past_end: bool) -> bool {
    match step.kind {
        StepKind::End | StepKind::Next | StepKind::Break => !is_past_end,
        StepKind::Fail(_) => matches!(step.on_error, OnError::Stop),
        _ => false,
    }
}
