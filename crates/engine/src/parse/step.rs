//! Lists of steps, and what all steps have in common.

use std::sync::Arc;

use linchpin_language::{Node, codes, did_you_mean};

use super::reader::{Reader, is_id};
use super::{kinds, logic};
use crate::flow::{Block, OnError, Step, StepKind};
use crate::grammar::{COMMON, KINDS, Kind};

/// The most steps of one flow.
const MAX_STEPS: usize = 1000;

/// A list of steps.
pub(crate) fn block(reader: &mut Reader, node: &Node<'_>) -> Block {
    let mut block = empty_block(reader);
    if !node.value().is_array() {
        reader.wrong_type(node, "a list of steps");
        return block;
    }
    let items = node.items();
    if items.is_empty() {
        reader.report(node.error(codes::BAD_VALUE, "a list of steps holds at least one"));
    }
    for (at, item) in items.iter().enumerate() {
        reader.steps += 1;
        if reader.steps == MAX_STEPS + 1 {
            let message = format!("a flow has at most {MAX_STEPS} steps");
            let help = "move a part into a subflow and call it with `call: flow.NAME`";
            reader.report(item.error(codes::TOO_MANY_STEPS, message).with_help(help));
        }
        if reader.steps <= MAX_STEPS {
            block.steps.push(step(reader, item, at));
        }
    }
    block
}

/// The next block of the flow, without steps.
pub(crate) fn empty_block(reader: &mut Reader) -> Block {
    let index = reader.blocks;
    reader.blocks += 1;
    Block { index, steps: Vec::new() }
}

fn step(reader: &mut Reader, node: &Node<'_>, at: usize) -> Step {
    let outer = std::mem::take(&mut reader.own);
    let id = node.get("id").map(|node| {
        let id = reader.located_word(&node);
        reader.name(&node, &id.value, codes::BAD_ID, "an id");
        id
    });
    let segment: Arc<str> = match &id {
        Some(id) if is_id(&id.value) => Arc::from(id.value.as_str()),
        _ => Arc::from(format!("#{}", at + 1)),
    };
    let kind = kind(reader, node);
    let is_loop_of_call = node.get("for_each").is_some() && node.get("call").is_some();
    let is_condition = matches!(kind, StepKind::If(_));
    let step = Step {
        segment,
        id,
        name: reader.optional_word(node, "name"),
        guard: node.get("if").filter(|_| !is_condition).map(|node| reader.expression(&node)),
        after: node.get("after").map(|node| reader.words(&node)),
        // Beside `for_each` and `call` the timeout belongs to the call.
        timeout: match is_loop_of_call {
            true => None,
            false => reader.timeout(node),
        },
        on_error: on_error(reader, node),
        kind,
        span: node.span(),
    };
    if let Some(note) = node.get("note") {
        reader.word(&note);
    }
    if reader.own > 0 {
        reader.broken.insert(step.span.start);
    }
    reader.own = outer;
    step
}

fn on_error(reader: &mut Reader, node: &Node<'_>) -> OnError {
    let Some(node) = node.get("on_error") else {
        return OnError::Stop;
    };
    if node.value().is_array() {
        return OnError::Steps(block(reader, &node));
    }
    match reader.choice(&node, OnError::WORDS) {
        Some(true) => OnError::Continue,
        Some(false) | None => OnError::Stop,
    }
}

fn kind(reader: &mut Reader, node: &Node<'_>) -> StepKind {
    if !node.value().is_object() {
        reader.wrong_type(node, "a step as a map");
        return StepKind::End;
    }
    let Some(found) = the_kind(reader, node) else {
        return StepKind::End;
    };
    refuse_keys(reader, node, found);
    let Some(value) = node.get(found.key) else {
        return StepKind::End;
    };
    match found.key {
        "for_each" => kinds::for_each(reader, node, &value),
        "call" => kinds::call_step(reader, node, &value),
        "then" => kinds::condition(reader, node, &value),
        "try" => kinds::guarded(reader, node, &value),
        "wait" => kinds::wait(reader, &value),
        "ask" => super::form::ask(reader, &value),
        "approval" => super::form::approval(reader, &value),
        "undo" => kinds::undo_all(reader, &value),
        "set" => StepKind::Set(super::header::expressions(reader, Some(value), "`set`")),
        "log" => kinds::log(reader, &value),
        "end" => logic::leave(reader, &value, StepKind::End),
        "next" => logic::leave(reader, &value, StepKind::Next),
        "break" => logic::leave(reader, &value, StepKind::Break),
        "repeat" => logic::repeat(reader, node, &value),
        "parallel" => logic::parallel(reader, node, &value),
        "decide" => logic::decide(reader, node, &value),
        "fail" => kinds::fail(reader, &value),
        // The table has no other key.
        _ => StepKind::End,
    }
}

/// The one key that says what a step is.
fn the_kind(reader: &mut Reader, node: &Node<'_>) -> Option<&'static Kind> {
    let mut found = Kind::among(|key| node.get(key).is_some());
    found.sort_by_key(|kind| node.get(kind.key).map(|value| value.key_span().start));
    match found.as_slice() {
        [] => {
            no_kind(reader, node);
            None
        }
        [one] => Some(one),
        [first, second, ..] => {
            let message = format!("a step is one thing: `{}` or `{}`", first.key, second.key);
            let place = node.get(second.key).unwrap_or_else(|| node.clone());
            reader.report(place.error_at_key(codes::UNKNOWN_STEP_KIND, message));
            None
        }
    }
}

fn no_kind(reader: &mut Reader, node: &Node<'_>) {
    if let Some(condition) = node.get("if") {
        let message = "a step with only `if` does nothing";
        let mistake = condition.error_at_key(codes::UNKNOWN_STEP_KIND, message);
        reader.report(mistake.with_help("add `then:` with steps, or a `call`"));
        return;
    }
    let kinds = || KINDS.iter().map(|kind| kind.key).filter(|key| *key != "then");
    let is_common = |key: &str| COMMON.iter().any(|common| common.name == key);
    for (key, value) in node.entries() {
        if let Some(near) = did_you_mean(key, kinds()).filter(|_| !is_common(key)) {
            let mistake = value.error_at_key(codes::UNKNOWN_KEY, format!("no step is a `{key}`"));
            reader.report(mistake.with_help(format!("did you mean `{near}`?")));
            return;
        }
    }
    let message = "this step does not say what it does";
    let shown = |kind: &Kind| match kind.key == kind.shown {
        true => kind.key.to_owned(),
        false => format!("{} with {}", kind.shown, kind.key),
    };
    let kinds: Vec<String> = KINDS.iter().map(shown).collect();
    let help = format!("add one of {}", kinds.join(", "));
    reader.report(node.error(codes::UNKNOWN_STEP_KIND, message).with_help(help));
}

fn refuse_keys(reader: &mut Reader, node: &Node<'_>, kind: &Kind) {
    let known = || COMMON.iter().chain(kind.beside()).map(|key| key.name);
    for (key, value) in node.entries() {
        if key == kind.key || known().any(|known| known == key) {
            continue;
        }
        // What several kinds take is meant for a call most often.
        let calls_first = KINDS.iter().filter(|other| other.key == "call").chain(KINDS);
        let owner = calls_first.into_iter().find(|other| other.key == key || other.takes(key));
        let message = format!("`{key}` means nothing in a `{}` step", kind.shown);
        let mistake = value.error_at_key(codes::UNKNOWN_KEY, message);
        reader.report(match (owner, did_you_mean(key, known())) {
            (Some(owner), _) if owner.key != key => {
                mistake.with_help(format!("it belongs to a `{}` step", owner.shown))
            }
            (_, Some(near)) => mistake.with_help(format!("did you mean `{near}`?")),
            (_, None) => {
                let known: Vec<&str> = known().collect();
                mistake.with_help(format!("known here: {}", known.join(", ")))
            }
        });
    }
}
