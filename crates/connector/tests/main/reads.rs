//! Listings, pages and streams.

use linchpin_connector::testing::Reply;
use linchpin_connector::{ErrorKind, WriteState};
use linchpin_language::{Value, json};

use crate::acme::{LIST, Scene, get};

fn list(paging: &str, extra: &str, replies: Vec<Reply>) -> Scene {
    let action = format!(
        r#"
action: people.list
title: List people
effect: read
inputs: {{ search: {{ type: string }}, most: {{ type: integer }} }}
look:
  - {{ id: people, get: /people, query: {{ search: "{{{{ inputs.search }}}}" }}, paging: {paging}, shape: person{extra} }}
outputs:
  ids: {{ type: list, items: string, value: "look.people.map(p, p.id)" }}
"#
    );
    Scene::new(&action, json!({ "most": 3 }), replies)
}

fn people(ids: &[&str]) -> Value {
    ids.iter().map(|id| json!({ "Id": id })).collect()
}

async fn ids(scene: &Scene) -> Value {
    scene.perform().await.unwrap()["ids"].clone()
}

fn asked(scene: &Scene, name: &str) -> Vec<String> {
    let requests = scene.transport.requests();
    let value = |request: &linchpin_connector::Request| {
        let found = request.query.iter().find(|(known, _)| known == name);
        found.map_or("-".to_owned(), |(_, value)| value.clone())
    };
    requests.iter().map(value).collect()
}

#[tokio::test]
async fn an_offset_advances_by_the_rows_received_and_ends_on_a_short_page() {
    let scene = list(
        "pages",
        "",
        vec![get("/people", people(&["a", "b", "c"])), get("/people", people(&["d"]))],
    );
    assert_eq!(ids(&scene).await, json!(["a", "b", "c", "d"]));
    assert_eq!(asked(&scene, "start"), ["0", "3"]);
    assert_eq!(asked(&scene, "search"), ["-", "-"]);
}

#[tokio::test]
async fn a_page_without_a_new_key_ends_the_listing() {
    let page = || get("/people", people(&["a", "b"]));
    let scene = list("pages", "", vec![page(), page()]);
    assert_eq!(ids(&scene).await, json!(["a", "b"]));
}

#[tokio::test]
async fn a_total_ends_the_listing_and_the_offset_may_count_pages() {
    let page =
        |ids: &[&str]| get("/people", json!({ "data": people(ids), "page": { "total": 3 } }));
    let replies = || vec![page(&["a", "b"]), page(&["c"])];
    let scene = list("counted", ", list: data", replies());
    assert_eq!(ids(&scene).await, json!(["a", "b", "c"]));
    assert_eq!(asked(&scene, "offset"), ["0", "2"]);
    let scene = list("counted", ", list: data", replies()).on(json!({ "unit": "pages" }));
    ids(&scene).await;
    assert_eq!(asked(&scene, "offset"), ["0", "1"]);
}

#[tokio::test]
async fn pages_are_numbered_from_one_and_end_on_an_empty_one() {
    let scene =
        list("numbered", "", vec![get("/people", people(&["a"])), get("/people", json!([]))]);
    assert_eq!(ids(&scene).await, json!(["a"]));
    assert_eq!(asked(&scene, "page"), ["1", "2"]);
}

#[tokio::test]
async fn links_go_on_through_empty_pages_and_end_when_one_repeats() {
    let page = |ids: &[&str], link: &str| {
        get("/people", json!({ "value": people(ids), "@odata.nextLink": link }))
    };
    let scene = list(
        "odata",
        ", list: value",
        vec![
            page(&["a"], "https://elsewhere.test/v1/people?skip=1"),
            page(&[], "https://elsewhere.test/v1/people?skip=2"),
            page(&["b"], "https://elsewhere.test/v1/people?skip=2"),
        ],
    );
    assert_eq!(ids(&scene).await, json!(["a", "b"]));
    assert_eq!(asked(&scene, "skip"), ["-", "1", "2"]);
    assert_eq!(asked(&scene, "source"), ["linchpin", "linchpin", "linchpin"]);
}

#[tokio::test]
async fn cursors_end_when_there_is_none() {
    let page =
        |ids: &[&str], next: Value| get("/people", json!({ "rows": people(ids), "next": next }));
    let scene =
        list("cursors", ", list: rows", vec![page(&["a"], json!("x1")), page(&["b"], Value::Null)]);
    assert_eq!(ids(&scene).await, json!(["a", "b"]));
    assert_eq!(asked(&scene, "after"), ["-", "x1"]);
}

#[tokio::test]
async fn a_link_header_leads_on() {
    let mut first = get("/people", people(&["a"]));
    if let Some(answer) = &mut first.answer {
        let link = "<https://api.acme.test/v1/people?at=2>;rel=\"next\"";
        answer.headers.insert("link", http::HeaderValue::from_static(link));
    }
    let scene = list("header", "", vec![first, get("/people", people(&["b"]))]);
    assert_eq!(ids(&scene).await, json!(["a", "b"]));
    assert_eq!(asked(&scene, "at"), ["-", "2"]);
}

#[tokio::test]
async fn max_stops_early_and_an_endless_listing_is_an_error() {
    let page = |n: usize| get("/people", people(&[&format!("a{n}"), &format!("b{n}")]));
    let scene = list("pages", ", max: \"{{ inputs.most }}\"", (0..2).map(page).collect());
    assert_eq!(ids(&scene).await, json!(["a0", "b0", "a1"]));

    let endless = list("pages", "", (0..5001).map(page).collect());
    let action = endless.action();
    let error = action.read(&endless.call()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::LimitExceeded);
}

#[tokio::test]
async fn empty_on_a_status_is_no_error_and_a_read_never_leaves_a_write_in_doubt() {
    let reply = |status| get("/people", json!({ "Detail": "none" })).with_status(status);
    let scene = list("pages", ", empty_on: [404]", vec![reply(404)]);
    assert_eq!(ids(&scene).await, json!([]));
    let broken = list("pages", "", vec![reply(500)]);
    let error = broken.perform().await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::Unavailable, WriteState::None));
}

#[tokio::test]
async fn a_value_cannot_leave_its_path_segment() {
    let scene = Scene::new(
        LIST,
        json!({ "user": "../people?x=1" }),
        vec![get("/users/../people?x=1/courses", json!([]))],
    );
    scene.perform().await.unwrap();
    assert_eq!(scene.transport.requests()[0].path, "/users/..%2Fpeople%3Fx%3D1/courses");
    let scene = Scene::new(LIST, json!({ "user": ".." }), vec![]);
    let error = scene.perform().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_unreadable_field_names_itself() {
    let body = json!([{ "Id": "a", "AssignedDate": "soon" }]);
    let scene = Scene::new(LIST, json!({ "user": "u" }), vec![get("/users/u/courses", body)]);
    let error = scene.perform().await.unwrap_err();
    assert_eq!(error.message, "field `assigned_at`: cannot read `soon` as a date and time");
    assert_eq!(error.kind, ErrorKind::BadResponse);
}

const STREAM: &str = r#"
action: people.stream
title: Look up people
effect: read
inputs:
  after_version: { type: integer }
  user: { type: string }
  max_records: { type: integer }
read_from:
  - { when: "connection.unit == 'records'", get: /odata/people, paging: odata, list: value, shape: person, collection: people }
  - { when: "inputs.user != null", get: "/people/{{ inputs.user }}/rows", paging: counted, list: data, empty_on: [404], shape: person, set: { user_name: "{{ inputs.user }}" } }
  - { fail: { kind: invalid_input, message: this connection reads one person at a time } }
keep: "inputs.after_version == null || row.version == null || row.version > inputs.after_version"
stream: { row: person, watermark: version, max: "{{ inputs.max_records }}" }
"#;

#[tokio::test]
async fn a_stream_goes_on_from_a_journaled_cursor() {
    let page = |body: Value| get("/odata/people", body);
    let scene = Scene::new(
        STREAM,
        json!({ "after_version": 5 }),
        vec![
            page(
                json!({ "value": [{ "Id": 1, "Version": "AAAAAAAAAAU=" }, { "Id": 2, "Version": "AAAAAAAAAAY=" }], "@odata.nextLink": "/odata/people?token=1" }),
            ),
            page(json!({ "value": [{ "Id": 3 }] })),
        ],
    );
    let action = scene.action();
    let first = action.page(&scene.call(), None).await.unwrap();
    assert_eq!(
        (first.rows[0]["id"].clone(), first.rows[0]["version"].clone()),
        (json!("2"), json!(6))
    );
    assert_eq!((first.rows.len(), first.keys.clone()), (1, vec!["2".to_owned()]));
    let journaled = first.cursor.unwrap().to_string();
    let cursor: Value = serde_json::from_str(&journaled).unwrap();
    let second = action.page(&scene.call(), Some(&cursor)).await.unwrap();
    assert_eq!((second.rows[0]["id"].clone(), second.cursor), (json!("3"), None));
    assert_eq!(scene.transport.mistakes(), Vec::<String>::new());
    assert_eq!(action.spec().stream.as_ref().unwrap().watermark.as_deref(), Some("version"));
}

#[tokio::test]
async fn a_stream_reads_from_the_first_source_that_holds() {
    let data = json!({ "data": [{ "Id": 1 }], "page": { "total": 1 } });
    let scene = Scene::new(STREAM, json!({ "user": "u1" }), vec![get("/people/u1/rows", data)])
        .on(json!({ "unit": "pages" }));
    assert_eq!(scene.perform().await.unwrap()[0]["user_name"], "u1");
    let nobody = Scene::new(STREAM, json!({}), vec![]).on(json!({ "unit": "pages" }));
    let error = nobody.perform().await.unwrap_err();
    assert_eq!(error.message, "this connection reads one person at a time");
}

#[tokio::test]
async fn a_stream_ends_at_its_maximum() {
    let rows =
        json!({ "value": [{ "Id": 1 }, { "Id": 2 }, { "Id": 3 }], "@odata.nextLink": "/x?y=1" });
    let scene = Scene::new(STREAM, json!({ "max_records": 2 }), vec![get("/odata/people", rows)]);
    assert_eq!(scene.perform().await.unwrap().as_array().unwrap().len(), 2);
}
