//! The sandbox serves clients that others wrote, in another language: it was made from what the systems
//! are known to do, not from what our own connector sends.
//!
//! It needs Python with the packages that `.ci/run` installs into `target/public-clients`; where they
//! are missing the tests say so and pass, but in CI they fail.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::support::{Done, Systems};
use crate::architecture::repository::root;

const PYTHON: &str = "target/public-clients/bin/python";

/// The Python that has the clients; none where it is not installed.
fn python() -> Option<PathBuf> {
    let python = root().join(PYTHON);
    if python.is_file() {
        return Some(python);
    }
    assert!(std::env::var_os("CI").is_none(), "there is no {PYTHON}: .ci/run installs it");
    // A skipped test must not look like one that passed.
    let line = format!("SKIPPED: no public clients: {PYTHON} is not there\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    None
}

/// Runs one of the scripts beside this test; what it saw.
fn run(script: &str, arguments: &[&str]) -> Option<Value> {
    let script = root().join("tests/product/clients").join(script);
    let mut command = Command::new(python()?);
    command.arg(script).args(arguments).env("NO_PROXY", "127.0.0.1");
    Some(Done::of(&mut command).ends_with(0).json())
}

#[test]
fn two_public_clients_of_servicenow_are_served() {
    let systems = Systems::start(81);
    let secret = |name| systems.secret("servicenow", name);
    let arguments = [systems.url("servicenow"), secret("user_name"), secret("password")];
    let Some(seen) = run("servicenow.py", &arguments) else { return };
    assert_eq!(seen["one"], json!({ "number": "INC0010001", "state": "2" }));
    assert_eq!(seen["made"], json!(["INC0010042", "From another client", "4"]));
    assert_eq!(seen["changed"], "2");
    assert_eq!(seen["latest"], json!(["INC0010042", "INC0010040"]));
    assert_eq!((&seen["page"], &seen["files"]), (&json!(25), &json!(["note.txt"])));
    assert_eq!(seen["deleted"], "record deleted");
    assert_eq!(seen["nothing"], "no results");
    assert_eq!(seen["async_one"], "INC0010001");
    assert_eq!(seen["async_changed"], json!([true, 2]));
    assert_eq!((&seen["async_count"], &seen["async_deleted"]), (&json!(10), &json!(204)));
    let made = systems.get("/effects?system=servicenow&kind=create&object=incident");
    assert_eq!(made["count"], 2);
}

#[test]
fn litmos_is_served_as_its_documents_say_to_a_client_in_another_language() {
    let systems = Systems::start(82);
    let arguments = [systems.url("litmos"), systems.secret("litmos", "api_key")];
    let Some(seen) = run("litmos.py", &arguments) else { return };
    assert_eq!(seen["page"], json!(["UserCollection", 5, 5]));
    assert_eq!(seen["all"], json!([true, true]));
    assert_eq!(seen["made"], json!([201, "Grace Noor", "", ""]));
    assert_eq!(seen["again"], json!([409, "UserName already exists"]));
    assert_eq!(seen["order"], json!([["Id", "UserName", "FirstName", "LastName"], true]));
    assert_eq!(seen["nil"], "true");
    assert_eq!(seen["assigned"], 201);
    assert_eq!(seen["held"], json!(["SAFETY-101", 23, false]));
    assert_eq!((&seen["typed"], &seen["bad_date"]), (&json!(true), &json!(500)));
    assert_eq!((&seen["deleted"], &seen["gone"]), (&json!(200), &json!(404)));
}
