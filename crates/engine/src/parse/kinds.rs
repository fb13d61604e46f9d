//! One reader for each kind of step.

use std::sync::Arc;

use linchpin_connector::ErrorKind;
use linchpin_language::{Node, Text, codes};

use super::header::connections;
use super::reader::{Reader, is_id};
use super::step::{block, empty_block};
use crate::flow::{
    Block, Call, Catch, Fail, ForEach, If, Level, Located, Log, LoopSource, OnError, OnItemError,
    SignalWait, Step, StepKind, Subflow, Try, Wait,
};
use crate::grammar::{self, Key};

/// `call:` of an action or of a subflow.
pub(super) fn call_step(reader: &mut Reader, owner: &Node<'_>, value: &Node<'_>) -> StepKind {
    match value.as_str().and_then(|name| name.strip_prefix("flow.")) {
        Some(name) => subflow(reader, owner, value, name),
        None => {
            for key in ["connections", "detach"] {
                if let Some(wrong) = owner.get(key) {
                    let message = format!("`{key}` is for the call of a subflow");
                    reader.report(wrong.error_at_key(codes::UNKNOWN_KEY, message));
                }
            }
            let undo = owner.get("undo").map(|node| Box::new(undo(reader, &node)));
            StepKind::Call(Call { undo, ..call(reader, owner, value) })
        }
    }
}

/// `undo:` of a call.
fn undo(reader: &mut Reader, node: &Node<'_>) -> Call {
    if !reader.keys(node, &grammar::UNDO) {
        return placeholder(reader, node);
    }
    match node.get("call") {
        Some(name) => call(reader, node, &name),
        None => {
            reader.missing(node, "call", "`undo` of a call");
            placeholder(reader, node)
        }
    }
}

/// `undo: all`
pub(super) fn undo_all(reader: &mut Reader, value: &Node<'_>) -> StepKind {
    reader.choice(value, &[("all", ())]);
    StepKind::Undo
}

fn subflow(reader: &mut Reader, owner: &Node<'_>, value: &Node<'_>, name: &str) -> StepKind {
    for key in ["connection", "retry", "undo"] {
        if let Some(wrong) = owner.get(key) {
            let message = format!("`{key}` is for the call of an action");
            reader.report(wrong.error_at_key(codes::UNKNOWN_KEY, message));
        }
    }
    if !is_id(name) {
        let message = format!("`{name}` cannot be the name of a flow");
        reader.report(value.error(codes::BAD_ID, message));
    }
    let start = "flow.".len();
    StepKind::Subflow(Subflow {
        flow: Located {
            value: name.to_owned(),
            span: value.span_within(start..start + name.len()),
        },
        with: reader.template(owner.get("with"), value),
        connections: connections(reader, owner.get("connections")),
        detach: owner.get("detach").is_some_and(|node| reader.boolean(&node)),
    })
}

/// A call of an action: of a step, a stream, or of `choices_from`.
pub(super) fn call(reader: &mut Reader, owner: &Node<'_>, value: &Node<'_>) -> Call {
    let name = reader.word(value);
    let (alias, action) = match name.split_once('.') {
        Some((alias, action)) if !alias.is_empty() && !action.is_empty() => (alias, action),
        Some(_) | None => {
            if value.as_str().is_some() {
                let message = format!("`{name}` does not name an action");
                let help = "write ALIAS.ACTION, such as lms.users.ensure, or flow.NAME";
                reader.report(value.error(codes::BAD_VALUE, message).with_help(help));
            }
            (name.as_str(), "")
        }
    };
    let start = alias.len() + 1;
    Call {
        alias: Located { value: alias.to_owned(), span: value.span_within(0..alias.len()) },
        action: Located {
            value: action.to_owned(),
            span: value.span_within(start..start + action.len()),
        },
        with: reader.template(owner.get("with"), value),
        connection: owner.get("connection").map(|node| reader.text(&node)),
        retry: reader.retry(owner.get("retry")),
        undo: None,
    }
}

/// `if` with `then`, `else_if`, `else`.
pub(super) fn condition(reader: &mut Reader, owner: &Node<'_>, then: &Node<'_>) -> StepKind {
    let mut arms = Vec::new();
    match owner.get("if") {
        Some(condition) => arms.push((reader.expression(&condition), block(reader, then))),
        None => {
            reader.missing(then, "if", "`then`");
            block(reader, then);
        }
    }
    if let Some(more) = owner.get("else_if") {
        let clauses = if more.value().is_array() { more.items() } else { vec![more] };
        for clause in &clauses {
            reader.keys(clause, &grammar::ELSE_IF);
            match (clause.get("if"), clause.get("then")) {
                (Some(condition), Some(then)) => {
                    arms.push((reader.expression(&condition), block(reader, &then)));
                }
                (None, _) => reader.missing(clause, "if", "`else_if`"),
                (_, None) => reader.missing(clause, "then", "`else_if`"),
            }
        }
    }
    StepKind::If(If { arms, otherwise: owner.get("else").map(|node| block(reader, &node)) })
}

/// `for_each` with `steps` or a `call`.
pub(super) fn for_each(reader: &mut Reader, owner: &Node<'_>, value: &Node<'_>) -> StepKind {
    let source = loop_source(reader, value);
    let item = match owner.get("as") {
        Some(node) => {
            let item = reader.located_word(&node);
            reader.name(&node, &item.value, codes::BAD_ID, "a name");
            item
        }
        None => Located { value: "item".to_owned(), span: value.span() },
    };
    StepKind::ForEach(ForEach {
        source,
        item,
        parallel: owner
            .get("parallel")
            .map_or(1, |node| u32::try_from(reader.count(&node, 1..1001)).unwrap_or(1)),
        on_item_error: owner
            .get("on_item_error")
            .and_then(|node| reader.choice(&node, OnItemError::WORDS))
            .unwrap_or(OnItemError::Stop),
        collect: owner.get("collect").map(|node| reader.expression(&node)),
        body: loop_body(reader, owner),
    })
}

fn loop_source(reader: &mut Reader, value: &Node<'_>) -> LoopSource {
    if !value.value().is_object() {
        return LoopSource::List(reader.expression(value));
    }
    reader.keys(value, &grammar::LOOP_SOURCE);
    match value.get("call") {
        Some(name) => LoopSource::Stream(call(reader, value, &name)),
        None => {
            reader.missing(value, "call", "the source of a loop");
            LoopSource::Stream(placeholder(reader, value))
        }
    }
}

/// A call in the place of one that cannot be read; reported already.
pub(super) fn placeholder(reader: &mut Reader, owner: &Node<'_>) -> Call {
    let nothing = || Located { value: String::new(), span: owner.span() };
    Call {
        alias: nothing(),
        action: nothing(),
        with: reader.template(None, owner),
        connection: None,
        retry: Default::default(),
        undo: None,
    }
}

fn loop_body(reader: &mut Reader, owner: &Node<'_>) -> Block {
    match (owner.get("steps"), owner.get("call")) {
        (Some(steps), None) => {
            for Key { name: key, .. } in grammar::CALL {
                if let Some(wrong) = owner.get(key) {
                    let message = format!("`{key}` needs a `call` as the body of the loop");
                    reader.report(wrong.error_at_key(codes::UNKNOWN_KEY, message));
                }
            }
            block(reader, &steps)
        }
        (None, Some(value)) => {
            let mut body = empty_block(reader);
            reader.steps += 1;
            body.steps.push(Step {
                segment: Arc::from("output"),
                id: Some(Located { value: "output".to_owned(), span: value.span() }),
                name: None,
                guard: None,
                after: None,
                timeout: reader.timeout(owner),
                on_error: OnError::Stop,
                kind: call_step(reader, owner, &value),
                span: owner.span(),
            });
            body
        }
        (Some(_), Some(value)) => {
            let message = "the body of a loop is either `steps` or a `call`";
            reader.report(value.error_at_key(codes::CONFLICTING_KEYS, message));
            empty_block(reader)
        }
        // A loop that only collects needs no body.
        (None, None) if owner.get("collect").is_some() => empty_block(reader),
        (None, None) => {
            reader.missing(owner, "steps", "`for_each`");
            empty_block(reader)
        }
    }
}

/// `try` with `catch` and `finally`.
pub(super) fn guarded(reader: &mut Reader, owner: &Node<'_>, value: &Node<'_>) -> StepKind {
    let body = block(reader, value);
    let catches = owner.get("catch").map_or_else(Vec::new, |node| catches(reader, &node));
    let finally = owner.get("finally").map(|node| block(reader, &node));
    if owner.get("catch").is_none() && finally.is_none() {
        let message = "`try` needs `catch` or `finally`";
        reader.report(owner.error(codes::MISSING_KEY, message));
    }
    StepKind::Try(Try { body, catches, finally })
}

/// A list of clauses, or a bare list of steps for any kind of error.
fn catches(reader: &mut Reader, node: &Node<'_>) -> Vec<Catch> {
    let is_clause = |item: &Node<'_>| {
        item.get("on").is_some() || (item.get("steps").is_some() && item.get("for_each").is_none())
    };
    let items = node.items();
    if !items.iter().any(is_clause) {
        return vec![Catch { on: Vec::new(), body: block(reader, node) }];
    }
    let mut clauses = Vec::new();
    for item in &items {
        if !reader.keys(item, &grammar::CATCH) {
            continue;
        }
        let on = item.get("on").map_or_else(Vec::new, |node| reader.kinds(&node));
        match item.get("steps") {
            Some(steps) => clauses.push(Catch { on, body: block(reader, &steps) }),
            None => reader.missing(item, "steps", "a clause of `catch`"),
        }
    }
    clauses
}

/// `wait:`
pub(super) fn wait(reader: &mut Reader, value: &Node<'_>) -> StepKind {
    reader.keys(value, &grammar::WAIT);
    if let Some(signal) = value.get("signal") {
        return signal_wait(reader, value, &signal);
    }
    if let Some(timeout) = value.get("timeout") {
        let message = "`timeout` of a wait is for `signal`";
        reader.report(timeout.error_at_key(codes::UNKNOWN_KEY, message));
    }
    match (value.get("for"), value.get("until")) {
        (Some(length), None) => StepKind::Wait(Wait::For(wait_length(reader, &length))),
        (None, Some(until)) => StepKind::Wait(Wait::Until(reader.text(&until))),
        (Some(_), Some(until)) => {
            let message = "a wait has either `for` or `until`";
            reader.report(until.error_at_key(codes::CONFLICTING_KEYS, message));
            StepKind::End
        }
        (None, None) => {
            if value.value().is_object() {
                reader.missing(value, "for", "`wait`");
            }
            StepKind::End
        }
    }
}

fn signal_wait(reader: &mut Reader, owner: &Node<'_>, signal: &Node<'_>) -> StepKind {
    for key in ["for", "until"] {
        if let Some(other) = owner.get(key) {
            let message = "a wait has one of `for`, `until` and `signal`";
            reader.report(other.error_at_key(codes::CONFLICTING_KEYS, message));
        }
    }
    let name = reader.located_word(signal);
    if signal.as_str().is_some() {
        reader.name(signal, &name.value, codes::BAD_ID, "the name of a signal");
    }
    let timeout = reader.timeout(owner);
    StepKind::Wait(Wait::Signal(SignalWait { name, timeout }))
}

/// A duration that may hold pills; without any it is read now.
fn wait_length(reader: &mut Reader, node: &Node<'_>) -> Located<Text> {
    let text = reader.text(node);
    if text.value.is_literal() {
        reader.duration(node);
    }
    text
}

/// `log:`, a text or a map.
pub(super) fn log(reader: &mut Reader, value: &Node<'_>) -> StepKind {
    if !value.value().is_object() {
        return StepKind::Log(Log { level: Level::Info, message: reader.text(value) });
    }
    reader.keys(value, &grammar::LOG);
    let level = value.get("level").and_then(|node| reader.choice(&node, Level::WORDS));
    StepKind::Log(Log {
        level: level.unwrap_or(Level::Info),
        message: message(reader, value, "`log`"),
    })
}

/// `fail:`, a text or a map.
pub(super) fn fail(reader: &mut Reader, value: &Node<'_>) -> StepKind {
    if !value.value().is_object() {
        return StepKind::Fail(Fail { kind: ErrorKind::Rejected, message: reader.text(value) });
    }
    reader.keys(value, &grammar::FAIL);
    let kinds: Vec<(&str, ErrorKind)> =
        ErrorKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
    let kind = value.get("kind").and_then(|node| reader.choice(&node, &kinds));
    StepKind::Fail(Fail {
        kind: kind.unwrap_or(ErrorKind::Rejected),
        message: message(reader, value, "`fail`"),
    })
}

pub(super) fn message(reader: &mut Reader, owner: &Node<'_>, what: &str) -> Located<Text> {
    match owner.get("message") {
        Some(node) => reader.text(&node),
        None => {
            reader.missing(owner, "message", what);
            Located { value: Text::parse("").expect("nothing is a text"), span: owner.span() }
        }
    }
}
