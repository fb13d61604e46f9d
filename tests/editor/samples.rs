//! The flows that schemas are tried on: those of the repository that are right, and such mistakes
//! as a schema can tell.

use std::collections::BTreeMap;

use linchpin_engine::catalog::{Catalog, FlowSignature};
use linchpin_engine::check::check_text;
use linchpin_language::{Severity, codes};

use crate::architecture::repository::{files, read, root};

/// The bundled spokes, an alias of the environment, and the flow that pages call.
pub(super) fn catalog() -> Catalog {
    let spokes = linchpin_spokes::bundled().expect("the bundled spokes load");
    let spokes: BTreeMap<_, _> =
        spokes.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect();
    let flows = BTreeMap::from([("enrol_department".to_owned(), FlowSignature::default())]);
    let aliases = BTreeMap::from([("lms".to_owned(), "litmos".to_owned())]);
    Catalog { spokes, flows, aliases, ..Catalog::default() }
}

/// The codes whose mistakes a schema can tell, wherever they are made.
const SHOWN: [&str; 8] = [
    "unknown-key",
    "unknown-step-kind",
    "unknown-action",
    "unknown-input",
    "missing-key",
    "unknown-spoke",
    "conflicting-keys",
    "wrong-type",
];

/// Every whole flow of the repository in which `check` finds no error, by where it is.
pub(super) fn right() -> Vec<(String, String)> {
    let catalog = catalog();
    let mut found = all();
    found.retain(|(name, text)| {
        let mistakes = check_text(name, text, &catalog);
        mistakes.iter().all(|mistake| mistake.severity != Severity::Error)
    });
    found
}

/// The examples of the error pages whose mistake a schema can tell.
pub(super) fn wrong() -> Vec<(String, String)> {
    let pages = codes::ALL.iter().filter(|(code, _)| SHOWN.contains(&code.0));
    pages
        .flat_map(|(code, _)| {
            let page = format!("docs/errors/{}.md", code.0);
            let text = read(&page);
            let section = text.split("\n## Example\n").nth(1).unwrap_or_default();
            let section = section.split("\n## ").next().unwrap_or_default();
            blocks(&page, section)
        })
        .collect()
}

/// Every whole flow of the repository.
fn all() -> Vec<(String, String)> {
    let corpus =
        ["flows", "tests/corpus"].into_iter().filter(|folder| root().join(folder).is_dir());
    let paths = corpus.flat_map(|folder| files(folder, ".yaml"));
    let mut found: Vec<(String, String)> =
        paths.map(|path| (path.display().to_string(), read(&path))).collect();
    let pages = ["docs/errors", "docs/guide", "docs/reference"];
    for page in pages.into_iter().flat_map(|folder| files(folder, ".md")) {
        found.extend(blocks(&page.display().to_string(), &read(&page)));
    }
    found.retain(|(_, text)| text.lines().any(|line| line.starts_with("flow: ")));
    found
}

/// The whole flows among the YAML blocks of a page.
fn blocks(page: &str, text: &str) -> Vec<(String, String)> {
    let blocks = text.split("\n```").skip(1).step_by(2);
    let yaml = blocks.filter_map(|block| block.strip_prefix("yaml\n"));
    yaml.filter(|flow| flow.contains("flow: ") && !flow.contains("# ..."))
        .enumerate()
        .map(|(at, flow)| (format!("{page}#{at}"), format!("{flow}\n")))
        .collect()
}
