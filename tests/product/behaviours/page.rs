//! docs/behaviours.md names a test that is there for each number, or says why there is none.

use crate::architecture::repository::{files, read};

/// Number, tests and reason of each row of a table whose numbers begin with `prefix`.
fn rows(prefix: &str) -> Vec<(u32, Vec<String>, String)> {
    let text = read("docs/behaviours.md");
    let lines = text.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = lines.map(|line| line.split(" | ").map(str::trim).collect::<Vec<_>>());
    let rows = cells.filter_map(|cells| {
        let number = cells.first()?.strip_prefix(prefix)?.parse().ok()?;
        let proof = cells.get(2)?.trim_end_matches('|').trim();
        let names = proof.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some((number, names, proof.to_owned()))
    });
    rows.collect()
}

/// The names of all tests that bear a number.
fn tests() -> Vec<String> {
    let folders = ["tests", "crates"];
    let files = folders.iter().flat_map(|folder| files(folder, ".rs"));
    let mut names = Vec::new();
    for file in files {
        let text = read(file);
        let found = text.lines().filter_map(|line| line.trim_start().split_once("fn "));
        let found = found.filter_map(|(_, rest)| rest.split_once('('));
        names.extend(found.map(|(name, _)| name.to_owned()));
    }
    names
}

/// Whether a test's name bears a number: `litmos_24_25_...` bears 24 and 25.
fn bears(name: &str, prefix: &str, number: u32) -> bool {
    let Some(rest) = name.strip_prefix(prefix) else { return false };
    let numbers = rest.split('_').map_while(|word| word.parse::<u32>().ok());
    numbers.into_iter().any(|one| one == number)
}

fn check(prefix: &str, tests_prefix: &str, numbers: u32) {
    let rows = rows(prefix);
    let tests = tests();
    let mut wrong = Vec::new();
    for number in 1..=numbers {
        let own: Vec<_> = rows.iter().filter(|(n, _, _)| *n == number).collect();
        let [(_, names, proof)] = own[..] else {
            wrong.push(format!("{prefix}{number} has {} rows", own.len()));
            continue;
        };
        if names.is_empty() && !proof.starts_with("needs ") && !proof.starts_with("later: ") {
            wrong.push(format!("{prefix}{number} has neither a test nor a reason: {proof}"));
        }
        let bearing: Vec<_> =
            tests.iter().filter(|name| bears(name, tests_prefix, number)).collect();
        for name in names {
            if !bearing.contains(&name) {
                wrong.push(format!("{prefix}{number}: no test {name} that bears the number"));
            }
        }
        if names.is_empty() && !bearing.is_empty() {
            wrong.push(format!("{prefix}{number} has a test that the page lacks: {bearing:?}"));
        }
    }
    assert!(wrong.is_empty(), "docs/behaviours.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_numbered_behaviour_has_a_test_of_its_number_or_a_reason() {
    check("L", "litmos_", 32);
    check("ST", "st_", 13);
}

#[test]
fn a_name_bears_the_numbers_it_begins_with() {
    assert!(bears("litmos_24_25_told", "litmos_", 25));
    assert!(!bears("litmos_24_told_26", "litmos_", 26));
    assert!(!bears("st_3_told", "litmos_", 3));
}
