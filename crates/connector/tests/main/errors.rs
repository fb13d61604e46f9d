//! From answers to errors, and whether a write may have happened.

use std::time::Duration;

use linchpin_connector::testing::{FakeTransport, Reply};
use linchpin_connector::{ErrorKind, WriteState};
use linchpin_language::{Value, json};

use crate::acme::{Scene, connection, load, post};

const SAVE: &str = r#"
action: things.save
title: Save a thing
effect: update
idempotent: true
inputs: { name: { type: string } }
write:
  post: "{{ connection.place }}"
  json: { name: "{{ inputs.name }}", none: null }
  errors: [ { when: "answer.primaryKey == null", kind: rejected, message: "{{ answer.response }}" } ]
  effect_is: "answer.status == 1 ? 'update' : 'create'"
outputs: { thing: { type: string, value: "answer.primaryKey" } }
"#;

const PLACE: &str = "/apis/v1/things";

async fn check(status: u16, body: Value, kind: ErrorKind, write: WriteState, message: &str) {
    let scene =
        Scene::new(SAVE, json!({ "name": "x" }), vec![post(PLACE, body).with_status(status)]);
    let look = scene.action().look(&scene.call()).await.unwrap();
    let error = scene.action().write(&scene.call(), &look, 0).await.unwrap_err();
    assert_eq!((error.kind, error.write, error.message.as_str()), (kind, write, message));
}

#[tokio::test]
async fn the_first_row_that_matches_decides() {
    use ErrorKind::{Conflict, InvalidInput, RateLimited, Rejected};
    use WriteState::{None, Unknown};
    let detail = |text: &str| json!({ "Detail": text });
    let limit = "Service Unavailable. The API rating limit has been exceeded.";
    check(503, detail(limit), RateLimited, None, limit).await;
    check(503, detail("gateway"), RateLimited, Unknown, "gateway").await;
    check(409, detail("Name already exists"), Conflict, None, "Name already exists").await;
    check(409, detail("Culture is invalid"), InvalidInput, None, "Culture is invalid").await;
    let problems = json!({ "primaryKey": 1, "problems": [{ "text": "a" }, { "text": "b" }] });
    check(200, problems, Rejected, None, "a; b").await;
    let refused = json!({ "primaryKey": null, "response": "no such user" });
    check(200, refused, Rejected, None, "no such user").await;
}

#[tokio::test]
async fn without_a_row_the_status_decides() {
    use WriteState::{None, Unknown};
    let check = |status, kind, write| async move {
        let body = json!({ "primaryKey": 1, "Message": "words" });
        check(status, body, kind, write, "words").await;
    };
    check(400, ErrorKind::InvalidInput, None).await;
    check(401, ErrorKind::Unauthenticated, None).await;
    check(403, ErrorKind::Forbidden, None).await;
    check(404, ErrorKind::NotFound, None).await;
    check(405, ErrorKind::BadResponse, None).await;
    check(429, ErrorKind::RateLimited, None).await;
    check(500, ErrorKind::Unavailable, Unknown).await;
    check(302, ErrorKind::BadResponse, Unknown).await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_the_write_in_doubt() {
    let mut reply = post(PLACE, Value::Null);
    if let Some(answer) = &mut reply.answer {
        answer.body = bytes::Bytes::from_static(b"{\"primaryKey\": 1");
    }
    let scene = Scene::new(SAVE, json!({}), vec![reply]);
    let look = scene.action().look(&scene.call()).await.unwrap();
    let error = scene.action().write(&scene.call(), &look, 0).await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::BadResponse, WriteState::Unknown));
}

#[tokio::test]
async fn a_rate_limit_reaches_the_budget_with_the_wait_that_was_asked_for() {
    let mut reply = post(PLACE, json!({ "Message": "slow" })).with_status(429);
    if let Some(answer) = &mut reply.answer {
        answer.headers.insert("retry-after", http::HeaderValue::from_static("7"));
    }
    let scene = Scene::new(SAVE, json!({}), vec![reply]);
    let look = scene.action().look(&scene.call()).await.unwrap();
    let error = scene.action().write(&scene.call(), &look, 0).await.unwrap_err();
    assert_eq!(error.retry_after_ms, Some(7000));
    assert_eq!(scene.transport.limits(), [Duration::from_secs(7)]);
}

#[tokio::test]
async fn a_good_answer_says_what_the_write_was() {
    let body = json!({ "primaryKey": 42, "status": 0 });
    let sent = json!({ "name": "x", "none": null });
    let scene = Scene::new(SAVE, json!({ "name": "x" }), vec![post(PLACE, body).expecting(sent)]);
    let look = scene.action().look(&scene.call()).await.unwrap();
    let wrote = scene.action().write(&scene.call(), &look, 0).await.unwrap();
    assert_eq!(wrote.effect, linchpin_connector::Effect::Create);
    let output = scene.action().finish(&scene.call(), &look, &[wrote]).await.unwrap();
    assert_eq!(*output, json!({ "thing": "42" }));
}

#[tokio::test]
async fn a_connection_is_proved_by_its_test_request() {
    let spoke = load(&[]).unwrap();
    let ask = |status| Reply::json(http::Method::GET, "/people", &json!([])).with_status(status);
    let connection = connection(json!({}));
    let good = FakeTransport::new(vec![ask(200)]);
    spoke.test(&connection, &good).await.unwrap();
    let refused = FakeTransport::new(vec![ask(401)]);
    let error = spoke.test(&connection, &refused).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
}
