//! Triggers as they are written.

use linchpin_language::{Map, Value, print_duration};

use super::{Written, fields, steps};
use crate::flow::{
    Auth, Calendar, CalendarRef, Encoding, End, FlowTrigger, Missed, Moment, RecordChange,
    RecordTrigger, Respond, Rule, RunFor, Schedule, Scheme, SecretRef, Trigger, Webhook, day_name,
};

/// A trigger.
pub(super) fn trigger(trigger: &Trigger) -> Value {
    let mut all = Written::default();
    let written = match trigger {
        Trigger::Schedule(schedule) => self::schedule(schedule),
        Trigger::Webhook(webhook) => self::webhook(webhook),
        Trigger::Record(record) => self::record(record),
        Trigger::Flow(flow) => self::flow(flow),
        Trigger::Form { title } => {
            let mut form = Written::default();
            form.put_some("title", title.as_deref());
            form.0
        }
    };
    all.put(trigger.kind(), written);
    Value::Object(all.0)
}

fn schedule(schedule: &Schedule) -> Map<String, Value> {
    let Schedule { rule, timezone, missed, jitter, start, end, calendar } = schedule;
    let mut all = Written::default();
    match rule {
        Rule::Cron(pattern) => all.put("cron", pattern.as_str()),
        Rule::Every(every) => all.put("every", print_duration(*every)),
        Rule::At(moment) => all.put("at", moment.to_string()),
    }
    all.put_some("timezone", timezone.as_deref());
    all.put_word("missed", Missed::WORDS, missed, &Missed::Latest);
    all.put_duration("jitter", *jitter);
    all.put_some("start", start.as_ref().map(Moment::to_string));
    all.put_some("end", end.as_ref().map(Moment::to_string));
    match calendar {
        Some(CalendarRef::Named(name)) => all.put("calendar", name.as_str()),
        Some(CalendarRef::Own(own)) => all.put("calendar", self::calendar(own)),
        None => {}
    }
    all.0
}

fn calendar(calendar: &Calendar) -> Map<String, Value> {
    let Calendar { days, holidays } = calendar;
    let mut all = Written::default();
    if *days != Calendar::default().days {
        all.put_list(
            "days",
            days.iter().map(|day| Value::from(day_name(*day)[..3].to_lowercase())),
        );
    }
    all.put_list(
        "holidays",
        holidays.iter().map(|(day, name)| match name {
            Some(name) => Value::from(format!("{day} {name}")),
            None => Value::from(day.to_string()),
        }),
    );
    all.0
}

fn webhook(webhook: &Webhook) -> Map<String, Value> {
    let Webhook { path, auth, dedupe, respond, payload } = webhook;
    let mut all = Written::default();
    all.put("path", path.value.as_str());
    match auth {
        Auth::None => all.put("auth", "none"),
        Auth::Shared { scheme, secrets } => all.put("auth", shared(scheme, secrets)),
    }
    all.put_expression("dedupe", dedupe.as_ref());
    all.put_word("respond", Respond::WORDS, respond, &Respond::Accepted);
    all.put_some("payload", payload.as_ref().map(fields));
    all.0
}

fn shared(scheme: &Scheme, secrets: &[SecretRef]) -> Map<String, Value> {
    let mut all = Written::default();
    all.put("scheme", scheme.as_str());
    if let Scheme::Hmac { header, algorithm, encoding, prefix } = scheme {
        all.put("header", header.as_str());
        all.put("algorithm", algorithm.as_str());
        all.put_word("encoding", Encoding::WORDS, encoding, &Encoding::Hex);
        all.put_some("prefix", prefix.as_deref());
    }
    match secrets {
        [one] => all.put("secret", secret(one)),
        many => all.put("secret", many.iter().map(secret).collect::<Vec<_>>()),
    }
    all.0
}

fn secret(secret: &SecretRef) -> Value {
    let mut all = Written::default();
    match secret {
        SecretRef::Vault => return Value::from("vault"),
        SecretRef::Env(name) => all.put("env", name.as_str()),
        SecretRef::File(path) => all.put("file", path.as_str()),
        SecretRef::Command(words) => all.put("command", words.clone()),
    }
    Value::Object(all.0)
}

fn record(record: &RecordTrigger) -> Map<String, Value> {
    let RecordTrigger { call, on, every, run_for } = record;
    let mut all = Written::default();
    steps::call(&mut all, call);
    let usual = RecordChange::CreatedOrUpdated;
    all.put_word("on", RecordChange::WORDS, on, &usual);
    all.put("every", print_duration(*every));
    all.put_word("run_for", RunFor::WORDS, run_for, &RunFor::Each);
    all.0
}

fn flow(trigger: &FlowTrigger) -> Map<String, Value> {
    let FlowTrigger { flow, on } = trigger;
    let mut all = Written::default();
    all.put("name", flow.value.as_str());
    if on.as_slice() != [End::Succeeded] {
        all.put_list("on", on.iter().map(|end| Value::from(end.as_str())));
    }
    all.0
}
