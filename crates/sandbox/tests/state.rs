//! The state file: what was answered survives, what was torn does not.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use linchpin_sandbox::{Error, Options, Sandbox};
use serde_json::json;

use crate::support::{Http, start_with};

const ANA: &str = r#"{"UserName":"ana.ruiz@example.test","FirstName":"Ana","LastName":"Ruiz"}"#;

async fn open(path: &Path) -> Http {
    start_with(Options { state: Some(path.to_owned()), ..Options::default() }).await
}

#[tokio::test]
async fn a_second_run_meets_the_effects_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/sandbox.log");
    let first = open(&path).await;
    let made = first.litmos("POST", "/users", ANA).await.json();
    let course = first.course("SAFETY-101").await;
    let courses = format!("/users/{}/courses", made["Id"].as_str().unwrap());
    let body = json!([{ "Id": course }]).to_string();
    first.litmos("POST", &courses, &body).await;
    let before = first.effects().await;
    let requests = first.control("GET", "/ledger?method=POST", "").await;
    first.sandbox.stop().await;
    let second = open(&path).await;
    assert_eq!(second.effects().await, before);
    assert_eq!(second.control("GET", "/ledger?method=POST", "").await, requests);
    assert_eq!(second.user("ana.ruiz@example.test").await, made["Id"]);
    assert_eq!(second.litmos("POST", "/users", ANA).await.status, 409);
    let next = ANA.replace("ana.ruiz", "ana.other");
    let next = second.litmos("POST", "/users", &next).await.json();
    assert_ne!(next["Id"], made["Id"]);
    assert_eq!(next["OriginalId"].as_u64(), made["OriginalId"].as_u64().map(|n| n + 1));
    second.sandbox.stop().await;
    Sandbox::reset(&path).unwrap();
    let third = open(&path).await;
    assert_eq!(third.litmos("POST", "/users", ANA).await.json()["Id"], made["Id"]);
}

#[tokio::test]
async fn an_answered_write_is_in_the_file_while_the_sandbox_still_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.log");
    let http = open(&path).await;
    http.litmos("POST", "/users", ANA).await;
    // A killed process leaves exactly these bytes.
    let copy = folder.path().join("copy.log");
    fs::copy(&path, &copy).unwrap();
    let after = open(&copy).await;
    assert_eq!(after.effects().await.len(), 1);
    after.user("ana.ruiz@example.test").await;
}

#[tokio::test]
async fn a_torn_last_line_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.log");
    let http = open(&path).await;
    http.litmos("POST", "/users", ANA).await;
    http.sandbox.stop().await;
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(br#"{"effect":{"n":2,"at":"20"#).unwrap();
    drop(file);
    for _ in 0..2 {
        let again = open(&path).await;
        assert_eq!(again.effects().await.len(), 1);
        again.litmos("PUT", "/users/ana.ruiz@example.test", r#"{"JobTitle":"Cook"}"#).await;
        again.control("POST", "/reset", "").await;
        again.litmos("POST", "/users", ANA).await;
        again.sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_state_file_has_one_user_and_one_seed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.log");
    let http = open(&path).await;
    let options = |seed| Options { seed, state: Some(path.clone()), ..Options::default() };
    assert!(matches!(Sandbox::start(options(1)).await, Err(Error::Locked { .. })));
    assert!(Sandbox::reset(&path).is_err());
    http.sandbox.stop().await;
    assert!(matches!(Sandbox::start(options(2)).await, Err(Error::Damaged { .. })));
    Sandbox::start(options(1)).await.unwrap().stop().await;
    Sandbox::reset(&path).unwrap();
    Sandbox::reset(&path).unwrap();
    assert!(!path.exists());
}
