//! What takes calls back: the `undo` of a call, and the step that undoes all.

use linchpin_language::{Schema, codes};

use super::sight::Trail;
use super::{Checker, calls, types};
use crate::flow::{Arm, Call, Step};

/// The `undo` of a call: a call itself, which reads `output` as well.
pub(super) fn of_call<'c>(checker: &mut Checker<'c>, call: &'c Call, trail: &Trail<'c>) {
    let Some(undo) = &call.undo else { return };
    let output = types::spec(checker, call).map_or_else(Schema::any, |spec| spec.outputs.clone());
    let before = checker.output.replace(output);
    calls::action(checker, undo, trail, calls::Place::Step);
    checker.output = before;
}

/// `undo: all` outside of a handler.
pub(super) fn all<'c>(checker: &mut Checker<'c>, step: &'c Step, trail: &Trail<'c>) {
    let is_handler = |arm| matches!(arm, Arm::Catch(_) | Arm::OnError | Arm::OnCancel);
    if trail.iter().any(|hop| is_handler(hop.arm)) {
        return;
    }
    let node = checker.node(step.span).and_then(|node| node.get("undo"));
    let span = node.map_or(step.span, |node| node.key_span());
    let message = "`undo: all` stands in a handler: `on_error`, `on_cancel` or `catch`";
    let mistake = checker.error(codes::MISPLACED_STEP, message, span);
    checker.report(mistake);
}
