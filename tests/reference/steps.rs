//! The pages of a flow, of the kinds of step and of the triggers, from the table of their keys and
//! the examples beside them. `product/examples.rs` runs the examples.

use std::collections::BTreeSet;

use linchpin_engine::grammar::{COMMON, FLOW, KINDS, Key, Kind, RETRY, TRIGGER};
use linchpin_language::Type;

use super::keys::{all_examples, below, examples, shape, tables};
use super::markdown::{NOTICE, anchor, code, table};

/// The examples of each kind of step, by the name that people call it.
const OF_KINDS: [(&str, &[&str]); 17] = [
    ("for_each", &["for_each", "for_each_stream"]),
    ("call", &["call", "subflow"]),
    ("if", &["if"]),
    ("try", &["try"]),
    ("wait", &["wait", "signal"]),
    ("ask", &["ask"]),
    ("set", &["set"]),
    ("log", &["log"]),
    ("end", &["end"]),
    ("fail", &["fail"]),
    ("approval", &["approval"]),
    ("repeat", &["repeat"]),
    ("parallel", &["parallel"]),
    ("decide", &["decide"]),
    ("next", &["next"]),
    ("break", &["break"]),
    ("undo", &["undo"]),
];

/// The examples of each trigger.
const OF_TRIGGERS: [(&str, &[&str]); 5] = [
    ("schedule", &["on_cron", "on_every", "on_at"]),
    ("form", &["on_form"]),
    ("webhook", &["on_webhook"]),
    ("record", &["on_record"]),
    ("flow", &["on_flow"]),
];

/// The names of triggers in Flow Designer.
const TITLES: [(&str, &str); 5] = [
    ("schedule", "Daily, Weekly, Monthly, Run Once, Repeat"),
    ("form", "Service Catalog"),
    ("webhook", "Inbound REST"),
    ("record", "Created, Updated, Created or Updated"),
    ("flow", "no word: a flow that calls a subflow at its end"),
];

const STEPS: &str = "# Steps

A step is a map with exactly one of the keys below, which says what it is, and those of every step.
Steps run in the order in which they are written, unless `after` says otherwise.
An expression is bare [CEL](functions.md): `hires.count > 0`; a text holds pills in Handlebars: `\"{{ hires.count }} hires\"`.

Each example is a whole flow that is checked and run; the lines with `$` are the commands, those with `>` what they print.

";

const TRIGGERS: &str = "# Triggers

What starts a flow by itself: `trigger:` with one of these, or a list of them under `triggers:`.
Every flow can also be started by hand, `linchpin run FLOW`, which is how the examples are run.

";

const FLOW_PAGE: &str = "# A flow

A file with one flow, in YAML.
What stands under `steps` is on [its own page](steps.md), and so are [triggers](triggers.md).

## Keys

";

fn links<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let links: Vec<String> = names.map(|name| format!("[`{name}`](#{})", anchor(name))).collect();
    format!("{}.\n\n", links.join(" · "))
}

/// The page of the kinds of step.
pub(super) fn steps() -> String {
    let mut text = format!("{NOTICE}{STEPS}");
    text.push_str(&links(KINDS.iter().map(|kind| kind.shown)));
    text.push_str(&format!("## Every step\n\n{}", tables(COMMON.iter())));
    for kind in KINDS {
        text.push_str(&section(kind));
    }
    text.push_str("## retry\n\nWherever it stands: a key that is left out comes from `defaults`, then from the alias, then from what is built in: `{ attempts: 4, backoff: 1s..60s, on: [timeout, rate_limited, unavailable, connection_failed], max_elapsed: 1h }`.\n\n");
    text.push_str(&tables(RETRY.keys.iter()));
    text.trim_end().to_owned() + "\n"
}

/// What later steps read of each kind.
const GIVES: [(&str, &str); 17] = [
    (
        "for_each",
        "`count`, `succeeded`, `failed`, `skipped` (left by `next`), `errors` (the first 100, each with \
         `index` and `error`), and `items` with `collect`",
    ),
    ("call", "the outputs of the action or of the subflow; with `detach`, `run`"),
    ("if", "nothing; the steps in it can be read, and are null where they did not run"),
    ("try", "nothing; its steps can be read, and are null where they did not succeed"),
    ("wait", "nothing; with `signal`, what came with it"),
    ("ask", "the fields of the form"),
    ("set", "nothing; the variables are read as `vars.name`"),
    ("log", "nothing"),
    ("end", "nothing"),
    ("fail", "nothing"),
    ("repeat", "`count`; its steps can be read as they were in the last round"),
    ("approval", "`approved`, `by`, `at`, `note` and `form`"),
    (
        "decide",
        "the `result` of the row, null where none matched; with `match: all`, a list of them",
    ),
    ("next", "nothing"),
    ("break", "nothing"),
    (
        "parallel",
        "`succeeded` and `failed`, names of branches, and `errors`; the steps in it can be read",
    ),
    ("undo", "nothing"),
];

fn section(kind: &Kind) -> String {
    let gives = GIVES.iter().find(|(name, _)| *name == kind.shown);
    let (_, gives) = gives.unwrap_or_else(|| panic!("what does {} give?", kind.shown));
    let mut text = format!(
        "## {}\n\n{}\nIn Flow Designer: *{}*.\n\n- Under {}: {}.\n- It gives: {gives}.\n\n",
        kind.shown,
        kind.about,
        kind.title,
        code(kind.key),
        shape(&kind.value)
    );
    let own = below(&kind.value);
    text.push_str(&own);
    if kind.beside().next().is_some() {
        text.push_str("Beside it:\n\n");
        text.push_str(&tables(kind.beside()));
    }
    text + &examples(of(&OF_KINDS, kind.shown))
}

fn of(all: &[(&str, &'static [&'static str])], name: &str) -> &'static [&'static str] {
    let found = all.iter().find(|(known, _)| *known == name);
    found.map_or(&[], |(_, examples)| *examples)
}

/// The page of the triggers.
pub(super) fn triggers() -> String {
    let mut text = format!("{NOTICE}{TRIGGERS}");
    text.push_str(&links(TRIGGER.keys.iter().map(|key| key.name)));
    for key in TRIGGER.keys {
        let title =
            TITLES.iter().find(|(name, _)| *name == key.name).map_or("", |(_, title)| title);
        text.push_str(&format!("## {}\n\n{}\n", key.name, key.about));
        text.push_str(&format!("In Flow Designer: *{title}*.\n\n"));
        text.push_str(&below(&key.value));
        text.push_str(&examples(of(&OF_TRIGGERS, key.name)));
    }
    text.trim_end().to_owned() + "\n"
}

/// The page of the top of a flow.
pub(super) fn flow() -> String {
    let is_trigger = |key: &&'static Key| matches!(key.name, "trigger" | "triggers");
    let (triggers, rest): (Vec<_>, Vec<_>) = FLOW.keys.iter().partition(is_trigger);
    let mut text = format!("{NOTICE}{FLOW_PAGE}");
    let rows: Vec<_> = triggers
        .iter()
        .map(|key| vec![code(key.name), key.about.to_owned(), "[triggers](triggers.md)".to_owned()])
        .collect();
    text.push_str(&tables(rest.into_iter()));
    text.push_str("What starts it:\n\n");
    text.push_str(&table(&["key", "about", "see"], &rows));
    text.push_str(&types());
    text.trim_end().to_owned() + "\n"
}

/// What the types of inputs, variables and form fields mean.
const TYPES: [(&str, &str); 14] = [
    ("string", "A text. Whole numbers are read as one."),
    ("integer", "A whole number of 64 bits; a text of digits is read as one."),
    ("number", "A number with a fraction."),
    ("boolean", "`true` or `false`."),
    ("date", "A day: `2026-01-31`."),
    ("datetime", "An instant in RFC 3339: `2026-01-31T09:00:00Z`."),
    ("duration", "A length of time: `30s`, `1h30m`, `2d`."),
    ("email", "An e-mail address."),
    ("url", "An address with its scheme: `https://example.com`."),
    ("path", "A part of a URL's path; actions only."),
    ("secret", "A credential; connections only."),
    ("list", "Several values; `items` is their type."),
    ("object", "Named fields; `fields` has their types."),
    ("any", "Whatever it is."),
];

fn types() -> String {
    assert_eq!(TYPES.map(|(name, _)| name), Type::NAMES, "the types that there are");
    let row = |(name, about): &(&str, &str)| vec![code(name), (*about).to_owned()];
    let rows: Vec<_> = TYPES.iter().map(row).collect();
    format!(
        "## Types\n\nOf inputs, variables and the fields of forms: the name alone, or a map with `type` and \
         `required`, `default`, `enum`, `min`, `max`, `pattern`, `example`, `nullable`, `about`.\n\n{}",
        table(&["type", "value"], &rows)
    )
}

#[test]
fn every_kind_and_trigger_has_an_example_and_every_example_is_shown() {
    let mut shown = BTreeSet::new();
    let kinds = KINDS.iter().map(|kind| (kind.shown, of(&OF_KINDS, kind.shown)));
    let triggers = TRIGGER.keys.iter().map(|key| (key.name, of(&OF_TRIGGERS, key.name)));
    for (name, examples) in kinds.chain(triggers) {
        assert!(!examples.is_empty(), "{name} has no example");
        shown.extend(examples.iter().map(|example| (*example).to_owned()));
    }
    assert_eq!(shown, all_examples());
}
