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

#[test]
fn what_one_project_exports_another_takes_from_a_file_or_its_standard_input_without_secrets() {
    let systems = Systems::start(10);
    let project = project(&systems);
    systems.configure(&project);
    let lines = project.linchpin(&["connections", "export"]).ends_with(0).stdout;
    assert_eq!(project.linchpin(&["connections", "export", "-"]).ends_with(0).stdout, lines);
    let json = project.linchpin(&["connections", "export", "--json"]).ends_with(0).stdout;
    project.linchpin(&["connections", "export", "moved.yaml"]).ends_with(0);
    let kept = std::fs::read_to_string(project.path().join("moved.yaml")).unwrap();
    assert_eq!(kept, lines);
    let again = project.linchpin(&["connections", "export", "moved.yaml"]).ends_with(3);
    assert!(again.stderr.contains("is there already and stays as it is"), "{}", again.stderr);
    let secret = systems.secret("litmos", "api_key");
    assert!(!lines.contains(secret) && !json.contains(secret), "{lines}{json}");

    for text in [&lines, &json] {
        let other = Project::with(&[("given", text)]);
        let mut import = other.command(&["connections", "import", "-"]);
        import.stdin(std::fs::File::open(other.path().join("given")).unwrap());
        let done = super::support::Done::of(&mut import).ends_with(0);
        for alias in ["lms", "sn", "st"] {
            assert!(done.stdout.contains(&format!("{alias} is filled in")), "{}", done.stdout);
        }
        let shown = other.linchpin(&["connections", "show", "lms", "--json"]).ends_with(0).json();
        let url = &shown["fields"].as_array().unwrap()[0]["value"];
        assert_eq!((url.as_str(), &shown["active"]), (Some(systems.url("litmos")), &false.into()));
        let listed = other.linchpin(&["connections", "import", "given"]).ends_with(0);
        assert!(listed.stdout.contains("lms is filled in"), "{}", listed.stdout);
    }
    // What is no list of aliases is refused by its name.
    let other = Project::with(&[("given", "- 1\n")]);
    let mut import = other.command(&["connections", "import", "-"]);
    import.stdin(std::fs::File::open(other.path().join("given")).unwrap());
    let refused = super::support::Done::of(&mut import).ends_with(3);
    assert!(refused.stderr.contains("the standard input holds no aliases"), "{}", refused.stderr);
}
