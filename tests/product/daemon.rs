//! The daemon: what falls due starts on time and once, whatever ends the process in between.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::support::{Process, Project};

const TICK: &str = r#"
flow: tick
trigger: { schedule: { every: 1s, missed: all } }
steps:
  - log: "tick for {{ trigger.due }}"
  - wait: { for: 400ms }
  - log: "tick is done"
"#;

const BEAT: &str = r#"
flow: beat
trigger: { schedule: { cron: "*/2 * * * * *", timezone: Europe/London, missed: all } }
steps:
  - log: "beat for {{ trigger.due }}"
"#;

/// Started by hand only; takes longer than several periods.
const PAUSE: &str = r#"
flow: pause
steps:
  - wait: { for: 3s }
  - log: paused
"#;

fn project() -> Project {
    Project::with(&[
        ("flows/tick.yaml", TICK),
        ("flows/beat.yaml", BEAT),
        ("flows/pause.yaml", PAUSE),
    ])
}

/// Starts the daemon; with it, when each flow falls due first, as it says itself.
fn daemon(project: &Project) -> (Process, BTreeMap<String, Timestamp>) {
    let mut daemon = project.start(&["daemon", "--verbose"]);
    let mut due = BTreeMap::new();
    daemon.until(|line| {
        if let Some((flow, at)) = line.trim().split_once(" falls due at ") {
            due.insert(flow.to_owned(), at.parse().unwrap());
        }
        (due.len() == 2).then_some(())
    });
    (daemon, due)
}

/// Waits until the daemon has started a run of the flow that fell due at or after an instant.
fn until_due(daemon: &mut Process, flow: &str, from: Timestamp) -> Timestamp {
    daemon.until(|line| {
        let (_, rest) = line.split_once("started flow=")?;
        let rest = rest.trim_matches('"').strip_prefix(flow)?;
        let due = rest.split_once("due=")?.1.split_whitespace().next()?;
        due.parse().ok().filter(|due: &Timestamp| *due >= from)
    })
}

fn runs(project: &Project, flow: &str) -> Vec<Value> {
    let listed = project.linchpin(&["runs", "list", "--json", "-n", "5000", "--flow", flow]);
    listed.ends_with(0).json()["runs"].as_array().unwrap().clone()
}

fn instant(run: &Value, name: &str) -> Timestamp {
    run[name].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{run}"))
}

/// The due instants for which there are runs, in order, a doubled one twice.
fn fired(runs: &[Value], flow: &str) -> Vec<Timestamp> {
    let key = |run: &Value| {
        let key = run["key"].as_str().unwrap_or_else(|| panic!("no key: {run}"));
        key.strip_prefix(&format!("{flow}@")).unwrap().parse().unwrap()
    };
    let mut fired: Vec<Timestamp> = runs.iter().map(key).collect();
    fired.sort();
    fired
}

/// Every instant from the first to the last, so many seconds apart.
fn expected(first: Timestamp, last: Timestamp, seconds: i64) -> Vec<Timestamp> {
    let step = SignedDuration::from_secs(seconds);
    std::iter::successors(Some(first), |at| Some(*at + step)).take_while(|at| *at <= last).collect()
}

#[test]
fn no_due_instant_is_lost_or_doubled_by_sigkill_and_sigterm() {
    let project = project();
    let (mut first, due) = daemon(&project);
    let killed_after = until_due(&mut first, "tick", due["tick"] + SignedDuration::from_secs(2));
    // The run of this instant waits in its second step.
    first.kill();

    // Nobody is there for three seconds; a run by hand does without a daemon meanwhile.
    project.linchpin(&["run", "pause"]).ends_with(0);

    let back = Timestamp::now();
    let (mut second, _) = daemon(&project);
    let live = back + SignedDuration::from_secs(2);
    until_due(&mut second, "tick", live);
    until_due(&mut second, "beat", live);
    let (status, took, said) = second.terminate();
    assert_eq!(status.code(), Some(0), "{}", said.join("\n"));
    assert!(took < Duration::from_secs(10), "it took {took:?}");

    for (flow, seconds) in [("tick", 1), ("beat", 2)] {
        let runs = runs(&project, flow);
        let fired = fired(&runs, flow);
        let last = *fired.last().unwrap();
        assert!(last >= live, "{flow} did not go on");
        assert_eq!(fired, expected(due[flow], last, seconds), "{flow}: {due:?}");
        for run in &runs {
            let key = run["key"].as_str().unwrap().split_once('@').unwrap().1;
            let due: Timestamp = key.parse().unwrap();
            let late = instant(run, "started_at").duration_since(due);
            assert!(late >= SignedDuration::ZERO, "before its time: {run}");
            // Those in between are made up for; all others are on time.
            if due <= killed_after || due >= live {
                assert!(late < SignedDuration::from_secs(3), "late by {late:?}: {run}");
            }
            if due <= killed_after {
                assert_eq!(run["state"], "succeeded", "a killed daemon's run goes on: {run}");
            }
        }
    }
}

#[test]
fn other_commands_work_through_the_daemon() {
    let project = project();
    let (daemon, _) = daemon(&project);
    let run = project.linchpin(&["run", "pause"]).ends_with(0);
    assert!(run.has_line("paused"), "{}", run.stdout);
    let listed = project.linchpin(&["runs", "list", "--flow", "pause"]).ends_with(0);
    assert!(listed.stdout.contains("succeeded"), "{}", listed.stdout);
    let id = runs(&project, "pause")[0]["run"].as_str().unwrap().to_owned();
    let shown = project.linchpin(&["runs", "show", &id]).ends_with(0);
    assert!(shown.has_line("paused"), "{}", shown.stdout);
    let health = project.linchpin(&["connections", "list"]).ends_with(0);
    assert!(health.stderr.is_empty(), "{}", health.stderr);

    // Left with the daemon, a run goes on without the command that started it.
    let left = project.linchpin(&["run", "pause", "--no-wait", "--json"]).ends_with(0).json();
    let left = left["run"].as_str().unwrap().to_owned();
    project.linchpin(&["runs", "resume", &left]).ends_with(0);
    let shown = project.linchpin(&["runs", "show", &left, "--json"]).ends_with(0).json();
    assert_eq!(shown["state"], "succeeded", "{shown}");
    assert_eq!(daemon.terminate().0.code(), Some(0));
}

const STRICT: &str = r#"
flow: strict
trigger: { schedule: { every: 1s, missed: none } }
steps: [ { log: "tick" } ]
"#;

const ALONE: &str = r#"
flow: alone
concurrency: { max: 1 }
steps: [ { id: w, wait: { signal: go } } ]
"#;

/// What was skipped is said when it is, and can be looked up the next morning.
#[test]
fn what_became_of_each_due_time_can_be_looked_up() {
    let project = Project::with(&[("flows/strict.yaml", STRICT), ("flows/pause.yaml", PAUSE)]);
    let started = |daemon: &mut Process| {
        daemon.until(|line| line.contains("▸ strict started").then_some(()));
    };
    let mut first = project.start(&["daemon"]);
    started(&mut first);
    first.kill();
    project.linchpin(&["run", "pause"]).ends_with(0);
    let mut second = project.start(&["daemon"]);
    second.until(|line| {
        (line.contains("strict was due") && line.contains("missed is none")).then_some(())
    });
    started(&mut second);
    let due = |more: &[&str]| {
        let history = ["schedule", "history", "strict"];
        let told = project.linchpin(&[&history[..], more].concat()).ends_with(0);
        assert!(
            told.stdout.contains("skipped  no daemon could start it when it fell due"),
            "{}",
            told.stdout
        );
        let json = [&history[..], more, &["--json"]].concat();
        project.linchpin(&json).ends_with(0).json()["due"].as_array().unwrap().clone()
    };
    let is_skipped = |one: &Value| one["skipped"].is_string();
    let all = due(&[]);
    let skipped = due(&["--skipped"]);
    assert!(all.iter().any(|one| one["fired"].is_string()), "{all:?}");
    assert!((2..=5).contains(&skipped.len()) && skipped.iter().all(is_skipped), "{skipped:?}");
    let none = project.linchpin(&["schedule", "history", "strikt"]).ends_with(3);
    assert!(none.stderr.contains("strict"), "{}", none.stderr);
    second.kill();
}

/// A run that waits for another of its flow has not started yet, and scripts read all of it.
#[test]
fn a_daemon_tells_scripts_in_lines_what_happens_to_runs() {
    let project = Project::with(&[("flows/alone.yaml", ALONE)]);
    let mut daemon = project.start(&["daemon", "--json"]);
    let next = |daemon: &mut Process| {
        let told = daemon.until(|line| serde_json::from_str::<Value>(line).ok());
        (told["state"].as_str().unwrap().to_owned(), told["run"].as_str().map(str::to_owned))
    };
    assert_eq!(next(&mut daemon).0, "ready");
    let start = || {
        let left = project.linchpin(&["run", "alone", "--no-wait", "--json"]).ends_with(0).json();
        left["run"].as_str().map(str::to_owned)
    };
    let (one, other) = (start(), start());
    let mut happens = |state: &str, run: &Option<String>| {
        assert_eq!(next(&mut daemon), (state.to_owned(), run.clone()));
    };
    happens("started", &one);
    happens("queued", &other);
    project.linchpin(&["runs", "signal", one.as_deref().unwrap(), "go"]).ends_with(0);
    happens("succeeded", &one);
    happens("started", &other);
    daemon.kill();
}

#[test]
fn a_second_daemon_on_the_same_store_is_refused_at_once() {
    let project = project();
    let (daemon, _) = daemon(&project);
    let holder = format!("process {}", daemon.id());
    let refuse = || {
        let begin = Instant::now();
        let refused = project.linchpin(&["daemon"]).ends_with(5);
        assert!(refused.stderr.contains(&holder), "{}", refused.stderr);
        let sentences = refused.stderr.lines().filter(|line| line.starts_with("error: "));
        assert_eq!(sentences.count(), 1, "{}", refused.stderr);
        begin.elapsed()
    };
    // A busy machine may be slow once.
    let quickest = (0..3).map(|_| refuse()).min().unwrap();
    assert!(quickest < Duration::from_secs(1), "it took {quickest:?}");
    // The first one was not disturbed.
    project.linchpin(&["runs", "list"]).ends_with(0);
    daemon.kill();
}
