//! Every code that a user can meet has a page in `docs/errors`, and every page a code.

use std::collections::BTreeSet;

use linchpin_language::codes;

use super::repository::{files, quoted, read, table};

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let codes: BTreeSet<_> = codes::ALL.iter().map(|(code, _)| code.0.to_owned()).collect();
    let pages: BTreeSet<_> = files("docs/errors", ".md")
        .iter()
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "README")
        .collect();
    assert_eq!(pages, codes);
}

#[test]
fn an_error_page_tells_the_meaning_shows_an_example_and_the_fix() {
    for (code, meaning) in codes::ALL {
        let page = read(format!("docs/errors/{}.md", code.0));
        assert!(page.starts_with(&format!("# {}\n", code.0)), "{}", code.0);
        assert!(page.to_lowercase().contains(&meaning.to_lowercase()), "{}: {meaning}", code.0);
        for heading in ["\n## Example\n", "\n## Fix\n"] {
            assert!(page.contains(heading), "{} lacks {heading:?}", code.0);
        }
        assert!(page.contains("\n```"), "{} shows no example", code.0);
    }
}

#[test]
fn the_list_of_error_pages_is_the_list_of_codes() {
    let listed: Vec<_> = table(&read("docs/errors/README.md"), "## All codes")
        .iter()
        .map(|row| (quoted(&row[0]).swap_remove(0), row[1].clone()))
        .collect();
    let codes: Vec<_> =
        codes::ALL.iter().map(|(code, about)| (code.0.to_owned(), (*about).to_owned())).collect();
    assert_eq!(listed, codes);
}
