//! How the sources read: each file says what it owns, names say what things are, nothing is left
//! for later.

use super::repository::{code, files, read, sources};

/// Words in the name of a type that say nothing, or that the glossary has another word for.
const EMPTY_WORDS: [&str; 14] = [
    "Manager",
    "Helper",
    "Helpers",
    "Util",
    "Utils",
    "Processor",
    "Handler",
    "Data",
    "Info",
    "Workflow",
    "Pipeline",
    "Plugin",
    "Integration",
    "Executor",
];

/// Modules that would collect whatever has no place.
const EMPTY_MODULES: [&str; 6] = ["common", "util", "utils", "helper", "helpers", "misc"];

/// The parts of a name in CamelCase.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for c in name.chars() {
        match parts.last_mut() {
            Some(part) if !c.is_uppercase() => part.push(c),
            Some(_) | None => parts.push(c.to_string()),
        }
    }
    parts
}

/// The name of the type that a line of code declares.
fn declared(line: &str) -> Option<&str> {
    let words = ["struct ", "enum ", "trait ", "type ", "union "];
    let mut line = line.trim_start();
    if let Some(rest) = line.strip_prefix("pub") {
        line = rest.split_once(' ')?.1;
    }
    let name = words.iter().find_map(|word| line.strip_prefix(word))?;
    let end = name.find(|c: char| !c.is_alphanumeric()).unwrap_or(name.len());
    Some(&name[..end])
}

#[test]
fn no_type_has_a_name_that_says_nothing() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        for name in code(&text).filter_map(declared) {
            if parts(name).iter().any(|part| EMPTY_WORDS.contains(&part.as_str())) {
                found.push(format!("{name} in {}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_module_collects_what_has_no_place() {
    for (path, _) in sources() {
        // Below `check` it is the check of types.
        assert!(!path.ends_with("src/types.rs"), "{}", path.display());
        let names = path.iter().map(|part| part.to_string_lossy().replace(".rs", ""));
        for name in names {
            assert!(!EMPTY_MODULES.contains(&name.as_str()), "{}", path.display());
        }
    }
}

#[test]
fn every_file_begins_by_saying_what_it_owns() {
    let all = ["crates", "tests", "benches"].iter().flat_map(|folder| files(folder, ".rs"));
    let silent: Vec<_> = all.filter(|path| !read(path).starts_with("//! ")).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn nothing_is_left_for_later() {
    let unfinished = ["todo!", "unimplemented!", "FIXME", "XXX"];
    for (path, text) in sources() {
        for word in unfinished {
            assert!(
                !text.contains(&format!("{word}(")) && !text.contains(&format!("{word}:")),
                "{word} in {}",
                path.display()
            );
        }
    }
}

#[test]
fn an_exception_from_a_lint_is_expected_and_has_a_reason() {
    for (path, text) in sources() {
        let attributes = ["#[allow(", "#![allow("];
        let is_allowed = code(&text).any(|line| attributes.iter().any(|word| line.contains(word)));
        assert!(!is_allowed, "an allow in {}; use #[expect(..., reason)]", path.display());
    }
}

#[test]
fn a_declared_type_is_recognised() {
    assert_eq!(declared("pub(crate) struct StoreManager {"), Some("StoreManager"));
    assert_eq!(declared("enum Level {"), Some("Level"));
    assert_eq!(declared("let structure = 1;"), None);
    assert_eq!(parts("StoreManager"), ["Store", "Manager"]);
    assert_eq!(parts("Metadata"), ["Metadata"]);
}
