//! No secret comes out: not in the store, the journal, the output, the logs or an error.

mod crash;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;

use super::support::{Done, Project, Systems, serving};

/// How a secret may look where it is not meant to be.
fn disguises(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let url = bytes.iter().fold(String::new(), |mut url, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                url.push(char::from(*byte));
            }
            _ => write!(url, "%{byte:02X}").unwrap(),
        }
        url
    });
    let json = serde_json::to_string(secret).unwrap();
    let mut all = vec![secret.to_owned(), hex.to_uppercase(), hex, url.to_lowercase(), url];
    all.push(json.trim_matches('"').to_owned());
    all.push(secret.chars().rev().collect());
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        all.push(engine.encode(bytes));
    }
    // As a part of something longer, base64 shows three thirds of it, without the edges.
    for skip in 0..3 {
        let whole = &bytes[skip.min(bytes.len())..];
        all.push(STANDARD_NO_PAD.encode(&whole[..whole.len() / 3 * 3]));
    }
    all
}

/// Sees that none of these secrets is in any of these texts.
#[track_caller]
fn assert_none(secrets: &[(&str, String)], place: &str, content: &[u8]) {
    // Whatever is no text between them does not hide letters and digits.
    let content = String::from_utf8_lossy(content);
    for (name, secret) in secrets {
        for disguise in disguises(secret) {
            assert!(!content.contains(&disguise), "{name} is in {place} as {disguise}");
        }
    }
}

#[track_caller]
pub(super) fn assert_clean(project: &Project, said: &[Done], secrets: &[(&str, String)]) {
    for (at, done) in said.iter().enumerate() {
        assert_none(secrets, &format!("output {at}"), done.all().as_bytes());
    }
    let files = project.files();
    // The store can be read by this test: what is no secret is found there.
    let legible = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("connections: {");
    let store = project.path().join(".linchpin/store");
    let mut kept = files.iter().filter(|(path, _)| path.starts_with(&store));
    assert!(kept.any(|(_, bytes)| legible(bytes)), "the store is not read");
    for (path, bytes) in &files {
        assert_none(secrets, &path.display().to_string(), bytes);
    }
}

/// What shows connections, vault, runs and store, in each form.
const LOOKS: [&str; 13] = [
    "connections list --json",
    "connections doctor --json",
    "connections doctor",
    "connections export",
    "connections export --json",
    "vault status --json",
    "vault rotate-key",
    "connections test lms",
    "runs list --json",
    "store status",
    "store verify",
    "store export exported.jsonl",
    "store backup backed-up",
];

#[test]
fn no_secret_of_the_three_systems_comes_out() {
    let systems = Systems::start(4242);
    let project = Project::of_the_repository();
    project.write("connections.yaml", systems.connections());
    // What is said on the way is kept as well.
    project.write("linchpin.yaml", "capture: all\n");
    let mut said = systems.configure(&project);
    let mut run = |arguments: &[&str]| {
        let mut arguments = arguments.to_vec();
        arguments.push("--verbose");
        let mut command = project.command(&arguments);
        command.env("LINCHPIN_LOG", "trace");
        said.push(Done::of(&mut command));
    };
    let assign = [
        "run",
        "assign_courses",
        "--as",
        "kim.lo@example.test",
        "-i",
        "incident=INC0010001",
        "-i",
        "courses=SAFETY-101,NET101",
    ];
    run(&["dry-run", "learning_sync"]);
    run(&assign);
    run(&["run", "learning_sync", "--json"]);
    // Runs that fail in each way that an answer has something of the request in it.
    for (kind, system) in
        [("unauthorized", "litmos"), ("html_error", "servicenow"), ("status", "sumtotal")]
    {
        systems
            .post("/faults", &json!({ "kind": kind, "system": system, "times": 1, "status": 400 }));
        run(&assign);
        run(&["run", "learning_sync"]);
    }
    for alias in ["lms", "sn", "st"] {
        run(&["connections", "show", alias, "--json"]);
        run(&["connections", "test", alias]);
    }
    for look in LOOKS {
        run(&look.split(' ').collect::<Vec<_>>());
    }
    let listed = project.linchpin(&["runs", "list", "--json"]).ends_with(0).json();
    let listed = listed["runs"].as_array().unwrap();
    assert!(listed.len() >= 5, "{listed:?}");
    for one in listed {
        let id = one["run"].as_str().unwrap();
        run(&["runs", "show", id, "--json"]);
        run(&["runs", "show", id, "--journal"]);
        run(&["runs", "logs", id]);
    }
    let user = systems.secret("servicenow", "user_name");
    let password = systems.secret("servicenow", "password");
    let secrets = [
        ("the API key", systems.secret("litmos", "api_key").to_owned()),
        ("the password", password.to_owned()),
        ("name and password", format!("{user}:{password}")),
        ("the client secret", systems.secret("sumtotal", "client_secret").to_owned()),
    ];
    assert_clean(&project, &said, &secrets);
}

/// A system that says all it was sent, as some do when something is wrong.
fn echo() -> String {
    serving(|head| {
        let status = if head.contains(" /bad") { "400 Bad" } else { "200 OK" };
        let token = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
        });
        let token = token.unwrap_or_default();
        let body = json!({ "message": format!("refused: {token}"), "head": head,
            "coded": STANDARD.encode(&token) });
        let head = format!("{status}\r\ncontent-type: application/json\r\nx-echo: {token}");
        (head, body.to_string())
    })
}

const ECHOED: &str = r#"
flow: echoed
connections: { odd: http }
steps:
  - id: good
    call: odd.get
    with: { path: /good }
  - log: "it said {{ good.body.message }} and {{ good.body.coded }}"
  - id: bad
    call: odd.get
    with: { path: /bad }
"#;

#[test]
fn a_secret_that_a_system_sends_back_does_not_come_out_either() {
    let secret = "Bearer c4nary/+=&?%\"z\u{e9}bra-5f1e0b";
    let secret = secret.replace('\u{e9}', "e");
    let url = echo();
    let connections =
        format!("odd: {{ spoke: http, url: \"{url}\", allow_private: true, token: vault }}\n");
    let project =
        Project::with(&[("flows/echoed.yaml", ECHOED), ("connections.yaml", &connections)]);
    let mut configure =
        project.command(&["connections", "configure", "odd", "--secret", "token=env:TOKEN"]);
    configure.env("TOKEN", &secret);
    let mut said = vec![Done::of(&mut configure).ends_with(0)];
    let mut command = project.command(&["run", "echoed", "--verbose"]);
    command.env("LINCHPIN_LOG", "trace");
    said.push(Done::of(&mut command).ends_with(1));
    said.push(project.linchpin(&["run", "echoed", "--json"]).ends_with(1));
    let listed = project.linchpin(&["runs", "list", "--json"]).ends_with(0);
    for one in listed.json()["runs"].as_array().unwrap() {
        let id = one["run"].as_str().unwrap();
        said.push(project.linchpin(&["runs", "show", id, "--json"]).ends_with(0));
        said.push(project.linchpin(&["runs", "show", id, "--journal"]).ends_with(0));
    }
    said.push(listed);
    assert_clean(&project, &said, &[("the token", secret)]);
}

const TOLD: &str = r#"
flow: told
connections: { chat: notify, teams: notify, mail: notify }
steps:
  - call: chat.slack
    with: { text: hello }
    on_error: [{ log: "{{ error.message }}" }]
  - call: teams.teams
    with: { text: hello }
    on_error: [{ log: "{{ error.message }}" }]
  - call: mail.email
    with: { to: [kim.lo@example.test], subject: hello, text: hello }
    on_error: [{ log: "{{ error.message }}" }]
"#;

#[test]
fn nothing_of_a_webhooks_address_or_a_mail_password_comes_out() {
    let systems = Systems::start(4243);
    let (hook, signature) = ("c4nary-5f1e0b-Zebra_quick", "s1g-c4nary/+=&-77ab-Xylophone");
    let url = echo();
    let coded = disguises(signature).swap_remove(4);
    // What is refused repeats the address, as pages of errors do.
    let slack = format!("{url}/bad/services/T0CANARY0/{hook}");
    let teams = format!("{url}/bad/workflows/{hook}/paths/invoke?api-version=1&sig={coded}");
    let password = systems.secret("notify", "password").to_owned();
    let connections = format!(
        "chat: {{ spoke: notify, credential: slack, allow_private: true, webhook: vault }}\n\
         teams: {{ spoke: notify, credential: teams, allow_private: true, webhook: vault }}\n\
         mail: {{ spoke: notify, url: \"{}\", allow_private: true, from: flows@example.com, \
         user_name: linchpin, password: vault }}\n",
        systems.url("notify")
    );
    let project = Project::with(&[("flows/told.yaml", TOLD), ("connections.yaml", &connections)]);
    let mut said = Vec::new();
    for (alias, field, secret) in
        [("chat", "webhook", &slack), ("teams", "webhook", &teams), ("mail", "password", &password)]
    {
        let secret_of = format!("{field}=env:THE_SECRET");
        let mut configure =
            project.command(&["connections", "configure", alias, "--secret", &secret_of]);
        configure.env("THE_SECRET", secret);
        said.push(Done::of(&mut configure).ends_with(0));
    }
    let mut run = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.env("LINCHPIN_LOG", "trace");
        said.push(Done::of(&mut command));
    };
    run(&["dry-run", "told"]);
    run(&["run", "told", "--verbose"]);
    run(&["run", "told", "--json"]);
    systems.post("/faults", &json!({ "kind": "status", "system": "notify", "status": 554 }));
    run(&["run", "told", "--verbose"]);
    for alias in ["chat", "teams", "mail"] {
        run(&["connections", "show", alias]);
        run(&["connections", "show", alias, "--json"]);
        run(&["connections", "test", alias]);
    }
    for look in LOOKS.iter().filter(|look| !look.contains(" lms")) {
        run(&look.split(' ').collect::<Vec<_>>());
    }
    let listed = project.linchpin(&["runs", "list", "--json"]).ends_with(0).json();
    let listed = listed["runs"].as_array().unwrap();
    assert_eq!(listed.len(), 3, "{listed:?}");
    for one in listed {
        let id = one["run"].as_str().unwrap();
        run(&["runs", "show", id, "--json"]);
        run(&["runs", "show", id, "--journal"]);
    }
    assert!(said.iter().any(|done| done.all().contains("[secret]")), "nothing was repeated");
    assert!(systems.get("/effects?system=notify")["count"] == 2, "mail goes out");
    let secrets = [
        ("the webhook", hook.to_owned()),
        ("the signature", signature.to_owned()),
        ("the address", slack),
        ("the password of the mail server", password),
    ];
    assert_clean(&project, &said, &secrets);
}
