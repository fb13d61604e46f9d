//! A process that drives a run is killed at every moment that matters, and another goes on.
//!
//! The process to be killed is this test binary once more, told by an environment variable to
//! drive a run on a store that kills the process (SIGKILL, by itself) before or after its n-th
//! write. What each kill leaves behind is taken up here, and the sandbox tells what was done.

mod again;
mod mortal;
mod people;
mod random;
#[cfg(target_os = "linux")]
mod syscalls;
#[cfg(target_os = "linux")]
mod tracer;

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use linchpin_engine::event::Outcome;
use linchpin_language::{Value, json};
use linchpin_persistence::{Kind, Location};
use linchpin_runtime::host::{Host, Start};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use self::mortal::{Moment, Mortal};
use crate::support::{
    Control, assign_courses, deeds, effective_requests, host, learning_sync, made_to_be_killed,
    new_hire_onboarding, sandbox,
};

/// Holds what the process to be killed has to do; set for that process only.
const ORDER: &str = "LINCHPIN_TESTS_ORDER";
const SIGKILL: i32 = 9;
/// Longer than any run takes, also on a busy machine; a run that is held would wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assign_courses_killed_before_any_write_to_its_store_does_everything_once() {
    killed_at_each_write(Kind::Sqlite, assign_courses, Moment::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assign_courses_killed_after_any_write_to_its_store_does_everything_once() {
    killed_at_each_write(Kind::Sqlite, assign_courses, Moment::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assign_courses_killed_between_an_effect_and_its_answer_does_everything_once() {
    killed_in_each_request(Kind::Sqlite, assign_courses).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_hire_onboarding_killed_before_any_write_to_its_store_does_everything_once() {
    killed_at_each_write(Kind::Sqlite, new_hire_onboarding, Moment::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_hire_onboarding_killed_after_any_write_to_its_store_does_everything_once() {
    killed_at_each_write(Kind::Sqlite, new_hire_onboarding, Moment::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_hire_onboarding_killed_between_an_effect_and_its_answer_does_everything_once() {
    killed_in_each_request(Kind::Sqlite, new_hire_onboarding).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learning_sync_killed_after_writes_all_along_its_streams_does_everything_once() {
    killed_at_writes(Kind::Sqlite, learning_sync, Moment::After, 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learning_sync_killed_between_an_effect_and_its_answer_does_everything_once() {
    killed_in_each_request(Kind::Sqlite, learning_sync).await;
}

fn every_logic() -> Start {
    made_to_be_killed("every_logic")
}

fn every_wait() -> Start {
    made_to_be_killed("every_wait")
}

fn queued() -> Start {
    queued_for("three")
}

fn queued_for(name: &str) -> Start {
    let email = format!("{name}@example.test").into();
    let inputs = [("email".to_owned(), email)].into_iter().collect();
    Start { inputs, ..made_to_be_killed("queued") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_runs_killed_before_any_write_to_the_store_do_everything_once() {
    killed_at_each_write(Kind::Sqlite, queued, Moment::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_runs_killed_after_any_write_to_the_store_do_everything_once() {
    killed_at_each_write(Kind::Sqlite, queued, Moment::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_runs_killed_between_an_effect_and_its_answer_do_everything_once() {
    killed_in_each_request(Kind::Sqlite, queued).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_logic_killed_after_any_write_to_the_store_does_everything_once() {
    killed_at_each_write(Kind::Sqlite, every_logic, Moment::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_logic_killed_between_an_effect_and_its_answer_does_everything_once() {
    killed_in_each_request(Kind::Sqlite, every_logic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_wait_killed_after_any_write_to_the_store_does_everything_once() {
    killed_at_each_write(Kind::Sqlite, every_wait, Moment::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_wait_killed_before_any_write_to_the_store_does_everything_once() {
    killed_at_each_write(Kind::Sqlite, every_wait, Moment::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assign_courses_on_sled_killed_before_any_write_does_everything_once() {
    killed_at_each_write(Kind::Sled, assign_courses, Moment::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assign_courses_on_sled_killed_after_any_write_does_everything_once() {
    killed_at_each_write(Kind::Sled, assign_courses, Moment::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assign_courses_on_sled_killed_between_an_effect_and_its_answer_does_everything_once() {
    killed_in_each_request(Kind::Sled, assign_courses).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_wait_on_sled_killed_after_any_write_does_everything_once() {
    killed_at_each_write(Kind::Sled, every_wait, Moment::After).await;
}

/// Each process gets as far as an exchange or two with the other side, and dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_every_process_is_killed_comes_to_its_end_all_the_same() {
    let expected = undisturbed(Kind::Sqlite, assign_courses()).await;
    let (_sandbox, control) = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let mut killed = 0;
    loop {
        // To take over a key and accept its run, or to settle a doubt and go on, takes three.
        let order =
            order(&stored(Kind::Sqlite, &folder), &control, (Moment::After, 3), &assign_courses());
        if is_end(process(&order).wait_with_output().await.unwrap().status) {
            break;
        }
        killed += 1;
        assert!(killed < 100, "the run does not get on");
    }
    assert!(killed > 2, "only {killed} processes were killed");
    assert_eq!(found(&stored(Kind::Sqlite, &folder), &control, assign_courses()).await, expected);
}

/// The process to be killed. On its own it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_to_be_killed() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let order: Value = serde_json::from_str(&order).unwrap();
    let moment = if order["moment"] == "before" { Moment::Before } else { Moment::After };
    let store = order["store"].as_str().unwrap().parse::<Location>().unwrap().open().unwrap();
    let store = Mortal::new(store, moment, order["n"].as_u64().unwrap());
    let control = Control { url: order["control"].as_str().unwrap().to_owned() };
    let start = match order["flow"].as_str().unwrap() {
        "assign_courses" => assign_courses(),
        "new_hire_onboarding" => new_hire_onboarding(),
        "learning_sync" => learning_sync(),
        "queued" => queued(),
        made @ ("every_logic" | "every_wait") => made_to_be_killed(made),
        other => panic!("no start of {other} is prepared"),
    };
    let host = host(Arc::new(store), &control).await;
    match order["how"].as_str() {
        Some("fails") => again::fail(&host, start).await,
        Some(_) => drop(again::go_on(&host, start).await),
        None => drop(go_on(&host, start).await),
    }
}

/// What there is to see of a finished run: its outputs, and what it did to the other side.
#[derive(Debug, PartialEq)]
struct Seen {
    outputs: Value,
    deeds: Vec<String>,
}

async fn undisturbed(kind: Kind, start: Start) -> Seen {
    let (_sandbox, control) = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let seen = found(&stored(kind, &folder), &control, start).await;
    assert!(seen.deeds.len() > 1, "the flow does something: {seen:#?}");
    seen
}

async fn killed_at_each_write(kind: Kind, start: fn() -> Start, moment: Moment) {
    killed_at_writes(kind, start, moment, 1).await;
}

/// Kills at the first write and at each `step`-th from there.
async fn killed_at_writes(kind: Kind, start: fn() -> Start, moment: Moment, step: usize) {
    let expected = undisturbed(kind, start()).await;
    for n in (1..).step_by(step) {
        let (_sandbox, control) = sandbox().await;
        let folder = tempfile::tempdir().unwrap();
        let order = order(&stored(kind, &folder), &control, (moment, n), &start());
        if is_end(process(&order).wait_with_output().await.unwrap().status) {
            // Text, key, acceptance and at least one write per exchange.
            assert!(n > 10, "only {n} writes were made");
            break;
        }
        let seen = found(&stored(kind, &folder), &control, start()).await;
        assert_eq!(seen, expected, "killed {moment:?} write {n}");
    }
}

async fn killed_in_each_request(kind: Kind, start: fn() -> Start) {
    let (_sandbox, control) = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let expected = found(&stored(kind, &folder), &control, start()).await;
    let places = effective_requests(&control).await;
    assert!(places.len() > 1, "the flow writes: {places:?}");
    for mut place in places {
        place["kind"] = "delay_after_commit".into();
        place["delay_ms"] = 600_000.into();
        let (_sandbox, control) = sandbox().await;
        let folder = tempfile::tempdir().unwrap();
        control.post("/faults", &place).await;
        // No n-th write comes that late: this process is killed from outside.
        let order = order(&stored(kind, &folder), &control, (Moment::Before, 1_000_000), &start());
        let mut child = process(&order);
        let struck = async {
            while !control.requests().await.iter().any(|request| request["fault"].is_string()) {
                assert_eq!(child.try_wait().unwrap(), None, "the request never came: {place}");
            }
        };
        tokio::time::timeout(PATIENCE, struck).await.expect("the request comes");
        child.kill().await.unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(SIGKILL));
        // The next process is killed as well, once it has found out what became of the request.
        let order = self::order(&stored(kind, &folder), &control, (Moment::After, 1), &start());
        assert!(!is_end(process(&order).wait_with_output().await.unwrap().status));
        let seen = found(&stored(kind, &folder), &control, start()).await;
        assert_eq!(seen, expected, "killed while it waited for an answer: {place}");
    }
}

fn order(store: &Location, control: &Control, (moment, n): (Moment, u64), start: &Start) -> Value {
    let moment = match moment {
        Moment::Before => "before",
        Moment::After => "after",
    };
    let (flow, url) = (&start.flow, &control.url);
    json!({ "store": store.to_string(), "control": url, "moment": moment, "n": n, "flow": flow })
}

fn process(order: &Value) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::the_process_to_be_killed", "--exact", "--nocapture"])
        .env(ORDER, order.to_string())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Whether a process came to its end by itself; if not, it was killed and nothing else.
fn is_end(status: ExitStatus) -> bool {
    if !status.success() {
        assert_eq!(status.signal(), Some(SIGKILL), "the process failed by itself");
    }
    status.success()
}

fn stored(kind: Kind, folder: &TempDir) -> Location {
    Location { kind, dir: folder.path().join("store") }
}

/// Takes up what a process left in a store, and sees it through.
async fn found(store: &Location, control: &Control, start: Start) -> Seen {
    let host = host(store.open().unwrap(), control).await;
    let outputs = go_on(&host, start).await;
    // A run that a step started apart ends by itself.
    while host.n_active() > 0 {
        tokio::task::yield_now().await;
    }
    let deeds = deeds(&control.effects().await);
    host.stop(PATIENCE).await;
    Seen { outputs, deeds }
}

/// Brings back the runs of a store and waits for the one of this start, which may be new.
async fn go_on(host: &Host, start: Start) -> Value {
    let (_, failed) = host.recover().await.unwrap();
    assert!(failed.is_empty(), "{failed:#?}");
    if start.flow == "queued" {
        for name in ["one", "two"] {
            let before = Start { key: Some(name.to_owned()), ..queued_for(name) };
            host.start(before).await.unwrap();
        }
    }
    let run = host.start(Start { key: Some("once".to_owned()), ..start }).await.unwrap().run;
    let end = async {
        tokio::select! {
            outcome = host.wait(&run) => outcome,
            () = people::attend(host, &run) => None,
        }
    };
    let Ok(outcome) = tokio::time::timeout(PATIENCE, end).await else {
        let entries = host.entries(&run).await.unwrap();
        panic!("the run does not end: {:#?}", entries.iter().rev().take(4).collect::<Vec<_>>());
    };
    match outcome {
        Some(Outcome::Succeeded { outputs }) => (*outputs).clone(),
        other => panic!("the run ended as {other:#?}"),
    }
}
