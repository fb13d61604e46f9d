//! The daemon: one per store, and the way for every other command.

use std::time::{Duration, Instant};

use crate::tools::{ASKS, Project, WAITS};

#[test]
fn a_second_daemon_is_refused_in_under_a_second_and_names_the_first() {
    let project = Project::with(&[]);
    let first = project.start(&["daemon"], "gone on with");
    let asked_at = Instant::now();
    let second = project.run(&["daemon"]);
    assert!(asked_at.elapsed() < Duration::from_secs(1));
    assert_eq!(second.code, 5);
    assert!(second.err.contains("holds") && second.err.contains("already"), "{}", second.err);
    assert_eq!(first.signal("TERM"), 0);
}

#[test]
fn a_run_is_left_with_the_daemon_and_gone_on_with_by_the_next() {
    let project = Project::with(&[("waits.yaml", WAITS), ("asks.yaml", ASKS)]);
    let refused = project.run(&["run", "waits", "--no-wait"]);
    assert_eq!(refused.code, 5, "{}", refused.err);
    let daemon = project.start(&["daemon"], "gone on with");
    let run = project.json(&["run", "waits", "--no-wait"])["run"].as_str().unwrap().to_owned();
    let asks = project.json(&["run", "asks"]);
    assert_eq!(asks["exit_code"], 4);
    assert_eq!(asks["asks"][0]["message"], "Which fruit?");
    let daemon = daemon.prints("▸ asks started");
    daemon.kill();
    let next = project.start(&["daemon"], "2 runs gone on with");
    let shown = project.json(&["runs", "show", &run]);
    assert_eq!((&shown["state"], &shown["is_active"]), (&"waiting".into(), &true.into()));
    let id = asks["run"].as_str().unwrap();
    assert_eq!(project.run(&["runs", "answer", id, "-v", "names=fig"]).code, 0);
    let next = next.prints("✓ asks succeeded");
    assert_eq!(next.signal("INT"), 0);
}
