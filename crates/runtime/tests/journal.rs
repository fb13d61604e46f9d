//! What a journal never holds.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use linchpin_language::json;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::SystemClock;
use linchpin_runtime::host::Start;

use crate::support::{CANARY, host, object, secrets, serve};

const FLOW: &str = "
flow: echo
steps:
  - { id: said, call: http.get, with: { path: /said } }
  - { id: failed, call: http.get, with: { path: /failed }, on_error: continue }
";

#[tokio::test]
async fn a_secret_that_another_system_says_back_is_not_in_the_journal() {
    let header = |headers: HeaderMap| {
        headers.get("authorization").map(|value| format!("{value:?}")).unwrap_or_default()
    };
    let router = Router::new()
        .route("/said", get(async move |headers| format!("you sent {}", header(headers))))
        .route(
            "/failed",
            get(async move |headers: HeaderMap| {
                let value = headers["authorization"].to_str().unwrap_or_default().to_owned();
                (StatusCode::CONFLICT, format!("no: {value}"))
            }),
        );
    let url = serve(router).await;
    let host = host(FLOW, Arc::new(MemoryStore::new()), Arc::new(SystemClock));
    let values = object(json!({ "url": url }));
    let connections = host.connections();
    connections.bind("http", "http", values, secrets("token", CANARY)).unwrap();
    let start = Start { flow: "echo".to_owned(), ..Start::default() };
    let run = host.start(start).await.unwrap().run;
    host.wait(&run).await.unwrap();
    let lines = host.store().read(&run, 0, usize::MAX).await.unwrap();
    let journal = lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<String>();
    assert!(journal.contains("you sent"), "{journal}");
    assert!(journal.contains("no: "), "{journal}");
    let escaped = serde_json::to_string(CANARY).unwrap();
    for form in [CANARY, escaped.trim_matches('"'), "canary-4fQ"] {
        assert!(!journal.contains(form), "{form} is in {journal}");
    }
}
