//! Runs at rest: what a person says to one, who goes on with it, and what it leaves to others.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::put;
use jiff::Timestamp;
use linchpin_engine::event::{Control, Outcome};
use linchpin_engine::store::Store;
use linchpin_engine::{Event, RunId};
use linchpin_language::json;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::FakeClock;
use linchpin_runtime::host::{Host, Start};

use crate::gated::Gated;
use crate::support::{Counter, host, object, secrets, serve, settled, until};

const HOUR: Duration = Duration::from_secs(3600);

const SENDS: &str = "
flow: sends
steps:
  - { id: pause, wait: { for: 1h } }
  - { id: sent, call: http.put, with: { path: /sent, json: 1 } }
";

fn clock() -> Arc<FakeClock> {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    Arc::new(FakeClock::new(noon))
}

/// A server, and how many writes have come to it.
async fn server() -> (String, Counter) {
    let counter = Counter::default();
    let counted = counter.clone();
    let router = Router::new().fallback(put(async move || counted.up().to_string()));
    (serve(router).await, counter)
}

fn bind(host: &Host, url: &str) {
    let values = object(json!({ "url": url }));
    host.connections().bind("http", "http", values, secrets("token", "t")).unwrap();
}

async fn started(host: &Host, flow: &str) -> RunId {
    host.start(Start { flow: flow.to_owned(), ..Start::default() }).await.unwrap().run
}

fn is_woken(event: &Event) -> bool {
    matches!(event, Event::Woke { .. })
}

/// A run that has been at rest until its timer was over, in a host of its own.
async fn rested(url: &str) -> (Host, RunId) {
    let (store, clock): (Arc<dyn Store>, _) = (Arc::new(MemoryStore::new()), clock());
    let first = host(SENDS, store.clone(), clock.clone());
    let run = started(&first, "sends").await;
    clock.until_asleep(1).await;
    first.stop(HOUR).await;
    clock.advance(HOUR);
    let second = host(SENDS, store, clock);
    bind(&second, url);
    (second, run)
}

#[tokio::test]
async fn a_run_that_is_paused_at_rest_sends_nothing_before_it_is_resumed() {
    let (url, sent) = server().await;
    let (host, run) = rested(&url).await;
    host.control(&run, Control::Pause, "ana").await.unwrap();
    until(&host, &run, is_woken).await;
    settled().await;
    assert_eq!(sent.n(), 0);
    host.control(&run, Control::Resume, "ana").await.unwrap();
    assert!(matches!(host.wait(&run).await, Some(Outcome::Succeeded { .. })));
    assert_eq!(sent.n(), 1);
}

#[tokio::test]
async fn a_run_that_is_cancelled_at_rest_sends_nothing() {
    let (url, sent) = server().await;
    let (host, run) = rested(&url).await;
    host.control(&run, Control::Cancel, "ana").await.unwrap();
    assert_eq!(host.wait(&run).await, Some(Outcome::Cancelled));
    assert_eq!(sent.n(), 0);
    let late = host.control(&run, Control::Pause, "ana").await.unwrap_err();
    assert!(late.to_string().ends_with("has ended"), "{late}");
}

#[tokio::test]
async fn a_run_that_two_go_on_with_at_once_has_one_driver() {
    let flow = "
flow: pauses
steps: [ { id: pause, wait: { for: 1h } }, { id: told, wait: { signal: go } } ]
";
    let (store, clock) = (Arc::new(Gated::closed(false)), clock());
    store.open();
    let first = host(flow, store.clone(), clock.clone());
    let run = started(&first, "pauses").await;
    clock.until_asleep(1).await;
    first.stop(HOUR).await;
    let second = host(flow, store, clock.clone());
    let (one, other) = tokio::join!(second.resume(&run), second.resume(&run));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    clock.until_asleep(1).await;
    clock.advance(HOUR);
    until(&second, &run, is_woken).await;
    settled().await;
    assert!(second.standing(&run).await.is_some(), "it goes on, and nobody knows");
    second.signal(&run, "go", json!(null), "ana").await.unwrap();
    assert!(matches!(second.wait(&run).await, Some(Outcome::Succeeded { .. })));
}

/// The call that takes its change back is held: nothing is bound any more.
#[tokio::test]
async fn a_run_that_is_taken_back_takes_no_turn_of_its_flow() {
    let flow = "
flow: sends
concurrency: { max: 1, full: skip }
steps:
  - id: sent
    call: http.put
    with: { path: /sent, json: 1 }
    undo: { call: http.put, with: { path: /sent, json: 0 } }
";
    let (url, sent) = server().await;
    let (store, clock): (Arc<dyn Store>, _) = (Arc::new(MemoryStore::new()), clock());
    let first = host(flow, store.clone(), clock.clone());
    bind(&first, &url);
    let run = started(&first, "sends").await;
    first.wait(&run).await;
    first.stop(HOUR).await;
    let second = host(flow, store.clone(), clock.clone());
    second.undo(&run, "ana").await.unwrap();
    until(&second, &run, |event| matches!(event, Event::Held { .. })).await;
    second.stop(HOUR).await;
    let third = host(flow, store, clock);
    bind(&third, &url);
    let other = started(&third, "sends").await;
    assert!(matches!(third.wait(&other).await, Some(Outcome::Succeeded { .. })));
    assert_eq!(sent.n(), 2);
}
