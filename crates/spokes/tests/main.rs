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
