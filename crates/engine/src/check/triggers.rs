//! Triggers: can they be served, do they name what exists, and what `trigger` is in the flow.

use std::collections::BTreeSet;

use linchpin_language::{Node, Schema, Text, Type, codes};

use super::visit::object;
use super::{Checker, calls, references, schedule, suggest, types};
use crate::catalog::Catalog;
use crate::flow::{Flow, FlowTrigger, Located, RecordTrigger, Trigger, Webhook};
use crate::plan;

/// All triggers of the flow.
pub(super) fn triggers(checker: &mut Checker<'_>) {
    let flow = checker.flow;
    for (at, trigger) in flow.triggers.iter().enumerate() {
        match &trigger.value {
            Trigger::Schedule(schedule) => schedule::schedule(checker, schedule, trigger.span),
            Trigger::Webhook(webhook) => self::webhook(checker, webhook, at),
            Trigger::Record(record) => self::record(checker, record),
            Trigger::Flow(other) => other_flow(checker, other),
            Trigger::Form { .. } => {}
        }
        inputs(checker, trigger);
    }
}

/// Nobody gives inputs to a run that starts by itself.
fn inputs(checker: &mut Checker<'_>, trigger: &Located<Trigger>) {
    if matches!(trigger.value, Trigger::Form { .. }) {
        return;
    }
    let needed = checker.flow.inputs.iter();
    let needed = needed.filter(|(_, schema)| schema.required && schema.default.is_none());
    let names: Vec<String> = needed.map(|(name, _)| format!("`{name}`")).collect();
    if names.is_empty() {
        return;
    }
    let kind = trigger.value.kind();
    let word = if names.len() == 1 { "input" } else { "inputs" };
    let message =
        format!("no run can start by this {kind}: nothing gives the {word} {}", names.join(", "));
    let help = format!("give each a default, or read what the {kind} brings from `trigger`");
    let place = checker.node(trigger.span).map_or(trigger.span, |node| node.key_span());
    let mistake = checker.error(codes::MISSING_INPUT, message, place);
    checker.report(mistake.with_help(help));
}

fn webhook(checker: &mut Checker<'_>, webhook: &Webhook, at: usize) {
    let (flow, catalog) = (checker.flow, checker.catalog);
    let path = &webhook.path;
    let is_same = |trigger: &Located<Trigger>| matches!(&trigger.value, Trigger::Webhook(other) if other.path.value == path.value);
    let other = match flow.triggers[..at].iter().any(is_same) {
        true => Some(flow.name.as_str()),
        false => catalog
            .flows
            .iter()
            .find(|(name, other)| **name != flow.name && other.webhooks.contains(&path.value))
            .map(|(name, _)| name.as_str()),
    };
    if let Some(other) = other {
        let message = format!("the flow `{other}` has a webhook `{}` already", path.value);
        let mistake = checker.error(codes::DUPLICATE_PATH, message, path.span);
        checker.report(mistake.with_help("give one of the two another path"));
    }
    if let Some(dedupe) = &webhook.dedupe {
        self::dedupe(checker, dedupe);
    }
}

/// The identity of a delivery is read before there is a run.
fn dedupe(checker: &mut Checker<'_>, dedupe: &Located<linchpin_language::Expression>) {
    let Some(node) = checker.node(dedupe.span) else { return };
    let before = checker.found.len();
    for reference in dedupe.value.references().iter().filter(|found| found.root != "trigger") {
        let message =
            format!("`{}` is not there yet: `dedupe` is read before the run", reference.root);
        let mut mistake = node.error(codes::UNKNOWN_NAME, message);
        mistake.span = node.span_within(reference.range.clone());
        let help = "read it from `trigger`: trigger.payload, trigger.headers, trigger.query";
        checker.report(mistake.with_help(help));
    }
    if checker.found.len() > before {
        return;
    }
    references::expression(checker, dedupe, &[]);
    let found = types::of_expression(checker, &dedupe.value, &[]);
    if matches!(found.ty, Type::Boolean | Type::List(_) | Type::Object(_)) {
        let message =
            format!("`dedupe` gives a text or a number, this is {}", types::named(&found));
        let help = "write what tells deliveries apart: trigger.id, trigger.payload.number";
        checker.report(node.error(codes::EXPRESSION_TYPE, message).with_help(help));
    }
}

fn record<'c>(checker: &mut Checker<'c>, record: &'c RecordTrigger) {
    // What was left out was reported when the flow was parsed.
    if record.call.alias.value.is_empty() {
        return;
    }
    if let Some(with) = checker.node(record.call.with.span).filter(|node| node.value().is_object())
    {
        constant(checker, &with);
    }
    calls::watched(checker, &record.call, record.on);
}

/// The inputs of a watched action are read before there is a run.
fn constant(checker: &mut Checker<'_>, node: &Node<'_>) {
    if let Some(Ok((text, _))) = node.as_str().map(Text::read)
        && let Some(reference) = text.references().first()
    {
        let message = format!("`{}` is not there yet: a record trigger has no run", reference.root);
        let mut mistake = node.error(codes::UNKNOWN_NAME, message);
        mistake.span = node.span_within(reference.range.clone());
        checker.report(mistake.with_help("write the value itself"));
    }
    node.entries().iter().for_each(|(_, value)| constant(checker, value));
    node.items().iter().for_each(|item| constant(checker, item));
}

fn other_flow(checker: &mut Checker<'_>, trigger: &FlowTrigger) {
    let (flow, catalog) = (checker.flow, checker.catalog);
    let other = &trigger.flow;
    if other.value != flow.name && !catalog.flows.contains_key(&other.value) {
        let message = format!("there is no flow `{}`", other.value);
        let mistake = checker.error(codes::UNKNOWN_FLOW, message, other.span);
        let known = catalog.flows.keys().map(String::as_str);
        let known = known.filter(|name| *name != flow.name);
        checker.report(suggest(mistake, &other.value, known));
        return;
    }
    if let Some(mut ring) = ring(catalog, &flow.name, &other.value) {
        ring.reverse();
        let starts = ring.join(" starts ");
        let message = format!("these flows start each other without end: {starts}");
        let mistake = checker.error(codes::CYCLE, message, other.span);
        checker.report(mistake.with_help("take one of their flow triggers away"));
    }
}

/// The way back from a flow to itself over the flows whose ends start others.
fn ring(catalog: &Catalog, name: &str, other: &str) -> Option<Vec<String>> {
    let mut open = vec![vec![name.to_owned(), other.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = open.pop() {
        let last = way.last()?;
        if last == name {
            return Some(way);
        }
        let Some(signature) = catalog.flows.get(last).filter(|_| seen.insert(last.clone())) else {
            continue;
        };
        open.extend(signature.after_flows.iter().map(|next| {
            let mut longer = way.clone();
            longer.push(next.clone());
            longer
        }));
    }
    None
}

/// The type of `trigger`: what any of the triggers gives. With several of them a field that not
/// all give can be null.
pub(super) fn type_of(flow: &Flow, catalog: &Catalog, broken: &BTreeSet<usize>) -> Schema {
    // A subflow sees the trigger of the flow that calls it, and one that cannot be read may give
    // anything.
    if flow.triggers.is_empty() || has_broken_trigger(flow, broken) {
        return Schema::any();
    }
    let mut fields = linchpin_language::Fields::default();
    fields.insert("kind".to_owned(), Schema::string());
    for trigger in &flow.triggers {
        for name in trigger.value.fields() {
            let found = of_field(flow, catalog, &trigger.value, name);
            match fields.get(*name) {
                Some(known) if *known != found => {
                    fields.insert((*name).to_owned(), Schema::any());
                }
                Some(_) => {}
                None => {
                    fields.insert((*name).to_owned(), found);
                }
            }
        }
    }
    for (name, schema) in &mut fields {
        let is_everywhere =
            |trigger: &Located<Trigger>| trigger.value.fields().contains(&name.as_str());
        if name != "kind" && !flow.triggers.iter().all(is_everywhere) {
            schema.nullable = true;
        }
    }
    Schema::object(fields)
}

/// Whether something could not be read that is no step.
fn has_broken_trigger(flow: &Flow, broken: &BTreeSet<usize>) -> bool {
    if broken.is_empty() {
        return false;
    }
    let mut steps = BTreeSet::new();
    plan::each_block(flow, &mut |block| {
        steps.extend(block.steps.iter().map(|step| step.span.start));
    });
    broken.difference(&steps).next().is_some()
}

fn of_field(flow: &Flow, catalog: &Catalog, trigger: &Trigger, name: &str) -> Schema {
    match (trigger, name) {
        (_, "due" | "received_at") => Schema::of(Type::Datetime),
        (Trigger::Webhook(webhook), "payload") => {
            webhook.payload.as_ref().map_or_else(Schema::any, types::some_object)
        }
        (_, "headers" | "query") => Schema::object(Default::default()),
        (Trigger::Record(record), "record") => row(flow, catalog, record),
        (Trigger::Record(record), "records") => Schema::list(row(flow, catalog, record)),
        (Trigger::Flow(other), "outputs") => match catalog.flows.get(&other.flow.value) {
            Some(signature) => types::some_object(&signature.outputs),
            None => Schema::any(),
        },
        (_, "error") => {
            object(&[("step", Type::String), ("message", Type::String), ("kind", Type::String)])
        }
        (_, "watermark") => Schema::any(),
        _ => Schema::string(),
    }
}

/// A row of what a record trigger watches.
fn row(flow: &Flow, catalog: &Catalog, record: &RecordTrigger) -> Schema {
    let spoke = Catalog::spoke_of(&flow.connections, &record.call.alias.value);
    let spec = catalog.spec(spoke, &record.call.action.value);
    let stream = spec.and_then(|spec| spec.stream.as_ref());
    stream.map_or_else(Schema::any, |stream| stream.row.clone())
}
