//! A dry run changes nothing, and the real run changes what it said.

use std::sync::Arc;

use linchpin_engine::event::Outcome;
use linchpin_language::{Value, as_unknown, contains_unknown, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::dry_run::{Change, Preview, dry_run};
use linchpin_runtime::host::{Host, Start};

use crate::support::{Control, assign_courses, host, learning_sync, new_hire_onboarding, sandbox};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assign_courses_does_what_its_dry_run_said() {
    does_what_it_said(assign_courses(), 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_hire_onboarding_does_what_its_dry_run_said() {
    does_what_it_said(new_hire_onboarding(), 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learning_sync_does_what_its_dry_run_said() {
    does_what_it_said(learning_sync(), 2).await;
}

/// SumTotal shows only in its answer whether an assignment was made or was there already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_which_only_the_answer_shows_what_it_was_is_said_to_be_either() {
    let (_sandbox, control) = sandbox().await;
    let host = host(Arc::new(MemoryStore::new()), &control).await;
    run(&host, learning_sync()).await;
    let n_before = control.requests().await.len();
    let preview = preview(&host, learning_sync()).await;
    let counts: Vec<_> =
        preview.counts.iter().map(|count| (count.effect.as_str(), count.from, count.to)).collect();
    assert_eq!(counts, [("ensure", 1, Some(1)), ("create", 1, Some(1))]);
    run(&host, learning_sync()).await;
    let mut written = control.requests().await.split_off(n_before);
    written.retain(|request| !is_read(request));
    let said: Vec<_> = preview.changes.iter().map(|change| change.request.as_str()).collect();
    assert_eq!(said.len(), written.len(), "{written:#?}");
    assert!(said.iter().zip(&written).all(|(said, written)| is_request(said, written)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_that_would_be_created_is_the_one_that_later_steps_use() {
    let (_sandbox, control) = sandbox().await;
    let host = host(Arc::new(MemoryStore::new()), &control).await;
    let preview = preview(&host, assign_courses()).await;
    let change = |path: &str| {
        let mut own = preview.changes.iter().filter(|change| change.path.to_string() == path);
        own.next().unwrap_or_else(|| panic!("{path} would change something"))
    };
    let learner = &change("learner").output;
    assert_eq!(learner["email"], "ana.ruiz@example.test");
    assert!(as_unknown(&learner["id"]).is_some(), "{learner}");
    let assign = change("assign");
    assert_eq!(assign.input["user"], learner["id"]);
    assert_eq!(assign.request, "POST /users/{id of users.ensure}/courses");
    let outputs = preview.outputs.as_ref().expect("the run would succeed");
    assert_eq!(outputs["learner"], learner["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dry_run_of_what_is_done_already_has_nothing_to_do() {
    let (_sandbox, control) = sandbox().await;
    let host = host(Arc::new(MemoryStore::new()), &control).await;
    run(&host, assign_courses()).await;
    let preview = preview(&host, assign_courses()).await;
    assert!(preview.changes.is_empty() && preview.counts.is_empty(), "{:#?}", preview.changes);
    assert_eq!(preview.exit_code(), 0);
    assert_eq!(
        preview.log,
        ["Safety at Work is already assigned", "Network Basics is already assigned"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_with_the_flow_s_words_why_the_run_would_fail() {
    let (_sandbox, control) = sandbox().await;
    let host = host(Arc::new(MemoryStore::new()), &control).await;
    let user = Some(json!({ "email": "sam.cole@example.test" }));
    let preview = preview(&host, Start { user, ..assign_courses() }).await;
    let error = preview.error.as_ref().expect("a learner may not assign");
    assert!(error.message.starts_with("You do not have permission to assign courses."));
    assert_eq!(preview.exit_code(), 1);
}

/// Plays a flow dry and then runs it, both on one new sandbox, and compares.
async fn does_what_it_said(start: Start, n_effects: u64) {
    let (_sandbox, control) = sandbox().await;
    let host = host(Arc::new(MemoryStore::new()), &control).await;
    let preview = preview(&host, start.clone()).await;
    assert!(preview.error.is_none(), "{:#?}", preview.error);
    assert_eq!(control.effects().await, Vec::<Value>::new());
    let asked = control.requests().await;
    assert!(asked.len() > 2 && asked.iter().all(is_read), "{asked:#?}");
    counts_come_first(&preview, n_effects);

    let outputs = run(&host, start).await;
    let predicted = preview.outputs.as_ref().expect("the run would succeed");
    assert!(agrees(predicted, &outputs), "said {predicted}, found {outputs}");
    writes_are(&preview.changes, &control, n_effects).await;
}

async fn preview(host: &Host, start: Start) -> Preview {
    let (flows, now) = (host.flows(), host.clock().now());
    dry_run(&flows, host.catalog(), host.connections(), start, now).await.unwrap()
}

async fn run(host: &Host, start: Start) -> Value {
    let run = host.start(start).await.unwrap().run;
    match host.wait(&run).await {
        Some(Outcome::Succeeded { outputs }) => (*outputs).clone(),
        other => panic!("the run ended as {other:#?}"),
    }
}

/// Whether a request only reads, or signs in.
fn is_read(request: &Value) -> bool {
    // SumTotal takes a token request and a search as POST.
    const READS: [&str; 2] = ["/apisecurity/connect/token", "/apis/api/v2/activities"];
    request["method"] == "GET" || READS.iter().any(|path| request["path"] == *path)
}

fn counts_come_first(preview: &Preview, n_effects: u64) {
    let total: u64 = preview.counts.iter().map(|count| count.from).sum();
    assert_eq!(total, n_effects, "{:?}", preview.counts);
    assert!(preview.counts.iter().all(|count| count.to == Some(count.from)));
    assert_eq!(preview.changes.iter().map(|change| change.count).sum::<u64>(), n_effects);
    let shown = serde_json::to_string(preview).unwrap();
    assert!(shown.find("\"counts\"") < shown.find("\"changes\""));
}

/// Each predicted call is one request that had as many effects, with what was known of it;
/// and there is no other.
async fn writes_are(changes: &[Change], control: &Control, n_effects: u64) {
    let effects = control.effects().await;
    assert_eq!(effects.len() as u64, n_effects, "{effects:#?}");
    let mut requests = control.requests().await;
    requests.retain(|request| request["effects"].is_array());
    for change in changes {
        let is_it = |request: &Value| {
            let own: Vec<&Value> =
                effects.iter().filter(|effect| effect["request"] == request["n"]).collect();
            own.len() as u64 == change.count
                && is_request(&change.request, request)
                && known(&change.changes)
                    .iter()
                    .all(|text| own.iter().any(|e| known(e).contains(text)))
        };
        let found = requests.iter().position(is_it);
        let found = found.unwrap_or_else(|| panic!("{change:#?} is none of {requests:#?}"));
        requests.swap_remove(found);
    }
    assert!(requests.is_empty(), "not predicted: {requests:#?}");
}

/// Whether `POST /users/{id}/courses` is this request; its base is the connection's.
fn is_request(said: &str, request: &Value) -> bool {
    let (method, path) = said.split_once(' ').unwrap();
    // A label may hold spaces, never a slash.
    let said: Vec<&str> = path.split('/').rev().take_while(|part| !part.is_empty()).collect();
    let found: Vec<&str> = request["path"].as_str().unwrap().split('/').rev().collect();
    request["method"] == method
        && said.len() <= found.len()
        && said.iter().zip(found).all(|(said, found)| said.starts_with('{') || *said == found)
}

/// The texts in a value, without those that only the real run knows.
fn known(value: &Value) -> Vec<String> {
    match value {
        _ if as_unknown(value).is_some() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(known).collect(),
        Value::Object(fields) => fields.values().flat_map(known).collect(),
        _ => Vec::new(),
    }
}

/// Whether a value is what was said of it, where something was said.
fn agrees(said: &Value, found: &Value) -> bool {
    match (said, found) {
        _ if as_unknown(said).is_some() => true,
        (Value::Object(said), Value::Object(found)) => {
            said.len() == found.len()
                && said.iter().all(|(name, said)| agrees(said, &found[name.as_str()]))
        }
        (Value::Array(said), Value::Array(found)) => {
            said.len() == found.len() && said.iter().zip(found).all(|(s, f)| agrees(s, f))
        }
        _ => !contains_unknown(said) && said == found,
    }
}
