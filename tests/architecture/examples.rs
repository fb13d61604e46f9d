//! The examples of the error pages are true: each flow shown is checked as `linchpin check` would,
//! gives the code of its page, and does not any more once it is mended.

use std::collections::{BTreeMap, BTreeSet};

use linchpin_engine::catalog::{Catalog, FlowSignature};
use linchpin_engine::check::check_text;
use linchpin_language::{Severity, codes};

use super::repository::read;

/// The bundled spokes, and the flow that the pages call.
fn catalog() -> Catalog {
    let spokes = linchpin_spokes::bundled().expect("the bundled spokes load");
    let spokes: BTreeMap<_, _> =
        spokes.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect();
    let flows = BTreeMap::from([("enrol_department".to_owned(), FlowSignature::default())]);
    let now = "2026-01-01T00:00:00Z".parse().ok();
    Catalog { spokes, flows, now, ..Catalog::default() }
}

/// The whole flows among the blocks of a section.
fn flows(page: &str, heading: &str) -> Vec<String> {
    let section = page.split(heading).nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("\n```").skip(1).step_by(2);
    let yaml = blocks.filter_map(|block| block.strip_prefix("yaml\n"));
    // What is cut short by a comment, or leads up to a limit, is no whole flow.
    let is_whole = |flow: &&str| flow.starts_with("flow: ") && !flow.contains("# ...");
    yaml.filter(is_whole).map(|flow| format!("{flow}\n")).collect()
}

#[test]
fn the_example_of_an_error_page_gives_its_code() {
    let catalog = catalog();
    let mut wrong = Vec::new();
    let mut shown = BTreeSet::new();
    for (code, _) in codes::ALL {
        for flow in flows(&read(format!("docs/errors/{}.md", code.0)), "\n## Example\n") {
            shown.insert(code.0);
            let found = check_text("example.yaml", &flow, &catalog);
            if !found.iter().any(|mistake| mistake.code == *code) {
                let found: Vec<_> = found.iter().map(|m| (m.code.0, &m.message)).collect();
                wrong.push(format!("{}: {found:?}", code.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(shown.len() >= 40, "only {} pages show a whole flow", shown.len());
}

#[test]
fn the_fix_of_an_error_page_mends_it() {
    let catalog = catalog();
    let mut wrong = Vec::new();
    for (code, _) in codes::ALL {
        for flow in flows(&read(format!("docs/errors/{}.md", code.0)), "\n## Fix\n") {
            let found = check_text("example.yaml", &flow, &catalog);
            let left: Vec<_> = found
                .iter()
                .filter(|mistake| mistake.code == *code || mistake.severity == Severity::Error)
                .map(|mistake| (mistake.code.0, &mistake.message))
                .collect();
            if !left.is_empty() {
                wrong.push(format!("{}: {left:?}", code.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
