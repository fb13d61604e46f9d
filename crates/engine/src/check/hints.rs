//! What works and is probably not meant: secrets in the file, reads nothing uses, loops that
//! write without a limit.

use linchpin_connector::Effect;
use linchpin_language::{Node, Part, Severity, Span, Type, codes};

use super::{Checker, types};
use crate::flow::{Block, Call, ForEach, Step, StepKind};

/// Parts of keys whose values are secrets.
const SECRET_KEYS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "api_key",
    "apikey",
    "token",
    "authorization",
    "private_key",
    "access_key",
    "credential",
];
/// How well-known secrets begin.
const SECRET_STARTS: &[&str] =
    &["Bearer ", "Basic ", "AKIA", "ghp_", "xoxb-", "xoxp-", "sk_live_", "-----BEGIN", "eyJhbGci"];
/// Where names are declared or values are expressions: no literal there is a secret.
const DECLARATIONS: &[&str] = &["connections", "set", "outputs", "limits", "trigger", "triggers"];

/// Literals that look like secrets, anywhere in the file.
pub(super) fn secrets(checker: &mut Checker<'_>, node: &Node<'_>) {
    for (key, value) in node.entries() {
        if DECLARATIONS.contains(&key) {
            continue;
        }
        match value.as_str() {
            Some(text) if is_secret(key, text) => {
                let message = format!("`{key}` looks like a secret");
                let help = "keep secrets in the connection: a flow never holds one";
                checker.report(value.warning(codes::SECRET_LITERAL, message).with_help(help));
            }
            _ => secrets(checker, &value),
        }
    }
    for item in node.items() {
        match item.as_str() {
            Some(text) if is_secret("", text) => {
                let message = "this looks like a secret";
                checker.report(item.warning(codes::SECRET_LITERAL, message));
            }
            _ => secrets(checker, &item),
        }
    }
}

fn is_secret(key: &str, text: &str) -> bool {
    if text.contains("{{") || text.len() < 6 || Type::named(text).is_some() {
        return false;
    }
    let key = key.to_lowercase().replace('-', "_");
    let key_says_so = SECRET_KEYS.iter().any(|word| key.ends_with(word));
    (key_says_so && !text.contains(' '))
        || SECRET_STARTS.iter().any(|start| text.starts_with(start) && text.len() > start.len() + 8)
        || is_random(text)
}

/// A long text of letters and digits well mixed, as keys are and ids and words are not.
fn is_random(text: &str) -> bool {
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+/=".contains(&byte);
    let has = |test: fn(&u8) -> bool| text.bytes().filter(test).count() >= 4;
    text.len() >= 32
        && text.bytes().all(is_key)
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
}

/// Reads whose output nothing uses.
pub(super) fn unused_reads(checker: &mut Checker<'_>) {
    // A step that could not be read may use anything.
    if !checker.broken.is_empty() {
        return;
    }
    let flow = checker.flow;
    let mut reads: Vec<(Option<&str>, Span)> = Vec::new();
    crate::plan::each_block(flow, &mut |block| {
        for step in &block.steps {
            if let StepKind::Call(call) = &step.kind
                && types::spec(checker, call)
                    .is_some_and(|spec| spec.effect == Effect::Read && spec.stream.is_none())
            {
                reads.push((step.id.as_ref().map(|id| id.value.as_str()), call.action.span));
            }
        }
    });
    for (id, span) in reads {
        let message = match id {
            Some(id) if checker.used.contains(id) || id == "output" => continue,
            Some(id) => format!("nothing uses the output of `{id}`"),
            None => "nothing can use the output of this read: it has no id".to_owned(),
        };
        let hint = checker.at(Severity::Hint, codes::UNUSED_OUTPUT, message, span);
        checker.report(hint);
    }
}

/// Pills that go into a query language as they are: their operators would be obeyed.
pub(super) fn raw_queries(checker: &mut Checker<'_>, call: &Call) {
    if let Some(with) = checker.node(call.with.span).filter(|node| node.value().is_object()) {
        raw_queries_in(checker, &with);
    }
}

fn raw_queries_in(checker: &mut Checker<'_>, with: &Node<'_>) {
    for (key, node) in with.entries() {
        raw_queries_in(checker, &node);
        let Some(text) = node.as_str().filter(|_| is_query(key)).and_then(|_| checker.text(&node))
        else {
            continue;
        };
        let parts = text.parts().unwrap_or_default();
        let is_raw = |part: &Part| match part {
            Part::Literal(_) => false,
            Part::Pill(pill) => pill.function().is_none_or(|found| !found.name.contains("quote")),
        };
        if parts.len() > 1 && parts.iter().any(is_raw) {
            let message = format!("`{key}` takes a raw value into a query");
            let help = "put it through the quoting function of the query language, as sn_quote";
            checker.report(node.warning(codes::RAW_QUERY, message).with_help(help));
        }
    }
}

fn is_query(key: &str) -> bool {
    ["query", "filter", "$filter", "encoded_query", "sysparm_query"].contains(&key)
}

/// Writes in a loop whose effect the flow does not limit.
pub(super) fn writes_in_loop(checker: &mut Checker<'_>, each: &ForEach, step: &Step) {
    let mut calls = Vec::new();
    calls_in(&each.body, &mut calls);
    let mut missing: Vec<&str> = calls
        .into_iter()
        .filter_map(|call| types::spec(checker, call))
        .filter_map(|spec| match spec.effect {
            Effect::Ensure => Some(Effect::Create),
            Effect::Read | Effect::None => None,
            effect => Some(effect),
        })
        .filter(|effect| !checker.flow.limits.contains_key(effect))
        .map(Effect::as_str)
        .collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return;
    }
    let span = step.id.as_ref().map_or(step.span, |id| id.span);
    let message = format!("this loop may {} any number of times", missing.join(" and "));
    let limits: Vec<String> = missing.iter().map(|effect| format!("{effect}: 200")).collect();
    let help = format!("hold it before it does too much: limits: {{ {} }}", limits.join(", "));
    let hint = checker.at(Severity::Hint, codes::UNLIMITED_WRITES, message, span);
    checker.report(hint.with_help(help));
}

/// The calls in a list, nested loops left to their own hint.
fn calls_in<'f>(block: &'f Block, found: &mut Vec<&'f Call>) {
    for step in &block.steps {
        match &step.kind {
            StepKind::Call(call) => found.push(call),
            StepKind::ForEach(_) => {}
            _ => step.blocks().into_iter().for_each(|(_, inner)| calls_in(inner, found)),
        }
    }
}
