//! What is wrong with connections, and what will be before it is needed; and agreeing to one in a browser,
//! on nothing but `linchpin sandbox`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::json;

use super::support::{Done, Process, Project, Systems, serving};

/// SumTotal in the name of a person, without a token that renews itself.
const BRIEF: &str = r#"
spoke: brief
title: Brief
connection:
  fields: [{ name: url, label: URL, type: url }, { name: client_id, label: Client, type: string }, { name: client_secret, label: Secret, type: secret }]
  credential: { kind: oauth2_authorization_code, authorize_url: "{{ connection.url }}/apisecurity/connect/authorize", token_url: "{{ connection.url }}/apisecurity/connect/token", client_id: "{{ connection.client_id }}", client_secret: "{{ connection.client_secret }}", scope: allapis, client_auth: body, pkce: false }
  test: { get: /apis/api/v1/users, query: { limit: "1" } }
shapes:
  user: { keys: [id], fields: { id: { type: string, from: userId } } }
"#;

const USERS: &str = r#"
action: users.first
title: Get the first user
effect: read
look: [{ id: users, get: /apis/api/v1/users, query: { limit: "1" }, list: data, shape: user }]
outputs: { id: { type: string, value: "look.users[0].id" } }
"#;

/// Needs one of several connections, through a flow that it calls.
const NIGHTLY: &str = "
flow: nightly
connections: { people: brief }
trigger: { schedule: { WHEN } }
steps:
  - { id: sync, call: flow.inner, connections: { hr: people } }
";

const INNER: &str = "
flow: inner
connections: { hr: brief }
steps:
  - { id: first, call: hr.users.first }
outputs: { id: first.id }
";

/// What comes back from an address.
fn visit(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn command(systems: &Systems, project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command(arguments);
    command.env("CLIENT_SECRET", systems.secret("sumtotal", "code_only_client_secret"));
    command
}

/// Agrees as a person does: opens the address, follows the link with their name, and comes back.
fn authorize(systems: &Systems, project: &Project, alias: &str, name: &str) {
    let arguments = ["connections", "authorize", alias, "--no-browser"];
    let mut process = Process::start(&mut command(systems, project, &arguments));
    let url = process.until(|line| {
        let line = line.trim();
        line.starts_with("http://").then(|| line.to_owned())
    });
    let page = visit(&url);
    let link = page.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{page}"));
    let link = link.split('"').nth(1).unwrap().replace("&amp;", "&");
    let sent = visit(&format!("{}{link}", systems.url("sumtotal")));
    let back = sent.lines().find_map(|line| line.strip_prefix("location: "));
    let back = back.unwrap_or_else(|| panic!("{sent}")).trim().to_owned();
    assert!(visit(&back).starts_with("HTTP/1.1 200"), "{back}");
    process.until(|line| line.contains("is authorised, tested and saved").then_some(()));
    process.end();
}

/// How SumTotal is reached in the name of a person.
fn person(systems: &Systems, spoke: &str, more: &str) -> String {
    format!(
        "{{ spoke: {spoke}, {more} url: \"{}\", allow_private: true, client_id: {}, \
         client_secret: {{ env: CLIENT_SECRET }} }}",
        systems.url("sumtotal"),
        systems.secret("sumtotal", "code_only_client_id"),
    )
}

#[test]
fn a_person_agrees_on_the_sandbox_alone_and_the_token_renews_itself() {
    let systems = Systems::start(91);
    let token_url = systems.secret("sumtotal", "token_url");
    let more = format!("credential: person, entity: acme, token_url: \"{token_url}\",");
    let flow = "flow: own\nconnections: { st: sumtotal }\nsteps:\n  - id: users\n    \
                for_each: { call: st.users.stream, with: { max_records: 1 } }\n    as: one\n    \
                collect: one.id\noutputs: { n: users.count }\n";
    let project = Project::with(&[
        ("flows/own.yaml", flow),
        ("connections.yaml", &format!("st: {}\n", person(&systems, "sumtotal", &more))),
    ]);
    let run = |arguments: &[&str]| Done::of(&mut command(&systems, &project, arguments));
    let early = run(&["connections", "test", "st"]).ends_with(5);
    assert!(early.stderr.contains("run `linchpin connections authorize st`"), "{}", early.stderr);
    authorize(&systems, &project, "st", "Kim Lo");
    let shown = run(&["connections", "show", "st"]).ends_with(0);
    assert!(shown.stdout.contains("renews itself"), "{}", shown.stdout);
    let asked = || systems.get("/token-requests")["sumtotal"].as_u64().unwrap();
    for round in 1..=3 {
        systems.post("/expire-tokens", &json!({}));
        let before = asked();
        run(&["run", "own"]).ends_with(0);
        assert_eq!(asked() - before, 1, "each refresh token serves once: round {round}");
    }
    // Who does not agree leaves everything as it is.
    let arguments = ["connections", "authorize", "st", "--no-browser"];
    let mut process = Process::start(&mut command(&systems, &project, &arguments));
    let url =
        process.until(|line| line.trim().starts_with("http://").then(|| line.trim().to_owned()));
    let sent = visit(&format!("{url}&login="));
    let back = sent.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().trim();
    visit(back);
    assert!(process.end().concat().contains("access_denied"));
    run(&["run", "own"]).ends_with(0);
}

#[test]
fn the_doctor_tells_what_is_down_what_will_end_too_soon_and_whose_clock_is_wrong() {
    let systems = Systems::start(92);
    let past = serving(|_| {
        let head =
            "200 OK\r\ncontent-type: application/json\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT";
        (head.to_owned(), "[]".to_owned())
    });
    // Long after the token ends, whatever the time of day is.
    let in_six_hours = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(6);
    let connections = format!(
        "{}people:\n  default: emea\n  spoke: brief\n  connections:\n    emea: {}\n    us: {}\n\
         late: {{ spoke: litmos, url: \"{past}\", allow_private: true, api_key: {{ env: CLIENT_SECRET }} }}\n\
         gone: {{ spoke: litmos, url: \"http://127.0.0.1:1\", allow_private: true, api_key: {{ env: CLIENT_SECRET }} }}\n\
         nokey: {{ spoke: litmos, url: US, api_key: {{ env: NO_SUCH_KEY }} }}\n",
        systems.connections(),
        person(&systems, "brief", ""),
        person(&systems, "brief", ""),
    );
    let project = Project::with(&[
        ("spokes/brief/spoke.yaml", BRIEF),
        ("spokes/brief/actions/users.first.yaml", USERS),
        ("flows/nightly.yaml", &NIGHTLY.replace("WHEN", &format!("at: {in_six_hours}"))),
        ("flows/inner.yaml", INNER),
        ("connections.yaml", &connections),
    ]);
    systems.configure(&project);
    authorize(&systems, &project, "people.emea", "Maya Stone");
    authorize(&systems, &project, "people.us", "Kim Lo");
    let doctor = || Done::of(&mut command(&systems, &project, &["connections", "doctor"]));
    let told = doctor().ends_with(1).stdout;
    let of = |alias: &str| -> Vec<&str> {
        let is_of = |rest: &str| rest == alias || rest.starts_with(&format!("{alias}: "));
        told.lines()
            .filter(|line| line.split_once(' ').is_some_and(|(_, rest)| is_of(rest)))
            .collect()
    };
    for good in ["lms", "sn", "st"] {
        assert_eq!(of(good), [format!("✓ {good}")], "{told}");
    }
    let [emea] = of("people.emea")[..] else { panic!("{told}") };
    assert!(emea.starts_with("✗") && emea.contains("its authorisation ends "), "{emea}");
    assert!(emea.contains(", before nightly starts "), "{emea}");
    assert!(emea.ends_with("run `linchpin connections authorize people.emea`"), "{emea}");
    // No schedule needs this one: it is told of, and is no error yet.
    let [us] = of("people.us")[..] else { panic!("{told}") };
    assert!(us.starts_with("! ") && us.contains(", in 1 h: run `linchpin"), "{us}");
    let [late] = of("late")[..] else { panic!("{told}") };
    assert!(late.starts_with("! ") && late.contains("s behind ours"), "{late}");
    let [gone] = of("gone")[..] else { panic!("{told}") };
    assert!(gone.starts_with("✗") && gone.contains("it is not reached"), "{gone}");
    let [nokey] = of("nokey")[..] else { panic!("{told}") };
    assert!(nokey.contains("set the environment variable NO_SUCH_KEY"), "{nokey}");

    // Once the flow comes often enough, the token serves its next start.
    project.write("flows/nightly.yaml", NIGHTLY.replace("WHEN", "every: 1h"));
    let told = doctor().stdout;
    assert!(!told.contains("before nightly starts"), "{told}");
}
