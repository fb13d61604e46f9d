//! No secret comes out: not in the store, the journal, the output, the logs or an error.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;

use super::support::{Done, Project, Systems};

/// How a secret may look where it is not meant to be.
fn disguises(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let url = bytes.iter().fold(String::new(), |mut url, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                url.push(char::from(*byte));
            }
            _ => write!(url, "%{byte:02X}").unwrap(),
        }
        url
    });
    let json = serde_json::to_string(secret).unwrap();
    let mut all = vec![secret.to_owned(), hex.to_uppercase(), hex, url.to_lowercase(), url];
    all.push(json.trim_matches('"').to_owned());
    all.push(secret.chars().rev().collect());
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        all.push(engine.encode(bytes));
    }
    // As a part of something longer, base64 shows three thirds of it, without the edges.
    for skip in 0..3 {
        let whole = &bytes[skip.min(bytes.len())..];
        all.push(STANDARD_NO_PAD.encode(&whole[..whole.len() / 3 * 3]));
    }
    all
}

/// Sees that none of these secrets is in any of these texts.
#[track_caller]
fn assert_none(secrets: &[(&str, String)], place: &str, content: &[u8]) {
    for (name, secret) in secrets {
        for disguise in disguises(secret) {
            let found = content.windows(disguise.len()).any(|part| part == disguise.as_bytes());
            assert!(!found, "{name} is in {place} as {disguise}");
        }
    }
}

#[track_caller]
fn assert_clean(project: &Project, said: &[Done], secrets: &[(&str, String)]) {
    for (at, done) in said.iter().enumerate() {
        assert_none(secrets, &format!("output {at}"), done.all().as_bytes());
    }
    let files = project.files();
    let has = |text: &str| {
        files.iter().any(|(_, bytes)| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    // The store can be read by this test: what is no secret is found there.
    assert!(has("run_started") || has("started"), "the store is not read");
    for (path, bytes) in &files {
        assert_none(secrets, &path.display().to_string(), bytes);
    }
}

#[test]
fn no_secret_of_the_three_systems_comes_out() {
    let systems = Systems::start(4242);
    let project = Project::of_the_repository();
    project.write("connections.yaml", systems.connections());
    let mut said = systems.configure(&project);
    let mut run = |arguments: &[&str]| {
        let mut arguments = arguments.to_vec();
        arguments.push("--verbose");
        let mut command = project.command(&arguments);
        command.env("LINCHPIN_LOG", "trace");
        said.push(Done::of(&mut command));
    };
    let assign = [
        "run",
        "assign_courses",
        "--as",
        "kim.lo@example.test",
        "-i",
        "incident=INC0010001",
        "-i",
        "courses=SAFETY-101,NET101",
    ];
    run(&["dry-run", "learning_sync"]);
    run(&assign);
    run(&["run", "learning_sync", "--json"]);
    // Runs that fail in each way that an answer has something of the request in it.
    for (kind, system) in
        [("unauthorized", "litmos"), ("html_error", "servicenow"), ("status", "sumtotal")]
    {
        systems
            .post("/faults", &json!({ "kind": kind, "system": system, "times": 1, "status": 400 }));
        run(&assign);
        run(&["run", "learning_sync"]);
    }
    for alias in ["lms", "sn", "st"] {
        run(&["connections", "show", alias, "--json"]);
        run(&["connections", "test", alias]);
    }
    run(&["connections", "list", "--json"]);
    run(&["runs", "list", "--json"]);
    let listed = project.linchpin(&["runs", "list", "--json"]).ends_with(0).json();
    let listed = listed["runs"].as_array().unwrap();
    assert!(listed.len() >= 5, "{listed:?}");
    for one in listed {
        let id = one["run"].as_str().unwrap();
        run(&["runs", "show", id, "--json"]);
        run(&["runs", "show", id, "--journal"]);
    }
    let user = systems.secret("servicenow", "user_name");
    let password = systems.secret("servicenow", "password");
    let secrets = [
        ("the API key", systems.secret("litmos", "api_key").to_owned()),
        ("the password", password.to_owned()),
        ("name and password", format!("{user}:{password}")),
        ("the client secret", systems.secret("sumtotal", "client_secret").to_owned()),
    ];
    assert_clean(&project, &said, &secrets);
}
