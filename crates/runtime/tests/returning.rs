//! Many runs that a restart brings back at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use linchpin_engine::store::Store;
use linchpin_language::json;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::SystemClock;
use linchpin_runtime::host::{Host, Start};

use crate::support::{Counter, host, object, serve};

const FLOW: &str = "
flow: asks
steps:
  - { id: asked, call: http.get, with: { path: /asked } }
";
const RUNS: usize = 300;

async fn over(store: &Arc<MemoryStore>, router: Router) -> Host {
    let host = host(FLOW, Arc::clone(store) as Arc<dyn Store>, Arc::new(SystemClock));
    let values = object(json!({ "url": serve(router).await }));
    host.connections().bind("http", "http", values, Default::default()).unwrap();
    host
}

#[tokio::test]
async fn runs_that_a_restart_brings_back_do_not_call_all_at_once() {
    let store = Arc::new(MemoryStore::new());
    // The first process hangs on its calls for ever, which is as good as having died.
    let asked = Counter::default();
    let counted = asked.clone();
    let silent = get(async move || {
        counted.up();
        std::future::pending::<()>().await;
    });
    let first = over(&store, Router::new().route("/asked", silent)).await;
    for _ in 0..RUNS {
        first.start(Start { flow: "asks".to_owned(), ..Start::default() }).await.unwrap();
    }
    while asked.n() < RUNS {
        tokio::task::yield_now().await;
    }

    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, highest) = (Arc::clone(&at_once), Arc::clone(&most));
    let busy = get(async move || {
        highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // As long as others need to arrive, if they do.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        now.fetch_sub(1, Ordering::SeqCst);
        "{}"
    });
    let second = over(&store, Router::new().route("/asked", busy)).await;
    let (runs, failed) = second.recover().await.unwrap();
    assert_eq!((runs.len(), failed.len()), (RUNS, 0));
    for run in &runs {
        assert!(second.wait(run).await.is_some(), "{run} ends");
    }
    let most = most.load(Ordering::SeqCst);
    assert!((2..=64).contains(&most), "{most} calls at once");
}

#[tokio::test]
async fn a_run_that_waits_for_its_place_can_be_seen_and_stopped() {
    let store = Arc::new(MemoryStore::new());
    let silent = || get(async || std::future::pending::<()>().await);
    let first = over(&store, Router::new().route("/asked", silent())).await;
    for _ in 0..100 {
        first.start(Start { flow: "asks".to_owned(), ..Start::default() }).await.unwrap();
    }
    let second = over(&store, Router::new().route("/asked", silent())).await;
    let (runs, _) = second.recover().await.unwrap();
    for run in &runs {
        assert!(second.look(run, |run| run.position()).await.is_some());
    }
    assert_eq!(second.stop(std::time::Duration::from_secs(30)).await, 0);
}
