//! The same flow files on any systems: `connections.yaml` says where, the vault has the secrets.

use super::support::{Project, Systems};

const ASSIGN: [&str; 8] = [
    "run",
    "assign_courses",
    "--as",
    "kim.lo@example.test",
    "-i",
    "incident=INC0010001",
    "-i",
    "courses=SAFETY-101,NET101",
];

fn project(systems: &Systems) -> Project {
    let project = Project::of_the_repository();
    project.write("connections.yaml", systems.connections());
    project
}

#[test]
fn litmos_30_the_same_flow_runs_on_any_base_url_and_sends_nothing_for_a_duplicate() {
    let systems = Systems::start(8);
    let project = project(&systems);

    // Without its secrets a run says which connection is to be configured.
    let bare = project.linchpin(&ASSIGN);
    assert_ne!(bare.code, Some(0), "{}", bare.all());
    assert!(bare.all().contains("linchpin connections configure"), "{}", bare.all());
    assert_eq!(systems.get("/effects")["count"], 0);

    systems.configure(&project);
    project.linchpin(&["check"]).ends_with(0);
    for alias in ["lms", "sn", "st"] {
        project.linchpin(&["connections", "test", alias]).ends_with(0);
    }
    let done = project.linchpin(&ASSIGN).ends_with(0);
    let success = "You have successfully assigned these courses: Safety at Work, Network Basics";
    assert!(done.has_line(success), "{}", done.stdout);
    // Litmos behaviour 30: a duplicate is found by reading, so nothing is sent for it.
    let before = systems.get("/ledger?system=litmos&method=POST")["count"].clone();
    let effects = systems.get("/effects")["count"].clone();
    let again = project.linchpin(&ASSIGN).ends_with(0);
    assert!(again.has_line("Safety at Work is already assigned"), "{}", again.stdout);
    assert_eq!(systems.get("/ledger?system=litmos&method=POST")["count"], before);
    assert_eq!(systems.get("/effects")["count"], effects);

    let sync = project.linchpin(&["run", "learning_sync"]).ends_with(0);
    assert!(sync.has_line("eva.lind@example.test was assigned Phishing Basics"), "{}", sync.stdout);
}

#[test]
fn a_wrong_secret_is_refused_when_it_is_configured_and_not_kept() {
    let systems = Systems::start(9);
    let project = project(&systems);
    let mut configure =
        project.command(&["connections", "configure", "lms", "--secret", "api_key=env:KEY"]);
    configure.env("KEY", "no-such-key-canary");
    let refused = super::support::Done::of(&mut configure);
    assert_eq!(refused.code, Some(5), "{}", refused.all());
    assert!(!refused.all().contains("no-such-key-canary"), "{}", refused.all());
    let shown = project.linchpin(&["connections", "show", "lms", "--json"]).ends_with(0).json();
    assert_eq!(shown["active"], false, "{shown}");
}
