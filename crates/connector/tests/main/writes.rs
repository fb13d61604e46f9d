//! Look, write, verify.

use std::time::Duration;

use linchpin_connector::testing::run_examples;
use linchpin_connector::{Effect, ErrorKind, Verdict, WriteState, Wrote};
use linchpin_language::{Value, json};

use crate::acme::{ASSIGN, ENSURE, Scene, get, load, post, printed};

const COURSES: &str = "/users/k7Qp/courses";

fn assign(courses: Value, replies: Vec<linchpin_connector::testing::Reply>) -> Scene {
    Scene::new(ASSIGN, json!({ "user": "k7Qp", "courses": courses }), replies)
}

#[tokio::test]
async fn the_example_of_the_design_comes_out_as_written() {
    let spoke = load(&[ASSIGN]).unwrap();
    assert_eq!(printed(&run_examples(&spoke).await), "");
}

#[tokio::test]
async fn an_example_that_differs_is_reported_where_it_stands() {
    let wrong = ASSIGN.replace("sent: [ { Id: C2 } ]", "sent: [ { Id: C9 } ]");
    let spoke = load(&[&wrong]).unwrap();
    let failures = run_examples(&spoke).await;
    assert_eq!(failures.len(), 1);
    assert!(failures[0].message.contains("expected the body [{\"Id\":\"C9\"}]"), "{failures:?}");
    assert_eq!(failures[0].source.name(), "actions/courses.assign.yaml");
    assert!(failures[0].position().0 > 20);
}

#[tokio::test]
async fn nothing_to_do_writes_nothing() {
    let scene = assign(json!(["C1"]), vec![get(COURSES, json!([{ "Id": "C1" }]))]);
    let output = scene.perform().await.unwrap();
    assert_eq!(output["already"][0]["id"], "C1");
    assert_eq!(output["assigned"], json!([]));
}

#[tokio::test]
async fn changes_are_written_in_chunks() {
    let held = json!([{ "Id": "C3" }]);
    let scene = assign(
        json!(["C1", "C2", "C3", "C4", "C1"]),
        vec![
            get(COURSES, json!([])),
            post(COURSES, Value::Null).expecting(json!([{ "Id": "C1" }, { "Id": "C2" }])),
            post(COURSES, Value::Null).expecting(json!([{ "Id": "C3" }, { "Id": "C4" }])),
            get(COURSES, json!([{ "Id": "C1" }, { "Id": "C2" }])),
            get(COURSES, json!([{ "Id": "C3" }, { "Id": "C4" }])),
            get(COURSES, json!([])),
        ],
    );
    let output = scene.perform().await.unwrap();
    assert_eq!(output["assigned"].as_array().unwrap().len(), 4);
    drop(held);
}

#[tokio::test]
async fn a_wire_of_xml_sends_xml_and_null_parameters_are_left_out() {
    let body = json!({ "Courses": { "Course": { "Id": "C1" } } });
    let scene = assign(
        json!(["C1"]),
        vec![
            get(COURSES, json!([])),
            post(COURSES, Value::Null).expecting(body),
            get(COURSES, json!([{ "Id": "C1" }])),
        ],
    )
    .on(json!({ "wire": "xml", "source": null }));
    scene.perform().await.unwrap();
    let sent = &scene.transport.requests()[1];
    assert_eq!(sent.body.as_ref().unwrap().content_type, "application/xml");
    assert!(sent.query.contains(&("sendmessage".to_owned(), "false".to_owned())));
    assert!(sent.query.contains(&("source".to_owned(), "linchpin".to_owned())));
}

#[tokio::test]
async fn what_the_write_silently_left_out_is_an_error_after_it_had_time_to_settle() {
    let scene = assign(
        json!(["C1", "C9"]),
        vec![
            get(COURSES, json!([])),
            post(COURSES, Value::Null).with_status(201),
            get(COURSES, json!([{ "Id": "C1" }])),
            get(COURSES, json!([{ "Id": "C1" }])),
        ],
    );
    let error = scene.perform().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(error.message, "Acme did not assign C9: no such course");
    assert_eq!(scene.transport.pauses(), [Duration::from_secs(2)]);
}

#[tokio::test]
async fn a_lost_answer_is_found_out_by_looking_again() {
    let scene = assign(
        json!(["C1", "C2"]),
        vec![
            get(COURSES, json!([])),
            get(COURSES, json!([{ "Id": "C1" }])),
            get(COURSES, json!([{ "Id": "C1" }])),
        ],
    );
    let (action, call) = (scene.action(), scene.call());
    let look = action.look(&call).await.unwrap();
    assert_eq!((look.chunks, look.effect), (1, Effect::Create));
    assert_eq!(action.request_summary(&call, &look, 0), "POST /users/k7Qp/courses");
    let verdict = action.verify(&call, &look, 0).await.unwrap();
    assert_eq!(verdict, Verdict::Part(vec![json!("C2")]));
}

#[tokio::test]
async fn an_undo_names_what_was_written() {
    let scene = assign(json!(["C1", "C2", "C3"]), vec![get(COURSES, json!([]))]);
    let (action, call) = (scene.action(), scene.call());
    let look = action.look(&call).await.unwrap();
    assert_eq!(action.undo(&call, &look, &[]).unwrap(), None);
    let wrote = Wrote::new(Value::Null, 201, Effect::Create);
    let undo = action.undo(&call, &look, &[wrote]).unwrap().unwrap();
    assert_eq!(undo.action, "courses.unassign");
    assert_eq!(undo.inputs, json!({ "user": "k7Qp", "courses": ["C1", "C2"] }));
}

fn ensure(replies: Vec<linchpin_connector::testing::Reply>) -> Scene {
    Scene::new(ENSURE, json!({ "email": "ana@example.test", "first_name": "Ana" }), replies)
}

fn ana(first_name: &str) -> Value {
    json!([
        { "Id": "k8", "UserName": "mariana@example.test", "FirstName": "Mariana" },
        { "Id": "k7", "UserName": "Ana@Example.test", "FirstName": first_name },
    ])
}

#[tokio::test]
async fn ensure_creates_what_is_not_there() {
    let scene = ensure(vec![
        get("/people", json!([])),
        post("/people", json!({ "Id": "k7" }))
            .expecting(json!({ "UserName": "ana@example.test", "FirstName": "Ana" })),
    ]);
    let output = scene.perform().await.unwrap();
    assert_eq!(output, json!({ "id": "k7", "created": true }));
}

#[tokio::test]
async fn ensure_updates_what_differs_and_leaves_the_rest() {
    let put =
        linchpin_connector::testing::Reply::json(http::Method::PUT, "/people/k7", &Value::Null);
    let put = put.expecting(json!({ "FirstName": "Ana" }));
    let more = get("/people", json!([]));
    let scene = ensure(vec![get("/people", ana("Anna")), more.clone(), put]);
    let look = scene.action().look(&scene.call()).await.unwrap();
    assert_eq!((look.effect, look.variant), (Effect::Update, Some(1)));

    let same = ensure(vec![get("/people", ana("Ana")), more]);
    assert_eq!(same.perform().await.unwrap(), json!({ "id": "k7", "created": false }));
}

#[tokio::test]
async fn a_conflict_goes_back_to_the_look_once() {
    let scene = ensure(vec![
        get("/people", json!([])),
        post("/people", json!({ "Detail": "UserName already exists" })).with_status(409),
        get("/people", ana("Ana")),
        get("/people", json!([])),
    ]);
    assert_eq!(scene.perform().await.unwrap(), json!({ "id": "k7", "created": false }));

    let hidden = ensure(vec![
        get("/people", json!([])),
        post("/people", json!({ "Detail": "UserName already exists" })).with_status(409),
        get("/people", json!([])),
    ]);
    let error = hidden.perform().await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::Conflict, WriteState::None));
}

#[tokio::test]
async fn a_silent_create_is_adopted_by_the_look() {
    let scene = ensure(vec![
        get("/people", json!([])),
        post("/people", Value::Null).lost(),
        get("/people", ana("Ana")),
        get("/people", json!([])),
    ]);
    assert_eq!(scene.perform().await.unwrap(), json!({ "id": "k7", "created": true }));
}

const NOTE: &str = r#"
action: notes.add
title: Add a note
effect: create
idempotent: false
inputs: { text: { type: string, required: true } }
write: { post: /notes, key: "{{ call.key }}", form: { text: "{{ inputs.text }}", ref: "{{ call.key }}", none: null } }
verify:
  request: { get: /notes, query: { ref: "{{ call.key }}" }, list: notes, found: "size(answer) > 0 ? answer[0] : null" }
outputs: { id: { type: string, value: "answer.id" } }
"#;

#[tokio::test]
async fn a_request_of_its_own_finds_a_lost_record() {
    let found = get("/notes", json!({ "notes": [{ "id": 12 }] }));
    let lost = post("/notes", Value::Null).lost();
    let lost = lost.expecting(json!({ "text": "a&b", "ref": "run1/step" }));
    let scene = Scene::new(NOTE, json!({ "text": "a&b" }), vec![lost.clone(), found]);
    assert_eq!(scene.perform().await.unwrap(), json!({ "id": "12" }));
    let key = ("Idempotency-Key".to_owned(), "run1/step".to_owned());
    assert!(scene.transport.requests()[0].headers.contains(&key));

    let none = get("/notes", json!({ "notes": [] }));
    let again = post("/notes", json!({ "id": "n1" }));
    let scene = Scene::new(NOTE, json!({ "text": "a&b" }), vec![lost, none, again]);
    assert_eq!(scene.perform().await.unwrap(), json!({ "id": "n1" }));
}
