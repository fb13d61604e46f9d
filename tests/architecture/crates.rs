//! The crates depend on each other as the table in `docs/ARCHITECTURE.md` says, and in no other
//! way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::repository::{metadata, quoted, read, table};

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Crate to crates of ours, as written in the table; all without the project's prefix.
fn written() -> Edges {
    let rows = table(&read("docs/ARCHITECTURE.md"), "## Crates");
    rows.iter()
        .map(|row| (quoted(&row[0]).swap_remove(0), quoted(&row[2]).into_iter().collect()))
        .collect()
}

/// Crate to crates of ours, as cargo sees them; `is_counted` picks the kinds of dependency.
fn real(is_counted: impl Fn(&Value) -> bool) -> Edges {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap().iter();
    let crates =
        packages.filter(|package| package["manifest_path"].as_str().unwrap().contains("/crates/"));
    crates
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            let counted = all.filter(|dependency| is_counted(&dependency["kind"]));
            let ours = counted.filter_map(|dependency| short(&dependency["name"])).collect();
            (short(&package["name"]).expect("our crates carry the prefix"), ours)
        })
        .collect()
}

fn short(name: &Value) -> Option<String> {
    name.as_str()?.strip_prefix("linchpin-").map(str::to_owned)
}

#[test]
fn the_crates_depend_on_each_other_as_the_table_says() {
    assert_eq!(real(Value::is_null), written());
}

#[test]
fn no_crate_depends_on_one_above_it() {
    let edges = real(Value::is_null);
    let mut settled = BTreeSet::new();
    while settled.len() < edges.len() {
        let n_before = settled.len();
        for (name, below) in &edges {
            if below.is_subset(&settled) {
                settled.insert(name.clone());
            }
        }
        assert!(settled.len() > n_before, "a circle among all but {settled:?}");
    }
}

#[test]
fn the_sandbox_knows_nothing_of_linchpin_even_in_its_tests() {
    assert_eq!(real(|_| true)["sandbox"], BTreeSet::new());
}

#[test]
fn the_engine_brings_no_crate_that_does_io() {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap().iter();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        if !["linchpin-engine", "linchpin-language", "linchpin-connector"].contains(&name) {
            continue;
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let library = dependency["name"].as_str().unwrap();
            let does_io = ["tokio", "reqwest", "hyper", "axum", "sled", "getrandom", "rand"];
            let is_built_in = dependency["kind"].is_null();
            assert!(!(is_built_in && does_io.contains(&library)), "{name} depends on {library}");
        }
    }
}
