//! Starting again what has been: with the same key, and as a retry.

use super::support::Project;

const NOTE: &str = r#"
flow: note
inputs: { n: { type: integer, required: true }, tags: { type: list, items: string, default: [] } }
steps:
  - log: "{{ inputs.n }}"
  - if: inputs.n > 1
    then: [ { id: no, fail: "there are {{ inputs.n }} of them" } ]
"#;

/// A key finds its run whatever else is said; that something else was said is told.
#[test]
fn a_start_with_the_key_of_a_run_says_when_its_inputs_differ() {
    let project = Project::with(&[("flows/note.yaml", NOTE)]);
    let start = |inputs: &[&str]| {
        let arguments = [&["run", "note", "--key", "k"], inputs].concat();
        project.linchpin(&arguments).ends_with(0).stdout
    };
    let first = start(&["-i", "n=1", "-i", "tags=a,b"]);
    assert!(!first.contains("key"), "{first}");
    for same in [&["-i", "n=1"][..], &["-i", "n=1", "-i", "tags=a,b"]] {
        let told = start(same);
        assert!(told.contains("there is a run with this key already (run"), "{told}");
    }
    let told = start(&["-i", "n=2"]);
    assert!(told.contains("already, with other inputs than these (run"), "{told}");
}

/// What would only fail again is not told as coming to its end.
#[test]
fn a_retry_that_would_fail_at_once_is_told_so_beforehand() {
    let project = Project::with(&[("flows/note.yaml", NOTE)]);
    let failed = project.linchpin(&["run", "note", "-i", "n=2", "--json"]).ends_with(1).json();
    let run = failed["run"].as_str().unwrap();
    let told = project.linchpin(&["runs", "retry", run, "--dry-run"]).ends_with(0).stdout;
    assert!(
        told.contains("it would fail again at once, at #2/then.no: there are 2 of them"),
        "{told}"
    );
}
