//! The examples of the reference are checked and run as a reader would run them.
//!
//! An example begins with comments: a line with `$` is a command, one with `>` is part of what the
//! commands print. A `!` at the end says that the command fails. `RUN` stands for the last run.

use std::fs;
use std::path::Path;

use super::support::{Done, Project};

/// A project with every example as a flow.
fn project() -> Project {
    let project = Project::with(&[]);
    for (name, text) in examples() {
        project.write(&format!("flows/{name}.yaml"), text);
    }
    project
}

fn examples() -> Vec<(String, String)> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/reference/examples");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = entries
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// A command as a shell would take it apart: blanks, and single quotes.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let mut words: Vec<String> = Vec::new();
    for (at, part) in parts {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The run that was started last.
fn last_run(project: &Project) -> String {
    let listed = project.linchpin(&["runs", "list", "--sandbox", "--json"]).ends_with(0).json();
    let run = listed.as_array().or(listed["runs"].as_array()).and_then(|runs| runs.first());
    run.and_then(|run| run["id"].as_str().or(run["run"].as_str())).expect("a run").to_owned()
}

/// Plays one example; what it printed in all.
fn play(project: &Project, name: &str, text: &str) -> String {
    let mut printed = String::new();
    let mut commands = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("# $ linchpin ")) {
        let (line, fails) = match line.strip_suffix(" !") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let arguments: Vec<String> = words(line)
            .into_iter()
            .map(|word| if word == "RUN" { last_run(project) } else { word })
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let done: Done = project.linchpin(&arguments);
        let waits = done.code == Some(4);
        assert!(
            if fails { done.code == Some(1) } else { waits || done.code == Some(0) },
            "{name}: linchpin {line} ended with {:?}\n{}",
            done.code,
            done.all()
        );
        printed.push_str(&done.all());
        commands += 1;
    }
    assert!(commands > 0, "{name} has no command");
    printed
}

#[test]
fn no_example_of_the_reference_has_a_mistake_or_earns_a_hint() {
    let done = project().linchpin(&["check", "--format", "json"]);
    assert_eq!(done.json(), serde_json::json!([]), "{}", done.all());
}

#[test]
fn every_example_of_the_reference_prints_what_it_says() {
    let project = project();
    for (name, text) in examples() {
        let expected: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# > ")).map(str::trim).collect();
        assert!(!expected.is_empty(), "{name} says nothing of what it prints");
        let printed = play(&project, &name, &text);
        for line in expected {
            assert!(printed.contains(line), "{name} does not print {line:?}:\n{printed}");
        }
    }
}
