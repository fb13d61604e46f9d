//! The bundled spokes as a whole: their files load, and every recorded example holds.

mod files;

use linchpin_connector::testing::{FakeTransport, Reply, perform, run_examples};
use linchpin_connector::{Call, Connection};
use linchpin_spokes::bundled;
use serde_json::json;

#[tokio::test]
async fn every_example_of_every_bundled_action_passes() {
    let mut failures = Vec::new();
    for spoke in bundled().expect("the bundled spokes load") {
        for failure in run_examples(&spoke).await {
            failures.push(format!("{}: {failure}", spoke.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn read_on_demand_each_action_is_the_same() {
    let whole = bundled().expect("the bundled spokes load");
    let later = linchpin_spokes::on_demand().expect("the bundled spokes load");
    assert_eq!(whole.len(), later.len());
    for (whole, later) in whole.iter().zip(&later) {
        assert!(whole.action_names().eq(later.action_names()), "{}", whole.name);
        for (name, action) in whole.actions() {
            let read = later.action(name).expect("an action of that name");
            let (one, other) = (action.spec(), read.spec());
            assert_eq!((&one.inputs, &one.outputs), (&other.inputs, &other.outputs), "{name}");
            assert_eq!((&one.title, one.effect), (&other.title, other.effect), "{name}");
        }
        assert!(later.action("nothing").is_none());
    }
}

#[test]
fn every_action_and_every_input_says_what_it_is() {
    let mut silent = Vec::new();
    for spoke in bundled().expect("the bundled spokes load") {
        for (name, action) in spoke.actions() {
            let spec = action.spec();
            if spec.about.is_none() {
                silent.push(format!("{}.{name}", spoke.name));
            }
            let inputs = spec.inputs.iter().filter(|(_, schema)| schema.about.is_none());
            silent.extend(inputs.map(|(input, _)| format!("{}.{name}: {input}", spoke.name)));
        }
    }
    assert!(silent.is_empty(), "without a description: {}", silent.join(", "));
}

#[tokio::test]
async fn litmos_18_a_profile_that_somebody_else_made_meanwhile_is_linked_as_it_is() {
    let litmos = bundled().unwrap().into_iter().find(|spoke| spoke.name == "litmos").unwrap();
    let action = litmos.action("users.ensure").unwrap();
    let inputs = json!({ "email": "ana@example.test", "first_name": "Ana", "last_name": "Ruiz" });
    let inputs = action.spec().read_inputs(inputs).unwrap();
    let user = |id: &str, name: &str, level: &str| {
        json!({ "Id": id, "UserName": name, "Email": name, "FirstName": "Ana", "LastName": "Ruiz",
                "AccessLevel": level, "Active": true })
    };
    let near = user("r3Tn-8pLcD51", "mariana@example.test", "Learner");
    let hers = user("k7Qp-2mXaB41", "ANA@example.test", "Administrator");
    let detail = json!({ "Detail": "UserName already exists" });
    let transport = FakeTransport::new(vec![
        Reply::json(http::Method::GET, "/users", &json!([near])),
        Reply::json(http::Method::POST, "/users", &detail).with_status(409),
        Reply::json(http::Method::GET, "/users", &json!([near, hers])),
    ]);
    let values = json!({ "url": "https://example.test", "source": "linchpin", "wire": "json" });
    let connection = Connection {
        alias: "lms".to_owned(),
        spoke: "litmos".to_owned(),
        values: values.as_object().cloned().unwrap(),
    };
    let call = Call {
        inputs: &inputs,
        connection: &connection,
        transport: &transport,
        key: "one-call",
        now: "2026-02-01T12:00:00Z".parse().unwrap(),
        overlay: None,
    };
    let linked = perform(action.as_ref(), &call).await.unwrap();
    assert!(transport.mistakes().is_empty(), "{:?}", transport.mistakes());
    assert_eq!(linked["id"], "k7Qp-2mXaB41");
    assert_eq!(linked["access_level"], "Administrator", "it is left alone");
}
