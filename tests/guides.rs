//! What the guides show is true: their flows and their spoke are checked as a project's would be,
//! and the mistakes they print are the ones that are found.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_connector::Spoke;
use linchpin_connector::testing::run_examples;
use linchpin_engine::catalog::Catalog;
use linchpin_engine::check::check_text;
use linchpin_language::{Format, Severity, render};

use crate::architecture::repository::read;

const FIRST: &str = "docs/guide/first-flow.md";
const ACTION: &str = "docs/guide/write-an-action.md";

/// The YAML blocks of a page, in order.
fn blocks(page: &str) -> Vec<String> {
    let text = read(page);
    let blocks = text.split("\n```").skip(1).step_by(2);
    let yaml = blocks.filter_map(|block| block.strip_prefix("yaml\n"));
    yaml.map(|block| format!("{block}\n")).collect()
}

/// The bundled spokes, and the one that the guide makes.
fn catalog() -> Catalog {
    let mut spokes: BTreeMap<_, _> = linchpin_spokes::bundled()
        .unwrap()
        .into_iter()
        .map(|spoke| (spoke.name.clone(), spoke))
        .collect();
    let own = own_spoke();
    spokes.insert(own.name.clone(), Arc::new(own));
    Catalog { spokes, ..Catalog::default() }
}

fn own_spoke() -> Spoke {
    let blocks = blocks(ACTION);
    let paths = ["spoke.yaml", "actions/tickets.set_urgency.yaml"];
    let files: Vec<_> = paths.map(str::to_owned).into_iter().zip(blocks).collect();
    Spoke::load(&files, &[]).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[test]
fn the_mistakes_that_the_first_guide_prints_are_found() {
    let found = check_text("flows/welcome.yaml", &blocks(FIRST)[0], &catalog());
    let printed = render(&found, Format::Human { color: false });
    assert!(read(FIRST).contains(printed.trim()), "{printed}");
}

#[test]
fn the_flows_of_the_guides_are_right_once_they_are_mended() {
    let [first, scheduled, ..] = &blocks(FIRST)[..] else { panic!("two flows in {FIRST}") };
    let mended = first
        .replace("inputs.lastname", "inputs.last_name")
        .replace("20 s", "20s")
        .replace("courses.asign", "courses.assign")
        .replace("learner.idd", "learner.id");
    let own = blocks(ACTION).pop().unwrap();
    for flow in [&mended, scheduled, &own] {
        let mut found = check_text("flow.yaml", flow, &catalog());
        found.retain(|mistake| mistake.severity == Severity::Error);
        assert!(found.is_empty(), "{}", render(&found, Format::Human { color: false }));
    }
}

#[tokio::test]
async fn the_examples_of_the_action_that_the_guide_makes_hold() {
    let mistakes = run_examples(&own_spoke()).await;
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}
