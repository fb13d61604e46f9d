//! The other side fails in the middle of a write, before or after it took effect, and the run
//! does each thing once all the same.

use std::sync::Arc;
use std::time::Duration;

use linchpin_engine::event::Outcome;
use linchpin_language::Value;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::host::Start;

use crate::support::{
    Control, assign_courses, deeds, effective_requests, host, learning_sync, sandbox,
};

/// What goes wrong, each once, at each request that has an effect.
const FAULTS: [&str; 6] = [
    "reset_before_commit",
    "reset_after_commit",
    "commit_then_fail",
    "status",
    "rate_limit",
    "html_error",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assign_courses_does_everything_once_whatever_fails_on_the_other_side() {
    struck_at_each_write(assign_courses, &FAULTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learning_sync_does_everything_once_when_an_answer_is_lost() {
    struck_at_each_write(learning_sync, &["reset_after_commit", "commit_then_fail"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assign_courses_reads_back_what_half_an_answer_did_not_say() {
    struck_at_each_write(assign_courses, &["truncate"]).await;
}

async fn struck_at_each_write(start: fn() -> Start, faults: &[&str]) {
    let (_sandbox, control) = sandbox().await;
    let expected = run(&control, start()).await.expect("the flow succeeds");
    let places = effective_requests(&control).await;
    assert!(places.len() > 1, "the flow writes: {places:?}");
    let mut runs = Vec::new();
    let each = places.iter().flat_map(|place| faults.iter().map(move |kind| (place, *kind)));
    for (place, kind) in each {
        let mut fault = place.clone();
        fault["kind"] = kind.into();
        fault["retry_after"] = 1.into();
        if kind == "html_error" {
            // A 503 of Litmos is its rate limit, which is waited for.
            fault["status"] = 502.into();
        }
        runs.push(tokio::spawn(async move {
            let (_sandbox, control) = sandbox().await;
            control.post("/faults", &fault).await;
            let seen = run(&control, start()).await;
            let struck = control.get("/faults").await["faults"][0]["struck"] == 1;
            (fault, struck, seen)
        }));
    }
    let mut wrong = Vec::new();
    for one in runs {
        let (fault, struck, seen) = one.await.unwrap();
        assert!(struck, "{fault} struck");
        if seen.as_ref() != Ok(&expected) {
            wrong.push(format!("{fault}: {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "expected {expected:?}, but\n{}", wrong.join("\n"));
}

/// The outputs of a run and what it did.
async fn run(control: &Control, start: Start) -> Result<(Value, Vec<String>), String> {
    let host = host(Arc::new(MemoryStore::new()), control).await;
    let run = host.start(start).await.unwrap().run;
    // Longer than the waits between attempts; a run that is held would wait for ever.
    match tokio::time::timeout(Duration::from_secs(40), host.wait(&run)).await {
        Ok(Some(Outcome::Succeeded { outputs })) => {
            Ok(((*outputs).clone(), deeds(&control.effects().await)))
        }
        Ok(other) => Err(format!("ended as {other:?}")),
        Err(_) => Err(format!("{:?}", host.entries(&run).await.unwrap().last())),
    }
}

mod writes;
