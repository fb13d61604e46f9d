//! Every due instant is accounted for: fired, caught up, or skipped and why.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use linchpin_engine::store::Store;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::retention::{Limits, Retention, prune};
use linchpin_runtime::scheduler::{self, Account, DUE, Scheduler};
use linchpin_runtime::triggers::Tell;
use linchpin_runtime::{Clock, FakeClock};

use crate::support::host;

/// Whoever looks after the daemon hears nothing.
fn silent() -> Tell {
    Arc::new(|_| ())
}

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
    let due = Scheduler::open(first, silent()).await.unwrap().next_due();
    assert_eq!(due["tick"], "2026-03-01T12:05:00Z".parse().unwrap());
    clock.advance(Duration::from_secs(630));
    let second = host(&flow, store.clone(), clock);
    let due = Scheduler::open(second, silent()).await.unwrap().next_due();
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
    let scheduler = Scheduler::open(host, silent()).await.unwrap();
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

/// A scheduler over these flows, the clock it goes by, and what stops it.
struct Running {
    host: linchpin_runtime::host::Host,
    store: Arc<dyn Store>,
    clock: Arc<FakeClock>,
    stop: tokio::sync::watch::Sender<bool>,
    task: tokio::task::JoinHandle<Result<(), linchpin_runtime::host::Error>>,
}

impl Running {
    async fn start(flow: &str, now: &str) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let clock = Arc::new(FakeClock::new(now.parse().unwrap()));
        let host = host(flow, store.clone(), clock.clone());
        let scheduler = Scheduler::open(host.clone(), silent()).await.unwrap();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let task = tokio::spawn(scheduler.run(stopped));
        Self { host, store, clock, stop, task }
    }

    /// Moves the clock to an instant, from one wake to the next so that nothing is late.
    async fn go_to(&self, instant: &str) {
        let until: Timestamp = instant.parse().unwrap();
        settled().await;
        while let Some(wake) = self.clock.next_wake().filter(|wake| *wake <= until) {
            self.clock.set(wake);
            settled().await;
        }
        self.clock.set(until);
        settled().await;
    }

    async fn ended(self) -> Vec<(String, Account)> {
        self.stop.send(true).unwrap();
        self.task.await.unwrap().unwrap();
        accounts(&*self.store).await
    }
}

/// Lets every task of this thread go as far as it gets at this moment.
async fn settled() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

async fn accounts(store: &dyn Store) -> Vec<(String, Account)> {
    let records = store.list(DUE, "", None, 1000).await.unwrap();
    let read = |record: linchpin_engine::store::Record| {
        (record.key, serde_json::from_slice(&record.value).unwrap())
    };
    records.into_iter().map(read).collect()
}

fn fired(accounts: &[(String, Account)]) -> Vec<&str> {
    let is_fired = |account: &Account| matches!(account, Account::Fired(_));
    accounts.iter().filter(|(_, account)| is_fired(account)).map(|(key, _)| key.as_str()).collect()
}

#[tokio::test]
async fn once_fires_once_and_start_and_end_bound_the_others() {
    let flow = "
flow: tick
triggers:
  - schedule: { at: 2026-03-01T12:30, timezone: UTC }
  - schedule: { every: 1h, timezone: UTC, start: '2026-03-01T13:15', end: '2026-03-01T15:15' }
steps: [ { log: tick } ]
";
    let running = Running::start(flow, "2026-03-01T12:00:00Z").await;
    running.go_to("2026-03-02T12:00:00Z").await;
    let accounts = running.ended().await;
    assert_eq!(
        fired(&accounts),
        [
            "tick/2026-03-01T12:30:00Z",
            "tick/2026-03-01T13:15:00Z",
            "tick/2026-03-01T14:15:00Z",
            "tick/2026-03-01T15:15:00Z",
        ]
    );
    assert_eq!(accounts.len(), 4);
}

#[tokio::test]
async fn a_calendar_lets_nothing_fall_due_on_a_day_off() {
    // Friday 25 December 2026 is a holiday.
    let flow = "
flow: tick
trigger:
  schedule:
    cron: '0 7 * * *'
    timezone: Europe/London
    calendar: { days: [mon..fri], holidays: [2026-12-25 Christmas Day] }
steps: [ { log: tick } ]
";
    let running = Running::start(flow, "2026-12-23T12:00:00Z").await;
    running.go_to("2026-12-29T12:00:00Z").await;
    let accounts = running.ended().await;
    let days =
        ["tick/2026-12-24T07:00:00Z", "tick/2026-12-28T07:00:00Z", "tick/2026-12-29T07:00:00Z"];
    assert_eq!(fired(&accounts), days);
    assert_eq!(accounts.len(), 3, "a day off is not due, so it is not missed either");
}

#[tokio::test]
async fn a_jitter_delays_the_start_and_not_the_due_instant() {
    let flow = "
flow: tick
trigger: { schedule: { every: 10m, jitter: 9m } }
steps: [ { log: tick } ]
";
    let running = Running::start(flow, "2026-03-01T12:00:00Z").await;
    settled().await;
    let wake = running.clock.next_wake().unwrap();
    let due: Timestamp = "2026-03-01T12:10:00Z".parse().unwrap();
    assert!(wake > due && wake <= due + jiff::SignedDuration::from_mins(9), "{wake}");
    running.go_to("2026-03-01T12:59:59Z").await;
    let accounts = running.ended().await;
    assert_eq!(fired(&accounts).len(), 4 + usize::from(accounts.len() > 4), "{accounts:?}");
    assert_eq!(fired(&accounts)[0], "tick/2026-03-01T12:10:00Z");
}

#[tokio::test]
async fn a_changed_a_new_and_a_removed_schedule_count_from_the_change_on() {
    let flow = |every: &str| {
        format!(
            "flow: tick\ntrigger: {{ schedule: {{ every: {every}, missed: all }} }}\nsteps: [{{ log: tick }}]\n"
        )
    };
    let running = Running::start(&flow("1h"), "2026-03-01T12:00:00Z").await;
    running.go_to("2026-03-01T13:30:00Z").await;
    let take = |texts: &[String]| {
        let texts = texts.iter().enumerate();
        let texts = texts.map(|(n, text)| (format!("{n}.yaml").into(), text.clone())).collect();
        let (flows, mistakes) = linchpin_runtime::flows::Flows::parse(texts);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        running.host.set_flows(flows);
    };
    let due_next = async |at: &str| {
        settled().await;
        assert_eq!(running.clock.next_wake(), at.parse().ok());
    };
    let other = flow("30m").replace("tick", "tock");
    take(&[flow("20m"), other.clone()]);
    due_next("2026-03-01T13:40:00Z").await;
    running.go_to("2026-03-01T14:05:00Z").await;
    take(std::slice::from_ref(&other));
    due_next("2026-03-01T14:30:00Z").await;
    running.go_to("2026-03-01T15:10:00Z").await;
    take(&[flow("20m"), other]);
    due_next("2026-03-01T15:20:00Z").await;
    let accounts = running.ended().await;
    assert_eq!(
        fired(&accounts),
        [
            "tick/2026-03-01T13:00:00Z",
            "tick/2026-03-01T13:40:00Z",
            "tick/2026-03-01T14:00:00Z",
            "tock/2026-03-01T14:00:00Z",
            "tock/2026-03-01T14:30:00Z",
            "tock/2026-03-01T15:00:00Z",
        ]
    );
    assert_eq!(accounts.len(), 6, "nothing is made up for that was not due: {accounts:?}");
}

/// What became of due instants can be looked back at, and goes when it is older than runs may be.
#[tokio::test]
async fn what_became_of_due_instants_is_found_by_flow_and_time_and_forgotten_by_age() {
    let tick =
        "flow: tick\ntrigger: { schedule: { every: 1h, missed: none } }\nsteps: [{ log: x }]\n";
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock = Arc::new(FakeClock::new("2026-03-01T12:00:00Z".parse().unwrap()));
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tell = |told: &Arc<std::sync::Mutex<Vec<String>>>| -> Tell {
        let told = Arc::clone(told);
        Arc::new(move |what| told.lock().unwrap().push(what))
    };
    for name in ["tick", "tick_tock", "tick0"] {
        Scheduler::open(host(&tick.replace("tick", name), store.clone(), clock.clone()), silent())
            .await
            .unwrap();
        clock.advance(Duration::from_secs(7200));
        let again = host(&tick.replace("tick", name), store.clone(), clock.clone());
        Scheduler::open(again, tell(&told)).await.unwrap();
    }
    assert_eq!(
        told.lock().unwrap()[0],
        "tick was due 2 times from 2026-03-01T13:00:00Z to 2026-03-01T14:00:00Z and is not started \
         for them: no daemon could start it when it fell due, and missed is none"
    );
    let found = async |flow: Option<&str>, since: &str| {
        let since = since.parse().unwrap();
        let found = scheduler::accounts(&*store, flow, since).await.unwrap();
        found
            .iter()
            .map(|one| format!("{} {}", one.flow, one.due.strftime("%H")))
            .collect::<Vec<_>>()
    };
    let all = ["tick0 18", "tick0 17", "tick_tock 16", "tick_tock 15", "tick 14", "tick 13"];
    assert_eq!(found(None, "2026-03-01T00:00:00Z").await, all);
    assert_eq!(found(None, "2026-03-01T16:00:00Z").await, all[..3]);
    assert_eq!(found(Some("tick"), "2026-03-01T13:00:01Z").await, ["tick 14"]);
    let age = Limits { age: Some(Duration::from_secs(3 * 3600)), count: None };
    let retention = Retention { all: age, ..Retention::default() };
    let mut pruned = prune(store.clone(), retention, clock.now(), true);
    while pruned.recv().await.is_some() {}
    assert_eq!(found(None, "2026-03-01T00:00:00Z").await, all[..4]);
}

/// A mistake in its file does not make a flow forget what fell due, nor does an empty folder.
#[tokio::test]
async fn a_flow_that_could_not_be_read_makes_up_for_what_it_missed_once_it_is_mended() {
    let tick =
        "flow: tick\ntrigger: { schedule: { every: 1h, missed: all } }\nsteps: [{ log: x }]\n";
    let other = "flow: other\nsteps: [{ log: x }]\n";
    let read = |texts: &[&str]| {
        let texts = texts.iter().enumerate();
        let texts = texts.map(|(n, text)| (format!("{n}.yaml").into(), (*text).to_owned()));
        linchpin_runtime::flows::Flows::parse(texts.collect()).0
    };
    for (before, is_lacking) in [(vec![other], true), (vec![], false)] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let clock = Arc::new(FakeClock::new("2026-03-01T12:00:00Z".parse().unwrap()));
        let first = host(tick, store.clone(), clock.clone());
        Scheduler::open(first, silent()).await.unwrap();
        clock.advance(Duration::from_secs(7200));
        let second = host(other, store.clone(), clock.clone());
        second.set_flows(read(&before).lacking(is_lacking));
        let scheduler = Scheduler::open(second.clone(), silent()).await.unwrap();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let running = tokio::spawn(scheduler.run(stopped));
        settled().await;
        second.set_flows(read(&[tick, other]));
        settled().await;
        stop.send(true).unwrap();
        running.await.unwrap().unwrap();
        let accounts = accounts(&*store).await;
        let is_caught_up = |(_, account): &(_, Account)| matches!(account, Account::CaughtUp(_));
        assert!(accounts.len() == 2 && accounts.iter().all(is_caught_up), "{accounts:?}");
    }
}

/// A schedule that is taken away from a running daemon begins anew, whatever else cannot be read.
#[tokio::test]
async fn a_schedule_that_was_away_makes_up_for_nothing_though_another_file_is_broken() {
    let tick =
        "flow: tick\ntrigger: { schedule: { every: 1h, missed: all } }\nsteps: [{ log: x }]\n";
    let read = |text: &str| {
        let texts = vec![("tick.yaml".into(), text.to_owned())];
        linchpin_runtime::flows::Flows::parse(texts).0.lacking(true)
    };
    let running = Running::start(tick, "2026-03-01T12:00:00Z").await;
    running.host.set_flows(read(&tick.replace("steps:", "enabled: false\nsteps:")));
    settled().await;
    running.clock.advance(Duration::from_secs(7200));
    running.host.set_flows(read(tick));
    settled().await;
    assert_eq!(running.ended().await, []);
}
