//! What a dry run sees: simulated rows in reads, unknown leaves in outputs.

use std::sync::Mutex;

use linchpin_connector::{Effect, Overlay, SimulatedRow};
use linchpin_language::{as_unknown, json};

use crate::acme::{ASSIGN, ENSURE, FIND, LIST, SEARCH, Scene, get};

#[derive(Default)]
struct Rows(Mutex<Vec<SimulatedRow>>);

impl Overlay for Rows {
    fn rows(&self, collection: &str) -> Vec<SimulatedRow> {
        let rows = self.0.lock().unwrap();
        rows.iter().filter(|row| row.collection == collection).cloned().collect()
    }
}

#[tokio::test]
async fn a_created_person_is_seen_by_the_calls_after_it() {
    let overlay = Rows::default();
    let inputs = json!({ "email": "ana@example.test", "first_name": "Ana" });
    let ensure = Scene::new(ENSURE, inputs, vec![get("/people", json!([]))]);
    let look = ensure.action().look(&ensure.dry(&overlay)).await.unwrap();
    let simulated = ensure.action().simulate(&ensure.dry(&overlay), &look).unwrap();
    assert_eq!(simulated.effect, Effect::Create);
    let id = simulated.output["id"].clone();
    assert_eq!(as_unknown(&id).unwrap().label, "id of people.ensure");
    assert_eq!(simulated.output["created"], true);
    overlay.0.lock().unwrap().extend(simulated.rows);

    // The same person again is found and unchanged, with the same unknown id.
    let inputs = json!({ "email": "ana@example.test", "first_name": "Ana" });
    let again = Scene::new(ENSURE, inputs, vec![get("/people", json!([]))]);
    let look = again.action().look(&again.dry(&overlay)).await.unwrap();
    assert_eq!(look.chunks, 0);
    let output = again.action().simulate(&again.dry(&overlay), &look).unwrap().output;
    assert_eq!((output["id"].clone(), output["created"].clone()), (id.clone(), json!(false)));

    // Nothing can be assigned to a person who does not exist yet: no request is sent.
    let assign = Scene::new(ASSIGN, json!({ "user": id, "courses": ["C1"] }), vec![]);
    let look = assign.action().look(&assign.dry(&overlay)).await.unwrap();
    assert_eq!(look.changes, [json!("C1")]);
    let call = assign.dry(&overlay);
    let summary = assign.action().request_summary(&call, &look, 0);
    assert_eq!(summary, "POST /users/{id of people.ensure}/courses");
    let simulated = assign.action().simulate(&call, &look).unwrap();
    assert_eq!(simulated.rows[0].row["id"], "C1");
    overlay.0.lock().unwrap().extend(simulated.rows);

    let list = Scene::new(LIST, json!({ "user": id }), vec![]);
    let output = list.action().read(&list.dry(&overlay)).await.unwrap();
    assert_eq!(output["count"], 1);
    assert_eq!(output["courses"][0]["id"], "C1");
    assert!(as_unknown(&output["courses"][0]["name"]).is_some());
}

#[tokio::test]
async fn real_rows_are_merged_with_simulated_ones() {
    let row = |id: &str, gone| SimulatedRow {
        collection: "user_courses/u".to_owned(),
        row: json!({ "id": id, "complete": true }),
        gone,
        keys: Vec::new(),
    };
    let overlay = Rows(Mutex::new(vec![row("C1", false), row("C2", true), row("C3", false)]));
    let real = json!([{ "Id": "C1", "Name": "One" }, { "Id": "C2", "Name": "Two" }]);
    let replies = vec![get("/users/u/courses", real), get("/users/u/courses", json!([]))];
    let list = Scene::new(LIST, json!({ "user": "u" }), replies);
    let output = list.action().read(&list.dry(&overlay)).await.unwrap();
    assert_eq!(output["count"], 2);
    assert_eq!(output["courses"][0]["name"], "One");
    assert_eq!(output["courses"][0]["complete"], true);
    assert_eq!(output["courses"][1]["id"], "C3");
}

#[tokio::test]
async fn a_read_that_needs_an_unknown_of_elsewhere_is_unknown() {
    let overlay = Rows::default();
    let user = linchpin_language::unknown("signal.user", "string", "user of the signal");
    let list = Scene::new(LIST, json!({ "user": user }), vec![]);
    let output = list.action().read(&list.dry(&overlay)).await.unwrap();
    assert!(as_unknown(&output["count"]).is_some(), "{output}");
    assert!(as_unknown(&output["courses"]).is_some());
}

#[tokio::test]
async fn a_read_that_finds_one_thing_by_a_text_with_a_created_id_finds_it() {
    let overlay = Rows::default();
    let inputs = json!({ "email": "ana@example.test", "first_name": "Ana" });
    let ensure = Scene::new(ENSURE, inputs, vec![get("/people", json!([]))]);
    let look = ensure.action().look(&ensure.dry(&overlay)).await.unwrap();
    let simulated = ensure.action().simulate(&ensure.dry(&overlay), &look).unwrap();
    let id = simulated.output["id"].clone();
    overlay.0.lock().unwrap().extend(simulated.rows);

    let find = Scene::new(FIND, json!({ "id": id }), vec![]);
    let output = find.action().read(&find.dry(&overlay)).await.unwrap();
    assert_eq!(output["user_name"], "ana@example.test");

    // A list of whatever matches the text could hold others as well.
    let list = Scene::new(SEARCH, json!({ "id": id }), vec![]);
    let output = list.action().read(&list.dry(&overlay)).await.unwrap();
    assert!(as_unknown(&output["people"]).is_some(), "{output}");
}

/// Of a thing that this dry run would make nobody knows the id yet: it is not the one that is
/// looked for by an id that is known.
#[tokio::test]
async fn a_created_person_is_not_taken_for_one_that_is_there() {
    let overlay = Rows::default();
    let inputs = json!({ "email": "ana@example.test", "first_name": "Ana" });
    let ensure = Scene::new(ENSURE, inputs, vec![get("/people", json!([]))]);
    let look = ensure.action().look(&ensure.dry(&overlay)).await.unwrap();
    let simulated = ensure.action().simulate(&ensure.dry(&overlay), &look).unwrap();
    overlay.0.lock().unwrap().extend(simulated.rows);

    let real = get("/people", json!([{ "Id": "p1", "UserName": "tom@example.test" }]));
    let find = Scene::new(FIND, json!({ "id": "p1" }), vec![real]);
    let output = find.action().read(&find.dry(&overlay)).await.unwrap();
    assert_eq!(output["user_name"], "tom@example.test");
    let find = Scene::new(FIND, json!({ "id": "p2" }), vec![get("/people", json!([]))]);
    let error = find.action().read(&find.dry(&overlay)).await.unwrap_err();
    assert_eq!(error.message, "there is no such record");
}
