//! Everything that is built in has a licence we accept, comes from the package registry, and is
//! not banned. The lists are in `deny.toml`, which cargo-deny reads as well; this needs no network
//! and no tool.

use serde_json::Value;
use toml_edit::{Document, Item};

use super::repository::{host, metadata, read};

fn rules() -> Document<String> {
    Document::parse(read("deny.toml")).unwrap()
}

fn texts(item: &Item) -> Vec<&str> {
    item.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

/// The packages that are built on this machine.
fn packages() -> Vec<Value> {
    let metadata = metadata(&["--filter-platform", &host()]);
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let is_built = |package: &&Value| nodes.iter().any(|node| node["id"] == package["id"]);
    metadata["packages"].as_array().unwrap().iter().filter(is_built).cloned().collect()
}

/// Whether a licence expression can be met with the accepted licences alone.
fn is_met(expression: &str, accepted: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let is_met = any_of(&mut rest, accepted);
    assert!(rest.is_empty(), "cannot read the licence {expression:?}");
    is_met
}

fn any_of(rest: &mut &[&str], accepted: &[&str]) -> bool {
    let mut is_met = all_of(rest, accepted);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        is_met |= all_of(rest, accepted);
    }
    is_met
}

fn all_of(rest: &mut &[&str], accepted: &[&str]) -> bool {
    let mut is_met = one(rest, accepted);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        is_met &= one(rest, accepted);
    }
    is_met
}

fn one(rest: &mut &[&str], accepted: &[&str]) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let is_met = any_of(rest, accepted);
            *rest = rest.strip_prefix(&[")"]).expect("a bracket is closed");
            is_met
        }
        [licence, "WITH", exception, after @ ..] => {
            *rest = after;
            accepted.contains(&format!("{licence} WITH {exception}").as_str())
        }
        [licence, after @ ..] => {
            *rest = after;
            accepted.contains(licence)
        }
        [] => panic!("a licence expression ends too early"),
    }
}

#[test]
fn every_licence_is_accepted() {
    let rules = rules();
    let accepted = texts(&rules["licenses"]["allow"]);
    let exceptions = rules["licenses"]["exceptions"].as_array().unwrap();
    let is_excepted = |name: &str| {
        let tables = exceptions.iter().filter_map(|value| value.as_inline_table());
        tables.filter_map(|table| table.get("crate")?.as_str()).any(|excepted| excepted == name)
    };
    let mut refused = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_default();
        if !is_excepted(name) && (licence.is_empty() || !is_met(licence, &accepted)) {
            refused.push(format!("{name}: {licence}"));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn every_package_comes_from_an_accepted_registry_or_from_here() {
    let rules = rules();
    let accepted = texts(&rules["sources"]["allow-registry"]);
    for package in packages() {
        let Some(source) = package["source"].as_str() else { continue };
        let registry = source.strip_prefix("registry+");
        let is_accepted = registry.is_some_and(|registry| accepted.contains(&registry));
        assert!(is_accepted, "{} comes from {source}", package["name"]);
    }
}

#[test]
fn no_package_is_banned() {
    let rules = rules();
    let banned: Vec<_> = rules["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_inline_table().unwrap().get("crate").unwrap().as_str().unwrap())
        .collect();
    assert!(!banned.is_empty());
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        assert!(!banned.contains(&name), "{name} is banned in deny.toml");
    }
}

#[test]
fn every_requirement_of_ours_names_a_version() {
    for package in metadata(&["--no-deps"])["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            let is_ours = dependency["path"].is_string();
            assert!(is_ours || dependency["req"] != "*", "{dependency}");
        }
    }
}

#[test]
fn a_licence_expression_is_read_as_it_binds() {
    let accepted = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
    assert!(is_met("MIT OR GPL-3.0", &accepted));
    assert!(is_met("MIT/Apache-2.0", &accepted));
    assert!(is_met("(GPL-3.0 OR MIT) AND ISC", &accepted));
    assert!(is_met("Apache-2.0 WITH LLVM-exception", &accepted));
    assert!(!is_met("GPL-3.0", &accepted));
    assert!(!is_met("MIT AND GPL-3.0", &accepted));
    assert!(!is_met("Apache-2.0 OR GPL-3.0 AND MIT", &accepted));
}
