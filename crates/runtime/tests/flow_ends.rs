//! The end of a run starts the flows that wait for it: once each, whatever dies in between.

use std::sync::Arc;

use jiff::Timestamp;
use linchpin_engine::RunId;
use linchpin_engine::store::Store;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::FakeClock;
use linchpin_runtime::host::{Host, Start};
use linchpin_runtime::triggers::flow::FlowEnds;

use crate::support::host;

const FIRST: &str = "
flow: first
inputs: { n: { type: integer, default: 1 } }
steps:
  - if: inputs.n > 5
    then: [ { fail: too many } ]
outputs: { doubled: inputs.n * 2 }
";

const AFTER: &str = "
flow: after
trigger: { flow: { name: first, on: [succeeded, failed] } }
steps: [ { log: 'after {{ trigger.flow }}' } ]
outputs: { state: trigger.state, run: trigger.run, doubled: 'trigger.outputs != null ? trigger.outputs.doubled : 0', why: 'trigger.error != null ? trigger.error.message : \"\"' }
";

const ON_FAILURE: &str = "
flow: alarm
trigger: { flow: { name: first, on: failed } }
steps: [ { log: alarm } ]
";

struct World {
    store: Arc<dyn Store>,
    host: Host,
}

impl World {
    fn new(store: Arc<dyn Store>) -> Self {
        let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let host = host(FIRST, store.clone(), Arc::new(FakeClock::new(noon)));
        let texts = [FIRST, AFTER, ON_FAILURE].iter().enumerate();
        let texts = texts.map(|(n, text)| (format!("{n}.yaml").into(), (*text).to_owned()));
        let (flows, mistakes) = linchpin_runtime::flows::Flows::parse(texts.collect());
        assert!(mistakes.is_empty(), "{mistakes:?}");
        host.set_flows(flows);
        Self { store, host }
    }

    async fn first(&self, n: i64) -> RunId {
        let inputs = linchpin_language::json!({ "n": n }).as_object().unwrap().clone();
        let start = Start { flow: "first".to_owned(), inputs, ..Start::default() };
        let run = self.host.start(start).await.unwrap().run;
        self.host.wait(&run).await.unwrap();
        run
    }

    /// The keys and outputs of the runs of a flow, when they have ended.
    async fn runs(&self, flow: &str) -> Vec<(String, serde_json::Value)> {
        let mut found = Vec::new();
        for summary in self.host.list(None, 100).await.unwrap() {
            if summary.flow == flow {
                self.host.wait(&summary.run).await.unwrap();
                let ended = self.host.recorded(&summary.run).await.unwrap();
                let outputs = ended.outputs.map(|outputs| (*outputs).clone()).unwrap_or_default();
                found.push((ended.key.unwrap(), outputs));
            }
        }
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found
    }

    async fn notes(&self) -> usize {
        self.store.list("ends", "", None, 100).await.unwrap().len()
    }
}

#[tokio::test]
async fn an_end_starts_each_flow_that_waits_for_it_once_with_what_it_gave() {
    let world = World::new(Arc::new(MemoryStore::new()));
    let good = world.first(3).await;
    let bad = world.first(9).await;
    assert_eq!(world.notes().await, 2);
    let ends = FlowEnds::new(world.host.clone());
    ends.settle().await.unwrap();
    ends.settle().await.unwrap();
    assert_eq!(world.notes().await, 0);
    let after = world.runs("after").await;
    let expected = |run: &RunId, state: &str, doubled: i64, why: &str| {
        let outputs =
            serde_json::json!({ "state": state, "run": run, "doubled": doubled, "why": why });
        (format!("after@{run}"), outputs)
    };
    let mut wanted =
        vec![expected(&good, "succeeded", 6, ""), expected(&bad, "failed", 0, "too many")];
    wanted.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(after, wanted);
    let alarms: Vec<String> = world.runs("alarm").await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(alarms, [format!("alarm@{bad}")]);
}

#[tokio::test]
async fn a_crash_between_the_end_and_the_start_loses_and_doubles_nothing() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let run = {
        let world = World::new(store.clone());
        world.first(3).await
        // The process dies: the note is there, nothing was started.
    };
    let note = store.list("ends", "", None, 10).await.unwrap().remove(0);
    let second = World::new(store.clone());
    FlowEnds::new(second.host.clone()).settle().await.unwrap();
    assert_eq!(second.runs("after").await.len(), 1);
    // It dies again, after the start and before the note was taken away.
    let expect = linchpin_engine::store::Expect::Absent;
    store.put("ends", &note.key, note.value, expect).await.unwrap();
    let third = World::new(store.clone());
    FlowEnds::new(third.host.clone()).settle().await.unwrap();
    let keys: Vec<String> = third.runs("after").await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [format!("after@{run}")]);
    assert_eq!(third.notes().await, 0);
}

#[tokio::test]
async fn an_end_that_nobody_waits_for_leaves_no_note() {
    let world = World::new(Arc::new(MemoryStore::new()));
    let (flows, _) = linchpin_runtime::flows::Flows::parse(vec![
        ("first.yaml".into(), FIRST.to_owned()),
        ("alarm.yaml".into(), ON_FAILURE.to_owned()),
        ("off.yaml".into(), AFTER.replace("flow: after\n", "flow: after\nenabled: false\n")),
    ]);
    world.host.set_flows(flows);
    world.first(3).await;
    assert_eq!(world.notes().await, 0);
    world.first(9).await;
    assert_eq!(world.notes().await, 1);
}

#[tokio::test]
async fn what_ends_while_the_daemon_runs_is_heard_of_at_once() {
    let world = World::new(Arc::new(MemoryStore::new()));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(FlowEnds::new(world.host.clone()).run(stopped));
    let mut watched = world.host.watch();
    let run = world.first(3).await;
    loop {
        let (_, entry) = watched.recv().await.unwrap();
        if let linchpin_engine::Event::Accepted(accepted) = &entry.event
            && accepted.flow == "after"
        {
            assert_eq!(accepted.key, Some(format!("after@{run}")));
            break;
        }
    }
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}
