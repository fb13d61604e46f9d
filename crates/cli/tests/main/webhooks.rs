//! Other systems send to a daemon, and each delivery starts one run, whatever happens to it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::tools::{Project, Running};

const HOOK: &str = "\
flow: hook
trigger:
  webhook: { path: orders/new, auth: { scheme: token, secret: { file: token } }, dedupe: trigger.payload.id }
steps: [ { log: 'order {{ trigger.payload.id }}' } ]
";

const ASKED: &str = "\
flow: asked
trigger:
  webhook: { path: double, auth: none, respond: result, payload: { n: { type: integer, required: true } } }
steps: [ { if: trigger.payload.n > 9, fail: too much } ]
outputs: { doubled: trigger.payload.n * 2 }
";

/// A project whose webhooks are on a port that the system chooses.
fn project(flows: &[(&str, &str)]) -> Project {
    let project = Project::with(flows);
    let settings = "server: { webhooks: 127.0.0.1:0 }\n";
    std::fs::write(project.path().join("linchpin.yaml"), settings).unwrap();
    std::fs::write(project.path().join("token"), "t0ken-of-the-sender\n").unwrap();
    project
}

/// A daemon, and the address of its port for webhooks.
fn daemon(project: &Project) -> (Running, String) {
    let mut command = project.command(&["daemon"]);
    command.stderr(std::fs::File::create(project.path().join("told")).unwrap());
    let (daemon, line) = Running::of(command).says("POST http://");
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    (daemon, address)
}

/// Sends a request; the status and the body of the answer.
fn send(address: &str, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // What is too large is refused before it was read.
    stream.write_all(body).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

const ORDER: &[u8] = br#"{"id":"A-1"}"#;
const PATH: &str = "/hooks/orders/new/t0ken-of-the-sender";

#[test]
fn a_delivery_is_answered_when_its_run_is_on_disk_and_starts_no_second_one() {
    let project = project(&[("hook.yaml", HOOK)]);
    let (daemon, address) = daemon(&project);
    let (status, first) = send(&address, "POST", PATH, ORDER);
    assert_eq!((status, &first["is_new"]), (202, &true.into()));
    daemon.kill();
    let (daemon, address) = self::daemon(&project);
    let (status, again) = send(&address, "POST", PATH, ORDER);
    assert_eq!((status, &again["is_new"]), (202, &false.into()));
    assert_eq!(again["run"], first["run"]);
    let (_, other) = send(&address, "POST", PATH, br#"{"id":"A-2"}"#);
    assert_eq!(other["is_new"], true);
    let daemon = daemon.prints("hook succeeded");
    assert_eq!(daemon.signal("TERM"), 0);
    let listed = project.json(&["runs", "list", "--flow", "hook"]);
    assert_eq!(listed["runs"].as_array().unwrap().len(), 2, "{listed}");
}

#[test]
fn what_cannot_be_taken_is_refused_without_a_reason_to_the_sender() {
    let project = project(&[("hook.yaml", HOOK)]);
    let (daemon, address) = daemon(&project);
    let large = vec![b'x'; linchpin_server::LARGEST_DELIVERY + 1];
    for (status, method, path, body) in [
        (401, "POST", "/hooks/orders/new/t0ken-of-the-sende", ORDER),
        (401, "POST", "/hooks/orders/new", ORDER),
        (404, "POST", "/hooks/orders", ORDER),
        (404, "POST", "/v1/runs", ORDER),
        (404, "GET", "/v1/health", b""),
        (405, "GET", PATH, b""),
        (413, "POST", PATH, &large),
        (422, "POST", PATH, b"{}"),
    ] {
        let (found, told) = send(&address, method, path, body);
        assert_eq!(found, status, "{method} {path}");
        let told = told["error"].as_str().unwrap().to_owned();
        assert!(told.len() < 30 && !told.contains("t0ken"), "{told}");
    }
    assert_eq!(daemon.signal("TERM"), 0);
    assert_eq!(project.json(&["runs", "list"])["runs"], serde_json::json!([]));
    let told = std::fs::read_to_string(project.path().join("told")).unwrap();
    assert!(told.contains("webhook orders/new refused a delivery"), "{told}");
    assert!(!told.contains("t0ken"), "{told}");
}

#[test]
fn a_sender_that_waits_gets_the_outputs() {
    let project = project(&[("asked.yaml", ASKED)]);
    let (daemon, address) = daemon(&project);
    let (status, outputs) = send(&address, "POST", "/hooks/double", br#"{"n":4}"#);
    assert_eq!((status, outputs), (200, serde_json::json!({ "doubled": 8 })));
    let (status, told) = send(&address, "POST", "/hooks/double", br#"{"n":10}"#);
    assert_eq!((status, &told["state"]), (500, &"failed".into()));
    assert!(!told.to_string().contains("too much"), "{told}");
    assert_eq!(daemon.signal("TERM"), 0);
}

#[test]
fn a_webhook_takes_deliveries_as_soon_as_it_has_its_secret() {
    let project = project(&[("hook.yaml", &HOOK.replace("{ file: token }", "vault"))]);
    let (daemon, address) = daemon(&project);
    assert_eq!(send(&address, "POST", PATH, ORDER).0, 503);
    let listed = project.run(&["webhooks", "list"]);
    assert_eq!(listed.code, 1, "{}", listed.out);
    assert!(listed.out.contains("run `linchpin webhooks secret orders/new`"), "{}", listed.out);
    let examined = project.run(&["connections", "doctor"]);
    assert_eq!(examined.code, 1, "{}", examined.err);
    assert!(examined.out.contains("webhook orders/new: it has no secret"), "{}", examined.out);
    let wrong = project.run(&["webhooks", "secret", "orders/nw", "--generate"]);
    assert!(wrong.err.contains("did you mean orders/new?"), "{}", wrong.err);
    let made = project.json(&["webhooks", "secret", "orders/new", "--generate"]);
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 64);
    let path = format!("/hooks/orders/new/{secret}");
    assert_eq!(send(&address, "POST", &path, ORDER).0, 202);
    assert_eq!(project.run(&["webhooks", "list"]).code, 0);
    let file = project.path().join("token");
    let from = format!("file:{}", file.display());
    assert_eq!(project.run(&["webhooks", "secret", "orders/new", "--from", &from]).code, 0);
    assert_eq!(send(&address, "POST", &path, ORDER).0, 401);
    assert_eq!(send(&address, "POST", PATH, ORDER).0, 202);
    assert_eq!(daemon.signal("TERM"), 0);
}

#[test]
fn the_port_opens_and_closes_with_the_flows_that_want_it() {
    let plain = "flow: hook\nsteps: [ { log: x } ]\n";
    let project = project(&[("hook.yaml", plain)]);
    let daemon = project.start(&["daemon"], "gone on with");
    let file = project.path().join("flows/hook.yaml");
    std::fs::write(&file, HOOK).unwrap();
    let (daemon, line) = daemon.says("POST http://");
    assert!(line.contains("/hooks/orders/new/TOKEN starts hook (token)"), "{line}");
    std::fs::write(&file, plain).unwrap();
    let daemon = daemon.prints("their port is closed");
    assert_eq!(daemon.signal("TERM"), 0);
}
