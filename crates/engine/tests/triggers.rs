//! Triggers: what is written is kept, each mistake is found at its place, and `trigger` has the
//! type that the triggers of the flow give it.

use std::time::Duration;

use linchpin_engine::catalog::{Catalog, FlowSignature};
use linchpin_engine::check::check_text;
use linchpin_engine::flow::{
    Algorithm, Auth, Calendar, CalendarRef, Encoding, End, Moment, RecordChange, Respond, Rule,
    RunFor, Scheme, SecretRef, Trigger,
};
use linchpin_engine::parse::parse;
use linchpin_language::{Diagnostic, Source};

use crate::samples;

fn flow(trigger: &str) -> String {
    format!(
        "flow: a\nconnections: {{ hr: desk, lms: school }}\n{}\nsteps: [{{ log: x }}]\n",
        trigger.trim()
    )
}

/// The first trigger of a flow that can be read.
fn read(trigger: &str) -> Trigger {
    let text = flow(trigger);
    let flow = parse("a.yaml", &text).unwrap_or_else(|found| panic!("{found:#?}\n{text}"));
    flow.triggers[0].value.clone()
}

/// The samples, a project with a calendar, and flows that others wait for.
fn catalog() -> Catalog {
    let mut catalog = samples::catalog();
    catalog.calendars.insert("london".to_owned(), Calendar::default());
    catalog.now = Some("2026-11-22T00:00:00Z".parse().expect("an instant"));
    for text in [
        "flow: orders\ntrigger: { webhook: { path: orders/new, auth: none } }\nsteps: [{ log: x }]\n",
        "flow: after_a\ntrigger: { flow: a }\nsteps: [{ log: x }]\noutputs: { n: '1' }\n",
        "flow: last\ntrigger: { flow: { name: after_a, on: failed } }\nsteps: [{ log: x }]\n",
    ] {
        let flow = parse("other.yaml", text).expect("the flow is right");
        catalog.flows.insert(flow.name.clone(), FlowSignature::of(&flow));
    }
    catalog
}

fn shown(found: &[Diagnostic]) -> Vec<String> {
    let line =
        |d: &Diagnostic| format!("{} {:?} {:?} {}", d.code, d.severity, d.position(), d.message);
    found.iter().map(line).collect()
}

/// `§` marks the place of the one mistake. Says what is wrong with what is found.
fn try_check(code: &str, case: &str) -> Result<Diagnostic, String> {
    let marked = if case.starts_with("flow:") { case.to_owned() } else { flow(case) };
    let offset = marked.find('§').unwrap_or_else(|| panic!("no mark in {case}"));
    let text = marked.replace('§', "");
    let found = check_text("a.yaml", &text, &catalog());
    let place = Source::new("a.yaml", &text).position(offset);
    let mut real = found;
    let is_it = real.len() == 1 && real[0].code.0 == code && real[0].position() == place;
    if !is_it {
        return Err(format!(
            "expected only {code} at {place:?} in\n{text}\nfound {:#?}",
            shown(&real)
        ));
    }
    let found = real.remove(0);
    match found.help.is_some() || found.message.contains("write it as") {
        true => Ok(found),
        false => Err(format!("{code} says no remedy: {}", found.message)),
    }
}

#[track_caller]
fn check(code: &str, case: &str) -> Diagnostic {
    try_check(code, case).unwrap_or_else(|why| panic!("{why}"))
}

#[track_caller]
fn check_all<'c>(cases: impl IntoIterator<Item = (&'c str, String)>) {
    let wrong: Vec<String> =
        cases.into_iter().filter_map(|(code, case)| try_check(code, &case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn is_clean(text: &str) {
    let found = check_text("a.yaml", text, &catalog());
    assert_eq!(found.len(), 0, "{text}\n{:#?}", shown(&found));
}

#[test]
fn a_schedule_keeps_all_that_it_says() {
    let Trigger::Schedule(schedule) = read(
        "trigger: { schedule: { cron: '0 7 * * *', timezone: UTC, start: 2026-12-01, \
         end: 2026-12-31T12:00, calendar: { days: [sun..tue, thu], holidays: [2026-12-25 Xmas] } } }",
    ) else {
        panic!("a schedule");
    };
    assert_eq!(schedule.start, Moment::parse("2026-12-01"));
    assert_eq!(schedule.end, Moment::parse("2026-12-31T12:00"));
    let Some(CalendarRef::Own(calendar)) = schedule.calendar else { panic!("a calendar") };
    let days: Vec<i8> = calendar.days.iter().map(|day| day.to_monday_one_offset()).collect();
    assert_eq!(days, [1, 2, 4, 7]);
    let christmas = "2026-12-25".parse().unwrap();
    assert_eq!(calendar.excludes(christmas).as_deref(), Some("Xmas"));

    let Trigger::Schedule(once) = read("trigger: { schedule: { at: '2026-12-24T18:00:00Z' } }")
    else {
        panic!("a schedule");
    };
    let instant = "2026-12-24T18:00:00Z".parse().unwrap();
    assert_eq!(once.rule, Rule::At(Moment::Instant(instant)));
}

#[test]
fn a_webhook_keeps_all_that_it_says_and_never_a_secret() {
    let Trigger::Webhook(hook) = read(
        "trigger: { webhook: { path: servicenow/incident, respond: result, \
         dedupe: trigger.payload.number, payload: { number: { type: string, required: true } }, \
         auth: { scheme: hmac, header: X-Signature, algorithm: sha512, encoding: base64, \
         prefix: 'v1=', secret: [{ env: NEW_KEY }, vault, { file: old.key }] } } }",
    ) else {
        panic!("a webhook");
    };
    assert_eq!((hook.path.value.as_str(), hook.respond), ("servicenow/incident", Respond::Result));
    assert_eq!(hook.dedupe.unwrap().value.source(), "trigger.payload.number");
    assert!(hook.payload.unwrap()["number"].required);
    let scheme = Scheme::Hmac {
        header: "X-Signature".to_owned(),
        algorithm: Algorithm::Sha512,
        encoding: Encoding::Base64,
        prefix: Some("v1=".to_owned()),
    };
    let secrets = vec![
        SecretRef::Env("NEW_KEY".to_owned()),
        SecretRef::Vault,
        SecretRef::File("old.key".to_owned()),
    ];
    assert_eq!(hook.auth, Auth::Shared { scheme, secrets });
    for (word, scheme) in [
        ("standard", Scheme::Standard),
        ("token", Scheme::Token),
        ("servicenow", Scheme::ServiceNow),
        ("litmos", Scheme::Litmos),
        ("sumtotal", Scheme::SumTotal),
    ] {
        let auth = format!(
            "trigger: {{ webhook: {{ path: x, auth: {{ scheme: {word}, secret: vault }} }} }}"
        );
        let Trigger::Webhook(hook) = read(&auth) else { panic!("a webhook") };
        assert_eq!(hook.auth, Auth::Shared { scheme, secrets: vec![SecretRef::Vault] });
    }
    let Trigger::Webhook(open) = read("trigger: { webhook: { path: x, auth: none } }") else {
        panic!("a webhook");
    };
    assert_eq!((open.auth, open.respond), (Auth::None, Respond::Accepted));
}

#[test]
fn a_record_a_flow_and_a_form_keep_all_that_they_say() {
    let Trigger::Record(record) = read(
        "trigger: { record: { call: hr.changes.stream, with: { site: x }, on: created, every: 5m, \
         run_for: batch } }",
    ) else {
        panic!("a record");
    };
    assert_eq!(record.call.action.value, "changes.stream");
    assert_eq!((record.on, record.run_for), (RecordChange::Created, RunFor::Batch));
    assert_eq!(record.every, Duration::from_secs(300));
    let Trigger::Flow(short) = read("trigger: { flow: greet }") else { panic!("a flow") };
    assert_eq!((short.flow.value.as_str(), short.on), ("greet", vec![End::Succeeded]));
    let Trigger::Flow(long) = read("trigger: { flow: { name: greet, on: [failed, held] } }") else {
        panic!("a flow");
    };
    assert_eq!(long.on, [End::Failed, End::Held]);
    let Trigger::Form { title } = read("trigger: { form: { title: Ask } }") else {
        panic!("a form")
    };
    assert_eq!(title.as_deref(), Some("Ask"));
}

#[test]
fn each_mistake_of_a_schedule_is_found_at_its_place() {
    let schedule = |text: &str| format!("trigger:\n  schedule: {text}");
    let cases = [
        ("bad-cron", "{ cron: §'61 * * * *', timezone: UTC }"),
        ("unknown-time-zone", "{ cron: '0 7 * * *', timezone: §Europe/Londn }"),
        (
            "never-fires",
            "{ cron: '0 7 * * *', timezone: UTC, start: 2027-02-01, end: §2027-01-01 }",
        ),
        ("missing-key", "§{ cron: '0 7 * * *' }"),
        ("missing-key", "§{ at: 2027-01-01T07:00 }"),
        ("missing-key", "{ every: 1h, start: §2027-01-01 }"),
        ("missing-key", "{ every: 1h, calendar: §{ days: [mon] } }"),
        ("missing-key", "§{ timezone: UTC }"),
        ("conflicting-keys", "{ at: 2027-01-01, timezone: UTC, §start: 2026-01-01 }"),
        ("conflicting-keys", "{ every: 5m, §at: 2027-01-01, timezone: UTC }"),
        ("bad-value", "{ at: §soon, timezone: UTC }"),
        ("bad-value", "{ at: §'2027-01-01T07:00[Europe/London]', timezone: UTC }"),
        ("bad-value", "{ every: 1d, timezone: UTC, calendar: { days: [§monday] } }"),
        ("bad-value", "{ every: 1d, timezone: UTC, calendar: { days: [§mon..frei] } }"),
        ("bad-value", "{ every: 1d, timezone: UTC, calendar: { holidays: [§2026-13-01] } }"),
        ("unknown-calendar", "{ every: 1d, timezone: UTC, calendar: §londn }"),
        ("bad-duration", "{ every: 5m, jitter: §10m }"),
        ("past-instant", "{ at: §2026-11-21, timezone: UTC }"),
        ("past-instant", "{ every: 5m, timezone: UTC, end: §2026-11-21 }"),
        ("bad-value", "{ every: 5m, missed: §newest }"),
        ("unknown-key", "{ every: 5m, §zone: UTC }"),
    ];
    check_all(cases.map(|(code, text)| (code, schedule(text))));
    let zone =
        check("unknown-time-zone", &schedule("{ cron: '0 7 * * *', timezone: §Europe/Londn }"));
    assert_eq!(zone.help.as_deref(), Some("did you mean `Europe/London`?"));
    let named =
        check("unknown-calendar", &schedule("{ every: 1d, timezone: UTC, calendar: §londn }"));
    assert_eq!(named.help.as_deref(), Some("did you mean `london`?"));
}

#[test]
fn each_mistake_of_a_webhook_is_found_at_its_place() {
    let auth = "auth: { scheme: standard, secret: vault }";
    let cases = [
        ("missing-key", "§{ path: x }".to_owned()),
        ("missing-key", format!("§{{ {auth} }}")),
        ("bad-value", format!("{{ path: §/x, {auth} }}")),
        ("bad-value", format!("{{ path: §a/../b, {auth} }}")),
        ("duplicate-path", format!("{{ path: §orders/new, {auth} }}")),
        ("bad-value", "{ path: x, auth: §standard }".to_owned()),
        ("bad-value", "{ path: x, auth: { scheme: §hmak, secret: vault } }".to_owned()),
        ("missing-key", "{ path: x, auth: §{ scheme: token } }".to_owned()),
        ("missing-key", "{ path: x, auth: §{ secret: vault } }".to_owned()),
        ("secret-literal", "{ path: x, auth: { scheme: token, secret: §abc123 } }".to_owned()),
        ("wrong-type", "{ path: x, auth: { scheme: token, secret: §{ value: abc } } }".to_owned()),
        (
            "unknown-key",
            "{ path: x, auth: { scheme: token, secret: vault, §header: X } }".to_owned(),
        ),
        (
            "missing-key",
            "{ path: x, auth: §{ scheme: hmac, secret: vault, algorithm: sha1 } }".to_owned(),
        ),
        (
            "bad-value",
            "{ path: x, auth: { scheme: hmac, secret: vault, header: §'X Y', algorithm: sha1 } }"
                .to_owned(),
        ),
        ("unknown-name", format!("{{ path: x, {auth}, dedupe: §inputs.id }}")),
        ("expression-type", format!("{{ path: x, {auth}, dedupe: §'trigger.path == null' }}")),
        (
            "unknown-field",
            format!(
                "{{ path: x, {auth}, dedupe: §trigger.payload.nr, payload: {{ number: string }} }}"
            ),
        ),
        ("bad-value", format!("{{ path: x, {auth}, respond: §later }}")),
        ("bad-schema", format!("{{ path: x, {auth}, payload: {{ n: {{ type: §int }} }} }}")),
    ];
    check_all(cases.map(|(code, text)| (code, format!("trigger:\n  webhook: {text}"))));
    check(
        "duplicate-path",
        &format!(
            "triggers:\n  - webhook: {{ path: x, {auth} }}\n  - webhook: {{ path: §x, {auth} }}"
        ),
    );
}

#[test]
fn each_mistake_of_a_record_or_flow_trigger_is_found_at_its_place() {
    let cases = [
        ("missing-key", "record: §{ every: 5m }"),
        ("missing-key", "record: §{ call: hr.changes.stream, with: { site: x } }"),
        ("unknown-action", "record: { call: hr.§changes.strem, with: { site: x }, every: 5m }"),
        ("unknown-alias", "record: { call: §hrm.changes.stream, with: { site: x }, every: 5m }"),
        ("missing-input", "record: { call: hr.§changes.stream, every: 5m }"),
        ("no-watermark", "record: { call: hr.§people.stream, every: 5m }"),
        ("no-watermark", "record: { call: hr.§records.list, with: { table: person }, every: 5m }"),
        (
            "unknown-name",
            "record: { call: hr.changes.stream, with: { site: '{{ §inputs.x }}' }, every: 5m }",
        ),
        (
            "bad-value",
            "record: { call: hr.changes.stream, with: { site: x }, every: 5m, on: §new }",
        ),
        (
            "no-watermark",
            "record: { call: hr.§changes.stream, with: { site: x }, every: 5m, on: updated }",
        ),
        ("bad-duration", "record: { call: hr.changes.stream, with: { site: x }, every: §5 min }"),
        ("unknown-flow", "flow: §gret"),
        ("missing-key", "flow: §{ on: failed }"),
        ("bad-value", "flow: { name: greet, on: §cancelled }"),
        ("bad-value", "flow: { name: greet, on: §[] }"),
        ("bad-value", "flow: { name: greet, on: [failed, §failed] }"),
        ("cycle", "flow: §a"),
        ("cycle", "flow: { name: §last, on: failed }"),
        ("unknown-key", "form: { §titel: x }"),
    ];
    check_all(cases.map(|(code, text)| (code, format!("trigger:\n  {text}"))));
    let ring = check("cycle", "trigger:\n  flow: { name: §last, on: failed }");
    assert!(ring.message.ends_with("a starts after_a starts last starts a"), "{}", ring.message);
    check("conflicting-keys", "trigger: §{ form: {}, flow: greet }");
    check(
        "missing-input",
        "flow: a\ninputs: { n: { type: string, required: true } }\ntrigger:\n  §schedule: { every: 5m }\nsteps: [{ log: x }]\n",
    );
}

fn reading(trigger: &str, pill: &str) -> String {
    format!(
        "flow: a\nconnections: {{ hr: desk, lms: school }}\n{trigger}\nsteps:\n  - log: \"{{{{ {pill} }}}}\"\n"
    )
}

#[test]
fn trigger_is_typed_by_the_triggers_of_the_flow() {
    let hook = "trigger: { webhook: { path: x, auth: none, payload: { number: string } } }";
    let record = "trigger: { record: { call: hr.changes.stream, with: { site: x }, every: 5m } }";
    let batch = "trigger: { record: { call: hr.changes.stream, with: { site: x }, every: 5m, run_for: batch } }";
    let after = "trigger: { flow: { name: after_a, on: succeeded } }";
    let after = after.replace("flow: a\n", "flow: b\n");
    let both = "triggers: [{ schedule: { every: 5m } }, { webhook: { path: x, auth: none } }]";
    for (trigger, pill) in [
        ("trigger: { schedule: { every: 5m } }", "trigger.due"),
        ("trigger: { schedule: { every: 5m } }", "trigger.kind"),
        (hook, "trigger.payload.number"),
        (hook, "trigger.headers.anything"),
        (record, "trigger.record.email"),
        (batch, "trigger.records.0.email"),
        (both, "default trigger.due ''"),
        ("", "trigger.anything"),
    ] {
        is_clean(&reading(trigger, pill));
    }
    is_clean(&reading(&after, "trigger.outputs.n").replace("flow: a\n", "flow: b\n"));
    for (trigger, pill) in [
        ("trigger: { schedule: { every: 5m } }", "§trigger.payload"),
        (hook, "§trigger.payload.nummer"),
        (record, "§trigger.record.mail"),
        (record, "§trigger.records"),
        (batch, "§trigger.record.email"),
        ("trigger: { form: {} }", "§trigger.due"),
    ] {
        check("unknown-field", &reading(trigger, pill));
    }
}
