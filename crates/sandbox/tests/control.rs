//! The control port: ledger, faults, determinism.

use std::time::Instant;

use serde_json::json;

use crate::support::{start, start_with};

const ANA: &str = r#"{"UserName":"ana.ruiz@example.test","FirstName":"Ana","LastName":"Ruiz"}"#;

#[tokio::test]
async fn a_fault_strikes_as_often_as_asked() {
    let http = start().await;
    let fault = json!({ "kind": "status", "status": 502, "system": "litmos", "method": "GET",
                        "path": "/users", "times": 2, "skip": 1 });
    http.control("POST", "/faults", &fault.to_string()).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(http.litmos("GET", "/users?limit=1", "").await.status);
    }
    assert_eq!(seen, [200, 502, 502, 200]);
    assert_eq!(http.litmos("GET", "/courses?limit=1", "").await.status, 200);
    assert_eq!(http.control("GET", "/faults", "").await["faults"][0]["struck"], 2);
    let ledger = http.control("GET", "/ledger?system=litmos&path=/users", "").await;
    assert_eq!(ledger["requests"][1]["fault"], "status");
}

#[tokio::test]
async fn what_was_committed_before_a_failure_has_taken_effect() {
    for (kind, expect_effects) in [
        ("reset_before_commit", 0),
        ("reset_after_commit", 1),
        ("commit_then_fail", 1),
        ("html_error", 0),
    ] {
        let http = start().await;
        let fault = json!({ "kind": kind, "system": "litmos", "method": "POST", "times": 1 });
        http.control("POST", "/faults", &fault.to_string()).await;
        let site = http.sandbox.litmos().clone();
        let url = format!("{}/users?source=t&format=json", site.url);
        let key = site.secrets["api_key"].as_str();
        let headers = [("apikey", key), ("content-type", "application/json")];
        let answer = http.try_send("POST", &url, &headers, ANA).await;
        assert_eq!(answer.is_err(), kind.starts_with("reset"), "{kind}: {answer:?}");
        if let Ok(answer) = answer {
            assert!(answer.status >= 500, "{kind}: {answer:?}");
        }
        assert_eq!(http.effects().await.len(), expect_effects, "{kind}");
        let ledger = http.control("GET", "/ledger?method=POST", "").await;
        assert_eq!(ledger["requests"][0]["fault"], kind);
    }
}

#[tokio::test]
async fn each_system_limits_calls_in_its_own_words() {
    let http = start().await;
    http.control("POST", "/faults", r#"[{"kind":"rate_limit","retry_after":7}]"#).await;
    assert_eq!(http.litmos("GET", "/users", "").await.status, 503);
    let servicenow = http.servicenow("GET", "incident", "").await;
    assert_eq!((servicenow.status, servicenow.header("retry-after")), (429, "7"));
    assert_eq!(http.sumtotal("x", "GET", "/apis/api/v1/users", "").await.status, 429);
    http.control("DELETE", "/faults", "").await;
    assert_eq!(http.litmos("GET", "/users", "").await.status, 200);
}

#[tokio::test]
async fn tokens_can_end_just_before_a_call() {
    let http = start().await;
    let token = http.sumtotal_token().await;
    let fault =
        json!({ "kind": "expire_tokens", "system": "sumtotal", "path": "/odata", "times": 1 });
    http.control("POST", "/faults", &fault.to_string()).await;
    assert_eq!(http.sumtotal(&token, "GET", "/apis/api/v1/users", "").await.status, 200);
    assert_eq!(http.sumtotal(&token, "GET", "/odata/api/Job", "").await.status, 401);
    let token = http.sumtotal_token().await;
    assert_eq!(http.sumtotal(&token, "GET", "/odata/api/Job", "").await.status, 200);
}

#[tokio::test]
async fn a_truncated_answer_is_no_json() {
    let http = start().await;
    http.control("POST", "/faults", r#"{"kind":"truncate","times":1}"#).await;
    let answer = http.litmos("GET", "/courses", "").await;
    assert!(serde_json::from_str::<serde_json::Value>(&answer.text).is_err());
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_undo_what_it_asked() {
    let http = start().await;
    let fault = r#"{"kind":"delay","delay_ms":60,"times":1}"#;
    http.control("POST", "/faults", fault).await;
    let site = http.sandbox.litmos().clone();
    let url = format!("{}/users?source=t&format=json", site.url);
    let given_up = crate::support::client()
        .post(&url)
        .header("apikey", &site.secrets["api_key"])
        .header("content-type", "application/json")
        .body(ANA)
        .timeout(std::time::Duration::from_millis(20))
        .send()
        .await;
    assert!(given_up.is_err());
    let begun = Instant::now();
    while http.effects().await.is_empty() {
        assert!(begun.elapsed().as_secs() < 10, "the write never took effect");
    }
    assert_eq!(http.effects().await[0]["object"], "user");
}

#[tokio::test]
async fn the_seed_decides_ids_and_secrets() {
    let options = |seed| linchpin_sandbox::Options { seed, ..Default::default() };
    let (one, two) = (start_with(options(1)).await, start_with(options(1)).await);
    let other = start_with(options(2)).await;
    assert_eq!(one.sandbox.litmos().secrets, two.sandbox.litmos().secrets);
    assert_ne!(one.sandbox.litmos().secrets, other.sandbox.litmos().secrets);
    let (a, b) = (one.litmos("POST", "/users", ANA).await, two.litmos("POST", "/users", ANA).await);
    assert_eq!(a.json()["Id"], b.json()["Id"]);
    assert_eq!(one.course("NET101").await, two.course("NET101").await);
}

#[tokio::test]
async fn the_index_names_every_route_and_state_can_be_read() {
    let http = start().await;
    let index = http.control("GET", "/", "").await;
    assert!(index["routes"].as_array().unwrap().len() > 10);
    let tables = http.control("GET", "/state", "").await;
    assert!(tables["sumtotal/persons"].as_u64().unwrap() >= 2500);
    assert_eq!(tables["sumtotal/activities"], 250);
    let user = http.user("kim.lo@example.test").await;
    let row = http.control("GET", &format!("/state/litmos/users/{user}"), "").await;
    assert_eq!(row["AccessLevel"], "Administrator");
    let sites = http.control("GET", "/sites", "").await;
    assert_eq!(sites["litmos"]["url"], http.sandbox.litmos().url);
}

#[tokio::test]
async fn it_starts_fast() {
    let begun = Instant::now();
    let http = start().await;
    // Generous, for a busy machine without optimisation; the aim is 50 ms.
    assert!(begun.elapsed().as_millis() < 1000, "{:?}", begun.elapsed());
    http.sandbox.stop().await;
}
