//! `--environment`: which connections a command uses, and what keeps it from using others.

use std::fs;

use crate::tools::Project;

const BASE: &str = "web: { spoke: http, url: \"https://api.example.com\" }\n";
const TEST: &str = "web: { url: \"https://test.example.com\" }\n";

fn project() -> Project {
    let waits = "flow: waits\nsteps:\n  - wait: { for: 1h }\n";
    let project = Project::with(&[("waits.yaml", waits)]);
    fs::write(project.path().join("connections.yaml"), BASE).unwrap();
    fs::write(project.path().join("connections.test.yaml"), TEST).unwrap();
    project
}

#[test]
fn a_mistyped_environment_is_refused() {
    let project = project();
    let listed = project.run(&["connections", "list", "--environment", "test"]);
    assert!(listed.out.contains("https://test.example.com"), "{}", listed.out);
    for name in ["tset", "../test"] {
        let refused = project.run(&["connections", "list", "--environment", name]);
        assert_eq!(refused.code, 3, "{}", refused.err);
        assert!(refused.err.contains("the environments are test"), "{}", refused.err);
    }
    fs::write(project.path().join("linchpin.yaml"), "environment: prdo\n").unwrap();
    let refused = project.run(&["check"]);
    assert!(refused.err.contains("no connections.prdo.yaml"), "{}", refused.err);
    // The sandbox has no use for it.
    assert_eq!(project.run(&["runs", "list", "--sandbox"]).code, 0);
}

#[test]
fn a_command_does_not_use_the_connections_of_another_environment_through_a_daemon() {
    let project = project();
    let daemon = project.start(&["daemon"], "serves");
    let refused = project.run(&["run", "waits", "--no-wait", "--environment", "test"]);
    assert_eq!(refused.code, 5, "{}", refused.err);
    let words = "serves this project with no environment, and the environment test is asked for";
    assert!(refused.err.contains(words), "{}", refused.err);
    assert_eq!(project.run(&["runs", "list"]).code, 0);
    daemon.kill();
}

#[test]
fn what_is_printed_to_go_on_with_a_run_names_the_environment() {
    let project = project();
    let asks = "flow: asks\nsteps:\n  - ask: { of: starter, message: Sure?, form: { sure: { type: \
                boolean, required: true } } }\n";
    fs::write(project.path().join("flows/asks.yaml"), asks).unwrap();
    let asked = project.run(&["run", "asks", "--environment", "test"]);
    assert_eq!(asked.code, 4, "{}{}", asked.out, asked.err);
    assert!(asked.out.contains(" --environment test"), "{}", asked.out);
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let project = project();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = project.command(&["connections", "list"]);
    let done = command.stdout(full).output().unwrap();
    assert_eq!(done.status.code(), Some(5));
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(told.contains("the output cannot be written"), "{told}");
}

#[test]
fn a_lost_vault_key_is_not_replaced() {
    let project = project();
    let hook = "flow: hook\ntrigger:\n  webhook:\n    path: h/x\n    auth: { scheme: hmac, algorithm: \
                sha256, header: X-Sig, secret: vault }\nsteps:\n  - log: called\n";
    fs::write(project.path().join("flows/hook.yaml"), hook).unwrap();
    let stored = project.run(&["webhooks", "secret", "h/x", "--generate"]);
    assert_eq!(stored.code, 0, "{}", stored.err);
    let file = project.path().join(".linchpin/vault.key");
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let lost = project.run(&["connections", "list"]);
    assert_eq!(lost.code, 5, "{}", lost.out);
    assert!(lost.err.contains("is gone") && lost.err.contains("openssl rand"), "{}", lost.err);
    assert!(!file.exists());
    fs::write(&file, kept).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&file, mode).unwrap();
    assert_eq!(project.run(&["connections", "list"]).code, 0);
}

#[test]
fn a_secret_that_stands_in_the_file_is_shown_by_no_mistake() {
    let project = project();
    let text = "lms:\n  spoke: litmos\n  timeout: soon\n  api_key: sk-literal-99\n";
    fs::write(project.path().join("connections.yaml"), text).unwrap();
    let told = project.run(&["check"]);
    assert!(told.out.contains("secret-literal") && told.out.contains("bad-duration"));
    assert!(!told.out.contains("sk-literal"), "{}", told.out);
    assert!(told.out.contains("*************"), "{}", told.out);
}

#[test]
fn an_export_keeps_what_stands_beside_the_form() {
    let project = project();
    let text =
        "web: { spoke: http, url: \"https://api.example.com\", timeout: 5s, active: false }\n";
    fs::write(project.path().join("connections.yaml"), text).unwrap();
    assert_eq!(project.run(&["connections", "export", "out.yaml"]).code, 0);
    let exported = fs::read_to_string(project.path().join("out.yaml")).unwrap();
    assert!(exported.contains(r#""timeout":"5s""#), "{exported}");
    assert!(exported.contains(r#""active":false"#), "{exported}");
    let imported = project.run(&["connections", "import", "out.yaml"]);
    assert_eq!(imported.code, 0, "{}", imported.err);
}
