//! Runs that wait for their turn, runs that other runs start, and starts with one key.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use linchpin_engine::event::{Control, Outcome};
use linchpin_engine::store::Store;
use linchpin_engine::{Event, RunId};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::FakeClock;
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::{Error, Host, Start};

use crate::gated::Gated;
use crate::support::{host, settled, until};

fn clock() -> Arc<FakeClock> {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    Arc::new(FakeClock::new(noon))
}

fn flow(full: &str) -> String {
    format!(
        "
flow: slow
concurrency: {{ max: 1, full: {full}, key: inputs.site }}
inputs: {{ site: {{ type: string, default: a }} }}
steps: [ {{ id: pause, wait: {{ signal: go }} }} ]
"
    )
}

async fn started(host: &Host, site: &str) -> Result<RunId, Error> {
    let inputs = [("site".to_owned(), site.into())].into_iter().collect();
    let start = Start { flow: "slow".to_owned(), inputs, ..Start::default() };
    host.start(start).await.map(|started| started.run)
}

async fn go(host: &Host, run: &RunId) {
    host.signal(run, "go", serde_json::Value::Null, "ana").await.unwrap();
}

async fn states(host: &Host, runs: &[&RunId]) -> Vec<String> {
    let listed = host.list(None, 100).await.unwrap();
    let state = |run: &&RunId| listed.iter().find(|one| one.run == **run).unwrap().state.clone();
    runs.iter().map(state).collect()
}

fn is_begun(event: &Event) -> bool {
    matches!(event, Event::Begun)
}

/// A run may end between the moment in which another is told to wait for it and the moment in which
/// that can be told to begin.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_whose_turn_comes_while_it_is_accepted_begins() {
    const SHORT: &str = "
flow: slow
concurrency: { max: 1, full: queue }
inputs: { site: { type: string, default: a } }
steps: [ { log: told } ]
";
    let host = host(SHORT, Arc::new(MemoryStore::new()), clock());
    for _ in 0..2_000 {
        let start = || {
            let host = host.clone();
            tokio::spawn(async move { started(&host, "a").await.unwrap() })
        };
        let both = [start(), start()];
        for run in both {
            let run = run.await.unwrap();
            let ended = tokio::time::timeout(Duration::from_secs(30), host.wait(&run)).await;
            let is_done = matches!(ended, Ok(Some(Outcome::Succeeded { .. })));
            assert!(is_done, "{run} ended as {ended:?}");
        }
    }
}

#[tokio::test]
async fn queued_runs_survive_a_restart_and_begin_in_order() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = host(&flow("queue"), store.clone(), clock());
    let [a, b, c] =
        [started(&first, "a").await, started(&first, "a").await, started(&first, "a").await]
            .map(Result::unwrap);
    let elsewhere = started(&first, "b").await.unwrap();
    assert_eq!(states(&first, &[&b, &c, &elsewhere]).await, ["queued", "queued", "waiting"]);
    first.stop(Duration::from_secs(5)).await;
    let second = host(&flow("queue"), store, clock());
    assert_eq!(states(&second, &[&a, &b, &c]).await, ["waiting", "queued", "queued"]);
    let (recovered, failed) = second.recover().await.unwrap();
    assert_eq!((recovered.len(), failed.len()), (4, 0));
    assert_eq!(states(&second, &[&b, &c]).await, ["queued", "queued"]);
    go(&second, &a).await;
    until(&second, &b, is_begun).await;
    assert_eq!(states(&second, &[&a, &c]).await, ["succeeded", "queued"]);
    second.control(&b, Control::Cancel, "ana").await.unwrap();
    until(&second, &c, is_begun).await;
    go(&second, &c).await;
    assert!(matches!(second.wait(&c).await, Some(Outcome::Succeeded { .. })));
    assert_eq!(second.wait(&b).await, Some(Outcome::Cancelled));
}

/// The queue is read from disk with the run that is about to leave it.
#[tokio::test]
async fn a_run_that_ends_while_the_queues_are_read_makes_room() {
    let store = Arc::new(MemoryStore::new());
    let first = host(&flow("queue"), store.clone(), clock());
    let [a, b] = [started(&first, "a").await, started(&first, "a").await].map(Result::unwrap);
    first.stop(Duration::from_secs(5)).await;
    let gated = Arc::new(Gated::list_of("turns", store));
    let second = host(&flow("queue"), gated.clone(), clock());
    let recovery = tokio::spawn({
        let second = second.clone();
        async move { second.recover().await.unwrap() }
    });
    settled().await;
    let end = tokio::spawn({
        let (second, a) = (second.clone(), a.clone());
        async move { go(&second, &a).await }
    });
    settled().await;
    assert!(!recovery.is_finished(), "the queues are not read yet");
    gated.open();
    recovery.await.unwrap();
    end.await.unwrap();
    assert!(matches!(second.wait(&a).await, Some(Outcome::Succeeded { .. })));
    settled().await;
    assert_eq!(states(&second, &[&b]).await, ["waiting"]);
}

#[tokio::test]
async fn a_run_that_nobody_drives_still_has_its_turn() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = host(&flow("skip"), store.clone(), clock());
    let a = started(&first, "a").await.unwrap();
    first.stop(Duration::from_secs(5)).await;
    let second = host(&flow("skip"), store, clock());
    let refused = started(&second, "a").await;
    assert!(matches!(refused, Err(Error::Full { max: 1, .. })), "{refused:?}");
    second.resume(&a).await.unwrap();
    go(&second, &a).await;
    second.wait(&a).await;
    assert!(started(&second, "a").await.is_ok());
}

#[tokio::test]
async fn a_newer_run_takes_the_place_of_the_oldest_where_the_flow_says_cancel() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = host(&flow("cancel"), store, clock());
    let a = started(&host, "a").await.unwrap();
    let b = started(&host, "a").await.unwrap();
    assert_eq!(host.wait(&a).await, Some(Outcome::Cancelled));
    until(&host, &b, is_begun).await;
    go(&host, &b).await;
    assert!(matches!(host.wait(&b).await, Some(Outcome::Succeeded { .. })));
}

#[tokio::test]
async fn a_detached_flow_gets_one_run_of_its_own() {
    const OUTER: &str = "
flow: outer
steps:
  - { id: other, call: flow.inner, detach: true, with: { n: '7' } }
outputs: { run: other.run }
";
    const INNER: &str = "
flow: inner
inputs: { n: { type: integer, required: true } }
steps: [ { log: 'n is {{ inputs.n }}' } ]
outputs: { n: inputs.n }
";
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = host(OUTER, store, clock());
    let texts = [("outer.yaml", OUTER), ("inner.yaml", INNER)];
    let texts = texts.map(|(name, text)| (PathBuf::from(name), text.to_owned()));
    let (flows, mistakes) = Flows::parse(texts.to_vec());
    assert!(mistakes.is_empty(), "{mistakes:?}");
    host.set_flows(flows);
    let start = Start { flow: "outer".to_owned(), ..Start::default() };
    let outer = host.start(start).await.unwrap().run;
    let Some(Outcome::Succeeded { outputs }) = host.wait(&outer).await else { panic!("it fails") };
    let inner = RunId::parse(outputs["run"].as_str().unwrap()).unwrap();
    let Some(Outcome::Succeeded { outputs }) = host.wait(&inner).await else { panic!("it fails") };
    assert_eq!(outputs["n"], 7);
    // As after a crash between the start and its note: the same key finds the same run.
    let key = Some(format!("{outer}/other"));
    let start = Start { flow: "inner".to_owned(), key, ..Start::default() };
    let again = host.start(start).await.unwrap();
    assert_eq!((again.run, again.is_new), (inner, false));
}

async fn two_starts_with_one_key(is_broken: bool) -> [Result<(RunId, bool), Error>; 2] {
    let store = Arc::new(Gated::closed(is_broken));
    let host = host("flow: f\nsteps: [ { log: hi } ]\n", store.clone(), clock());
    let start = || {
        let start = Start { flow: "f".to_owned(), key: Some("k".to_owned()), ..Start::default() };
        let host = host.clone();
        tokio::spawn(async move { host.start(start).await.map(|one| (one.run, one.is_new)) })
    };
    let first = start();
    settled().await;
    let second = start();
    settled().await;
    assert!(!first.is_finished() && !second.is_finished(), "nothing is on disk yet");
    store.open();
    [first.await.unwrap(), second.await.unwrap()]
}

#[tokio::test]
async fn a_second_start_with_a_key_is_answered_when_the_first_is_on_disk() {
    let [first, second] = two_starts_with_one_key(false).await.map(Result::unwrap);
    assert_eq!((first.1, second.1), (true, false));
    assert_eq!(first.0, second.0);
}

#[tokio::test]
async fn a_second_start_takes_the_key_when_the_first_never_comes_to_be() {
    let [first, second] = two_starts_with_one_key(true).await;
    assert!(matches!(first, Err(Error::Append(_))), "{first:?}");
    assert!(second.unwrap().1);
}
