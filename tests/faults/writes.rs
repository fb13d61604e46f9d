//! Every writing action of the Litmos, SumTotal and ServiceNow spokes, struck at each of its
//! writes just after the write took effect: it is done once, or a person is asked.
//!
//! The flows are in `tests/faults/flows`; a writing action that none of them calls fails here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use linchpin_connector::VerifyMode;
use linchpin_engine::StepPath;
use linchpin_engine::event::Outcome;
use linchpin_engine::flow::StepKind;
use linchpin_engine::run::Standing;
use linchpin_engine::store::Journal as _;
use linchpin_language::Value;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::host::{Host, Start};
use tokio::sync::Semaphore;

use crate::support::{Control, deeds, effective_requests, flows_of, host, sandbox};

/// Where the flows are.
const FLOWS: &str = "tests/faults/flows";
/// The spokes whose writes they make.
const SPOKES: [&str; 3] = ["litmos", "servicenow", "sumtotal"];
/// What goes wrong, each once, at each request that has an effect. The last one answers too late.
const FAULTS: [&str; 4] =
    ["commit_then_fail", "reset_after_commit", "truncate", "delay_after_commit"];
/// How many runs are under way at once.
const WIDE: usize = 8;

/// How a run came to rest, and what it has done by then.
#[derive(Clone, Debug, PartialEq)]
struct Rest {
    /// Its outputs, or the steps that need attention.
    end: Result<Value, BTreeSet<String>>,
    deeds: Vec<String>,
}

/// A writing action, and how it clears up what became of a write.
struct Writing {
    /// `SPOKE.ACTION`
    name: String,
    /// A read tells, or it may simply be sent again.
    tells: bool,
    /// To send it again changes nothing, so nothing is read first.
    may_repeat: bool,
}

/// The writing actions that a flow calls. These flows are lists of calls, and nothing else.
fn writes(host: &Host, flow: &str) -> Vec<Writing> {
    let flows = host.flows();
    let flow = &flows.get(flow).expect("the flow is there").flow;
    let called = flow.steps.steps.iter().filter_map(|step| {
        let StepKind::Call(call) = &step.kind else { return None };
        let spoke = &flow.connections[&call.alias.value].value;
        let spec = host.catalog().spec(spoke, &call.action.value)?;
        let reads = matches!(spec.verify, VerifyMode::ByLook | VerifyMode::Request);
        spec.effect.is_write().then(|| Writing {
            name: format!("{spoke}.{}", call.action.value),
            tells: spec.idempotent || reads,
            may_repeat: spec.idempotent && !reads,
        })
    });
    called.collect()
}

async fn play(control: &Control, flow: &str) -> Rest {
    let store = Arc::new(MemoryStore::new());
    let host = host(store.clone(), control).await;
    let start = Start { flow: flow.to_owned(), ..Start::default() };
    let run = host.start(start).await.unwrap().run;
    let mut watch = host.watch();
    let rest = async {
        loop {
            if host.standing(&run).await == Some(Standing::NeedsAttention) {
                let open = host.look(&run, |run| run.open_steps()).await.unwrap_or_default();
                return Err(open.iter().map(|step| leaf(&step.path)).collect());
            }
            tokio::select! {
                outcome = host.wait(&run) => match outcome {
                    Some(Outcome::Succeeded { outputs }) => return Ok((*outputs).clone()),
                    other => panic!("{flow} ended as {other:#?}"),
                },
                entry = watch.recv() => drop(entry),
            }
        }
    };
    // Longer than all attempts take, also on a busy machine.
    let end = tokio::time::timeout(Duration::from_secs(150), rest).await;
    let Ok(end) = end else {
        let entries = store.read(&run, 0, usize::MAX).await.unwrap();
        let lines: Vec<_> = entries.iter().map(|entry| String::from_utf8_lossy(entry)).collect();
        let standing = tokio::time::timeout(Duration::from_secs(5), host.standing(&run)).await;
        panic!("{flow} does not come to rest: {standing:?}\n{}", lines.join("\n"));
    };
    host.stop(Duration::from_secs(30)).await;
    // A key of a call is of its run.
    let deeds = deeds(&control.effects().await).into_iter();
    Rest { end, deeds: deeds.map(|deed| deed.replace(run.as_str(), "RUN")).collect() }
}

fn leaf(path: &StepPath) -> String {
    path.leaf().to_owned()
}

/// Strikes one request of a flow.
async fn struck(flow: String, place: Value, kind: &'static str) -> Rest {
    let (_sandbox, control) = sandbox().await;
    let mut fault = place;
    fault["kind"] = kind.into();
    fault["delay_ms"] = 600_000.into();
    control.post("/faults", &fault).await;
    let rest = play(&control, &flow).await;
    assert_eq!(control.get("/faults").await["faults"][0]["struck"], 1, "{flow}: {fault} struck");
    rest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_writing_action_has_one_effect_when_its_answer_is_lost_or_asks_a_person() {
    let room = Arc::new(Semaphore::new(WIDE));
    let mut runs = Vec::new();
    for loaded in flows_of(&[FLOWS]).iter() {
        let flow = loaded.flow.name.clone();
        let (_sandbox, control) = sandbox().await;
        let expected = play(&control, &flow).await;
        assert!(expected.end.is_ok(), "{flow}: {expected:?}");
        let host = host(Arc::new(MemoryStore::new()), &control).await;
        let writes = writes(&host, &flow);
        let tells = writes.iter().all(|write| write.tells);
        let may_repeat = writes.iter().any(|write| write.may_repeat);
        let places = effective_requests(&control).await;
        assert!(!places.is_empty(), "{flow} writes");
        for (place, kind) in places.iter().flat_map(|place| FAULTS.map(|kind| (place, kind))) {
            let (flow, place, room) = (flow.clone(), place.clone(), Arc::clone(&room));
            let expected = expected.clone();
            runs.push(tokio::spawn(async move {
                let _place = room.acquire().await.expect("nobody closes it");
                let what = format!("{flow}: {kind} at {place}");
                let mut seen = struck(flow, place, kind).await;
                if may_repeat {
                    seen.deeds.dedup();
                }
                (what, tells, expected, seen)
            }));
        }
    }
    let mut wrong = Vec::new();
    for run in runs {
        let (what, tells, expected, seen) = run.await.unwrap();
        if !is_right(tells, &expected, &seen) {
            wrong.push(format!("{what}\n  {seen:?}\n  in place of {:?}", expected.deeds));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Done once and gone on; or, where the other side cannot tell, held with nothing done twice.
fn is_right(tells: bool, expected: &Rest, seen: &Rest) -> bool {
    let mut left = expected.deeds.clone();
    let is_once = seen.deeds.iter().all(|deed| {
        let at = left.iter().position(|other| other == deed);
        at.map(|at| left.remove(at)).is_some()
    });
    match &seen.end {
        Ok(_) => is_once && left.is_empty(),
        Err(_) => !tells && is_once,
    }
}

#[tokio::test]
async fn each_writing_action_of_these_spokes_is_struck() {
    let (_sandbox, control) = sandbox().await;
    let host = host(Arc::new(MemoryStore::new()), &control).await;
    let flows = flows_of(&[FLOWS]);
    let struck: BTreeSet<String> = flows
        .iter()
        .flat_map(|loaded| writes(&host, &loaded.flow.name))
        .map(|write| write.name)
        .collect();
    let actions = SPOKES.iter().flat_map(|name| {
        let spoke = &host.catalog().spokes[*name];
        let writing = spoke.actions().filter(|(_, action)| action.spec().effect.is_write());
        writing.map(move |(action, _)| format!("{name}.{action}"))
    });
    let missing: Vec<String> = actions.filter(|action| !struck.contains(action)).collect();
    assert!(missing.is_empty(), "no flow of {FLOWS} calls {}", missing.join(", "));
}
