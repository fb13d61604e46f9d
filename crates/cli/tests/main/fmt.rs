//! `linchpin fmt`.

use std::io::Write;
use std::process::Stdio;

use crate::tools::Project;

const UNTIDY: &str = "# about\nflow:   x\nsteps:\n- log:  'Hi'   # first\n\n\n- wait: {for: 1h}\n";
const TIDY: &str = "# about\nflow: x\nsteps:\n  - log: Hi # first\n\n  - wait: { for: 1h }\n";
const BROKEN: &str = "flow: y\nsteps:\n  - log: {{ x }}\n";

#[test]
fn a_project_is_laid_out_and_what_cannot_be_read_stays() {
    let project = Project::with(&[("x.yaml", UNTIDY), ("y.yaml", BROKEN)]);
    let read = |name: &str| std::fs::read_to_string(project.path().join(name)).unwrap();
    std::fs::write(project.path().join("connections.yaml"), "sn:\n    spoke: servicenow\n")
        .unwrap();

    let checked = project.run(&["fmt", "--check"]);
    assert_eq!(checked.code, 1);
    assert!(checked.out.contains("    4 - - log:  'Hi'   # first\n"), "{}", checked.out);
    assert!(checked.out.contains("      +   - log: Hi # first\n"), "{}", checked.out);
    assert!(checked.out.contains("flows/y.yaml:3:10"), "{}", checked.out);
    assert_eq!(read("flows/x.yaml"), UNTIDY);

    let done = project.run(&["fmt"]);
    assert_eq!(done.code, 1, "{}", done.out);
    assert!(done.out.contains("formatted flows/x.yaml\n"), "{}", done.out);
    assert!(done.out.contains("3 files: 2 formatted, 1 cannot be read"), "{}", done.out);
    assert_eq!(read("flows/x.yaml"), TIDY);
    assert_eq!(read("flows/y.yaml"), BROKEN);
    assert_eq!(read("connections.yaml"), "sn:\n  spoke: servicenow\n");

    let again = project.json(&["fmt", "--check", "flows/x.yaml"]);
    assert_eq!(again["files"][0]["state"], "same");
    assert_eq!(project.run(&["fmt", "--check", "flows/x.yaml"]).code, 0);
}

#[test]
fn what_init_makes_is_laid_out_already() {
    let project = Project::with(&[]);
    project.run(&["init"]);
    let checked = project.run(&["fmt", "--check"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
}

#[test]
fn an_editor_can_send_a_text_and_gets_it_back() {
    let project = Project::with(&[]);
    let mut command = project.command(&["fmt", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(UNTIDY.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), TIDY);
}
