//! The YAML language server that editors use, fed with our schema: it accepts the flows that are
//! right and marks the mistakes that a schema can tell.
//!
//! It needs Node and its package in `target/yaml-language-server`, which `.ci/run` installs; where
//! they are missing the test says so and passes, but in CI it fails.

use std::path::PathBuf;
use std::process::Command;

use linchpin_engine::json_schema;
use serde_json::json;

use super::client::Client;
use super::samples;
use crate::architecture::repository::root;

/// Where its program is below the repository.
const PROGRAM: &str =
    "target/yaml-language-server/node_modules/yaml-language-server/bin/yaml-language-server";

/// The server with our schema for every document; none where it is not installed.
fn start(schema: &tempfile::NamedTempFile) -> Option<Client> {
    let program: PathBuf = root().join(PROGRAM);
    if !program.is_file() || Command::new("node").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "there is no {PROGRAM}: .ci/run installs it");
        // A skipped test must not look like one that passed.
        let line = format!("SKIPPED: no YAML language server: {PROGRAM} is not there\n");
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
        return None;
    }
    let uri = format!("file://{}", schema.path().display());
    let settings = json!({ "yaml": {
        "schemas": { uri: ["*.yaml"] }, "schemaStore": { "enable": false },
        "validate": true, "completion": true, "hover": true } });
    let mut client =
        Client::start(Command::new("node").arg(program).arg("--stdio"), settings.clone());
    client.request(
        "initialize",
        json!({ "processId": null, "rootUri": null, "capabilities": {
            "workspace": { "configuration": true, "didChangeConfiguration": { "dynamicRegistration": false } },
            "textDocument": { "completion": { "completionItem": { "snippetSupport": false } } } } }),
    );
    client.notify("initialized", json!({}));
    client.notify("workspace/didChangeConfiguration", json!({ "settings": settings }));
    // Until it has read its settings it finds nothing wrong with anything.
    for round in 0..50 {
        let uri = format!("file:///first/{round}.yaml");
        client.open(&uri, "flow: a\nstepps: []\n");
        if !client.diagnostics(&uri).is_empty() {
            return Some(client);
        }
    }
    panic!("the server does not read its settings");
}

fn schema() -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), json_schema::flow(&samples::catalog()).to_string()).unwrap();
    file
}

#[test]
fn a_yaml_language_server_accepts_what_is_right_and_marks_what_a_schema_can_tell() {
    let schema = schema();
    let Some(mut client) = start(&schema) else { return };
    let mut wrong = Vec::new();
    for (at, (name, text)) in samples::right().iter().enumerate() {
        let uri = format!("file:///right/{at}.yaml");
        client.open(&uri, text);
        let found = client.diagnostics(&uri);
        if !found.is_empty() {
            wrong.push(format!("{name} is refused: {found:#?}"));
        }
    }
    for (at, (name, text)) in samples::wrong().iter().enumerate() {
        let uri = format!("file:///wrong/{at}.yaml");
        client.open(&uri, text);
        if client.diagnostics(&uri).is_empty() {
            wrong.push(format!("{name} is accepted"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    client.close();
}

/// What is offered at the mark `|` of a document.
fn offered(client: &mut Client, uri: &str, text: &str) -> Vec<String> {
    let at = text.find('|').unwrap();
    let (before, after) = (&text[..at], &text[at + 1..]);
    client.open(uri, &format!("{before}{after}"));
    let line = before.matches('\n').count();
    let character = before.rsplit('\n').next().unwrap_or_default().len();
    let position = json!({ "line": line, "character": character });
    let params = json!({ "textDocument": { "uri": uri }, "position": position });
    let found = client.request("textDocument/completion", params);
    let items = found["items"].as_array().or(found.as_array()).cloned().unwrap_or_default();
    items.iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_yaml_language_server_completes_actions_and_inputs_and_explains_them() {
    let schema = schema();
    let Some(mut client) = start(&schema) else { return };
    let flow = "flow: a\nsteps:\n  - id: b\n    call: |\n";
    let actions = offered(&mut client, "file:///complete/1.yaml", flow);
    assert!(actions.iter().any(|label| label == "lms.courses.assign"), "{actions:?}");
    let flow = "flow: a\nsteps:\n  - call: lms.courses.assign\n    with:\n      |\n";
    let inputs = offered(&mut client, "file:///complete/2.yaml", flow);
    assert!(inputs.iter().any(|label| label == "courses"), "{inputs:?}");
    let flow =
        "flow: a\nsteps:\n  - call: lms.courses.assign\n    with: { user: a, courses: [b] }\n";
    client.open("file:///hover.yaml", flow);
    let params = json!({ "textDocument": { "uri": "file:///hover.yaml" },
        "position": { "line": 3, "character": 12 } });
    let hover = client.request("textDocument/hover", params);
    let text = hover["contents"]["value"].as_str().unwrap_or_default();
    assert!(text.contains("learner"), "{hover:#}");
    client.close();
}
