//! Making, checking and finding projects.

use crate::tools::Project;

#[test]
fn a_new_project_has_no_mistakes_and_its_flow_runs_on_the_sandbox() {
    let project = Project::with(&[]);
    let made = project.run(&["init"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let checked = project.run(&["check"]);
    assert_eq!((checked.code, checked.out.as_str()), (0, "✓ 1 file checked: 0 mistakes\n"));
    let ran = project.run(&["run", "open_incident", "--sandbox", "-i", "about=The lift is stuck"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(": The lift is stuck\n"), "{}", ran.out);
    let again = project.run(&["init"]);
    assert!(again.out.contains("linchpin.yaml is there already"), "{}", again.out);
}

#[test]
fn the_files_of_a_new_project_lead_an_editor_to_their_schemas() {
    let project = Project::with(&[]);
    assert_eq!(project.run(&["init"]).code, 0);
    for (file, of) in [
        ("flows/open_incident.yaml", "flow"),
        ("connections.yaml", "connections"),
        ("linchpin.yaml", "project"),
    ] {
        let file = project.path().join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        let line = text.lines().next().unwrap();
        let schema = line.strip_prefix("# yaml-language-server: $schema=").unwrap();
        let schema = std::fs::read_to_string(file.parent().unwrap().join(schema)).unwrap();
        let printed = project.run(&["schema", of]);
        assert_eq!(schema, printed.out, "{of}");
        assert!(schema.contains("draft-07"), "{of}");
    }
    let written = project.run(&["schema", "--write"]);
    assert!(written.out.contains("+ schemas/flow.json\n"), "{}", written.out);
}

#[test]
fn check_tells_all_mistakes_with_their_places() {
    let flow = "flow: x\nconections: {}\nsteps:\n  - log: \"{{ nothing }}\"\n";
    let project = Project::with(&[("x.yaml", flow)]);
    let done = project.run(&["check", "--format", "github"]);
    assert_eq!(done.code, 1);
    assert!(done.out.contains("file=flows/x.yaml,line=2,col=1"), "{}", done.out);
    assert!(done.out.contains("file=flows/x.yaml,line=4,col="), "{}", done.out);
    let run = project.run(&["run", "x"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("flows/x.yaml cannot run as it is written"), "{}", run.err);
}

#[test]
fn check_runs_the_examples_of_the_projects_own_spokes() {
    let action = "action: echo\ntitle: Echo\ndoes: Gives back what it is given.\neffect: none\n\
        inputs:\n  value: { type: any, about: Any. }\n\
        outputs:\n  value: { type: any, value: inputs.value, about: The same. }\n\
        examples:\n  - { inputs: { value: 1 }, replies: [], expect: { value: 1 } }\n";
    let spoke = "spoke: own\ntitle: Own\nconnection:\n  credential: { kind: none }\n";
    let project = Project::with(&[]);
    let folder = project.path().join("spokes/own");
    std::fs::create_dir_all(folder.join("actions")).unwrap();
    std::fs::write(folder.join("spoke.yaml"), spoke).unwrap();
    std::fs::write(folder.join("actions/echo.yaml"), action).unwrap();
    let good = project.run(&["check"]);
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    let wrong = action.replace("expect: { value: 1 }", "expect: { value: 2 }");
    std::fs::write(folder.join("actions/echo.yaml"), wrong).unwrap();
    let failed = project.run(&["check", "--format", "github"]);
    assert_eq!(failed.code, 1, "{}{}", failed.out, failed.err);
    assert!(failed.out.contains("file=spokes/own/actions/echo.yaml,line=10,"), "{}", failed.out);
    assert!(failed.out.contains("failed-example"), "{}", failed.out);
    std::fs::write(folder.join("actions/echo.yaml"), action.replace("effect:", "efect:")).unwrap();
    let unread = project.run(&["check"]);
    assert!(unread.out.contains("spokes/own/actions/echo.yaml:4:1"), "{}", unread.out);
}

#[test]
fn wrong_use_ends_with_three_and_says_what_was_meant() {
    let project = Project::with(&[("asks.yaml", crate::tools::ASKS)]);
    let unknown = project.run(&["run", "ask"]);
    assert_eq!(unknown.code, 3);
    assert!(unknown.err.contains("did you mean asks?"), "{}", unknown.err);
    assert_eq!(project.run(&["frob"]).code, 3);
    assert_eq!(project.run(&["--help"]).code, 0);
    let error = project.json(&["runs", "show", "nothing"]);
    assert_eq!(error["error"]["exit_code"], 3);
    let spoke = project.run(&["spokes", "show", "litmoss"]);
    assert!(spoke.err.contains("did you mean litmos?"), "{}", spoke.err);
}

#[test]
fn a_folder_that_is_no_project_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::with(&[]);
    let path = folder.path().to_str().unwrap();
    let done = project.run(&["check", "--project", path]);
    assert_eq!(done.code, 5);
    assert!(done.err.contains("is no project"), "{}", done.err);
}

#[test]
fn a_secret_is_not_in_what_is_printed_or_kept() {
    const CANARY: &str = "canary-7f3a91";
    let project = Project::with(&[]);
    let file = "lms: { spoke: litmos, url: \"http://127.0.0.1:9/v1.svc\", api_key: vault }\n";
    std::fs::write(project.path().join("connections.yaml"), file).unwrap();
    let argued =
        project.run(&["connections", "configure", "lms", "--set", &format!("api_key={CANARY}")]);
    let source = format!("api_key={CANARY}");
    let sourced = project.run(&["connections", "configure", "lms", "--secret", &source]);
    std::fs::write(project.path().join("key"), CANARY).unwrap();
    let refused = project.run(&[
        "connections",
        "configure",
        "lms",
        "--secret",
        "api_key=file:key",
        "--verbose",
    ]);
    assert_eq!((argued.code, sourced.code, refused.code), (3, 3, 5));
    for done in [argued, sourced, refused] {
        assert!(
            !done.out.contains(CANARY) && !done.err.contains(CANARY),
            "{}{}",
            done.out,
            done.err
        );
    }
}
