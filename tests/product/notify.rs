//! Telling people, from a flow: what is held, what a dry run shows, and the sandbox.

use serde_json::{Value, json};

use super::support::{Done, Project, Systems};

const WELCOME: &str = r#"
flow: welcome
connections: { mail: notify }
inputs: { who: { type: email, required: true } }
steps:
  - id: told
    call: mail.email
    with: { to: ["{{ inputs.who }}"], subject: Your courses, text: SAFETY-101 is yours. }
outputs: { id: told.message_id }
"#;

/// A project whose alias `mail` leads to the sandbox' mail server.
fn project(systems: &Systems) -> Project {
    let connections = format!(
        "mail: {{ spoke: notify, url: \"{}\", allow_private: true, from: flows@example.com, \
         user_name: linchpin, password: vault }}\n",
        systems.url("notify")
    );
    let project =
        Project::with(&[("flows/welcome.yaml", WELCOME), ("connections.yaml", &connections)]);
    let mut configure =
        project.command(&["connections", "configure", "mail", "--secret", "password=env:WORD"]);
    configure.env("WORD", systems.secret("notify", "password"));
    Done::of(&mut configure).ends_with(0);
    project
}

fn sent(systems: &Systems) -> Vec<Value> {
    systems.get("/effects?system=notify")["effects"].as_array().unwrap().clone()
}

const RUN: [&str; 4] = ["run", "welcome", "-i", "who=kim.lo@example.test"];

#[test]
fn a_mail_is_shown_by_a_dry_run_and_sent_by_a_run_once() {
    let systems = Systems::start(21);
    let project = project(&systems);
    let dry = project.linchpin(&["dry-run", "welcome", "-i", "who=kim.lo@example.test"]);
    let dry = dry.ends_with(2);
    assert!(dry.stdout.contains("mail to kim.lo@example.test"), "{}", dry.stdout);
    assert!(dry.stdout.contains("Your courses"), "{}", dry.stdout);
    assert_eq!(sent(&systems), [] as [Value; 0]);
    let run = project.linchpin(&[&RUN[..], &["--json"]].concat()).ends_with(0).json();
    let mails = sent(&systems);
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0]["key"], run["outputs"]["id"]);
}

#[test]
fn a_mail_whose_answer_is_lost_is_held_and_not_sent_again() {
    let systems = Systems::start(22);
    let project = project(&systems);
    let fault = json!({ "kind": "reset_after_commit", "method": "DATA", "times": 1 });
    systems.post("/faults", &fault);
    let held = project.linchpin(&RUN);
    assert!(held.all().contains("needs attention"), "{}", held.all());
    assert_eq!(sent(&systems).len(), 1);
    let listed = project.linchpin(&["runs", "list", "--json"]).ends_with(0).json();
    let id = listed["runs"][0]["run"].as_str().unwrap();
    // A person looks into the mail box, and says that it is there.
    let output = json!({ "message_id": sent(&systems)[0]["key"] }).to_string();
    let ruled = ["runs", "resolve", id, "told", "--done", &output, "--as", "kim.lo@example.test"];
    project.linchpin(&ruled).ends_with(0);
    let shown = project.linchpin(&["runs", "show", id, "--json"]).ends_with(0).all();
    assert!(shown.contains("succeeded"), "{shown}");
    assert_eq!(sent(&systems).len(), 1, "it was sent once");
}

#[test]
fn a_refused_recipient_is_one_clear_error() {
    let systems = Systems::start(23);
    let project = project(&systems);
    let fault = json!({ "kind": "status", "method": "RCPT", "status": 550 });
    systems.post("/faults", &fault);
    let failed = project.linchpin(&RUN).ends_with(1);
    assert!(
        failed.all().contains("refused the recipient kim.lo@example.test: 550"),
        "{}",
        failed.all()
    );
    assert_eq!(systems.get("/ledger?system=notify&method=RCPT")["count"], 1, "it is not retried");
    assert_eq!(sent(&systems), [] as [Value; 0]);
}

const EVERYBODY: &str = r#"
flow: everybody
connections: { mail: notify, chat: notify, room: notify }
steps:
  - call: mail.email
    with: { to: [kim.lo@example.test], subject: Hello, text: Hello }
  - call: chat.slack
    with: { text: "*Hello*" }
  - call: room.teams
    with: { title: Hello, text: to all, facts: [{ title: Team, value: Service Desk }] }
"#;

#[test]
fn in_the_sandbox_messages_are_kept_and_go_nowhere() {
    let project = Project::with(&[("flows/everybody.yaml", EVERYBODY)]);
    project.linchpin(&["run", "everybody", "--sandbox"]).ends_with(0);
    let kept = project.sandbox_effects();
    for object in ["mail", "slack_message", "teams_message"] {
        assert!(kept.contains(&format!("\"object\":\"{object}\"")), "{object}: {kept}");
    }
}
