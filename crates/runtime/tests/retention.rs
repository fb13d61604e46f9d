//! Which finished runs go, and what keeps one that was due when it was looked at.

use std::sync::Arc;

use jiff::Timestamp;
use linchpin_engine::RunId;
use linchpin_engine::store::{Expect, Records, Store};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::FakeClock;
use linchpin_runtime::host::{Host, Start};
use linchpin_runtime::retention::{Limits, Retention, hold, holds, prune};
use linchpin_runtime::summary::RUNS;
use linchpin_runtime::upkeep::Told;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::gated::Gated;
use crate::support::{host, settled};

const FLOW: &str = "flow: f\nsteps: [ { log: hi } ]\n";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

async fn ended(host: &Host) -> RunId {
    let start = Start { flow: "f".to_owned(), ..Start::default() };
    let run = host.start(start).await.unwrap().run;
    host.wait(&run).await;
    run
}

fn pruned(store: Arc<dyn Store>) -> UnboundedReceiver<Told> {
    let all = Limits { age: None, count: Some(0) };
    prune(store, Retention { all, ..Retention::default() }, now(), true)
}

async fn all(mut told: UnboundedReceiver<Told>) -> Vec<Told> {
    let mut all = Vec::new();
    while let Some(one) = told.recv().await {
        all.push(one);
    }
    all
}

#[tokio::test]
async fn a_run_that_is_held_or_opened_again_while_others_are_removed_stays() {
    let store = Arc::new(MemoryStore::new());
    let host = host(FLOW, store.clone(), Arc::new(FakeClock::new(now())));
    let [held, opened, due] = [ended(&host).await, ended(&host).await, ended(&host).await];
    let gated = Arc::new(Gated::over(store.clone()));
    let told = pruned(gated.clone());
    settled().await;
    // All three were found to be due; none is gone yet.
    assert!(hold(&*store, &held, Some("audit")).await.unwrap());
    let line = store.get(RUNS, opened.as_str()).await.unwrap().unwrap();
    let changed = Expect::Version(line.version);
    store.put(RUNS, opened.as_str(), line.value, changed).await.unwrap();
    gated.open();
    let told = all(told).await;
    let kept = |run: &RunId| {
        told.iter().any(|told| matches!(told, Told::Kept { run: kept, .. } if kept == run))
    };
    assert!(kept(&held) && kept(&opened), "{told:?}");
    assert!(matches!(told.last(), Some(Told::Done(tally)) if tally.runs == 1), "{told:?}");
    for (run, stays) in [(&held, true), (&opened, true), (&due, false)] {
        assert_eq!(host.find_run(run).await.is_ok(), stays, "{run}");
        assert_eq!(store.get(RUNS, run.as_str()).await.unwrap().is_some(), stays, "{run}");
    }
}

#[tokio::test]
async fn a_run_that_is_gone_cannot_be_held() {
    let store = Arc::new(MemoryStore::new());
    let host = host(FLOW, store.clone(), Arc::new(FakeClock::new(now())));
    let run = ended(&host).await;
    let told = all(pruned(store.clone())).await;
    assert!(told.iter().any(|told| matches!(told, Told::Removed { .. })), "{told:?}");
    assert!(!hold(&*store, &run, Some("audit")).await.unwrap());
    assert!(holds(&*store).await.unwrap().is_empty());
}
