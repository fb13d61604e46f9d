//! Runs that wait for a signal or an approval, with a host that comes and goes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use linchpin_engine::event::Outcome;
use linchpin_engine::store::Store;
use linchpin_engine::{Event, RunId};
use linchpin_language::{Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::FakeClock;
use linchpin_runtime::dry_run::dry_run;
use linchpin_runtime::host::{Error, Host, Start};
use linchpin_runtime::people::Judgement;
use linchpin_runtime::questions::Error as AnswerError;

use crate::support::{host, object};

const PAID: &str = "
flow: paid
steps:
  - { id: pause, wait: { for: 1h } }
  - { id: paid, wait: { signal: paid, timeout: 2h } }
outputs: { reference: paid.reference }
";

const RAISE: &str = "
flow: raise
steps:
  - id: ok
    approval:
      message: Raise?
      from: [hr_ops, ana@example.test]
      timeout: 8h
      form: { limit: { type: integer, required: true, max: 10 } }
outputs: { limit: ok.form.limit, by: ok.by, note: ok.note }
";

fn parts() -> (Arc<dyn Store>, Arc<FakeClock>) {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    (Arc::new(MemoryStore::new()), Arc::new(FakeClock::new(noon)))
}

async fn started(host: &Host, flow: &str, user: Option<&str>) -> RunId {
    let user = user.map(|email| json!({ "email": email }));
    let start = Start { flow: flow.to_owned(), user, ..Start::default() };
    host.start(start).await.unwrap().run
}

/// Waits until a run asks or has ended.
async fn until(host: &Host, is_so: impl Fn(&Event) -> bool, run: &RunId) {
    let mut watcher = host.watch();
    let entries = host.entries(run).await.unwrap();
    if entries.iter().any(|entry| is_so(&entry.event)) {
        return;
    }
    loop {
        let (of, entry) = watcher.recv().await.unwrap();
        if of == *run && is_so(&entry.event) {
            return;
        }
    }
}

fn is_decided(path: &str) -> impl Fn(&Event) -> bool {
    move |event| match event {
        Event::Decided { path: own, .. } => own.to_string() == path,
        _ => false,
    }
}

fn outputs(outcome: Option<Outcome>) -> Value {
    match outcome {
        Some(Outcome::Succeeded { outputs }) => (*outputs).clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_signal_sent_before_its_wait_is_there_after_a_restart() {
    let (store, clock) = parts();
    let first = host(PAID, store.clone(), clock.clone());
    let run = started(&first, "paid", None).await;
    first.signal(&run, "paid", json!({ "reference": "A7" }), "billing").await.unwrap();
    first.stop(Duration::from_secs(5)).await;
    let second = host(PAID, store, clock.clone());
    second.recover().await.unwrap();
    clock.until_asleep(1).await;
    clock.advance(Duration::from_secs(3600));
    assert_eq!(outputs(second.wait(&run).await), json!({ "reference": "A7" }));
}

#[tokio::test]
async fn a_look_that_follows_a_signal_sees_what_it_led_to() {
    const FLOW: &str = "
flow: paid
steps:
  - { id: paid, wait: { signal: paid, timeout: 2h } }
  - { id: pause, wait: { for: 1h } }
";
    let (store, clock) = parts();
    let host = host(FLOW, store, clock.clone());
    let run = started(&host, "paid", None).await;
    clock.until_asleep(1).await;
    let (name, payload) = ("paid".to_owned(), Arc::new(json!(null)));
    let signal = Event::Signalled { name, payload, by: "billing".to_owned() };
    // Both are in the inbox before the run looks into it.
    let look = host.look(&run, |run| run.open_steps());
    let (told, open) = tokio::join!(host.tell(&run, signal), look);
    told.unwrap();
    let open: Vec<_> = open.unwrap().iter().map(|step| step.path.to_string()).collect();
    assert_eq!(open, ["pause"]);
}

#[tokio::test]
async fn a_signal_that_no_step_waits_for_is_refused_with_the_nearest_name() {
    let (store, clock) = parts();
    let host = host(PAID, store, clock);
    let run = started(&host, "paid", None).await;
    let refused = host.signal(&run, "paids", json!(null), "billing").await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { why, .. } if why.contains("did you mean paid?")));
    for n in 0..100 {
        host.signal(&run, "paid", json!(n), "billing").await.unwrap();
    }
    let full = host.signal(&run, "paid", json!(100), "billing").await.unwrap_err();
    assert!(full.to_string().contains("keeps 100 signals"), "{full}");
}

#[tokio::test]
async fn an_approval_is_given_by_somebody_else_with_a_form_that_fits() {
    let (store, clock) = parts();
    let host = host(RAISE, store, clock);
    let run = started(&host, "raise", Some("kim@example.test")).await;
    until(&host, is_decided("ok"), &run).await;
    let yes = |limit: Value| {
        let values = object(json!({ "limit": limit }));
        Judgement { approved: true, note: Some("fine".to_owned()), values }
    };
    let own = host.judge(&run, None, yes(json!(5)), "kim@example.test").await.unwrap_err();
    assert!(own.to_string().contains("nobody approves what they started"), "{own}");
    for wrong in [json!("many"), json!(11)] {
        let unfit = host.judge(&run, None, yes(wrong), "ana@example.test").await.unwrap_err();
        assert!(matches!(unfit, AnswerError::Unfit { .. }), "{unfit}");
    }
    let empty = Judgement { approved: true, ..Judgement::default() };
    let unfit = host.judge(&run, None, empty, "ana@example.test").await.unwrap_err();
    assert!(unfit.to_string().contains("limit"), "{unfit}");
    host.judge(&run, None, yes(json!("7")), "ana@example.test").await.unwrap();
    let expected = json!({ "limit": 7, "by": "ana@example.test", "note": "fine" });
    assert_eq!(outputs(host.wait(&run).await), expected);
    let late = host.judge(&run, None, yes(json!(1)), "ana@example.test").await.unwrap_err();
    assert!(matches!(late, AnswerError::NoQuestion { .. }), "{late}");
}

#[tokio::test]
async fn an_approval_waits_over_a_restart_and_its_time_runs_on() {
    let (store, clock) = parts();
    let first = host(RAISE, store.clone(), clock.clone());
    let run = started(&first, "raise", None).await;
    until(&first, is_decided("ok"), &run).await;
    first.stop(Duration::from_secs(5)).await;
    let second = host(RAISE, store, clock.clone());
    let listed = second.list(None, 10).await.unwrap();
    assert_eq!(listed[0].state, "waiting");
    let waits = &listed[0].waits[0];
    let waits = (waits.step.to_string(), waits.kind.as_str(), waits.of.as_str());
    assert_eq!(waits, ("ok".to_owned(), "approval", "hr_ops, ana@example.test"));
    clock.advance(Duration::from_secs(8 * 3600));
    second.recover().await.unwrap();
    let outcome = second.wait(&run).await;
    let Some(Outcome::Failed { error }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.message, "nobody approved in time");
}

#[tokio::test]
async fn a_dry_run_is_approved_and_signalled_at_once_and_says_so() {
    let flow = "
flow: both
steps:
  - try:
      - { id: ok, approval: { message: Go?, from: hr_ops, form: { n: integer } } }
      - { id: paid, wait: { signal: paid, timeout: 2h } }
    catch: [ { fail: 'this cannot be' } ]
  - log: 'paid {{ paid.reference }} for {{ ok.form.n }}'
outputs: { approved: ok.approved }
";
    let (store, clock) = parts();
    let host = host(flow, store, clock.clone());
    let start = Start { flow: "both".to_owned(), ..Start::default() };
    let now = linchpin_runtime::Clock::now(&*clock);
    let preview =
        dry_run(&host.flows(), host.catalog(), host.connections(), start, now).await.unwrap();
    assert_eq!(preview.error, None);
    assert_eq!(preview.outputs, Some(json!({ "approved": true })));
    assert_eq!(preview.notes.len(), 2, "{:?}", preview.notes);
    assert!(preview.notes[0].contains("approval by hr_ops"), "{:?}", preview.notes);
    assert!(preview.notes[1].contains("the signal paid"), "{:?}", preview.notes);
}
