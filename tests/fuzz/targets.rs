//! The targets: what is read, and what must hold of every outcome.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::Spoke;
use linchpin_engine::catalog::Catalog;
use linchpin_engine::check::check_text;
use linchpin_engine::flow::Trigger;
use linchpin_engine::parse::parse;
use linchpin_engine::schedule::{Calendars, Timetable};
use linchpin_language::{
    Attributes, Diagnostic, Document, Expression, Facts, Fields, Format, Map, Mistake, Reference,
    Schema, Text, Type, Value, json, read_xml, render, unknown, write_xml,
};

use super::driver::{Target, fuzz};
use super::seeds;

/// The first words of a message, which tell one outcome from another without names and numbers.
fn gist(message: &str) -> String {
    let words = message.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic));
    words.take(6).collect::<Vec<_>>().join(" ")
}

/// Holds that diagnostics can be shown to people; gives their codes.
fn shown(found: &[Diagnostic]) -> Vec<String> {
    for diagnostic in found {
        let (line, column) = diagnostic.position();
        assert!(line > 0 && column > 0);
        let text = diagnostic.source.text();
        assert!(text.is_char_boundary(diagnostic.span.start), "{diagnostic}");
        assert!(text.is_char_boundary(diagnostic.span.end), "{diagnostic}");
        assert!(diagnostic.span.start <= diagnostic.span.end, "{diagnostic}");
        assert!(!diagnostic.message.trim().is_empty());
    }
    if let Some(first) = found.first() {
        let few = &found[..found.len().min(3)];
        for format in [Format::Human { color: false }, Format::Json, Format::Github, Format::Sarif]
        {
            assert!(!render(few, format).is_empty(), "{first}");
        }
    }
    found
        .iter()
        .map(|diagnostic| format!("{} {}", diagnostic.code.0, gist(&diagnostic.message)))
        .collect()
}

fn placed(text: &str, mistake: &Mistake) -> String {
    assert!(text.get(mistake.range.clone()).is_some(), "{mistake} at {:?}", mistake.range);
    format!("{} {}", mistake.code.0, gist(&mistake.message))
}

fn in_place(text: &str, references: &[Reference]) {
    for reference in references {
        assert!(text.get(reference.range.clone()).is_some(), "{reference:?}");
    }
}

fn scope() -> Map<String, Value> {
    let value = json!({
        "hires": { "count": 2 },
        "learner": { "id": "u1", "name": "Ada", "active": true },
        "rows": [{ "name": "x", "n": 1 }, { "name": "y", "n": 2.5 }],
        "inputs": { "courses": ["a", "b"] },
        "skipped": null,
        "run": { "started_at": "2026-07-02T06:00:00Z" },
        "unknown_id": unknown("a", "string", "id of learner"),
    });
    value.as_object().unwrap().clone()
}

fn types(name: &str) -> Option<Rc<Schema>> {
    let row = Schema::object(Fields::from_iter([
        ("name".to_owned(), Schema::string()),
        ("n".to_owned(), Schema::of(Type::Number)),
    ]));
    Some(Rc::new(match name {
        "rows" => Schema::list(row),
        "learner" => row.or_null(),
        "hires" => Schema::any(),
        _ => return None,
    }))
}

/// Holds that a value can be journaled and read back.
fn journaled(value: &Value) -> String {
    let written = value.to_string();
    let read: Result<Value, _> = serde_json::from_str(&format!("[[[[{written}]]]]"));
    assert!(read.is_ok(), "a value that cannot be read back");
    linchpin_language::kind(value).to_owned()
}

fn catalog() -> Catalog {
    let bundled = linchpin_spokes::bundled().unwrap();
    let spokes: BTreeMap<String, Arc<Spoke>> =
        bundled.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect();
    Catalog { spokes, ..Catalog::default() }
}

#[test]
fn any_document_is_read_or_refused() {
    let catalog = catalog();
    fuzz(Target {
        name: "documents",
        seeds: seeds::flows(),
        words: seeds::words_of_flows(),
        read: Box::new(move |text| {
            let mut seen = shown(&check_text("flow.yaml", text, &catalog));
            if let Ok(flow) = parse("flow.yaml", text) {
                seen.push(format!("{} blocks", flow.blocks.min(20)));
            }
            seen
        }),
    });
}

#[test]
fn any_expression_is_read_or_refused_and_worked_out_or_told() {
    let scope = scope();
    fuzz(Target {
        name: "expressions",
        seeds: seeds::expressions(),
        words: seeds::words_of_expressions(),
        read: Box::new(move |text| match Expression::parse(text) {
            Err(mistake) => vec![placed(text, &mistake)],
            Ok(expression) => {
                in_place(text, expression.references());
                let mut seen: Vec<String> = expression
                    .study(&types, &Facts::default())
                    .mistakes
                    .iter()
                    .map(|one| placed(text, one))
                    .collect();
                seen.push(match expression.eval(&scope) {
                    Ok(value) => journaled(&value),
                    Err(error) => gist(&error.message),
                });
                seen
            }
        }),
    });
}

#[test]
fn any_text_is_read_or_refused_and_rendered_or_told() {
    let scope = scope();
    fuzz(Target {
        name: "texts",
        seeds: seeds::texts(),
        words: seeds::words_of_texts(),
        read: Box::new(move |text| match Text::parse(text) {
            Err(mistake) => vec![placed(text, &mistake)],
            Ok(read) => {
                in_place(text, read.references());
                vec![match read.render(&scope) {
                    Ok(value) => journaled(&value),
                    Err(error) => gist(&error.message),
                }]
            }
        }),
    });
}

#[test]
fn any_schedule_is_refused_or_falls_due_in_order() {
    let catalog = catalog();
    fuzz(Target {
        name: "schedules",
        seeds: seeds::schedules(),
        words: seeds::words_of_schedules(),
        read: Box::new(move |line| {
            let (cron, zone) = line.split_once('|').unwrap_or((line, "UTC"));
            let (cron, zone) = (json!(cron), json!(zone));
            let text = format!(
                "flow: f\ntrigger: {{ schedule: {{ cron: {cron}, timezone: {zone} }} }}\n\
                 steps: [{{ log: x }}]\n"
            );
            let mut seen = shown(&check_text("flow.yaml", &text, &catalog));
            let Ok(flow) = parse("flow.yaml", &text) else { return seen };
            let triggers = flow.triggers.iter().map(|trigger| &trigger.value);
            for schedule in triggers.filter_map(|trigger| match trigger {
                Trigger::Schedule(schedule) => Some(schedule),
                _ => None,
            }) {
                let after: Timestamp = "2026-03-28T23:59:59Z".parse().unwrap();
                let Ok(table) = Timetable::new(schedule, &Calendars::default()) else { continue };
                let instants = table.next(after, 5);
                assert!(instants.is_sorted_by(|a, b| a < b), "{instants:?}");
                assert!(instants.iter().all(|instant| *instant > after), "{instants:?}");
                seen.push(instants.len().to_string());
            }
            seen
        }),
    });
}

#[test]
fn any_manifest_of_an_action_is_read_or_refused() {
    let spoke = seeds::spoke_files("litmos");
    let manifest = spoke.iter().find(|(path, _)| path == "spoke.yaml").unwrap().clone();
    let actions: Vec<String> = spoke
        .into_iter()
        .filter(|(path, _)| path.starts_with("actions/"))
        .map(|(_, text)| text)
        .collect();
    fuzz(Target {
        name: "manifests of actions",
        seeds: actions,
        words: seeds::words_of_manifests(),
        read: Box::new(move |text| {
            let action = ("actions/any.yaml".to_owned(), text.to_owned());
            match Spoke::load(&[manifest.clone(), action], &[]) {
                Ok(spoke) => spoke
                    .actions()
                    .map(|(_, action)| format!("{:?}", action.spec().effect))
                    .collect(),
                Err(found) => shown(&found),
            }
        }),
    });
}

#[test]
fn any_manifest_of_a_spoke_is_read_or_refused() {
    let manifests = ["litmos", "servicenow", "sumtotal", "http", "core"].map(|spoke| {
        let files = seeds::spoke_files(spoke);
        files.into_iter().find(|(path, _)| path == "spoke.yaml").unwrap().1
    });
    fuzz(Target {
        name: "manifests of spokes",
        seeds: manifests.to_vec(),
        words: seeds::words_of_manifests(),
        read: Box::new(|text| {
            match Spoke::load(&[("spoke.yaml".to_owned(), text.to_owned())], &[]) {
                Ok(spoke) => vec![format!("{} fields", spoke.connection.fields.len())],
                Err(found) => shown(&found),
            }
        }),
    });
}

#[test]
fn any_xml_is_refused_or_can_be_written_again() {
    let seeds = [
        "<?xml version=\"1.0\"?><Users xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><User><Id>a&amp;b</Id><Name i:nil=\"true\"/></User></Users>",
        "<a b='1' c=\"2\"><![CDATA[x]]><!-- note --><d/>text</a>",
    ];
    fuzz(Target {
        name: "xml",
        seeds: seeds.map(str::to_owned).to_vec(),
        words: vec![
            "<a>",
            "</a>",
            "<a/>",
            "<!DOCTYPE a>",
            "<![CDATA[",
            "]]>",
            "<!--",
            "-->",
            "<?",
            "?>",
            "&amp;",
            "&#0;",
            "&x;",
            "xmlns=",
            "i:nil='true'",
            "'",
            "\"",
            "@",
            ":",
        ],
        read: Box::new(|text| match read_xml(text, Attributes::Dropped) {
            Err(message) => vec![gist(&message)],
            Ok(value) => {
                journaled(&value);
                match write_xml(&value) {
                    Err(message) => vec![gist(&message)],
                    Ok(written) => {
                        assert_eq!(
                            read_xml(&written, Attributes::Dropped).as_ref(),
                            Ok(&value),
                            "{written}"
                        );
                        vec![format!("{} long", written.len().ilog2())]
                    }
                }
            }
        }),
    });
}

#[test]
fn what_is_wrong_with_a_document_is_shown_wherever_it_stands() {
    // A place at the very end of a file, after characters of several bytes, and of no length.
    for text in
        ["flow: ä\u{202e}", "a: [ü", "flow: x\nsteps: \"ä", "ä: {{ ü }}\n", "- é\n- é: [", ""]
    {
        let found = Document::parse("x.yaml", text).err().unwrap_or_default();
        shown(&found);
    }
}
