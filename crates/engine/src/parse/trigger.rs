//! `trigger:` and `triggers:`, what starts a run by itself.

mod calendar;
mod schedule;
mod webhook;

use std::time::Duration;

use linchpin_language::{Node, codes};

use super::header::is_blank;
use super::kinds::{call, placeholder};
use super::reader::Reader;
use crate::flow::{End, FlowTrigger, Located, RecordChange, RecordTrigger, RunFor, Trigger};
use crate::grammar::{self, Mapping};

pub(super) use calendar::calendar;

/// All triggers of a flow that can be read.
pub(super) fn triggers(reader: &mut Reader, root: &Node<'_>) -> Vec<Located<Trigger>> {
    let single = root.get("trigger");
    let many = root.get("triggers");
    if let (Some(_), Some(many)) = (&single, &many) {
        let message = "write either `trigger` or `triggers`";
        reader.report(many.error_at_key(codes::CONFLICTING_KEYS, message));
    }
    let mut nodes: Vec<Node<'_>> = single.into_iter().collect();
    if let Some(many) = many {
        if !many.value().is_array() {
            reader.wrong_type(&many, "a list of triggers");
        }
        nodes.extend(many.items());
    }
    let mut triggers = Vec::new();
    for node in &nodes {
        match trigger(reader, node) {
            Some(trigger) => triggers.push(trigger),
            // It may give anything, so that nothing can be said of `trigger`.
            None => drop(reader.broken.insert(node.span().start)),
        }
    }
    triggers
}

fn trigger(reader: &mut Reader, node: &Node<'_>) -> Option<Located<Trigger>> {
    if !reader.keys(node, &grammar::TRIGGER) {
        return None;
    }
    let entries = node.entries();
    let [(kind, value)] = entries.as_slice() else {
        if entries.iter().all(|(key, _)| grammar::TRIGGER.key(key).is_some()) {
            let known = grammar::TRIGGER.one_of.join(", ");
            let message = format!("a trigger has exactly one of {known}");
            let help = "write several as a list: triggers: [ { schedule: ... }, { form: } ]";
            reader.report(node.error(codes::CONFLICTING_KEYS, message).with_help(help));
        }
        return None;
    };
    let trigger = match *kind {
        "schedule" => Trigger::Schedule(schedule::schedule(reader, value)?),
        "webhook" => Trigger::Webhook(webhook::webhook(reader, value)?),
        "record" => Trigger::Record(record(reader, value)?),
        "flow" => Trigger::Flow(flow(reader, value)?),
        "form" => {
            if !is_blank(value.value()) {
                reader.keys(value, &grammar::FORM_TRIGGER);
            }
            Trigger::Form { title: reader.optional_word(value, "title") }
        }
        _ => return None,
    };
    Some(Located { value: trigger, span: value.span() })
}

/// `record:`
fn record(reader: &mut Reader, node: &Node<'_>) -> Option<RecordTrigger> {
    if !reader.keys(node, &grammar::RECORD) {
        return None;
    }
    let call = match node.get("call") {
        Some(name) => call(reader, node, &name),
        None => {
            missing(reader, node, &grammar::RECORD, "call");
            placeholder(reader, node)
        }
    };
    let on = node.get("on").and_then(|node| reader.choice(&node, RecordChange::WORDS));
    let every = match node.get("every") {
        Some(every) => schedule::period(reader, &every),
        None => {
            missing(reader, node, &grammar::RECORD, "every");
            Duration::ZERO
        }
    };
    let run_for = node.get("run_for").and_then(|node| reader.choice(&node, RunFor::WORDS));
    Some(RecordTrigger {
        call,
        on: on.unwrap_or(RecordChange::CreatedOrUpdated),
        every,
        run_for: run_for.unwrap_or(RunFor::Each),
    })
}

/// `flow:`, a name alone or with the ends that count.
fn flow(reader: &mut Reader, node: &Node<'_>) -> Option<FlowTrigger> {
    if node.as_str().is_some() {
        return Some(FlowTrigger { flow: reader.located_word(node), on: vec![End::Succeeded] });
    }
    if !reader.keys(node, &grammar::FLOW_TRIGGER) {
        return None;
    }
    let flow = match node.get("name") {
        Some(name) => reader.located_word(&name),
        None => {
            missing(reader, node, &grammar::FLOW_TRIGGER, "name");
            return None;
        }
    };
    let on = node.get("on").map_or_else(|| vec![End::Succeeded], |node| ends(reader, &node));
    Some(FlowTrigger { flow, on })
}

fn ends(reader: &mut Reader, node: &Node<'_>) -> Vec<End> {
    let items = if node.value().is_array() { node.items() } else { vec![node.clone()] };
    if items.is_empty() {
        let mistake = node.error(codes::BAD_VALUE, "a flow trigger waits for at least one end");
        reader.report(mistake.with_help("write one or more of succeeded, failed, held"));
    }
    let mut found = Vec::new();
    for item in &items {
        match reader.choice(item, End::WORDS) {
            Some(end) if found.contains(&end) => {
                let message = format!("`{}` is named twice", end.as_str());
                reader.report(
                    item.error(codes::BAD_VALUE, message).with_help("take one of them away"),
                );
            }
            end => found.extend(end),
        }
    }
    found
}

/// A key that is not there, with what it is for.
fn missing(reader: &mut Reader, node: &Node<'_>, of: &Mapping, key: &str) {
    let mistake = node.error(codes::MISSING_KEY, format!("{} needs `{key}`", of.name));
    let about = of.key(key).map_or("", |key| key.about);
    reader.report(mistake.with_help(format!("add `{key}`. {about}")));
}
