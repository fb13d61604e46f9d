//! Goes through a flow and hands each expression, text and call to the check it needs.

use indexmap::IndexMap;
use linchpin_language::{Expression, Schema, Span, Type, Value, codes};

use super::Checker;
use super::sight::{Hop, Trail};
use super::{calls, expect, hints, logic, references};
use crate::flow::{
    Arm, Ask, AskField, Block, ForEach, Located, LoopSource, Step, StepKind, Subflow, Wait,
};

/// All of the flow.
pub(super) fn flow(checker: &mut Checker<'_>) {
    let flow = checker.flow;
    let roots = [
        (Arm::Flow, Some(&flow.steps)),
        (Arm::OnError, flow.on_error.as_ref()),
        (Arm::OnCancel, flow.on_cancel.as_ref()),
        (Arm::Finally, flow.finally.as_ref()),
    ];
    for (arm, root) in roots {
        if let Some(root) = root {
            block(checker, &mut Vec::new(), arm, root);
        }
    }
    if let Some((key, span)) = concurrency_key(checker) {
        // It is read before the first step.
        references::expression(checker, &Located { value: key, span }, &[]);
    }
    let end = [Hop { arm: Arm::Flow, block: &flow.steps, at: flow.steps.steps.len() }];
    for output in flow.outputs.values() {
        references::expression(checker, output, &end);
    }
}

fn concurrency_key(checker: &Checker<'_>) -> Option<(Expression, Span)> {
    let key = checker.flow.concurrency.as_ref()?.key.clone()?;
    let root = checker.nodes.values().find(|node| node.pointer().is_empty())?;
    Some((key, root.get("concurrency")?.get("key")?.span()))
}

fn block<'c>(checker: &mut Checker<'c>, trail: &mut Trail<'c>, arm: Arm, block: &'c Block) {
    for (at, step) in block.steps.iter().enumerate() {
        trail.push(Hop { arm, block, at });
        self::step(checker, trail, step);
        for (arm, inner) in step.blocks() {
            self::block(checker, trail, arm, inner);
        }
        trail.pop();
    }
}

fn step<'c>(checker: &mut Checker<'c>, trail: &mut Trail<'c>, step: &'c Step) {
    if let Some(guard) = &step.guard {
        condition(checker, guard, trail);
    }
    match &step.kind {
        StepKind::Call(call) => {
            calls::action(checker, call, trail, calls::Place::Step);
            super::undo::of_call(checker, call, trail);
        }
        StepKind::Undo => super::undo::all(checker, step, trail),
        StepKind::Subflow(call) => subflow(checker, call, trail),
        StepKind::If(branch) => {
            for (test, _) in &branch.arms {
                condition(checker, test, trail);
            }
        }
        StepKind::ForEach(each) => for_each(checker, each, trail, step),
        StepKind::Wait(wait) => self::wait(checker, wait, trail),
        StepKind::Ask(ask) => self::ask(checker, ask, trail),
        StepKind::Approval(approval) => super::people::approval(checker, approval, trail),
        StepKind::Set(values) => {
            for (name, value) in values {
                let found = references::expression(checker, value, trail);
                expect::assignment(checker, name, value, &found, trail);
            }
        }
        StepKind::Log(log) => references::text(checker, &log.message, trail),
        StepKind::Fail(fail) => references::text(checker, &fail.message, trail),
        StepKind::Repeat(repeat) => logic::until(checker, repeat, trail),
        StepKind::Decide(decide) => logic::decide(checker, decide, trail),
        StepKind::Next => logic::leave(checker, trail, step, "next"),
        StepKind::Break => logic::leave(checker, trail, step, "break"),
        StepKind::Try(_) | StepKind::Parallel(_) | StepKind::End => {}
    }
}

/// What stands in the file is read as the run will read it.
fn wait<'c>(checker: &mut Checker<'c>, wait: &'c Wait, trail: &Trail<'c>) {
    let (Wait::For(text) | Wait::Until(text)) = wait else { return };
    references::text(checker, text, trail);
    if matches!(wait, Wait::Until(_))
        && text.value.is_literal()
        && let written = text.value.source()
        && written.parse::<jiff::Timestamp>().is_err()
    {
        let message = format!("{written:?} is no instant");
        let mistake = checker.error(codes::BAD_VALUE, message, text.span);
        checker.report(mistake.with_help("write it as 2026-01-31T09:00:00Z, or as a pill"));
    }
}

fn subflow<'c>(checker: &mut Checker<'c>, call: &'c Subflow, trail: &Trail<'c>) {
    checker.note_texts(&call.with);
    references::template(checker, call.with.span, trail);
    calls::subflow(checker, call, trail);
}

fn for_each<'c>(
    checker: &mut Checker<'c>,
    each: &'c ForEach,
    trail: &mut Trail<'c>,
    step: &'c Step,
) {
    match &each.source {
        LoopSource::List(list) => {
            let found = references::needed(checker, list, trail);
            expect::list(checker, list, &found);
        }
        LoopSource::Stream(call) => calls::action(checker, call, trail, calls::Place::Loop),
    }
    if let Some(collect) = &each.collect {
        trail.push(Hop { arm: Arm::Body, block: &each.body, at: each.body.steps.len() });
        references::expression(checker, collect, trail);
        trail.pop();
    }
    hints::writes_in_loop(checker, each, step);
}

fn ask<'c>(checker: &mut Checker<'c>, ask: &'c Ask, trail: &Trail<'c>) {
    references::text(checker, &ask.of, trail);
    if let Some(message) = &ask.message {
        references::text(checker, message, trail);
    }
    form(checker, &ask.form, trail);
}

/// The choices of a form.
pub(super) fn form<'c>(
    checker: &mut Checker<'c>,
    form: &'c IndexMap<String, AskField>,
    trail: &Trail<'c>,
) {
    for field in form.values() {
        if let Some(choices) = &field.choices {
            calls::action(checker, &choices.call, trail, calls::Place::Choices);
            super::choices::fields(checker, choices);
        }
    }
}

/// An expression that must be true or false.
pub(super) fn condition<'c>(
    checker: &mut Checker<'c>,
    test: &Located<Expression>,
    trail: &Trail<'c>,
) {
    let found = references::needed(checker, test, trail);
    if !matches!(found.ty, Type::Boolean | Type::Any) {
        expect::wrong_expression(checker, test, "true or false", &found);
    }
}

/// The fields of an object that is always there, for names such as `run`.
pub(super) fn object(fields: &[(&str, Type)]) -> Schema {
    let fields = fields.iter().map(|(name, ty)| ((*name).to_owned(), Schema::of(ty.clone())));
    Schema::object(fields.collect())
}

/// Whether a value holds a pill somewhere.
pub(super) fn has_pill(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(items) => items.iter().any(has_pill),
        Value::Object(fields) => fields.values().any(has_pill),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
