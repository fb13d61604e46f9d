//! The built `linchpin lsp` in a real editor: Neovim with its own client, without plugins.
//!
//! `.ci/run` installs it; where it is missing the test says so and passes, but in CI it fails.

use std::process::Command;

use serde_json::Value;

use crate::product::support::{Project, binary};

const FLOW: &str = "\
flow: welcome
connections: { lms: litmos }
inputs:
  email: { type: email, required: true }
steps:
  - id: learner
    call: lms.users.ensure
    with: { email: \"{{ inputs.email }}\", first_name: Ada, last_name: \"{{ inputs.email }}\" }
  - log: \"{{ lerner.id }} is there\"
  - call: flow.enrol
    with: { user: \"{{ learner.id }}\" }
";

const ENROL: &str = "flow: enrol\ninputs: { user: { type: string, required: true } }\nsteps:\n  - log: \"{{ inputs.user }}\"\n";

fn is_missing() -> bool {
    if Command::new("nvim").arg("--version").output().is_ok() {
        return false;
    }
    assert!(std::env::var_os("CI").is_none(), "there is no nvim: .ci/run installs it");
    // A skipped test must not look like one that passed.
    let line = b"SKIPPED: Neovim is not installed\n";
    std::io::Write::write_all(&mut std::io::stderr(), line).unwrap();
    true
}

/// What the editor saw.
fn seen(project: &Project) -> Value {
    let told = project.path().join("seen.json");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/editor/neovim.lua");
    let output = Command::new("nvim")
        .args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "-c"])
        .arg(format!("luafile {script}"))
        .env("PROGRAM", binary())
        .env("TOLD", &told)
        .env("FLOW", project.path().join("flows/welcome.yaml"))
        .env("ROOT", project.path())
        .current_dir(project.path())
        .output()
        .unwrap();
    let said = std::fs::read_to_string(&told).unwrap_or_default();
    serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn neovim_shows_mistakes_completes_renames_and_follows() {
    if is_missing() {
        return;
    }
    let connections = "lms: { spoke: litmos, url: \"https://lms.example.test\", api_key: vault }\n";
    let project = Project::with(&[
        ("flows/welcome.yaml", FLOW),
        ("flows/enrol.yaml", ENROL),
        ("connections.yaml", connections),
    ]);
    let seen = seen(&project);
    assert!(seen["never"].is_null() && seen["error"].is_null(), "{seen:#}");
    assert_eq!(seen["mistake"]["code"], "unknown-name", "{seen:#}");
    assert_eq!((&seen["mistake"]["line"], &seen["mistake"]["column"]), (&8.into(), &13.into()));
    assert!(seen["hover"].to_string().contains("user"), "{seen:#}");
    let offered = seen["offered"].as_array().unwrap();
    assert!(offered.iter().any(|label| label.as_str().unwrap().contains("users.find")), "{seen:#}");
    let renamed = seen["renamed"].as_str().unwrap();
    assert!(renamed.contains("- id: person") && !renamed.contains("learner"), "{renamed}");
    assert!(seen["led_to"].as_str().unwrap().ends_with("flows/enrol.yaml"), "{seen:#}");
}
