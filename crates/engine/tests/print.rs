//! A flow that is printed and read again is the same flow.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::{Path, PathBuf};

use linchpin_engine::flow::Flow;
use linchpin_engine::parse;
use linchpin_engine::print::print;
use linchpin_language::{Value, format_yaml, json, write_yaml};
use proptest::prelude::*;

/// Everything that a flow is, without where it was read.
fn meaning(flow: &Flow) -> String {
    let mut flow = flow.clone();
    flow.source = linchpin_language::Source::new("", "");
    let text = format!("{flow:?}");
    let mut parts = text.split("Span { start: ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.split_once('}').map_or("", |(_, after)| after);
        out.push_str(after);
    }
    out
}

fn comes_back(name: &str, text: &str) -> bool {
    let Ok(flow) = parse(name, text) else { return false };
    let printed = print(&flow);
    let again = parse(name, &printed).unwrap_or_else(|found| panic!("{printed}\n{found:?}"));
    assert_eq!(meaning(&again), meaning(&flow), "{name} printed as:\n{printed}");
    assert_eq!(format_yaml(name, &printed).unwrap(), printed, "{name}");
    true
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn each_flow_of_the_repository_comes_back_as_it_was() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = Vec::new();
    for folder in ["flows", "tests", "benches", "docs"] {
        files(&root.join(folder), &mut all);
    }
    let come_back = all.iter().filter(|path| {
        let text = std::fs::read(path).unwrap();
        comes_back(&path.display().to_string(), &String::from_utf8_lossy(&text))
    });
    assert!(come_back.count() > 60);
}

#[test]
fn what_is_left_to_defaults_is_not_written() {
    let text = "flow: f\nenabled: true\ntrigger: { form: {} }\nsteps:\n  - for_each: \"[1]\"\n    as: item\n    parallel: 1\n    on_item_error: stop\n    steps:\n      - { log: { level: info, message: Hi } }\n      - { fail: { kind: rejected, message: no } }\n      - next:\n";
    assert_eq!(
        print(&parse("f.yaml", text).unwrap()),
        "flow: f\ntrigger: { form: {} }\nsteps:\n  - for_each: \"[1]\"\n    steps:\n      - log: Hi\n      - fail: \"no\"\n      - next: true\n"
    );
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}( [a-z]{1,6}){0,2}",
        Just("Hello {{ inputs.x }}!".to_owned()),
        Just("{{ inputs.x }}".to_owned()),
        Just("\\{{ no pill".to_owned()),
        Just("two\nlines".to_owned()),
        Just("no: # yes".to_owned()),
        Just("7".to_owned()),
    ]
}

fn expression() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("inputs.x == null")),
        Just(json!(true)),
        Just(json!("!inputs.on")),
        Just(json!("inputs.n > 1 ? 'a' : 'b: # c'")),
        Just(json!("[1, 2].map(x, x * 2)")),
    ]
}

fn call() -> impl Strategy<Value = Value> {
    (text(), any::<bool>(), 1..9u32).prop_map(|(text, has_more, n)| {
        let mut call = json!({ "call": "http.request", "with": { "a": text, "b": [n, null, { "c": text }] } });
        if has_more {
            call["connection"] = json!("other");
            call["retry"] =
                json!({ "attempts": n, "backoff": "2s..60s", "on": ["timeout"], "max_elapsed": "1h" });
            call["timeout"] = json!("90s");
        }
        call
    })
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        call(),
        (text(), any::<bool>()).prop_map(|(text, detach)| json!({ "call": "flow.other",
            "with": { "x": text }, "connections": { "a": "b" }, "detach": detach })),
        Just(json!({ "wait": { "for": "1h30m" } })),
        text().prop_map(|text| json!({ "wait": { "until": text } })),
        Just(json!({ "wait": { "signal": "done", "timeout": "3d" } })),
        (text(), "(info|warn|error)").prop_map(|(text, level)| json!({ "log": { "level": level, "message": text } })),
        (text(), "(rejected|conflict)").prop_map(|(text, kind)| json!({ "fail": { "kind": kind, "message": text } })),
        expression().prop_map(|value| json!({ "set": { "v": value } })),
        text().prop_map(|text| json!({ "ask": { "message": text, "submit": "Go", "timeout": "2d",
            "form": { "a": { "type": "list", "items": "string", "required": true, "min": 1,
                "choices_from": { "call": "lms.courses.list", "value": "id", "columns": ["id"] } } } } })),
        (text(), "(fail|end|continue)").prop_map(|(text, end)| json!({ "approval": { "message": text,
            "from": ["hr", "self"], "timeout": "8h", "on_timeout": "approve", "on_reject": end,
            "form": { "why": "string" } } })),
        Just(json!({ "end": true })),
    ]
}

fn step() -> impl Strategy<Value = Value> {
    let steps = |inner: BoxedStrategy<Value>| proptest::collection::vec(inner, 1..3);
    leaf().prop_recursive(3, 20, 3, move |inner| {
        let list = steps(inner.boxed());
        let list = list.boxed();
        prop_oneof![
            (expression(), list.clone(), list.clone()).prop_map(|(c, a, b)| json!({ "if": c, "then": a,
                "else_if": [{ "if": "true", "then": b }], "else": b })),
            (expression(), list.clone(), 1..5u32, any::<bool>()).prop_map(|(c, a, n, go)| json!({
                "for_each": c, "as": "thing", "parallel": n, "collect": "thing",
                "on_item_error": if go { "continue" } else { "stop" }, "steps": a })),
            call().prop_map(|call| {
                let mut each = json!({ "for_each": { "call": "st.users.stream", "with": { "n": 1 } } });
                each.as_object_mut().unwrap().extend(call.as_object().unwrap().clone());
                each
            }),
            (list.clone(), expression()).prop_map(|(a, c)| json!({ "repeat": a, "until": c, "max": 9, "every": "1m" })),
            (list.clone(), list.clone()).prop_map(|(a, b)| json!({ "parallel": { "one": a, "two": b },
                "on_branch_error": "continue" })),
            (list.clone(), expression(), text()).prop_map(|(a, c, t)| json!({
                "decide": [{ "when": c, "result": { "x": t } }, { "when": "false", "steps": a }],
                "match": "all", "default": { "result": t } })),
            (list.clone(), list.clone()).prop_map(|(a, b)| json!({ "try": a,
                "catch": [{ "on": ["timeout", "conflict"], "steps": b }, { "steps": b }], "finally": a })),
            (leaf(), list).prop_map(|(mut a, b)| {
                a["on_error"] = json!(b);
                a["name"] = json!("a name");
                a
            }),
        ]
    })
}

/// Triggers of all kinds, with everything that they can say.
fn triggers() -> Value {
    json!([
        { "schedule": { "cron": "0 7 * * *", "timezone": "UTC", "missed": "all", "jitter": "5m",
            "start": "2026-01-31", "end": "2026-12-24T18:00",
            "calendar": { "days": ["mon..wed", "sun"], "holidays": ["2026-12-25 Christmas Day", "2026-12-26"] } } },
        { "schedule": { "every": "15m", "calendar": "office" } },
        { "schedule": { "at": "2026-12-24T18:00:00Z", "missed": "none" } },
        { "webhook": { "path": "a/b", "auth": "none", "payload": { "id": "string" } } },
        { "webhook": { "path": "c", "dedupe": "trigger.payload.id", "respond": "result",
            "auth": { "scheme": "hmac", "header": "X-Sign", "algorithm": "sha512",
                "encoding": "base64", "prefix": "sha512=", "secret": ["vault", { "env": "SIGN" }] } } },
        { "webhook": { "path": "d", "auth": { "scheme": "token", "secret": { "command": ["pass", "it"] } } } },
        { "record": { "call": "st.users.stream", "with": { "active": true }, "on": "created",
            "every": "5m", "run_for": "batch" } },
        { "flow": { "name": "other", "on": ["failed", "held"] } },
        { "form": { "title": "A page" } },
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_flow_comes_back_as_it_was(
        steps in proptest::collection::vec(step(), 1..5), about in text(), guard in expression()
    ) {
        let mut steps = steps;
        for (at, step) in steps.iter_mut().enumerate() {
            step["id"] = json!(format!("s{at}"));
            if at > 0 && step.get("then").is_none() {
                step["if"] = guard.clone();
                step["after"] = json!([format!("s{}", at - 1)]);
            }
        }
        let flow = json!({ "flow": "f", "description": about, "owner": "no", "enabled": false,
            "connections": { "lms": "litmos" }, "run_by": ["a role"],
            "triggers": triggers(),
            "concurrency": { "max": 2, "full": "cancel", "key": "inputs.x" },
            "inputs": { "x": { "type": "object", "fields": { "a": "date" }, "nullable": true, "about": about },
                "n": { "type": "number", "min": 0.5, "max": 3, "default": 1, "enum": [1, 2.5] } },
            "vars": { "v": "any" }, "defaults": { "timeout": "30s", "retry": { "attempts": 2, "backoff": "5s" } },
            "limits": { "create": 3, "delete": 0 }, "timeout": "1d", "steps": steps, "on_error": steps,
            "on_cancel": steps, "finally": steps, "outputs": { "out": guard } });
        prop_assert!(comes_back("f.yaml", &write_yaml(&flow)), "{:?}", parse("f.yaml", &write_yaml(&flow)).err());
    }
}
