//! Where a call goes: the step, the call of the flow, the flow and the alias each have a say, in this
//! order, over several connections of an alias, its children and the environment. And how often it is
//! tried: what the alias says holds for single calls and for the pages of streams, in the dry run too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::support::{Project, answering};

const SPOKE: &str = r"
spoke: site
title: Site
connection:
  fields: [{ name: url, label: URL, type: url }]
  credential: { kind: none }
shapes:
  row: { keys: [name], fields: { name: { type: string, from: name } } }
";

const GET: &str = r#"
action: names.get
title: Get its name
effect: read
look: [{ id: it, get: /name, list: rows, shape: row }]
outputs: { name: { type: string, value: "look.it[0].name" } }
"#;

const STREAM: &str = r"
action: names.stream
title: Read its names
effect: read
read_from: [{ get: /names, list: rows, shape: row }]
stream: { row: row }
";

const MAIN: &str = r#"
flow: main
connections: { lms: site, other: site, child: site, grandchild: site }
inputs: { region: { type: string, default: emea } }
steps:
  - { id: undeclared, call: site.names.get }
  - { id: declared, call: lms.names.get }
  - { id: step, call: lms.names.get, connection: lms.emea }
  - { id: text, call: lms.names.get, connection: "lms.{{ inputs.region }}" }
  - { id: elsewhere, call: lms.names.get, connection: other }
  - { id: child, call: child.names.get }
  - { id: grandchild, call: grandchild.names.get }
  - { id: plain, call: flow.inner }
  - { id: bound, call: flow.inner, connections: { lms: other } }
  - { id: part, call: flow.inner, connections: { lms: lms.emea } }
  - { id: both, call: flow.inner, connections: { lms: other, spare: child } }
  - { id: deep, call: flow.outer, connections: { lms: other } }
  - id: rows
    for_each: { call: lms.names.stream, connection: other.us }
    as: row
    collect: row.name
outputs:
  undeclared: undeclared.name
  declared: declared.name
  step: step.name
  text: text.name
  elsewhere: elsewhere.name
  child: child.name
  grandchild: grandchild.name
  plain: plain.names
  bound: bound.names
  part: part.names
  both: both.names
  deep: deep.names
  rows: rows.items
"#;

/// A flow that is called: its own alias, one of several connections of it, and another alias.
const INNER: &str = r"
flow: inner
connections: { lms: site, spare: site }
steps:
  - { id: own, call: lms.names.get }
  - { id: step, call: lms.names.get, connection: lms.us }
  - { id: spare, call: lms.names.get, connection: spare }
outputs:
  names: '[own.name, step.name, spare.name]'
";

/// What its caller binds goes on only where it says so.
const OUTER: &str = r"
flow: outer
connections: { lms: site }
steps:
  - { id: silent, call: flow.inner }
  - { id: told, call: flow.inner, connections: { lms: lms } }
outputs:
  names: '[silent.names[0], told.names[0], told.names[1]]'
";

/// A system that says its name.
fn named(name: &'static str) -> String {
    answering(move |_| (200, json!({ "rows": [{ "name": name }] })))
}

fn site(more: &[(&str, &str)]) -> Project {
    let files = [
        ("spokes/site/spoke.yaml", SPOKE),
        ("spokes/site/actions/names.get.yaml", GET),
        ("spokes/site/actions/names.stream.yaml", STREAM),
    ];
    Project::with(&[&files, more].concat())
}

fn project() -> Project {
    let [site_, us, emea, north, other_us, child, spare] =
        ["site", "us", "emea", "north", "other us", "child", "spare"].map(named);
    let connections = format!(
        "site: {{ spoke: site, allow_private: true, url: \"{site_}\" }}\n\
         lms:\n  spoke: site\n  allow_private: true\n  default: us\n  connections:\n    \
           us: {{ url: \"{us}\" }}\n    emea: {{ url: \"{emea}\" }}\n    \
           old: {{ url: \"http://127.0.0.1:1\", active: false }}\n\
         other:\n  spoke: site\n  allow_private: true\n  default: north\n  connections:\n    \
           north: {{ url: \"{north}\" }}\n    us: {{ url: \"{other_us}\" }}\n\
         child: {{ parent: site, url: \"{child}\" }}\n\
         grandchild: {{ parent: child }}\n\
         spare: {{ parent: site, url: \"{spare}\" }}\n"
    );
    site(&[
        ("flows/main.yaml", MAIN),
        ("flows/inner.yaml", INNER),
        ("flows/outer.yaml", OUTER),
        ("connections.yaml", &connections),
        (
            "connections.test.yaml",
            "lms: { default: emea }\nchild: { url: \"http://127.0.0.1:1\" }\n",
        ),
    ])
}

/// Where each call goes, as the issue orders it: step, call of the flow, flow, alias.
fn expected() -> Value {
    json!({
        "undeclared": "site", "declared": "us",
        "step": "emea", "text": "emea", "elsewhere": "north",
        "child": "child", "grandchild": "child",
        "plain": ["us", "us", "spare"],
        "bound": ["north", "other us", "spare"],
        "part": ["emea", "us", "spare"],
        "both": ["north", "other us", "child"],
        "deep": ["us", "north", "other us"],
        "rows": ["other us"],
    })
}

#[test]
fn the_step_goes_before_the_call_the_call_before_the_flow_and_the_flow_before_the_alias() {
    let project = project();
    project.linchpin(&["check"]).ends_with(0);
    let ran = project.linchpin(&["run", "main", "--json"]).ends_with(0).json();
    assert_eq!(ran["outputs"], expected());
    let dry = project.linchpin(&["dry-run", "main", "--json"]).ends_with(0).json();
    assert_eq!(dry["outputs"], expected(), "a dry run reads where the run does");

    // A connection that is out of service is not taken, whoever names it.
    let held = project.linchpin(&["run", "main", "-i", "region=old"]).ends_with(4);
    assert!(held.all().contains("connection lms.old is out of service"), "{}", held.all());
    let wrong = project.linchpin(&["run", "main", "-i", "region=emae"]).ends_with(4);
    assert!(wrong.all().contains("did you mean lms.emea?"), "{}", wrong.all());
}

#[test]
fn the_environment_says_what_an_alias_is_and_nothing_above_it_changes() {
    let project = project();
    project.write("flows/near.yaml", MAIN.replace("flow: main", "flow: near").replace(
        "  - { id: child, call: child.names.get }\n  - { id: grandchild, call: grandchild.names.get }\n",
        "",
    ).replace("  child: child.name\n  grandchild: grandchild.name\n", "").replace(", spare: child", ""));
    let test = ["run", "near", "--json", "--environment", "test"];
    let ran = project.linchpin(&test).ends_with(0).json();
    let mut expected = expected();
    for (of, names) in [("declared", json!("emea")), ("plain", json!(["emea", "us", "spare"]))] {
        expected[of] = names;
    }
    expected["both"][2] = json!("spare");
    expected["deep"][0] = json!("emea");
    let expected = expected.as_object_mut().unwrap();
    expected.retain(|name, _| !name.ends_with("child"));
    assert_eq!(ran["outputs"].as_object().unwrap(), expected);
    // What a parent says holds for its children: the grandchild goes where the child goes there.
    let far = project.linchpin(&["connections", "show", "grandchild", "--environment", "test"]);
    assert!(far.ends_with(0).stdout.contains("http://127.0.0.1:1"));
}

#[test]
fn a_call_that_binds_an_alias_to_a_connection_that_is_not_there_is_found_before_it_runs() {
    let project = project();
    let wrong = MAIN.replace("{ lms: lms.emea }", "{ lms: lms.emae }");
    project.write("flows/main.yaml", wrong);
    let found = project.linchpin(&["check"]).ends_with(1);
    assert!(
        found.all().contains("the alias `lms` has no connection `lms.emae`"),
        "{}",
        found.all()
    );
    assert!(found.all().contains("did you mean `lms.emea`?"), "{}", found.all());
}

/// A system whose first answers are refusals, and how often it was asked.
fn tired(n_refusals: usize) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let n_asked = asked.clone();
    let url = answering(move |_| match n_asked.fetch_add(1, Ordering::SeqCst) {
        n if n < n_refusals => (503, json!({})),
        _ => (200, json!({ "rows": [{ "name": "well" }] })),
    });
    (url, asked)
}

/// Reads a name, or each name of a stream.
fn patient(is_stream: bool, defaults: &str) -> String {
    let step = match is_stream {
        true => "for_each: { call: up.names.stream }\n    as: row\n    collect: row.name",
        false => "call: up.names.get",
    };
    format!(
        "flow: patient\nconnections: {{ up: site }}\n{defaults}steps:\n  - id: it\n    {step}\n"
    )
}

#[test]
fn what_an_alias_says_of_trying_again_holds_for_pages_of_streams_and_in_the_dry_run_too() {
    const OFTEN: &str = "retry: { attempts: 7, backoff: 1ms }";
    const ONCE: &str = "retry: { attempts: 1 }";
    let defaults = format!("defaults: {{ {OFTEN} }}\n");
    // Of the alias, of the one above it, and of the flow; the attempts that are made, and the end.
    for (parent, child, flow, n_asked, code) in [
        (OFTEN, "about: x", "", 6, 0),
        (ONCE, OFTEN, "", 6, 0),
        (OFTEN, ONCE, "", 1, 1),
        (ONCE, "about: x", "", 1, 1),
        ("about: x", ONCE, defaults.as_str(), 6, 0),
    ] {
        for (is_stream, command) in
            [(false, "run"), (true, "run"), (false, "dry-run"), (true, "dry-run")]
        {
            let (url, asked) = tired(5);
            let connections = format!(
                "up:\n  spoke: site\n  allow_private: true\n  {parent}\n  default: near\n  \
                 connections: {{ near: {{ url: \"{url}\", {child} }} }}\n"
            );
            let project = site(&[
                ("flows/patient.yaml", &patient(is_stream, flow)),
                ("connections.yaml", &connections),
            ]);
            let done = project.linchpin(&[command, "patient"]);
            let case = format!("{parent} {child} {flow} {is_stream} {command}: {}", done.all());
            assert_eq!((done.code, asked.load(Ordering::SeqCst)), (Some(code), n_asked), "{case}");
        }
    }
}
