//! The built `linchpin lsp`, driven as an editor drives it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::client::Client;
use crate::product::support::{Project, binary};

const FLOW: &str = "\
flow: welcome
connections: { lms: litmos }
inputs:
  email: { type: email, required: true }
steps:
  - id: learner
    call: lms.users.ensure
    with: { email: \"{{ inputs.email }}\", first_name: Ünal 😀, last_name: \"{{ inputs.email }}\" }
  - log: \"{{ learner.id }} is there\"
  - call: flow.enrol
    with: { user: \"{{ learner.id }}\" }
";

const ENROL: &str = "flow: enrol\ninputs: { user: { type: string, required: true } }\nsteps:\n  - log: \"{{ inputs.user }}\"\n";

/// A project with two flows, and an editor that has it open.
fn start() -> (Project, Client) {
    let connections =
        "# who\nlms: { spoke: litmos, url: \"https://lms.example.test\", api_key: vault }\n";
    let project = Project::with(&[
        ("flows/welcome.yaml", FLOW),
        ("flows/enrol.yaml", ENROL),
        ("connections.yaml", connections),
    ]);
    let mut client = Client::start(Command::new(binary()).arg("lsp"), Value::Null);
    let made = client.request(
        "initialize",
        json!({ "processId": null, "rootUri": uri(project.path()), "capabilities": {} }),
    );
    assert_eq!(made["capabilities"]["textDocumentSync"]["change"], 2);
    client.notify("initialized", json!({}));
    (project, client)
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// The position of a part of a text: of its end.
fn after(text: &str, part: &str) -> Value {
    let at = text.find(part).unwrap_or_else(|| panic!("{part} is not in the text")) + part.len();
    let before = &text[..at];
    let line = before.rsplit('\n').next().unwrap_or_default();
    json!({ "line": before.matches('\n').count(), "character": line.encode_utf16().count() })
}

fn at(uri: &str, position: &Value) -> Value {
    json!({ "textDocument": { "uri": uri }, "position": position })
}

/// A text after the edits of an answer, which do not overlap.
fn edited(text: &str, edits: &Value) -> String {
    let offset = |position: &Value| {
        let line = usize::try_from(position["line"].as_u64().unwrap()).unwrap();
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let mut units = position["character"].as_u64().unwrap();
        let mut offset = start;
        for c in text[start..].chars().take_while(|c| *c != '\n') {
            if units == 0 {
                break;
            }
            units -= c.len_utf16() as u64;
            offset += c.len_utf8();
        }
        offset
    };
    let mut edits: Vec<(usize, usize, &str)> = edits
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| {
            let range = &edit["range"];
            (offset(&range["start"]), offset(&range["end"]), edit["newText"].as_str().unwrap())
        })
        .collect();
    edits.sort_unstable();
    let mut out = text.to_owned();
    for (start, end, new) in edits.iter().rev() {
        out.replace_range(*start..*end, new);
    }
    out
}

fn labels(completions: &Value) -> Vec<&str> {
    let items = completions["items"].as_array().unwrap();
    items.iter().map(|item| item["label"].as_str().unwrap()).collect()
}

#[test]
fn an_editor_is_told_mistakes_as_they_are_typed_and_how_to_mend_them() {
    let (project, mut client) = start();
    let uri = uri(&project.path().join("flows/welcome.yaml"));
    client.open(&uri, FLOW);
    assert_eq!(client.diagnostics(&uri), Vec::<Value>::new());
    // Behind characters of two and four bytes.
    let line = FLOW.lines().nth(7).unwrap();
    let from = line[..line.find("inputs.email }}\" }").unwrap()].encode_utf16().count();
    let range = json!({ "start": { "line": 7, "character": from + 7 },
        "end": { "line": 7, "character": from + 12 } });
    let change = |text: &str| {
        json!({ "textDocument": { "uri": uri, "version": 2 },
            "contentChanges": [{ "range": range, "text": text }] })
    };
    client.notify("textDocument/didChange", change("emial"));
    let found = client.diagnostics(&uri);
    let [mistake] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((&mistake["code"], &mistake["severity"]), (&json!("unknown-field"), &json!(1)));
    assert_eq!(mistake["range"]["start"], json!({ "line": 7, "character": from }));
    assert!(mistake["message"].as_str().unwrap().contains("did you mean `email`?"), "{mistake}");
    let wanted = json!({ "textDocument": { "uri": uri }, "range": mistake["range"],
        "context": { "diagnostics": [mistake] } });
    let actions = client.request("textDocument/codeAction", wanted);
    assert_eq!(actions[0]["title"], "change `emial` to `email`");
    let wrong = FLOW.replace("{{ inputs.email }}\" }", "{{ inputs.emial }}\" }");
    assert_eq!(edited(&wrong, &actions[0]["edit"]["changes"][&uri]), FLOW);
    client.notify("textDocument/didChange", change("email"));
    assert_eq!(client.diagnostics(&uri), Vec::<Value>::new());
    // What is not well-formed is told as well, and its mending.
    client.notify(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 4 },
        "contentChanges": [{ "text": format!("{FLOW}  - log: {{{{ learner.id }}}}\n") }] }),
    );
    assert_eq!(client.diagnostics(&uri)[0]["code"], "unquoted-braces");
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(client.diagnostics(&uri), Vec::<Value>::new());
    assert!(client.close().success());
}

#[test]
fn a_flow_is_checked_against_the_others_as_they_are_in_the_editor() {
    let (project, mut client) = start();
    let welcome = uri(&project.path().join("flows/welcome.yaml"));
    let enrol = uri(&project.path().join("flows/enrol.yaml"));
    client.open(&welcome, FLOW);
    assert_eq!(client.diagnostics(&welcome), Vec::<Value>::new());
    client.open(&enrol, ENROL);
    assert_eq!(client.diagnostics(&enrol), Vec::<Value>::new());
    let other = ENROL.replace("user", "person");
    client.notify(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": enrol, "version": 2 },
        "contentChanges": [{ "text": other }] }),
    );
    let found = client.diagnostics(&welcome);
    let codes: Vec<&Value> = found.iter().map(|mistake| &mistake["code"]).collect();
    assert_eq!(codes, ["missing-input", "unknown-input"]);
    assert!(client.close().success());
}

#[test]
fn the_files_of_the_project_are_checked_as_well() {
    let (project, mut client) = start();
    let connections = uri(&project.path().join("connections.yaml"));
    client.open(&connections, "lms: { spoke: litmus }\n");
    assert_eq!(client.diagnostics(&connections)[0]["code"], "unknown-spoke");
    let settings = uri(&project.path().join("linchpin.yaml"));
    client.open(&settings, "stor: here\n");
    assert_eq!(client.diagnostics(&settings)[0]["code"], "unknown-key");
    let other = uri(&project.path().join("compose.yaml"));
    client.open(&other, "services: {}\n");
    assert_eq!(client.diagnostics(&other), Vec::<Value>::new());
    assert!(client.close().success());
}

#[test]
fn an_editor_is_offered_what_fits_and_told_what_it_means() {
    let (project, mut client) = start();
    let uri = uri(&project.path().join("flows/welcome.yaml"));
    let typed = format!("{FLOW}  - log: \"Hello {{{{ learner.");
    client.open(&uri, &typed);
    let offered =
        client.request("textDocument/completion", at(&uri, &after(&typed, "Hello {{ learner.")));
    assert!(labels(&offered).contains(&"id"), "{offered:#}");
    let offered = client.request("textDocument/completion", at(&uri, &after(&typed, "call: lms.")));
    let action = offered["items"].as_array().unwrap().iter();
    let action = action.clone().find(|item| item["label"] == "lms.courses.assign").unwrap().clone();
    assert_eq!(action["detail"], "Assign courses (create)");
    let written = edited(&typed, &json!([action["textEdit"]]));
    assert!(written.contains("call: lms.courses.assign\n    with:"), "{written}");
    let hover = client.request("textDocument/hover", at(&uri, &after(&typed, "call: lms.us")));
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(text.contains("`email` (email, required)"), "{text}");
    let nothing =
        client.request("textDocument/hover", at(&uri, &json!({ "line": 99, "character": 0 })));
    assert_eq!(nothing, Value::Null);
    let outline =
        client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(outline, json!([]));
    assert!(client.close().success());
}

#[test]
fn names_lead_to_their_places_and_a_step_is_renamed_everywhere() {
    let (project, mut client) = start();
    let own = uri(&project.path().join("flows/welcome.yaml"));
    client.open(&own, FLOW);
    let mut leads =
        |part: &str| client.request("textDocument/definition", at(&own, &after(FLOW, part)));
    let step = leads("{{ lear");
    assert_eq!((&step["uri"], &step["range"]["start"]), (&json!(own), &after(FLOW, "- id: ")));
    assert_eq!(leads("call: flow.en")["uri"], json!(uri(&project.path().join("flows/enrol.yaml"))));
    let alias = leads("connections: { l");
    assert_eq!(alias["uri"], json!(uri(&project.path().join("connections.yaml"))));
    assert_eq!(alias["range"]["start"]["line"], 1);
    let place = at(&own, &after(FLOW, "id: lear"));
    assert_eq!(
        client.request("textDocument/prepareRename", place.clone())["start"],
        after(FLOW, "id: ")
    );
    let mut wanted = place;
    wanted["newName"] = json!("person");
    let renamed = client.request("textDocument/rename", wanted.clone());
    assert_eq!(edited(FLOW, &renamed["changes"][&own]), FLOW.replace("learner", "person"));
    wanted["newName"] = json!("inputs");
    let id = client.ask("textDocument/rename", wanted);
    let refused = client.answer(id);
    assert!(refused["error"]["message"].as_str().unwrap().contains("does not fit"), "{refused}");
    let outline =
        client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": own } }));
    let names: Vec<&Value> = outline.as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["inputs", "learner", "log", "flow.enrol"]);
    assert!(client.close().success());
}

#[test]
fn what_it_does_not_know_or_cannot_read_does_not_stop_it() {
    let (project, mut client) = start();
    let uri = uri(&project.path().join("flows/welcome.yaml"));
    client.open(&uri, FLOW);
    client.diagnostics(&uri);
    let code = |answer: Value| answer["error"]["code"].as_i64();
    let id = client.ask("textDocument/foldingRange", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(code(client.answer(id)), Some(-32601));
    let id = client.ask(
        "textDocument/hover",
        at("file:///never/opened.yaml", &json!({ "line": 0, "character": 0 })),
    );
    assert_eq!(code(client.answer(id)), Some(-32602));
    let id = client.ask("textDocument/hover", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(code(client.answer(id)), Some(-32602));
    client.notify("$/cancelRequest", json!({ "id": id }));
    client.notify("$/made/up", json!([1, 2]));
    for broken in [
        &b"Content-Length: 9\r\n\r\n{ broken }"[..9 + 21],
        b"Hello\r\n\r\n",
        b"Content-Length: x\r\n\r\n",
    ] {
        client.send_raw(broken);
        assert_eq!(
            code(client.wait(|message| message["id"].is_null() && message.get("error").is_some())),
            Some(-32700)
        );
    }
    client.send_raw(b"Content-Length: 2\r\n\r\n[]");
    client.send_raw(b"Content-Length: 10\r\n\r\n{\"id\": 99}");
    assert_eq!(code(client.answer(99)), Some(-32600));
    let hover = client.request("textDocument/hover", at(&uri, &after(FLOW, "ste")));
    assert!(hover["contents"]["value"].as_str().unwrap().contains("in this order"), "{hover}");
    assert!(client.close().success());
}
