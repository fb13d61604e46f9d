//! The schema of flows and the parser agree: what `check` accepts the schema accepts, and what a
//! schema can tell it refuses. The validator is an outside one, so that ours is not its own judge.

use boon::{Compiler, SchemaIndex, Schemas};
use linchpin_engine::json_schema;
use linchpin_language::Document;
use serde_json::Value;

use super::samples;

struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn of(schema: Value) -> Self {
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        compiler.add_resource("flow.json", schema).unwrap();
        let index = compiler.compile("flow.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn of_flows() -> Self {
        Self::of(json_schema::flow(&samples::catalog()))
    }

    /// Why a file is refused; none when it is accepted.
    fn refusal(&self, text: &str) -> Option<String> {
        let document = Document::parse("flow.yaml", text).ok()?;
        let found = self.schemas.validate(document.root().value(), self.index);
        found.err().map(|error| format!("{error:#}"))
    }
}

#[test]
fn the_schema_accepts_every_flow_that_check_accepts() {
    let validator = Validator::of_flows();
    let right = samples::right();
    let refused: Vec<String> = right
        .iter()
        .filter_map(|(name, text)| Some(format!("{name}: {}", validator.refusal(text)?)))
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(right.len() >= 20, "only {} flows were tried", right.len());
}

#[test]
fn the_schema_refuses_the_mistakes_that_a_schema_can_tell() {
    let validator = Validator::of_flows();
    let wrong = samples::wrong();
    let accepted: Vec<&String> = wrong
        .iter()
        .filter(|(_, text)| validator.refusal(text).is_none())
        .map(|(name, _)| name)
        .collect();
    assert!(accepted.is_empty(), "{accepted:#?}");
    assert!(wrong.len() >= 7, "only {} mistakes were tried", wrong.len());
}

/// One step in a flow.
fn flow(step: &str) -> String {
    format!("flow: a\nconnections: {{ hr: servicenow, lms: litmos }}\nsteps:\n  - {step}\n")
}

#[test]
fn a_step_is_one_kind_with_the_keys_of_that_kind() {
    let validator = Validator::of_flows();
    for (is_right, step) in [
        (true, "log: Hi"),
        (true, "{ id: a, if: a.b > 1, log: { level: warn, message: Hi } }"),
        (false, "{ log: Hi, end: true }"),
        (false, "{ log: Hi, then: [{ end: true }] }"),
        (false, "{ id: a }"),
        (false, "{ log: { level: loud, message: Hi } }"),
        (false, "{ log: { message: Hi, of: me } }"),
        (false, "{ logg: Hi }"),
        (true, "{ if: a, then: [{ end: true }], else: [{ log: Hi }] }"),
        (false, "{ then: [{ end: true }] }"),
        (false, "{ if: '{{ a }}', log: Hi }"),
        (true, "{ for_each: a.b, as: c, parallel: 4, steps: [{ log: '{{ c.d }}' }] }"),
        (true, "{ for_each: a.b, call: core.echo, with: { value: 1 } }"),
        (false, "{ for_each: a.b, parallel: 0, steps: [{ end: true }] }"),
        (false, "{ for_each: a.b, steps: [] }"),
        (true, "wait: { for: 20s }"),
        (true, "wait: { for: '{{ a }}' }"),
        (false, "wait: { for: 20 s }"),
        (false, "wait: { for: 20s, until: '{{ a }}' }"),
        (false, "{ call: core.echo, with: { value: 1 }, retry: { on: [broken] } }"),
        (true, "{ call: core.echo, with: { value: 1 }, retry: { on: timeout, backoff: 2s..60s } }"),
    ] {
        let refusal = validator.refusal(&flow(step));
        assert_eq!(refusal.is_none(), is_right, "{step}: {refusal:?}");
    }
}

#[test]
fn the_inputs_of_a_call_are_those_of_its_action() {
    let validator = Validator::of_flows();
    let call = |alias: &str, with: &str| {
        validator.refusal(&flow(&format!("{{ call: {alias}.courses.assign, with: {with} }}")))
    };
    let right = "{ user: a, courses: [b, '{{ c }}'], notify: '{{ d }}' }";
    // The name of the spoke, an alias of the environment, and one that only the flow knows.
    for alias in ["litmos", "lms", "academy"] {
        for with in [right, "{ user: a, courses: '{{ b }}', notify: true }"] {
            assert_eq!(call(alias, with), None, "{alias} {with}");
        }
        for with in [
            "{ user: a }",
            "{ user: a, courses: b }",
            "{ user: a, courses: [b], notify: perhaps }",
            "{ user: a, courses: [b], colour: red }",
            "{ user: [a], courses: [b] }",
        ] {
            assert!(call(alias, with).is_some(), "{alias} {with}");
        }
    }
    for step in [
        "{ call: lms.courses.asign, with: { user: a, courses: [b] } }",
        "{ call: academy.courses.asign, with: { user: a, courses: [b] } }",
        "{ call: lms.records.get, with: { table: incident } }",
        "{ call: flow.enrol_departement }",
        "{ call: courses }",
        "{ for_each: { call: flow.enrol_department }, steps: [{ end: true }] }",
        "{ call: lms.courses.assign }",
    ] {
        assert!(validator.refusal(&flow(step)).is_some(), "{step}");
    }
    assert_eq!(validator.refusal(&flow("{ call: flow.enrol_department }")), None);
}

#[test]
fn every_definition_is_used_and_every_key_is_explained() {
    let schema = json_schema::flow(&samples::catalog());
    let text = schema.to_string();
    for name in schema["definitions"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("\"#/definitions/{name}\"")), "{name} is not used");
    }
    for (name, step) in schema["definitions"]["step"]["properties"].as_object().unwrap() {
        let is_explained = |one: &Value| one["description"].is_string();
        let several = step["anyOf"].as_array();
        let all = several.is_some_and(|all| all.iter().all(is_explained));
        assert!(is_explained(step) || all, "{name}: {step}");
    }
}

#[test]
fn a_connection_has_the_fields_of_its_spoke() {
    let spokes = samples::catalog().spokes;
    let validator = Validator::of(linchpin_runtime::connections::json_schema(&spokes));
    let url = "url: https://api.litmos.com/v1.svc";
    for (is_right, text) in [
        (true, "# nothing\n".to_owned()),
        (true, format!("lms: {{ spoke: litmos, {url}, api_key: vault }}\n")),
        (true, format!("lms: {{ spoke: litmos, {url}, api_key: {{ env: KEY }} }}\n")),
        (true, "eu: { parent: lms, url: https://api.litmoseu.com/v1.svc }\n".to_owned()),
        (true, format!("lms: {{ spoke: litmos, {url}, attributes: {{ wire: xml }} }}\n")),
        (false, format!("lms: {{ spoke: litmos, {url}, api_key: s3cret }}\n")),
        (false, format!("lms: {{ spoke: litmos, {url}, api_kee: vault }}\n")),
        (false, format!("lms: {{ spoke: litmus, {url} }}\n")),
        (false, format!("lms: {{ {url} }}\n")),
        (false, format!("lms: {{ spoke: litmos, {url}, attributes: {{ wire: csv }} }}\n")),
        (false, "3lms: { spoke: litmos }\n".to_owned()),
    ] {
        let refusal = validator.refusal(&text);
        assert_eq!(refusal.is_none(), is_right, "{text}: {refusal:?}");
        let read = linchpin_runtime::connections::ConnectionsFile::parse(
            &[("connections.yaml", &text)],
            &spokes,
        );
        assert!(!is_right || text.contains("parent") || read.is_ok(), "{text}: {:?}", read.err());
    }
}

/// The YAML files of the bundled spokes: `spoke.yaml` of each, or those under `actions/`.
fn files_of_spokes(is_wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let files = crate::architecture::repository::files("crates/spokes", ".yaml");
    let named = files.into_iter().map(|file| (file.display().to_string(), file));
    let wanted = named.filter(|(name, _)| is_wanted(name));
    wanted.map(|(name, file)| (name, crate::architecture::repository::read(file))).collect()
}

#[test]
fn the_schemas_of_spokes_accept_every_file_of_the_bundled_ones() {
    let spokes = files_of_spokes(|name| name.ends_with("/spoke.yaml"));
    let actions = files_of_spokes(|name| name.contains("/actions/"));
    assert!(spokes.len() >= 5 && actions.len() >= 15, "{} {}", spokes.len(), actions.len());
    let mut refused = Vec::new();
    for (schema, files) in [
        (linchpin_connector::json_schema::spoke(), spokes),
        (linchpin_connector::json_schema::action(), actions),
    ] {
        let validator = Validator::of(schema);
        let found = files
            .iter()
            .filter_map(|(name, text)| Some(format!("{name}: {}", validator.refusal(text)?)));
        refused.extend(found);
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn the_schemas_of_spokes_refuse_what_their_reader_refuses() {
    let action = Validator::of(linchpin_connector::json_schema::action());
    let right = "action: a.b\ntitle: B\neffect: read\nlook: { id: x, get: /b }\n";
    assert_eq!(action.refusal(right), None);
    for (from, to) in [
        ("effect: read", "effect: reed"),
        ("title: B\n", ""),
        ("get: /b", "gte: /b"),
        ("get: /b", "get: /b, empty_on: [4040]"),
        ("look:", "looks:"),
    ] {
        assert!(action.refusal(&right.replace(from, to)).is_some(), "{to}");
    }
    let spoke = Validator::of(linchpin_connector::json_schema::spoke());
    let right = "spoke: a\ntitle: A\nconnection: { credential: { kind: none } }\n";
    assert_eq!(spoke.refusal(right), None);
    for (from, to) in [
        ("kind: none", "kind: some"),
        ("title: A", "title: A\nrate: { calls: 0, per: 60s }"),
        ("title: A", "title: A\npaging: { p: { kind: ofset } }"),
        ("title: A", "title: A\nshapes: { p: { fields: { a: { type: text } } } }"),
    ] {
        assert!(spoke.refusal(&right.replace(from, to)).is_some(), "{to}");
    }
}
