//! An upstream that does everything wrong that a network can: each fault gives one clear error of the
//! right kind, in time, and the program stays small.

mod upstream;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use self::upstream::upstream;
use super::support::Project;

const SPOKE: &str = r"
spoke: rough
title: Rough
connection:
  fields: [{ name: url, label: URL, type: url }]
  credential: { kind: none }
shapes:
  page: { keys: [id], fields: { id: { type: string, from: id } } }
";

const ACTION: &str = r#"
action: pages.get
title: Get a page
effect: read
inputs:
  what: { type: string, required: true, about: Which fault. }
read_from:
  - { get: "/{{ inputs.what }}", list: rows, shape: page }
"#;

const FLOW: &str = r#"
flow: probe
connections: { up: rough, slow_down: rough, later: rough, dated: rough, never: rough, plain: rough, nobody: rough, nowhere: rough }
inputs:
  what: { type: string, required: true }
  via: { type: string, default: up }
steps:
  - id: probe
    try:
      - id: page
        call: up.pages.get
        connection: "{{ inputs.via }}"
        with: { what: "{{ inputs.what }}" }
        timeout: 3s
        retry: { attempts: 1, on: [timeout] }
      - log: "ANSWER"
    catch:
      - log: "KIND {{ error.kind }}: {{ error.message }}"
"#;

/// The same with as many attempts as are usual.
const PATIENT: &str = r"
flow: patient
connections: { up: rough }
steps:
  - { id: page, call: up.pages.get, with: { what: fine } }
  - log: ANSWER
";

/// Each fault, the kind of its error, and words of the message.
const FAULTS: [(&str, &str, &str); 22] = [
    ("silence", "timeout", "did not answer within 3 s"),
    ("slow_head", "timeout", "did not answer within 3 s"),
    ("slow_body", "timeout", "did not answer within 3 s"),
    ("closed", "connection_failed", "broke before the answer was complete"),
    ("half_a_head", "connection_failed", "broke before the answer was complete"),
    ("cut_body", "connection_failed", "broke before the answer was complete"),
    ("cut_chunk", "connection_failed", "broke before the answer was complete"),
    ("reset", "connection_failed", "broke before the answer was complete"),
    ("reset_body", "connection_failed", "broke before the answer was complete"),
    ("half_closed", "connection_failed", "broke before the answer was complete"),
    ("no_length", "bad_response", "is no HTTP answer"),
    ("too_long", "bad_response", ""),
    ("bad_chunk", "bad_response", "is no HTTP answer"),
    ("no_http", "bad_response", "is no HTTP answer"),
    ("bad_gzip", "bad_response", "is no HTTP answer"),
    ("huge", "limit_exceeded", "is larger than 32 MB"),
    ("endless", "limit_exceeded", "is larger than 32 MB"),
    ("bomb", "limit_exceeded", "is larger than 32 MB"),
    ("deep", "bad_response", ""),
    ("bad_json", "bad_response", ""),
    ("html", "bad_response", ""),
    ("broken", "unavailable", "Broken"),
];

/// The most memory that a process has held, in MB.
fn peak(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// A project whose aliases lead to that upstream, to no TLS, and to nobody.
fn project(url: &str) -> Project {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let alias = |name: &str, url: &str| {
        format!("{name}: {{ spoke: rough, url: \"{url}\", allow_private: true }}\n")
    };
    let connections = [
        alias("up", url),
        alias("slow_down", url),
        alias("later", url),
        alias("dated", url),
        alias("never", url),
        alias("plain", &url.replace("http:", "https:")),
        alias("nobody", &nobody),
        alias("nowhere", "https://no-such-host.invalid"),
    ];
    Project::with(&[
        ("spokes/rough/spoke.yaml", SPOKE),
        ("spokes/rough/actions/pages.get.yaml", ACTION),
        ("flows/probe.yaml", FLOW),
        ("flows/patient.yaml", PATIENT),
        ("connections.yaml", &connections.concat()),
    ])
}

#[test]
fn each_fault_of_a_network_gives_one_clear_error_in_time_and_in_little_memory() {
    let project = project(&upstream());
    let mut daemon = project.start(&["daemon"]);
    daemon.until(|line| line.contains(" serves ").then_some(()));
    let probe = |via: &str, what: &str| {
        let (what, via) = (format!("what={what}"), format!("via={via}"));
        let begin = Instant::now();
        let run = project.linchpin(&["run", "probe", "-i", &what, "-i", &via]).ends_with(0);
        // Three seconds for the call; the rest is for a machine that is busy.
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} took {:?}", begin.elapsed());
        run.stdout
    };
    let check = |via: &str, what: &str, kind: &str, words: &str| {
        let said = probe(via, what);
        let told: Vec<&str> = said.lines().filter(|line| line.contains("KIND ")).collect();
        assert_eq!(told.len(), 1, "{what}: {said}");
        assert!(told[0].contains(&format!("KIND {kind}: ")), "{what}: {}", told[0]);
        assert!(told[0].contains(words), "{what}: {}", told[0]);
    };
    for (at, (what, kind, words)) in FAULTS.into_iter().enumerate() {
        check("up", what, kind, words);
        // A good answer now and then: a system without any is left in peace.
        if at % 4 == 3 {
            assert!(probe("up", "fine").contains("ANSWER"), "after {what}");
        }
    }
    // Broken letters in a text are replaced; the rest of the answer is read.
    assert!(probe("up", "bad_text").contains("ANSWER"));
    check("plain", "fine", "connection_failed", "cannot connect to 127.0.0.1");
    check("nobody", "fine", "connection_failed", "connection refused");
    // A name that nobody knows, or a name server that says nothing.
    let said = probe("nowhere", "fine");
    let kinds = ["KIND connection_failed: ", "KIND timeout: "];
    assert!(kinds.iter().any(|kind| said.contains(kind)), "{said}");
    assert!(said.contains("no-such-host.invalid") || said.contains("nowhere did not"), "{said}");
    // A connection that was kept and is closed just as it is used again. A read is then tried again.
    assert!(probe("up", "kept").contains("ANSWER"));
    check("up", "fine", "connection_failed", "broke before the answer was complete");
    assert!(probe("up", "kept").contains("ANSWER"));
    let patient = project.linchpin(&["run", "patient"]).ends_with(0);
    assert!(patient.stdout.contains("ANSWER"), "{}", patient.stdout);
    check("dated", "dated", "rate_limited", "");
    check("slow_down", "soon", "rate_limited", "");
    check("later", "nonsense", "rate_limited", "");
    check("never", "year", "unavailable", "");
    let peak = peak(daemon.id());
    assert!(peak < 200, "{peak} MB");
}
