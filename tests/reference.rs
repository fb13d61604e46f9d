//! The pages of `docs/reference` that are made from the product's own tables: the actions of each
//! spoke, the keys of a manifest, of a flow, its steps and triggers, the functions, the kinds of failure and of
//! effect. The page of the command line is made
//! in `crates/cli`, which alone knows its arguments.
//!
//! A page that no longer says what the product does fails here.
//! `LINCHPIN_WRITE_REFERENCE=1 cargo test --workspace reference` writes all of them anew.

mod actions;
mod functions;
mod keys;
mod kinds;
mod markdown;
mod steps;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use markdown::NOTICE;

use crate::architecture::repository::{files, root};

/// A page: its path below `docs/reference`, and its text.
type Page = (String, String);

const FOLDER: &str = "docs/reference";

/// Pages that are made elsewhere.
const OTHERS: [&str; 3] = ["README.md", "cli.md", "flow-designer.md"];

#[test]
fn the_reference_says_what_the_product_does() {
    let mut pages: Vec<Page> = actions::pages();
    pages.push(("functions.md".to_owned(), functions::page()));
    pages.push(("kinds.md".to_owned(), kinds::page()));
    pages.push(("flow.md".to_owned(), steps::flow()));
    pages.push(("manifest.md".to_owned(), linchpin_connector::reference::manifest(NOTICE)));
    pages.push(("steps.md".to_owned(), steps::steps()));
    pages.push(("triggers.md".to_owned(), steps::triggers()));
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
    let single = ["functions.md", "kinds.md", "flow.md", "manifest.md", "steps.md", "triggers.md"];
    made.extend(single.map(|name| Path::new(FOLDER).join(name)));
    let left: Vec<PathBuf> =
        files(FOLDER, ".md").into_iter().filter(|page| !made.contains(page)).collect();
    assert!(left.is_empty(), "{left:?}");
}
