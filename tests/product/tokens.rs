//! Tokens: however many steps meet an expired one, one new one is asked for.

use serde_json::json;

use super::support::{Project, Systems};

const MANY_READS: &str = r#"
flow: many_reads
connections: { st: sumtotal }
steps:
  - id: each
    for_each: inputs.numbers
    as: n
    parallel: 50
    steps:
      - id: lines
        for_each: { call: st.learning_status.stream, with: { user: "100305" } }
        as: line
        collect: line.completion
outputs:
  succeeded: each.succeeded
"#;

/// The flow with its fifty items.
fn many_reads() -> String {
    let numbers: Vec<u32> = (1..=50).collect();
    let inputs =
        format!("inputs: {{ numbers: {{ type: list, items: integer, default: {numbers:?} }} }}\n");
    format!("{MANY_READS}{inputs}")
}

#[test]
fn fifty_parallel_steps_on_an_expired_token_ask_for_one_new_one() {
    let systems = Systems::start(50);
    let connections = systems.connections();
    let project = Project::with(&[
        ("flows/many_reads.yaml", &many_reads()),
        ("connections.yaml", &connections),
    ]);
    systems.configure(&project);
    // The daemon keeps the token between the two runs.
    let mut daemon = project.start(&["daemon"]);
    daemon.until(|line| line.contains(" serves ").then_some(()));
    let asked = || systems.get("/token-requests")["sumtotal"].as_u64().unwrap();
    let reads = || systems.get("/ledger?system=sumtotal&method=GET")["count"].as_u64().unwrap();

    let before = asked();
    project.linchpin(&["run", "many_reads"]).ends_with(0);
    assert_eq!(asked() - before, 1, "without a token");

    for expired in 1..=2 {
        systems.post("/expire-tokens", &json!({}));
        let (before, read) = (asked(), reads());
        let run = project.linchpin(&["run", "many_reads", "--json"]).ends_with(0);
        assert!(run.stdout.contains("\"succeeded\": 50"), "{}", run.stdout);
        assert_eq!(asked() - before, 1, "on an expired token, time {expired}");
        assert!(reads() - read >= 50, "each step read for itself");
    }
}
