//! Runs that failed or were cancelled: tried again, compared with their flow, cancelled by force.

use std::net::TcpListener;

use crate::resolve::{Does, Pager};
use crate::tools::{Project, Running};

const PAGES: &str = "\
flow: pages
connections: { pager: http }
steps:
  - { id: note, call: pager.request, with: { path: /notes, json: { n: 1 } } }
  - { id: page, call: pager.request, with: { path: /pages, json: { n: 2 } } }
";

fn project(pager: &Pager) -> Project {
    let project = Project::with(&[("pages.yaml", PAGES)]);
    std::fs::write(project.path().join("connections.yaml"), pager.connections()).unwrap();
    project
}

fn only_run(project: &Project) -> String {
    let listed = project.json(&["runs", "list"]);
    listed["runs"][0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_failed_run_is_tried_again_from_the_step_that_failed() {
    let pager = Pager::doing(vec![Does::Take, Does::Refuse]);
    let project = project(&pager);
    let failed = project.run(&["run", "pages"]);
    assert_eq!(failed.code, 1, "{}{}", failed.out, failed.err);
    let run = only_run(&project);
    let why = project.run(&["runs", "explain", &run]);
    let command = format!("linchpin runs retry {run}");
    let safe = "safe   yes: a retry goes on from what failed";
    for part in [command.as_str(), safe, "note: POST /notes, 1 change"] {
        assert!(why.out.contains(part), "no {part} in {}", why.out);
    }
    let shown = project.run(&["runs", "retry", &run, "--dry-run"]);
    assert_eq!(shown.code, 2, "{}{}", shown.out, shown.err);
    for part in ["it would go on at page", "page  by pager.request: POST /pages", &command] {
        assert!(shown.out.contains(part), "no {part} in {}", shown.out);
    }
    assert_eq!(pager.n_requests(), 2, "to look sends nothing");
    let done = project.run(&["runs", "retry", &run]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(pager.n_requests(), 3);
    let shown = project.json(&["runs", "show", &run]);
    assert_eq!(shown["state"], "succeeded");
    let states: Vec<&str> = shown["history"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["succeeded", "succeeded"]);
    assert_eq!(shown["history"]["steps"][1]["attempts"], 1, "a retry counts anew: {shown}");
    let step = project.run(&["runs", "show", &run, "page"]);
    assert_eq!(step.code, 0, "{}", step.err);
    for part in ["page: succeeded", "\"path\": \"/pages\"", "POST /pages", "\"status\": 201"] {
        assert!(step.out.contains(part), "no {part} in {}", step.out);
    }
    let step = project.run(&["runs", "show", &run, "pag"]);
    assert_eq!((step.code, step.err.contains("did you mean page?")), (3, true), "{}", step.err);
    let again = project.run(&["runs", "retry", &run]);
    assert_eq!(again.code, 3, "{}{}", again.out, again.err);
    assert!(again.err.contains("it has succeeded"), "{}", again.err);
}

#[test]
fn a_write_that_may_have_happened_is_held_again_by_a_retry_and_not_sent() {
    let pager = Pager::doing(vec![Does::Take, Does::HangUp]);
    let project = project(&pager);
    assert_eq!(project.run(&["run", "pages"]).code, 4);
    let run = only_run(&project);
    assert_eq!(project.run(&["runs", "resolve", &run, "page", "--fail"]).code, 1);
    let shown = project.run(&["runs", "retry", &run, "--dry-run"]);
    assert!(shown.out.contains("which may have happened already"), "{}", shown.out);
    let held = project.run(&["runs", "retry", &run]);
    assert_eq!(held.code, 4, "{}{}", held.out, held.err);
    assert!(held.out.contains("nothing tells whether it did"), "{}", held.out);
    assert_eq!(pager.n_requests(), 2, "nothing was sent");
    assert_eq!(project.run(&["runs", "resolve", &run, "page", "--not-done"]).code, 0);
    assert_eq!(pager.n_requests(), 3);
}

#[test]
fn a_cancel_by_force_waits_for_no_write_names_it_and_a_retry_does_not_repeat_it() {
    let pager = Pager::doing(vec![Does::Take, Does::Keep]);
    let project = project(&pager);
    let driving = project.start(&["run", "pages"], "note");
    let run = only_run(&project);
    while pager.n_requests() < 2 {
        std::thread::yield_now();
    }
    let cancelled = project.run(&["runs", "cancel", &run, "--force"]);
    assert_eq!(cancelled.code, 0, "{}{}", cancelled.out, cancelled.err);
    let unclear = "page: POST /pages at";
    assert!(cancelled.out.contains(unclear), "{}", cancelled.out);
    assert_eq!(driving.ends(), 1);
    assert_eq!(project.json(&["runs", "show", &run])["state"], "cancelled");
    let why = project.run(&["runs", "explain", &run]);
    assert!(why.out.contains("safe   no: a write may have happened"), "{}", why.out);
    let held = project.run(&["runs", "retry", &run]);
    assert_eq!(held.code, 4, "{}{}", held.out, held.err);
    assert_eq!(pager.n_requests(), 2, "nothing was sent");
}

#[test]
fn a_run_is_compared_with_its_flow_as_it_is_now() {
    let pager = Pager::doing(Vec::new());
    let project = project(&pager);
    assert_eq!(project.run(&["run", "pages"]).code, 0);
    let run = only_run(&project);
    let same = project.run(&["diff", "--run", &run]);
    assert_eq!((same.code, same.out.as_str()), (0, "no change in meaning\n"), "{}", same.err);
    let changed = PAGES.replace("path: /pages", "path: /alarms");
    std::fs::write(project.path().join("flows/pages.yaml"), changed).unwrap();
    let other = project.run(&["diff", "--run", &run]);
    assert_eq!(other.code, 1, "{}{}", other.out, other.err);
    assert!(other.out.contains("/pages") && other.out.contains("/alarms"), "{}", other.out);
    let wrong = project.run(&["diff", "--run", &run, "pages"]);
    assert_eq!(wrong.code, 3, "{}{}", wrong.out, wrong.err);
}

#[test]
fn who_looks_at_what_a_retry_would_do_lets_others_in_meanwhile() {
    let project = Project::with(&[(
        "hires.yaml",
        "\
flow: hires
connections: { lms: litmos }
steps:
  - id: user
    call: lms.users.ensure
    retry: { attempts: 1 }
    with: { email: ana@example.test, first_name: Ana, last_name: Ruiz }
",
    )]);
    let connected = |url: &str| {
        let lms = format!(
            "lms: {{ spoke: litmos, url: '{url}', allow_private: true, api_key: {{ file: key }}, \
             attributes: {{ source: linchpin }} }}\n"
        );
        std::fs::write(project.path().join("connections.yaml"), lms).unwrap();
    };
    std::fs::write(project.path().join("key"), "k3y-of-ana").unwrap();
    connected("http://127.0.0.1:9/v1.svc");
    let failed = project.run(&["run", "hires"]);
    assert_eq!(failed.code, 1, "{}{}", failed.out, failed.err);
    let run = only_run(&project);
    // A system that takes the question and never answers it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    connected(&format!("http://{}/v1.svc", silent.local_addr().unwrap()));
    let looking = Running::of(project.command(&["runs", "retry", &run, "--dry-run"]));
    let _asked = silent.accept().unwrap();
    let listed = project.run(&["runs", "list"]);
    assert_eq!(listed.code, 0, "{}{}", listed.out, listed.err);
    looking.kill();
}
