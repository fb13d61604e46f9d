//! The bundled spokes as a whole: their files load, and every recorded example holds.

use linchpin_connector::testing::run_examples;
use linchpin_spokes::bundled;

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
