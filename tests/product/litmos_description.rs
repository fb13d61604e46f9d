//! Our Litmos spoke and sandbox beside the public OpenAPI description of Litmos.
//!
//! The description is no part of the repository; it is read from a folder `shared/data/openapi` beside
//! or above it. Where it is missing the tests say so and pass. What differs is in docs/litmos-api.md,
//! which says what holds; the tests hold that page to what is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use linchpin_language::Document;
use serde_json::Value;

use super::support::Systems;
use crate::architecture::repository::{files, read, root};

const PAGE: &str = "docs/litmos-api.md";
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// Operations by method and path, with the names of their query parameters.
type Operations = BTreeMap<(String, String), BTreeSet<String>>;

fn description() -> Option<String> {
    let path: PathBuf = "shared/data/openapi/litmos.yaml".into();
    let found = root().ancestors().skip(1).take(3).map(|folder| folder.join(&path));
    let found = found.into_iter().find(|file| file.is_file());
    if found.is_none() {
        // A skipped test must not look like one that passed.
        let line = format!("SKIPPED: no description of Litmos: {} is not there\n", path.display());
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    found.map(|file| fs::read_to_string(file).unwrap())
}

/// The operations of the description, read by its own indentation.
fn operations(text: &str) -> Operations {
    let mut found = Operations::new();
    let (mut path, mut key) = (String::new(), None);
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let word = line.trim();
        if indent == 0 {
            (path, key) = (String::new(), None);
        } else if indent == 2 && word.starts_with('/') {
            (path, key) = (word.trim_end_matches(':').to_owned(), None);
        } else if indent == 4 && !path.is_empty() {
            let method = word.trim_end_matches(':').to_owned();
            key = METHODS.contains(&method.as_str()).then(|| (method, path.clone()));
            if let Some(key) = &key {
                found.entry(key.clone()).or_default();
            }
        } else if let (Some(key), Some(name)) = (&key, word.strip_prefix("- name: ")) {
            found.entry(key.clone()).or_default().insert(name.to_owned());
        }
    }
    found
}

/// Requests of the spoke's actions: method, path with `{}` for each pill, and its own parameters.
fn requests() -> Vec<(String, String, BTreeSet<String>)> {
    let mut found = Vec::new();
    for file in files("crates/spokes/litmos/actions", ".yaml") {
        let document = Document::parse(&file.to_string_lossy(), &read(&file)).unwrap();
        let action = document.root().value().clone();
        let of = |key: &str| match &action[key] {
            Value::Array(list) => list.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        let verify = action["verify"]["request"].clone();
        let all = [of("look"), of("write"), of("read_from"), vec![verify]].concat();
        for request in all {
            let Some(method) = METHODS.iter().find(|method| request[**method].is_string()) else {
                continue;
            };
            let mut path = String::new();
            for (at, part) in request[*method].as_str().unwrap().split("{{").enumerate() {
                let literal = part.split_once("}}").map_or(part, |(_, rest)| rest);
                path.push_str(if at > 0 { "{}" } else { "" });
                path.push_str(literal);
            }
            let query = request["query"].as_object().into_iter().flatten();
            let mut own: BTreeSet<String> = query.map(|(name, _)| name.clone()).collect();
            if request["paging"].is_string() {
                own.extend(["start".to_owned(), "limit".to_owned()]);
            }
            found.push(((*method).to_owned(), path, own));
        }
    }
    found
}

/// Whether two paths are the same; `{}` of ours stands for any one segment.
fn is_same(ours: &str, theirs: &str) -> bool {
    let split = |path: &str| -> Vec<String> { path.split('/').map(str::to_lowercase).collect() };
    let (ours, theirs) = (split(ours), split(theirs));
    let fits = |(a, b): (&String, &String)| a == "{}" || b.starts_with('{') || a == b;
    ours.len() == theirs.len() && ours.iter().zip(&theirs).all(fits)
}

/// What the spoke sends that the description does not have.
fn differences(operations: &Operations) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (method, path, own) in requests() {
        let same = operations.iter().filter(|((m, p), _)| *m == method && is_same(&path, p));
        let same: Vec<_> = same.collect();
        let call = format!("{} {path}", method.to_uppercase());
        if same.is_empty() {
            found.insert(call);
            continue;
        }
        let odd = own.iter().filter(|name| same.iter().all(|(_, known)| !known.contains(*name)));
        found.extend(odd.map(|name| format!("{call}?{name}")));
    }
    found
}

/// The first cells, in backquotes, of the rows below a heading of the page.
fn listed(heading: &str) -> BTreeSet<String> {
    let text = read(PAGE);
    let (_, part) = text.split_once(&format!("## {heading}\n")).expect("the page has the heading");
    let part = part.split("\n## ").next().unwrap_or_default();
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect()
}

#[test]
fn what_the_litmos_spoke_sends_is_in_the_public_description_or_on_our_page() {
    let Some(text) = description() else { return };
    let operations = operations(&text);
    assert!(operations.len() > 100, "{} operations were read", operations.len());
    assert!(operations[&("get".to_owned(), "/users".to_owned())].contains("showInactive"));
    assert_eq!(differences(&operations), listed("Where the public description differs"));
}

#[test]
fn what_the_sandbox_does_not_serve_of_litmos_is_on_our_page() {
    let Some(text) = description() else { return };
    let systems = Systems::start(67);
    let key = systems.secret("litmos", "api_key");
    let mut missing = BTreeSet::new();
    for (method, path) in operations(&text).into_keys() {
        let filled = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let filled = filled.collect::<Vec<_>>().join("/");
        let url = format!(
            "{}{filled}?source=t&format=json&since=2026-01-01&to=2026-01-02&apikey={key}",
            systems.url("litmos")
        );
        let head = answer(&method.to_uppercase(), &url).to_ascii_lowercase();
        if head.starts_with("http/1.1 405") || head.contains("x-sandbox: no such route") {
            missing.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert_eq!(missing, listed("What the sandbox does not serve"));
}

/// The head of an answer.
fn answer(method: &str, url: &str) -> String {
    use std::io::Read;
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: 2\r\nconnection: close\r\n\r\n[]"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split("\r\n\r\n").next().unwrap_or_default().to_owned()
}
