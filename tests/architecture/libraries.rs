//! Outside libraries are named in one place each, so that replacing one is replacing one place.

use std::path::Path;

use super::repository::{code, metadata, quoted, read, root, sources, table};

/// A library and the places that may name it, as the table in `docs/ARCHITECTURE.md` says.
struct Rule {
    library: String,
    /// Each stands for the file with `.rs` and for the folder of that name.
    places: Vec<String>,
}

impl Rule {
    fn allows(&self, path: &Path) -> bool {
        self.places
            .iter()
            .any(|place| path == Path::new(&format!("{place}.rs")) || path.starts_with(place))
    }
}

fn rules() -> Vec<Rule> {
    let rows = table(&read("docs/ARCHITECTURE.md"), "## Outside libraries");
    rows.iter()
        .map(|row| Rule { library: quoted(&row[0]).swap_remove(0), places: quoted(&row[1]) })
        .collect()
}

/// Whether a file names a library. A module of the same name is not the library.
fn names(text: &str, library: &str) -> bool {
    let has_own_module = code(text).any(|line| {
        let line = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        line == format!("mod {library};")
    });
    code(text).any(|line| {
        line.match_indices(&format!("{library}::")).any(|(at, _)| {
            let before = &line[..at];
            match before.strip_suffix("::") {
                Some(outer) => !outer.ends_with(is_name),
                None => !has_own_module && !before.ends_with(is_name),
            }
        })
    })
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn an_outside_library_is_named_in_its_place_only() {
    let sources = sources();
    let mut elsewhere = Vec::new();
    for rule in rules() {
        let naming = sources.iter().filter(|(_, text)| names(text, &rule.library));
        for (path, _) in naming.filter(|(path, _)| !rule.allows(path)) {
            elsewhere.push(format!("{} is named in {}", rule.library, path.display()));
        }
    }
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

#[test]
fn a_library_that_has_a_place_is_used_there() {
    let sources = sources();
    for rule in rules() {
        let is_used =
            sources.iter().any(|(path, text)| rule.allows(path) && names(text, &rule.library));
        assert!(is_used, "{} is not named in {:?}", rule.library, rule.places);
    }
}

#[test]
fn only_the_crate_of_its_place_depends_on_a_library() {
    let metadata = metadata(&["--no-deps"]);
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().strip_prefix(root()).unwrap();
        if !folder.starts_with("crates") {
            continue;
        }
        let all = package["dependencies"].as_array().unwrap().iter();
        for dependency in all.filter(|dependency| dependency["kind"].is_null()) {
            // The name in our code, also when the manifest renames the package.
            let name = dependency["rename"].as_str().or(dependency["name"].as_str()).unwrap();
            let name = name.replace('-', "_");
            let rule = rules().into_iter().find(|rule| rule.library == name);
            let is_allowed = rule.is_none_or(|rule| {
                rule.places.iter().any(|place| Path::new(place).starts_with(folder))
            });
            assert!(is_allowed, "{} depends on {name}", folder.display());
        }
    }
}

#[test]
fn naming_is_told_from_a_module_of_the_same_name() {
    assert!(names("use sled::Db;", "sled"));
    assert!(names("let db: ::sled::Db = x;", "sled"));
    assert!(!names("use crate::sled::Store;", "sled"));
    assert!(!names("mod sled;\npub use sled::Store;", "sled"));
    assert!(!names("// use sled::Db;", "sled"));
    assert!(!names("use unsled::Db;", "sled"));
}
