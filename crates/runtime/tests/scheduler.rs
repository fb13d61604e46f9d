//! Every due instant is accounted for: fired, caught up, or skipped and why.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use linchpin_engine::store::Store;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::FakeClock;
use linchpin_runtime::scheduler::{Account, DUE, Scheduler};

use crate::support::host;

/// What became of each instant that fell due while no daemon ran for ten minutes and a half.
async fn after_a_gap(missed: &str) -> Vec<(String, Account)> {
    let flow = format!(
        "
flow: tick
trigger: {{ schedule: {{ every: 5m, missed: {missed} }} }}
steps: [ {{ log: tick }} ]
"
    );
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let clock = Arc::new(FakeClock::new(noon));
    let first = host(&flow, store.clone(), clock.clone());
    let due = Scheduler::open(first).await.unwrap().next_due();
    assert_eq!(due["tick"], "2026-03-01T12:05:00Z".parse().unwrap());
    clock.advance(Duration::from_secs(630));
    let second = host(&flow, store.clone(), clock);
    let due = Scheduler::open(second).await.unwrap().next_due();
    assert_eq!(due["tick"], "2026-03-01T12:15:00Z".parse().unwrap());
    let accounts = store.list(DUE, "", None, 100).await.unwrap();
    let read = |record: linchpin_engine::store::Record| {
        (record.key, serde_json::from_slice(&record.value).unwrap())
    };
    accounts.into_iter().map(read).collect()
}

#[tokio::test]
async fn latest_makes_up_for_the_newest_and_says_why_not_for_the_others() {
    let accounts = after_a_gap("latest").await;
    assert_eq!(accounts.len(), 2);
    assert_eq!(accounts[0].0, "tick/2026-03-01T12:05:00Z");
    assert!(matches!(&accounts[0].1, Account::Skipped(why) if why.contains("missed is latest")));
    assert!(matches!(&accounts[1].1, Account::CaughtUp(_)));
}

#[tokio::test]
async fn all_makes_up_for_each_and_none_for_none() {
    let all = after_a_gap("all").await;
    assert!(all.iter().all(|(_, account)| matches!(account, Account::CaughtUp(_))), "{all:?}");
    assert_eq!(all.len(), 2);
    let none = after_a_gap("none").await;
    assert!(none.iter().all(|(_, account)| matches!(account, Account::Skipped(_))), "{none:?}");
    assert_eq!(none.len(), 2);
}

#[tokio::test]
async fn a_daemon_that_slept_treats_what_it_slept_through_as_missed() {
    let flow = "
flow: tick
trigger: { schedule: { every: 5m, missed: latest } }
steps: [ { log: tick } ]
";
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock = Arc::new(FakeClock::new("2026-03-01T12:00:00Z".parse().unwrap()));
    let host = host(flow, store.clone(), clock.clone());
    let mut watcher = host.watch();
    let scheduler = Scheduler::open(host).await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(scheduler.run(stopped));
    clock.until_asleep(1).await;
    clock.advance(Duration::from_secs(24 * 3600));
    watcher.recv().await.unwrap();
    clock.until_asleep(1).await;
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    let accounts = store.list(DUE, "", None, 1000).await.unwrap();
    let skipped = accounts.iter().filter(|record| record.value.starts_with(b"{\"skipped"));
    assert_eq!((accounts.len(), skipped.count()), (288, 287));
}
