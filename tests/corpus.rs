//! The two corpora of `check`: seeded mistakes, each in a file that says which and where, and valid
//! flows, about which there is nothing to say.
//!
//! A mistake's file begins with a line `# expect: CODE LINE:COLUMN` for each diagnostic, in order;
//! those are found and no others. The files of both folders are one project: they call each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use linchpin_engine::catalog::Catalog;
use linchpin_engine::check::check_text;
use linchpin_engine::flow::Calendar;
use linchpin_language::{Diagnostic, codes};

use crate::architecture::repository::{files, root};

const MISTAKES: &str = "tests/corpus/mistakes";
const VALID: &str = "tests/corpus/valid";

/// What the environment of the corpora binds.
const ALIASES: [(&str, &str); 6] = [
    ("sn", "servicenow"),
    ("hr", "servicenow"),
    ("lms", "litmos"),
    ("lms_emea", "litmos"),
    ("st", "sumtotal"),
    ("web", "http"),
];

fn text_of(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn yaml(folder: &str) -> Vec<PathBuf> {
    files(folder, ".yaml")
}

/// The bundled spokes, the aliases, and all flows of both folders that can be read.
pub(crate) fn catalog() -> Catalog {
    let spokes = linchpin_spokes::bundled().expect("the bundled spokes are sound");
    let mut catalog = Catalog {
        spokes: spokes.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect(),
        aliases: ALIASES.map(|(alias, spoke)| (alias.to_owned(), spoke.to_owned())).into(),
        calendars: BTreeMap::from([("london".to_owned(), Calendar::default())]),
        now: Some("2026-11-22T00:00:00Z".parse().unwrap()),
        ..Catalog::default()
    };
    let all = [yaml(VALID), yaml(MISTAKES)].concat();
    let flows: Vec<_> = all
        .iter()
        .filter_map(|file| linchpin_engine::parse(&file.display().to_string(), &text_of(file)).ok())
        .collect();
    catalog.sign(&flows);
    catalog
}

fn found(file: &Path, catalog: &Catalog) -> Vec<Diagnostic> {
    check_text(&file.display().to_string(), &text_of(file), catalog)
}

fn shown(found: &[Diagnostic]) -> String {
    let lines = found.iter().map(|one| {
        let help = one.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
        format!("  {} {one}{help}\n", one.code)
    });
    lines.collect()
}

#[test]
fn every_seeded_mistake_is_found_at_its_place_and_nothing_else_is() {
    let (catalog, files) = (catalog(), yaml(MISTAKES));
    assert!(files.len() >= 60, "{} mistakes", files.len());
    let mut wrong = String::new();
    for file in &files {
        let text = text_of(file);
        let expected: Vec<&str> =
            text.lines().map_while(|line| line.strip_prefix("# expect: ")).collect();
        assert!(!expected.is_empty(), "{} does not say what is wrong with it", file.display());
        let found = found(file, &catalog);
        let places: Vec<String> = found
            .iter()
            .map(|one| {
                let (line, column) = one.position();
                format!("{} {line}:{column}", one.code)
            })
            .collect();
        if places != expected {
            wrong +=
                &format!("{}: expected {expected:?}, found\n{}", file.display(), shown(&found));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn valid_flows_give_no_diagnostic() {
    let (catalog, files) = (catalog(), yaml(VALID));
    assert!(files.len() >= 40, "{} valid flows", files.len());
    let told: Vec<String> = files.iter().map(|file| shown(&found(file, &catalog))).collect();
    assert!(told.iter().all(String::is_empty), "{}", told.concat());
}

#[test]
fn the_mistakes_cover_each_code_that_a_flow_can_meet() {
    let texts: String = yaml(MISTAKES).iter().map(|file| text_of(file)).collect();
    // What concerns whole projects and spokes, files too large to keep, or one version only.
    let elsewhere = [
        codes::UNREADABLE_FILE,
        codes::FILE_TOO_LARGE,
        codes::TOO_MANY_STEPS,
        codes::DUPLICATE_FLOW,
        codes::DUPLICATE_PATH,
        codes::TOO_DEEP_FLOW,
        codes::CANNOT_FORMAT,
        codes::BAD_MANIFEST,
        codes::FAILED_EXAMPLE,
        codes::REPLACED_SPOKE,
        codes::CANNOT_FORMAT,
    ];
    let missing: Vec<&str> = codes::ALL
        .iter()
        .filter(|(code, _)| !elsewhere.contains(code))
        .map(|(code, _)| code.0)
        .filter(|code| !texts.contains(&format!("# expect: {code} ")))
        .collect();
    assert!(missing.is_empty(), "no file has {missing:?}");
}
