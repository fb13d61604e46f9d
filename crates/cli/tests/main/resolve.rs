//! Steps that need attention: what is shown of them, and how a person rules.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::tools::{Project, Running};

const PAGES: &str = "\
flow: pages
inputs: { text: { type: string, required: true } }
connections: { pager: http }
steps:
  - { id: page, call: pager.request, with: { path: /pages, json: { text: '{{ inputs.text }}' } } }
  - { log: 'status {{ page.status }}' }
outputs: { status: page.status }
";

/// A pager that reads the first request and hangs up, and answers those that come later.
pub(crate) struct Pager {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
}

/// What a pager does with a request in place of taking it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    HangUp,
    Refuse,
    Take,
    /// Nothing, while the caller waits.
    Keep,
}

impl Pager {
    fn new() -> Self {
        Self::doing(vec![Does::HangUp])
    }

    /// One that reads the first request and never answers it.
    fn silent() -> Self {
        Self::doing(vec![Does::Keep])
    }

    /// One that does this with the first requests, in their order, and takes those after them.
    pub(crate) fn doing(first: Vec<Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut request = Vec::new();
                let mut part = [0; 4096];
                // Its body ends with the closing brace of its JSON.
                while !request.ends_with(b"}") {
                    match stream.read(&mut part) {
                        Ok(0) | Err(_) => break,
                        Ok(length) => request.extend_from_slice(&part[..length]),
                    }
                }
                let at = counted.fetch_add(1, Ordering::SeqCst);
                let status = match first.get(at).copied().unwrap_or(Does::Take) {
                    Does::HangUp => continue,
                    Does::Keep => {
                        kept.push(stream);
                        continue;
                    }
                    Does::Refuse => "400 Bad Request",
                    Does::Take => "201 Created",
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
                );
                // Whoever asked may be gone.
                stream.write_all(answer.as_bytes()).ok();
            }
        });
        Self { url, requests }
    }

    /// The connections of a project that lead to it.
    pub(crate) fn connections(&self) -> String {
        format!("pager: {{ spoke: http, url: '{}', allow_private: true }}", self.url)
    }

    pub(crate) fn n_requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A project whose run is held after its write was sent, and the run.
fn held(pager: &Pager) -> (Project, String) {
    let project = Project::with(&[("pages.yaml", PAGES)]);
    std::fs::write(project.path().join("connections.yaml"), pager.connections()).unwrap();
    let done = project.run(&["run", "pages", "-i", "text=Fire"]);
    assert_eq!(done.code, 4, "{}{}", done.out, done.err);
    assert!(done.out.contains("needs attention"), "{}", done.out);
    let listed = project.json(&["runs", "list", "--state", "needs attention"]);
    let run = listed["runs"][0]["run"].as_str().unwrap().to_owned();
    assert!(done.out.contains(&format!("linchpin runs resolve {run} page")), "{}", done.out);
    (project, run)
}

#[test]
fn what_is_known_of_a_held_step_is_shown_before_anybody_rules() {
    let pager = Pager::new();
    let (project, run) = held(&pager);
    let shown = project.run(&["runs", "resolve", &run]);
    assert_eq!(shown.code, 4, "{}{}", shown.out, shown.err);
    for part in
        ["the write may have happened", "pager.request", "POST /pages", "Fire", "--not-done"]
    {
        assert!(shown.out.contains(part), "no {part} in {}", shown.out);
    }
    let held = &project.json(&["runs", "resolve", &run, "page"])["held"][0];
    assert_eq!((&held["was_sent"], &held["step"]), (&true.into(), &"page".into()));
    let why = project.run(&["runs", "explain", &run]);
    assert_eq!(why.code, 0, "{}{}", why.out, why.err);
    let command = format!("linchpin runs resolve {run} page");
    for part in ["page: POST /pages at", "no clear answer", "safe   no:", command.as_str()] {
        assert!(why.out.contains(part), "no {part} in {}", why.out);
    }
    assert_eq!(pager.n_requests(), 1, "to look sends nothing");
}

#[test]
fn a_step_that_was_done_is_not_sent_again_and_has_the_output_that_was_given() {
    let pager = Pager::new();
    let (project, run) = held(&pager);
    let wrong = project.run(&["runs", "resolve", &run, "page", "--done", "{\"status\":\"high\"}"]);
    assert_eq!(wrong.code, 3, "{}{}", wrong.out, wrong.err);
    assert!(wrong.err.contains("no output of http.request"), "{}", wrong.err);
    let done = project.run(&["runs", "resolve", &run, "--done", "{\"status\":202}"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("status 202"), "{}", done.out);
    assert_eq!(pager.n_requests(), 1);
    let again = project.run(&["runs", "resolve", &run, "page", "--not-done"]);
    assert_eq!(again.code, 3, "{}{}", again.out, again.err);
}

#[test]
fn a_step_that_was_not_done_is_sent_once_more() {
    let pager = Pager::new();
    let (project, run) = held(&pager);
    let done = project.run(&["runs", "resolve", &run, "page", "--not-done"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("status 201"), "{}", done.out);
    assert_eq!(pager.n_requests(), 2);
}

#[test]
fn a_step_that_failed_leaves_its_flow_to_its_error_handling() {
    let pager = Pager::new();
    let (project, run) = held(&pager);
    let done = project.run(&["runs", "resolve", &run, "page", "--fail"]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert_eq!(pager.n_requests(), 1);
    assert_eq!(project.json(&["runs", "show", &run])["state"], "failed");
    let why = project.json(&["runs", "explain", &run]);
    assert_eq!((&why["step"], &why["is_safe"]), (&"page".into(), &false.into()), "{why}");
    let shown = project.run(&["runs", "show", &run, "page"]).out;
    assert!(shown.contains("error") && shown.contains("ruled that it has failed: "), "{shown}");
}

/// Two branches wait: one asks, and one, which comes later, may have sent its write.
#[test]
fn what_is_explained_is_the_held_step_and_not_the_first_that_waits() {
    let flow = "flow: both\nconnections: { pager: http }\nsteps:\n  - parallel:\n      \
        asks: [ { id: asks, ask: { of: starter, message: Which?, form: { n: { type: integer } } } } ]\n      \
        pages: [ { id: page, call: pager.request, with: { path: /pages, json: { n: 1 } } } ]\n";
    let pager = Pager::new();
    let project = Project::with(&[("both.yaml", flow)]);
    std::fs::write(project.path().join("connections.yaml"), pager.connections()).unwrap();
    assert_eq!(project.run(&["run", "both"]).code, 4);
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let why = project.json(&["runs", "explain", &run]);
    let step = why["step"].as_str().unwrap();
    assert!(step.ends_with("page"), "{why}");
    assert_eq!(why["is_safe"], false, "{why}");
    // Without the quotes a shell takes the rest of the line for a comment.
    let command = format!("linchpin runs resolve {run} '{step}'");
    assert_eq!(why["commands"], serde_json::json!([command]));
}

#[test]
fn a_ruling_on_a_paused_run_says_that_it_is_paused() {
    let pager = Pager::new();
    let (project, run) = held(&pager);
    assert_eq!(project.run(&["runs", "pause", &run]).code, 0);
    let ruled = project.run(&["runs", "resolve", &run, "--not-done"]);
    assert_eq!(ruled.code, 0, "{}{}", ruled.out, ruled.err);
    let words = format!("resolved; the run is paused; go on with: linchpin runs resume {run}");
    assert!(ruled.out.contains(&words), "{}", ruled.out);
    assert_eq!(pager.n_requests(), 1);
    assert_eq!(project.run(&["runs", "resume", &run]).code, 0);
    assert_eq!(pager.n_requests(), 2);
}

#[test]
fn what_cannot_be_taken_back_is_told_and_nothing_is_promised() {
    let flow = "flow: puts\nconnections: { pager: http }\nsteps:\n  \
        - id: one\n    call: pager.put\n    with: { path: /one, json: { n: 1 } }\n    \
        undo: { call: pager.put, with: { path: /one, json: { n: 0 } } }\n  \
        - { id: two, call: pager.put, with: { path: /two, json: { n: 2 } } }\n  \
        - fail: enough\n";
    let pager = Pager::doing(Vec::new());
    let project = Project::with(&[("puts.yaml", flow)]);
    std::fs::write(project.path().join("connections.yaml"), pager.connections()).unwrap();
    assert_eq!(project.run(&["run", "puts"]).code, 1);
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let stays = "two: 1 write that nothing takes back";
    let shown = project.run(&["runs", "undo", &run]);
    assert!(shown.out.contains(stays), "{}", shown.out);
    let done = project.run(&["runs", "undo", &run, "--apply"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("all that could be taken back is taken back"), "{}", done.out);
    assert!(done.out.contains(stays), "{}", done.out);
    let why = project.json(&["runs", "explain", &run]);
    assert_eq!(why["is_safe"], false, "{why}");
    assert_eq!(why["commands"], serde_json::json!([format!("linchpin runs show {run}")]));
}

#[test]
fn a_failed_run_whose_changes_are_taken_back_can_be_started_again() {
    let flow = "flow: puts\nconnections: { pager: http }\nsteps:\n  \
        - id: one\n    call: pager.put\n    with: { path: /one, json: { n: 1 } }\n    \
        undo: { call: pager.put, with: { path: /one, json: { n: 0 } } }\n  \
        - fail: enough\n";
    let pager = Pager::doing(Vec::new());
    let project = Project::with(&[("puts.yaml", flow)]);
    std::fs::write(project.path().join("connections.yaml"), pager.connections()).unwrap();
    assert_eq!(project.run(&["run", "puts"]).code, 1);
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let command = format!("linchpin runs undo {run}");
    let before = project.json(&["runs", "explain", &run]);
    assert_eq!(before["commands"][2], command.as_str(), "{before}");
    assert_eq!(project.run(&["runs", "undo", &run, "--apply"]).code, 0);
    let after = project.json(&["runs", "explain", &run]);
    assert_eq!(after["is_safe"], true, "{after}");
    assert_eq!(after["commands"], serde_json::json!([format!("linchpin runs show {run}")]));
}

/// The connection is gone when the process comes back: that it is there again does not mean that
/// the write did not happen.
#[test]
fn a_write_that_is_in_doubt_stays_in_doubt_while_its_connection_is_away() {
    let pager = Pager::new();
    let (project, run) = held(&pager);
    let file = project.path().join("connections.yaml");
    let connections = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "").unwrap();
    let sent = project.run(&["runs", "resolve", &run, "--not-done"]);
    assert_eq!(sent.code, 4, "{}{}", sent.out, sent.err);
    assert!(sent.out.contains("there is no connection pager"), "{}", sent.out);
    std::fs::write(&file, connections).unwrap();
    let sent = project.run(&["runs", "resolve", &run, "--not-done"]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    assert_eq!(pager.n_requests(), 2);
}

#[test]
fn a_paused_run_starts_nothing_until_it_is_resumed() {
    let flow = "flow: waits\nsteps:\n  - { id: pause, wait: { for: 1h } }\n  - { log: done }\n";
    let project = Project::with(&[("waits.yaml", flow)]);
    let driving = project.start(&["run", "waits"], "pause");
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let paused = project.run(&["runs", "pause", &run]);
    assert_eq!(paused.code, 0, "{}{}", paused.out, paused.err);
    assert!(paused.out.contains(&format!("linchpin runs resume {run}")), "{}", paused.out);
    assert_eq!(project.json(&["runs", "show", &run])["state"], "paused");
    driving.kill();
    assert_eq!(project.json(&["runs", "show", &run])["state"], "paused");
    let resumed = project.start(&["runs", "resume", &run], "pause");
    assert_eq!(project.json(&["runs", "show", &run])["is_paused"], false);
    drop(resumed);
}

/// A project whose process was killed while the first of two writes was under way, and the run.
/// The write may be sent again, which is what goes on with the run does.
fn killed(pager: &Pager) -> (Project, String) {
    let flow = "flow: puts\nconnections: { pager: http }\nsteps:\n  - log: begins\n  \
        - { id: one, call: pager.put, with: { path: /one, json: { n: 1 } } }\n  \
        - { id: two, call: pager.put, with: { path: /two, json: { n: 2 } } }\n";
    let project = Project::with(&[("puts.yaml", flow)]);
    let connections =
        format!("pager: {{ spoke: http, url: '{}', allow_private: true }}", pager.url);
    std::fs::write(project.path().join("connections.yaml"), connections).unwrap();
    let driving = Running::of(project.command(&["run", "puts"]));
    while pager.n_requests() == 0 {
        std::thread::yield_now();
    }
    driving.kill();
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    (project, run)
}

#[test]
fn a_killed_run_that_is_paused_sends_nothing_before_it_is_resumed() {
    let pager = Pager::silent();
    let (project, run) = killed(&pager);
    let paused = project.run(&["runs", "pause", &run]);
    assert_eq!(paused.code, 0, "{}{}", paused.out, paused.err);
    assert_eq!(pager.n_requests(), 1);
    let resumed = project.run(&["runs", "resume", &run]);
    assert_eq!(resumed.code, 0, "{}{}", resumed.out, resumed.err);
    assert_eq!(pager.n_requests(), 3);
}

#[test]
fn a_killed_run_that_is_cancelled_does_not_begin_its_next_step() {
    let pager = Pager::silent();
    let (project, run) = killed(&pager);
    let cancelled = project.run(&["runs", "cancel", &run]);
    assert_eq!(cancelled.code, 0, "{}{}", cancelled.out, cancelled.err);
    assert_eq!(pager.n_requests(), 2, "the write that was under way is settled");
}

#[test]
fn runs_are_found_by_flow_state_time_and_input() {
    let flow =
        "flow: greets\ninputs: { n: { type: integer } }\nsteps: [{ log: 'n is {{ inputs.n }}' }]\n";
    let project = Project::with(&[("greets.yaml", flow)]);
    for n in ["n=1", "n=2", "n=2"] {
        assert_eq!(project.run(&["run", "greets", "-i", n]).code, 0);
    }
    let found = |more: &[&str]| {
        let listed = project.json(&[&["runs", "list", "--flow", "greets"], more].concat());
        listed["runs"].as_array().unwrap().len()
    };
    assert_eq!(found(&["--input", "n=2"]), 2);
    assert_eq!(found(&["--input", "n=3"]), 0);
    assert_eq!(found(&["--since", "1h", "--state", "succeeded"]), 3);
    assert_eq!(found(&["--until", "1h"]), 0);
    let wrong = project.run(&["runs", "list", "--since", "noon"]);
    assert_eq!(wrong.code, 3, "{}", wrong.err);
}

#[test]
fn the_log_of_a_run_has_a_time_on_each_line() {
    let flow = "flow: greets\nsteps: [{ id: one, log: hello }, { id: two, wait: { for: 1ms } }]\n";
    let project = Project::with(&[("greets.yaml", flow)]);
    assert_eq!(project.run(&["run", "greets"]).code, 0);
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let logs = project.run(&["runs", "logs", &run, "--follow"]);
    assert_eq!(logs.code, 0, "{}{}", logs.out, logs.err);
    let lines: Vec<&str> = logs.out.lines().collect();
    assert!(lines[0].ends_with("accepted: greets"), "{}", logs.out);
    assert!(lines[1].ends_with("one  hello"), "{}", logs.out);
    let only = project.run(&["runs", "logs", &run, "--only"]);
    assert_eq!(only.out.lines().count(), 1, "{}", only.out);
}

#[test]
fn a_limit_holds_the_step_with_its_numbers_and_an_approval_raises_it() {
    let flow = "flow: puts\nlimits: { update: 1 }\nconnections: { pager: http }\nsteps:\n  \
        - { id: one, call: pager.put, with: { path: /one, json: { n: 1 } } }\n  \
        - { id: two, call: pager.put, with: { path: /two, json: { n: 2 } } }\n";
    let pager = Pager::doing(Vec::new());
    let project = Project::with(&[("puts.yaml", flow)]);
    std::fs::write(project.path().join("connections.yaml"), pager.connections()).unwrap();
    let held = project.run(&["run", "puts"]);
    assert_eq!(held.code, 4, "{}{}", held.out, held.err);
    let numbers = "the limit of 1 update changes a run: 1 made, 1 more wanted";
    assert!(held.out.contains(numbers), "{}", held.out);
    assert_eq!(pager.n_requests(), 1);
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let shown = &project.json(&["runs", "resolve", &run])["held"][0];
    assert_eq!((&shown["was_sent"], &shown["request"]), (&false.into(), &"PUT /two".into()));
    let approved = project.run(&["runs", "resolve", &run, "two", "--not-done"]);
    assert_eq!(approved.code, 0, "{}{}", approved.out, approved.err);
    assert_eq!(pager.n_requests(), 2);
}

#[test]
fn nothing_is_taken_back_of_a_run_that_changed_nothing() {
    let flow = "flow: stops\nsteps: [ { fail: { message: no } } ]\n";
    let project = Project::with(&[("stops.yaml", flow)]);
    assert_eq!(project.run(&["run", "stops"]).code, 1);
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let why = project.json(&["runs", "explain", &run]);
    assert_eq!(why["is_safe"], true, "{why}");
    let commands = ["show", "retry"].map(|command| format!("linchpin runs {command} {run}"));
    assert_eq!(why["commands"], serde_json::json!(commands));
}

/// A flow whose only write is held for its limit, and then fails.
const LIMITED: &str = "\
flow: limited
limits: { send: 0 }
connections: { pager: http }
steps:
  - { id: page, call: pager.request, with: { path: /pages, json: { n: 1 } } }
  - fail: too late
on_error:
  - { undo: all }
";

fn limited(pager: &Pager) -> (Project, String) {
    let project = Project::with(&[("limited.yaml", LIMITED)]);
    std::fs::write(project.path().join("connections.yaml"), pager.connections()).unwrap();
    assert_eq!(project.run(&["run", "limited"]).code, 4);
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    (project, run)
}

#[test]
fn what_a_person_ruled_as_done_is_nothing_to_do_again() {
    let pager = Pager::doing(vec![]);
    let (project, run) = limited(&pager);
    let ruled = project.run(&["runs", "resolve", &run, "--done", r#"{"status":200}"#]);
    assert_eq!(ruled.code, 1, "{}{}", ruled.out, ruled.err);
    let why = project.json(&["runs", "explain", &run]);
    assert_eq!((&why["writes_done"], &why["is_safe"]), (&1.into(), &false.into()), "{why}");
}

#[test]
fn what_was_sent_and_ruled_as_done_stands_after_all_was_taken_back() {
    let flow = format!("{PAGES}  - fail: too late\non_error:\n  - {{ undo: all }}\n")
        .replace("outputs: { status: page.status }\n", "");
    let pager = Pager::new();
    let project = Project::with(&[("pages.yaml", &flow)]);
    std::fs::write(project.path().join("connections.yaml"), pager.connections()).unwrap();
    assert_eq!(project.run(&["run", "pages", "-i", "text=Fire"]).code, 4);
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let ruled = project.run(&["runs", "resolve", &run, "--done", r#"{"status":200}"#]);
    assert_eq!(ruled.code, 1, "{}{}", ruled.out, ruled.err);
    assert!(ruled.out.contains("1 call, 1 ruled as done"), "{}", ruled.out);
    let why = project.json(&["runs", "explain", &run]);
    assert_eq!((&why["writes_done"], &why["is_safe"]), (&1.into(), &false.into()), "{why}");
    let retried = project.run(&["runs", "retry", &run]);
    assert!(retried.err.contains("look at what stands"), "{}", retried.err);
}

#[test]
fn a_held_step_of_a_run_cancelled_by_force_is_held_again_after_a_retry() {
    let pager = Pager::doing(vec![]);
    let (project, run) = limited(&pager);
    assert_eq!(project.run(&["runs", "cancel", &run, "--force"]).code, 0);
    let retried = project.run(&["runs", "retry", &run]);
    assert_eq!(retried.code, 4, "{}{}", retried.out, retried.err);
    let command = format!("linchpin runs resolve {run} page");
    assert!(retried.out.contains(&command), "{}", retried.out);
    let shown = project.run(&["runs", "show", &run]);
    assert!(shown.out.contains(&command), "{}", shown.out);
    assert_eq!(pager.n_requests(), 0);
}
