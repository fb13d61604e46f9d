//! A long run goes on from a snapshot, and from its journal where it has none that can be read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use linchpin_engine::RunId;
use linchpin_engine::event::Outcome;
use linchpin_engine::store::{Append, Expect, Journal, Records, Store};
use linchpin_language::json;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::SystemClock;
use linchpin_runtime::host::{Host, Start};

use crate::support::{host, object, serve};

const FLOW: &str = "
flow: asks
steps:
  - id: each
    for_each: range(0, 200)
    as: n
    parallel: 4
    collect: asked.body.n
    steps:
      - { id: asked, call: http.get, with: { path: \"/asked/{{n}}\" } }
outputs:
  last: each.items[199]
";

/// How often each item was asked for.
type Asked = Arc<Mutex<BTreeMap<u64, usize>>>;

/// A host whose other side does not answer for items from `silent` on.
async fn over(store: &Arc<MemoryStore>, asked: &Asked, silent: u64) -> Host {
    let host = host(FLOW, Arc::clone(store) as Arc<dyn Store>, Arc::new(SystemClock));
    host.keep_snapshots(5_000);
    let asked = Arc::clone(asked);
    let answer = get(async move |Path(n): Path<u64>| {
        *asked.lock().unwrap().entry(n).or_default() += 1;
        if n >= silent {
            std::future::pending::<()>().await;
        }
        json!({ "n": n }).to_string()
    });
    let url = serve(Router::new().route("/asked/{n}", answer)).await;
    let values = object(json!({ "url": url }));
    host.connections().bind("http", "http", values, Default::default()).unwrap();
    host
}

/// A store with the journal of a run whose process died at item 150, and the run.
async fn interrupted(asked: &Asked) -> (Arc<MemoryStore>, RunId) {
    let store = Arc::new(MemoryStore::new());
    let first = over(&store, asked, 150).await;
    let start = Start { flow: "asks".to_owned(), ..Start::default() };
    let run = first.start(start).await.unwrap().run;
    // Items 150 to 153 are under way, and nothing else can be.
    while asked.lock().unwrap().len() < 154 {
        tokio::task::yield_now().await;
    }
    (store, run)
}

/// The same store with other entries and another snapshot.
async fn changed(
    store: &MemoryStore,
    run: &RunId,
    entry: impl Fn(usize, Vec<u8>) -> Option<Vec<u8>>,
    snapshot: impl Fn(Vec<u8>) -> Vec<u8>,
) -> Arc<MemoryStore> {
    let other = Arc::new(MemoryStore::new());
    let entries = store.read(run, 0, usize::MAX).await.unwrap();
    let entries =
        entries.into_iter().enumerate().filter_map(|(at, line)| entry(at, line)).collect();
    let append = Append { run: run.clone(), position: 0, entries, records: Vec::new() };
    other.append(append).await.unwrap();
    for collection in ["texts", "runs", "open", "snapshots"] {
        for record in store.list(collection, "", None, 100).await.unwrap() {
            let value = match collection {
                "snapshots" => snapshot(record.value),
                _ => record.value,
            };
            other.put(collection, &record.key, value, Expect::Absent).await.unwrap();
        }
    }
    other
}

/// Goes on in another process, to the end.
async fn goes_on(store: &Arc<MemoryStore>, run: &RunId, asked: &Asked) {
    let second = over(store, asked, u64::MAX).await;
    let (recovered, failed) = second.recover().await.unwrap();
    assert_eq!((recovered, failed.len()), (vec![run.clone()], 0));
    let Some(Outcome::Succeeded { outputs }) = second.wait(run).await else { panic!("it ends") };
    assert_eq!(*outputs, json!({ "last": 199 }));
    for (n, times) in asked.lock().unwrap().iter() {
        // What was under way is a read, and is asked for again.
        assert_eq!(*times, if (150..154).contains(n) { 2 } else { 1 }, "item {n}");
    }
    let left = store.get("snapshots", run.as_str()).await.unwrap();
    assert_eq!(left, None, "the snapshot ends with the run");
}

#[tokio::test]
async fn what_is_before_the_snapshot_is_not_read() {
    let asked = Asked::default();
    let (store, run) = interrupted(&asked).await;
    // The snapshot is far behind the first entries, so that nobody needs them.
    let garbled = |at: usize, line: Vec<u8>| Some(if at < 200 { b"?".to_vec() } else { line });
    let garbled = changed(&store, &run, garbled, |snapshot| snapshot).await;
    goes_on(&garbled, &run, &asked).await;
}

#[tokio::test]
async fn without_a_snapshot_that_can_be_read_all_of_the_journal_is() {
    for snapshot in ["", "{}\n{}", "not even JSON"] {
        let asked = Asked::default();
        let (store, run) = interrupted(&asked).await;
        let other = changed(&store, &run, |_, line| Some(line), |_| snapshot.into()).await;
        goes_on(&other, &run, &asked).await;
    }
}

#[tokio::test]
async fn a_snapshot_of_more_than_the_journal_holds_is_not_believed() {
    let asked = Asked::default();
    let (store, run) = interrupted(&asked).await;
    let short = |at: usize, line: Vec<u8>| (at < 3).then_some(line);
    let other = changed(&store, &run, short, |snapshot| snapshot).await;
    let second = over(&other, &Asked::default(), 0).await;
    let (recovered, failed) = second.recover().await.unwrap();
    assert_eq!((recovered.len(), failed.len()), (1, 0));
    assert_eq!(second.look(&run, |run| run.position()).await.expect("it goes on"), 3);
}
