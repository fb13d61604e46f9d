//! Processes that are killed while they retry a run, and runs that take their process down again
//! and again.

use linchpin_engine::event::Outcome;
use linchpin_engine::run::Standing;
use linchpin_language::{Value, json};
use linchpin_persistence::Kind;
use linchpin_runtime::host::{Host, Start};

use super::mortal::Moment;
use super::{PATIENCE, Seen, is_end, order, process, stored, undisturbed};
use crate::support::{Control, assign_courses, deeds, host, sandbox};

/// No write comes that late.
const NEVER: u64 = 1_000_000;

/// Brings the run of this start back; one that failed is tried again. Its outputs.
pub(super) async fn go_on(host: &Host, start: Start) -> Value {
    host.recover().await.unwrap();
    let run = host.start(Start { key: Some("once".to_owned()), ..start }).await.unwrap().run;
    loop {
        let outcome = tokio::time::timeout(PATIENCE, host.wait(&run)).await;
        match outcome.expect("the run ends") {
            Some(Outcome::Succeeded { outputs }) => return (*outputs).clone(),
            Some(Outcome::Failed { .. }) => host.retry(&run, "ana").await.unwrap(),
            other => panic!("the run ended as {other:#?}"),
        }
    }
}

/// The other side refuses the second write of all once, so that a run fails in the middle.
async fn failed(kind: Kind, folder: &tempfile::TempDir, control: &Control) {
    let fault = json!({
        "kind": "status", "status": 400, "system": "litmos", "method": "POST", "skip": 1, "times": 1,
    });
    control.post("/faults", &fault).await;
    let place = (Moment::Before, NEVER);
    let mut order = order(&stored(kind, folder), control, place, &assign_courses());
    order["how"] = "fails".into();
    assert!(is_end(process(&order).wait_with_output().await.unwrap().status));
}

/// Starts the run and sees it fail.
pub(super) async fn fail(host: &Host, start: Start) {
    let run = host.start(Start { key: Some("once".to_owned()), ..start }).await.unwrap().run;
    let outcome = host.wait(&run).await;
    assert!(matches!(outcome, Some(Outcome::Failed { .. })), "{outcome:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_killed_after_any_write_to_its_store_does_everything_once() {
    let kind = Kind::Sqlite;
    let expected = undisturbed(kind, assign_courses()).await;
    for n in 1.. {
        let (_sandbox, control) = sandbox().await;
        let folder = tempfile::tempdir().unwrap();
        failed(kind, &folder, &control).await;
        let store = stored(kind, &folder);
        let mut order = order(&store, &control, (Moment::After, n), &assign_courses());
        order["how"] = "retries".into();
        if is_end(process(&order).wait_with_output().await.unwrap().status) {
            assert!(n > 3, "only {n} writes were made");
            break;
        }
        let host = host(store.open().unwrap(), &control).await;
        let outputs = go_on(&host, assign_courses()).await;
        let seen = Seen { outputs, deeds: deeds(&control.effects().await) };
        host.stop(PATIENCE).await;
        assert_eq!(seen, expected, "killed after write {n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_takes_five_processes_down_is_held_and_goes_on_when_it_is_resumed() {
    let expected = undisturbed(Kind::Sqlite, assign_courses()).await;
    let (_sandbox, control) = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let store = stored(Kind::Sqlite, &folder);
    let fault = json!({ "kind": "delay_after_commit", "delay_ms": 600_000, "system": "litmos", "times": 5 });
    control.post("/faults", &fault).await;
    for times in 1..=5 {
        let order = order(&store, &control, (Moment::Before, NEVER), &assign_courses());
        let mut child = process(&order);
        let struck = async {
            while n_struck(&control).await < times {
                assert_eq!(child.try_wait().unwrap(), None, "the request never came");
            }
        };
        tokio::time::timeout(PATIENCE, struck).await.expect("the request comes");
        child.kill().await.unwrap();
    }
    let n_requests = control.requests().await.len();
    let host = host(store.open().unwrap(), &control).await;
    let mut entries = host.watch();
    let (recovered, failed) = host.recover().await.unwrap();
    assert!(failed.is_empty(), "{failed:#?}");
    let [run] = recovered.as_slice() else { panic!("{recovered:?}") };
    while host.standing(run).await != Some(Standing::NeedsAttention) {
        drop(entries.recv().await);
    }
    let why = host.list(None, 1).await.unwrap().remove(0).error.unwrap();
    assert!(why.contains("the process ended 5 times while it was under way"), "{why}");
    assert_eq!(control.requests().await.len(), n_requests, "it was started once more");
    host.release(run, "ana").await.unwrap();
    let outputs = go_on(&host, assign_courses()).await;
    let seen = Seen { outputs, deeds: deeds(&control.effects().await) };
    host.stop(PATIENCE).await;
    assert_eq!(seen, expected);
}

/// How many requests were struck by a fault.
async fn n_struck(control: &Control) -> usize {
    let requests = control.requests().await;
    requests.iter().filter(|request| request["fault"].is_string()).count()
}
