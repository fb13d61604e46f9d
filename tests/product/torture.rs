//! An upstream that does everything wrong that a network can: each fault gives one clear error of the
//! right kind, in time, and the program stays small.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

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
connections: { up: rough, slow_down: rough, later: rough, never: rough, plain: rough, nobody: rough }
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

/// Each fault, the kind of its error, and words of the message.
const FAULTS: [(&str, &str, &str); 15] = [
    ("silence", "timeout", "did not answer within 3 s"),
    ("slow_body", "timeout", "did not answer within 3 s"),
    ("closed", "connection_failed", "broke before the answer was complete"),
    ("half_a_head", "connection_failed", "broke before the answer was complete"),
    ("cut_body", "connection_failed", "broke before the answer was complete"),
    ("cut_chunk", "connection_failed", "broke before the answer was complete"),
    ("bad_chunk", "bad_response", "is no HTTP answer"),
    ("no_http", "bad_response", "is no HTTP answer"),
    ("bad_gzip", "bad_response", "is no HTTP answer"),
    ("huge", "limit_exceeded", "is larger than 32 MB"),
    ("endless", "limit_exceeded", "is larger than 32 MB"),
    ("deep", "bad_response", ""),
    ("bad_json", "bad_response", ""),
    ("html", "bad_response", ""),
    ("broken", "unavailable", "Broken"),
];

/// What the other side sends for a fault, before it closes.
fn answer(what: &str) -> Option<Vec<u8>> {
    let head = |more: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n{more}\r\n\r\n"
        )
    };
    let whole = |status: &str, kind: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let json = "application/json";
    Some(match what {
        "fine" => whole("200 OK", json, br#"{"rows":[{"id":"1"}]}"#),
        "closed" => Vec::new(),
        "half_a_head" => b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec(),
        "cut_body" => [head("content-length: 1000").as_bytes(), b"{\"rows\":["].concat(),
        "bad_chunk" => [head("transfer-encoding: chunked").as_bytes(), b"zz\r\nxx\r\n"].concat(),
        "cut_chunk" => [head("transfer-encoding: chunked").as_bytes(), b"ff\r\nxx"].concat(),
        "no_http" => b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        "bad_gzip" => {
            let gzip = head("content-encoding: gzip\r\ncontent-length: 9");
            [gzip.as_bytes(), b"no gzip!!"].concat()
        }
        "huge" => head("content-length: 104857600").into_bytes(),
        "deep" => whole("200 OK", json, "[".repeat(100_000).as_bytes()),
        "bad_json" => whole("200 OK", json, b"{\"rows\": ["),
        "bad_text" => whole("200 OK", json, b"{\"rows\": [{\"id\": \"\xff\xfe\"}]}"),
        "html" => whole("200 OK", "text/html", b"<html><title>Sign in</title></html>"),
        "soon" => whole("429 Slow\r\nretry-after: 2", json, b"{}"),
        "nonsense" => whole("429 Slow\r\nretry-after: soon", json, b"{}"),
        "year" => whole("503 Slow\r\nretry-after: 31536000", json, b"{}"),
        "broken" => whole("500 Broken", json, b"{\"message\":\"stack overflow\"}"),
        _ => return None,
    })
}

/// Serves faults by the path that is asked for.
fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // The caller hangs up on most of these.
            thread::spawn(move || serve(stream).ok());
        }
    });
    url
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let what = line.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    if let Some(answer) = answer(&what) {
        return stream.write_all(&answer);
    }
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    match what.as_str() {
        // Nothing, until the caller has had enough.
        "silence" => reader.read(&mut [0; 1]).map(drop),
        "slow_body" => {
            stream.write_all(head.as_bytes())?;
            loop {
                stream.write_all(b"1\r\n \r\n")?;
                stream.set_read_timeout(Some(Duration::from_millis(100)))?;
                if matches!(reader.read(&mut [0; 1]), Ok(0)) {
                    return Ok(());
                }
            }
        }
        "endless" => {
            stream.write_all(head.as_bytes())?;
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 65536], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk)?;
            }
        }
        other => panic!("there is no fault {other}"),
    }
}

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
        alias("never", url),
        alias("plain", &url.replace("http:", "https:")),
        alias("nobody", &nobody),
    ];
    Project::with(&[
        ("spokes/rough/spoke.yaml", SPOKE),
        ("spokes/rough/actions/pages.get.yaml", ACTION),
        ("flows/probe.yaml", FLOW),
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
    check("slow_down", "soon", "rate_limited", "");
    check("later", "nonsense", "rate_limited", "");
    check("never", "year", "unavailable", "");
    let peak = peak(daemon.id());
    assert!(peak < 200, "{peak} MB");
}
