//! The documents hold together: links, decisions, changelog, short names.

use super::repository::{files, read, root};

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let mut pages = files("docs", ".md");
    pages.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(Into::into));
    pages.extend(files("crates/spokes", "README.md"));
    let mut dead = Vec::new();
    for page in pages {
        let text = read(&page);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let is_outside = target.contains("://") || file.is_empty();
            let folder = root().join(page.parent().unwrap());
            if !is_outside && !folder.join(file).exists() {
                dead.push(format!("{} in {}", target, page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn the_decisions_are_numbered_without_a_gap_and_tell_why() {
    let records = files("docs/adr", ".md");
    let records: Vec<_> = records.iter().filter(|path| !path.ends_with("README.md")).collect();
    for (index, path) in records.iter().enumerate() {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(name.starts_with(&format!("{:04}-", index + 1)), "{name}");
        let text = read(path);
        for heading in ["Context", "Decision", "Consequences", "Alternatives"] {
            assert!(text.contains(&format!("\n## {heading}\n")), "{name} lacks {heading}");
        }
    }
    assert!(!records.is_empty());
}

#[test]
fn the_short_names_stay_short() {
    assert!(read("justfile").lines().count() < 40);
}

#[test]
fn the_changelog_begins_with_what_is_not_released_yet() {
    let changelog = read("CHANGELOG.md");
    let first = changelog.lines().find(|line| line.starts_with("## "));
    assert_eq!(first, Some("## Unreleased"));
}
