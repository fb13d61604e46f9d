//! Each YAML file of the repository can be laid out, once and for all, and says the same after it.

use std::path::PathBuf;

use linchpin_language::{Document, format_yaml};

use crate::architecture::repository::{files, read};

#[test]
fn each_file_of_the_repository_keeps_its_meaning_and_comments() {
    let all: Vec<PathBuf> = ["benches", "crates", "docs", "flows", "tests"]
        .iter()
        .flat_map(|folder| files(folder, ".yaml"))
        .collect();
    assert!(all.len() > 30, "{all:?}");
    let mut n_read = 0;
    for path in all {
        let name = path.display().to_string();
        let text = read(&path);
        // A file of the corpus of mistakes may be none that can be read.
        let Ok(before) = Document::parse(&name, &text) else { continue };
        n_read += 1;
        let tidy = format_yaml(&name, &text).unwrap_or_else(|found| panic!("{found:?}"));
        let after = Document::parse(&name, &tidy).unwrap();
        assert_eq!(after.root().value().to_string(), before.root().value().to_string(), "{name}");
        let mut kept = tidy.lines();
        for comment in comments(&text) {
            assert!(kept.any(|line| line.trim() == comment), "{name}: {comment}");
        }
        assert_eq!(format_yaml(&name, &tidy).unwrap(), tidy, "{name}");
    }
    assert!(n_read > 30, "{n_read}");
}

/// The lines that are nothing but a comment: none of our files has such a line within a text.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| line.starts_with('#'))
}
