//! The pages of `docs/reference` that are made from the product's own tables: the actions of each
//! spoke, the functions, the kinds of failure and of effect. The page of the command line is made
//! in `crates/cli`, which alone knows its arguments.
//!
//! A page that no longer says what the product does fails here.
//! `LINCHPIN_WRITE_REFERENCE=1 cargo test --workspace reference` writes all of them anew.

mod actions;
mod functions;
mod kinds;
mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::repository::{files, root};

/// A page: its path below `docs/reference`, and its text.
type Page = (String, String);

const FOLDER: &str = "docs/reference";

/// Pages that are made elsewhere.
const OTHERS: [&str; 2] = ["README.md", "cli.md"];

#[test]
fn the_reference_says_what_the_product_does() {
    let mut pages: Vec<Page> = actions::pages();
    pages.push(("functions.md".to_owned(), functions::page()));
    pages.push(("kinds.md".to_owned(), kinds::page()));
    let must_write = std::env::var_os("LINCHPIN_WRITE_REFERENCE").is_some();
    let folder = root().join(FOLDER);
    let mut stale = Vec::new();
    for (name, text) in &pages {
        let path = folder.join(name);
        if must_write {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        }
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} in {FOLDER} are not what the product says; \
         LINCHPIN_WRITE_REFERENCE=1 cargo test --workspace reference writes them"
    );
}

#[test]
fn no_page_of_the_reference_is_left_of_something_that_is_gone() {
    let mut made: BTreeSet<PathBuf> =
        OTHERS.iter().map(|name| Path::new(FOLDER).join(name)).collect();
    made.extend(actions::pages().iter().map(|(name, _)| Path::new(FOLDER).join(name)));
    made.extend(["functions.md", "kinds.md"].map(|name| Path::new(FOLDER).join(name)));
    let left: Vec<PathBuf> =
        files(FOLDER, ".md").into_iter().filter(|page| !made.contains(page)).collect();
    assert!(left.is_empty(), "{left:?}");
}
