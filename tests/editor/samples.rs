//! The flows that schemas are tried on: those of the repository that are right, and such mistakes
//! as a schema can tell.

use linchpin_engine::catalog::{Catalog, FlowSignature};
use linchpin_engine::check::check_text;
use linchpin_language::{Severity, codes};

use crate::architecture::repository::{files, read};
use crate::corpus;

/// What the corpora of `check` can name, and the flow that pages call.
pub(super) fn catalog() -> Catalog {
    let mut catalog = corpus::catalog();
    catalog.flows.insert("enrol_department".to_owned(), FlowSignature::default());
    catalog
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

/// The examples of the error pages and the seeded mistakes that a schema can tell.
pub(super) fn wrong() -> Vec<(String, String)> {
    let seeded = files("tests/corpus/mistakes", ".yaml").into_iter().filter_map(|path| {
        let text = read(&path);
        let code = text.lines().next()?.strip_prefix("# expect: ")?.split(' ').next()?.to_owned();
        SHOWN.contains(&code.as_str()).then(|| (path.display().to_string(), text))
    });
    let pages = codes::ALL.iter().filter(|(code, _)| SHOWN.contains(&code.0));
    let shown = pages.flat_map(|(code, _)| {
        let page = format!("docs/errors/{}.md", code.0);
        let text = read(&page);
        let section = text.split("\n## Example\n").nth(1).unwrap_or_default();
        let section = section.split("\n## ").next().unwrap_or_default();
        blocks(&page, section)
    });
    seeded.chain(shown).collect()
}

/// Every whole flow of the repository.
fn all() -> Vec<(String, String)> {
    let corpus = ["flows", "tests/corpus"].into_iter();
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
