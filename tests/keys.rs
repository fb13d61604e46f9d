//! A key makes two starts one run.

use std::sync::Arc;

use linchpin_language::json;
use linchpin_persistence::SledStore;
use linchpin_runtime::host::{Error, Start};

use crate::support::{assign_courses, host, new_hire_onboarding, sandbox};

fn keyed(start: Start, key: &str) -> Start {
    Start { key: Some(key.to_owned()), ..start }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_finds_its_run_though_the_flow_takes_no_more_runs() {
    let (_sandbox, control) = sandbox().await;
    let late = json!({ "kind": "delay", "delay_ms": 600_000, "system": "servicenow" });
    control.post("/faults", &late).await;
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(&folder.path().join("store")).unwrap();
    let host = host(Arc::new(store), &control).await;
    let first = host.start(keyed(new_hire_onboarding(), "monday")).await.unwrap();
    let again = host.start(keyed(new_hire_onboarding(), "monday")).await.unwrap();
    assert_eq!((first.is_new, again.is_new), (true, false));
    assert_eq!(first.run, again.run);
    let other = host.start(keyed(new_hire_onboarding(), "tuesday")).await;
    assert!(matches!(other, Err(Error::Full { max: 1, .. })), "{other:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_starts_with_one_key_at_once_make_one_run() {
    let (_sandbox, control) = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(&folder.path().join("store")).unwrap();
    let host = host(Arc::new(store), &control).await;
    for round in 0..20 {
        let starts = (0..16).map(|_| {
            let host = host.clone();
            let start = keyed(assign_courses(), &format!("round {round}"));
            tokio::spawn(async move { host.start(start).await.unwrap() })
        });
        let mut started = Vec::new();
        for start in starts.collect::<Vec<_>>() {
            started.push(start.await.unwrap());
        }
        assert_eq!(started.iter().filter(|one| one.is_new).count(), 1, "{started:?}");
        assert!(started.iter().all(|one| one.run == started[0].run), "{started:?}");
    }
    assert_eq!(host.store().runs(None, 100).await.unwrap().len(), 20);
}
