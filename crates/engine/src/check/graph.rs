//! Ids and order: each id once, `after` names steps of the same list, no cycles, no dead steps.

use std::collections::BTreeSet;

use linchpin_language::{Severity, Span, codes};

use super::sight::{Hop, Trail};
use super::{Checker, references, suggest};
use crate::flow::{Arm, Block, Located, OnError, Step, StepKind};
use crate::parse::is_id;

/// The words that CEL keeps for itself: reserved words, type names and macros.
const CEL_WORDS: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "timestamp",
    "duration",
    "has",
    "all",
    "exists",
    "exists_one",
    "filter",
    "this",
];

/// Notes where each id is, and reports ids that cannot be used.
pub(super) fn names(checker: &mut Checker<'_>) {
    let flow = checker.flow;
    let handlers = [
        (Arm::OnError, &flow.on_error),
        (Arm::OnCancel, &flow.on_cancel),
        (Arm::Finally, &flow.finally),
    ];
    note(checker, &mut Vec::new(), Arm::Flow, &flow.steps);
    for (arm, handler) in handlers {
        if let Some(block) = handler {
            note(checker, &mut Vec::new(), arm, block);
        }
    }
    loop_names(checker, &flow.steps);
}

fn note<'c>(checker: &mut Checker<'c>, trail: &mut Trail<'c>, arm: Arm, block: &'c Block) {
    let around = trail.last().and_then(Hop::step).map(|step| step.span);
    for (at, step) in block.steps.iter().enumerate() {
        trail.push(Hop { arm, block, at });
        // The body of a loop with a `call` has the name `output` and the place of the loop.
        if let Some(id) = step.id.as_ref().filter(|_| around != Some(step.span)) {
            self::id(checker, id, trail);
        }
        for (arm, inner) in step.blocks() {
            note(checker, trail, arm, inner);
        }
        trail.pop();
    }
}

fn id<'c>(checker: &mut Checker<'c>, id: &'c Located<String>, trail: &Trail<'c>) {
    if !is_id(&id.value) || is_reserved(checker, id, "an id") {
        return;
    }
    let first = checker.places.get(id.value.as_str());
    let first = first.and_then(|place| place.last()?.step()?.id.as_ref().map(|id| id.span));
    match first {
        Some(first) => {
            let (line, _) = checker.flow.source.position(first.start);
            let message = format!("the id `{}` is already used on line {line}", id.value);
            let mistake = checker.error(codes::DUPLICATE_ID, message, id.span);
            checker.report(mistake.with_help("give this step another id"));
        }
        None => {
            checker.places.insert(&id.value, trail.clone());
        }
    }
}

fn is_reserved(checker: &mut Checker<'_>, id: &Located<String>, what: &str) -> bool {
    let word = id.value.as_str();
    let why = if references::ROOTS.contains(&word) {
        "it names something else already"
    } else if CEL_WORDS.contains(&word) {
        "expressions keep this word for themselves"
    } else {
        return false;
    };
    let mistake = checker.error(codes::RESERVED_ID, format!("`{word}` cannot be {what}"), id.span);
    checker.report(mistake.with_help(why));
    true
}

/// The `as` names of loops.
fn loop_names<'c>(checker: &mut Checker<'c>, block: &'c Block) {
    for step in &block.steps {
        if let StepKind::ForEach(each) = &step.kind
            && !is_reserved(checker, &each.item, "the name of an item")
            && checker.places.contains_key(each.item.value.as_str())
        {
            let message = format!("`{}` is the id of a step as well", each.item.value);
            let mistake = checker.error(codes::DUPLICATE_ID, message, each.item.span);
            checker.report(mistake.with_help("give the item another name with `as`"));
        }
        for (_, inner) in step.blocks() {
            loop_names(checker, inner);
        }
    }
}

/// `after`, cycles, and steps behind an end.
pub(super) fn order(checker: &mut Checker<'_>) {
    let flow = checker.flow;
    let mut blocks = Vec::new();
    crate::plan::each_block(flow, &mut |block| blocks.push(block));
    for block in blocks {
        let ids = block.steps.iter().filter_map(|step| step.id.as_ref());
        let ids: BTreeSet<&str> = ids.map(|id| id.value.as_str()).collect();
        for step in &block.steps {
            after(checker, &ids, step);
        }
        cycles(checker, block);
        dead_steps(checker, block);
    }
}

fn after(checker: &mut Checker<'_>, ids: &BTreeSet<&str>, step: &Step) {
    for name in step.after.iter().flatten() {
        if ids.contains(name.value.as_str()) {
            continue;
        }
        let mistake = if checker.places.contains_key(name.value.as_str()) {
            let message = format!("`{}` is not in this list of steps", name.value);
            checker
                .error(codes::UNKNOWN_STEP, message, name.span)
                .with_help("`after` orders the steps of one list; name the step around it")
        } else {
            let message = format!("there is no step `{}`", name.value);
            let mistake = checker.error(codes::UNKNOWN_STEP, message, name.span);
            suggest(mistake, &name.value, ids.iter().copied())
        };
        checker.report(mistake);
    }
}

fn cycles(checker: &mut Checker<'_>, block: &Block) {
    for ring in checker.graphs[block.index].cycles() {
        let names: Vec<&str> = ring.iter().map(|at| &*block.steps[*at].segment).collect();
        let first = ring.iter().find_map(|at| block.steps[*at].after.as_ref()?.first());
        let span: Span = first.map_or(block.steps[ring[0]].span, |name| name.span);
        let message = match names.as_slice() {
            [one] => format!("the step `{one}` waits for itself"),
            _ => format!("these steps wait for each other: {}", names.join(", ")),
        };
        let mistake = checker.error(codes::CYCLE, message, span);
        checker.report(mistake.with_help("take one of these names out of an `after`"));
    }
}

/// The first step of a list that comes surely after an `end`, `fail`, `next` or `break`.
fn dead_steps(checker: &mut Checker<'_>, block: &Block) {
    let before = &checker.ancestors[block.index];
    let ends = |step: &Step| {
        let is_final = match (&step.kind, &step.on_error) {
            (StepKind::End | StepKind::Next | StepKind::Break, _) => {
                !checker.broken.contains(&step.span.start)
            }
            (StepKind::Fail(_), OnError::Stop) => true,
            _ => false,
        };
        is_final && step.guard.is_none()
    };
    let finals: Vec<usize> = (0..block.steps.len()).filter(|at| ends(&block.steps[*at])).collect();
    let dead =
        (0..block.steps.len()).find(|at| finals.iter().any(|last| before.contains(*at, *last)));
    if let Some(dead) = dead {
        let step = &block.steps[dead];
        let span = step.id.as_ref().map_or(step.span, |id| id.span);
        let message = format!("the step `{}` can never run: a step before it ends", step.segment);
        let found = checker.at(Severity::Warning, codes::UNREACHABLE_STEP, message, span);
        checker.report(found);
    }
}
