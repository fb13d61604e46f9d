//! What a journal never holds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use linchpin_engine::catalog::Catalog;
use linchpin_language::json;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::connections::{Connections, ConnectionsFile, Options};
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::{Host, Parts, Start};
use linchpin_runtime::{MasterKey, Secret, SystemClock, Vault};

use crate::support::{CANARY, serve};

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
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    let spokes: BTreeMap<_, _> = linchpin_spokes::bundled()
        .unwrap()
        .into_iter()
        .map(|spoke| (spoke.name.clone(), spoke))
        .collect();
    let key = MasterKey::load_or_create(&folder.path().join("key")).unwrap();
    let vault = Arc::new(Vault::new(store.clone(), key));
    let file = ConnectionsFile::parse(&[], &spokes).unwrap();
    let clock = Arc::new(SystemClock);
    let options = Options { folder: folder.path().to_owned(), ..Options::default() };
    let connections = Connections::new(file, spokes.clone(), vault, clock.clone(), options);
    let values = json!({ "url": url, "allow_private": true }).as_object().cloned().unwrap();
    let secrets = BTreeMap::from([("token".to_owned(), Secret::new(CANARY.to_owned()))]);
    connections.bind("http", "http", values, secrets).unwrap();
    let catalog = Arc::new(Catalog { spokes, ..Catalog::default() });
    let connections = Arc::new(connections);
    let (flows, mistakes) = Flows::parse(vec![(PathBuf::from("echo.yaml"), FLOW.to_owned())]);
    assert!(mistakes.is_empty());
    let host = Host::new(Parts { store, catalog, connections, clock }, flows);
    let start = Start { flow: "echo".to_owned(), ..Start::default() };
    let run = host.start(start).await.unwrap().run;
    host.wait(&run).await.unwrap();
    let lines = host.store().read(&run, 0).await.unwrap();
    let journal = lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<String>();
    assert!(journal.contains("you sent"), "{journal}");
    assert!(journal.contains("no: "), "{journal}");
    let escaped = serde_json::to_string(CANARY).unwrap();
    for form in [CANARY, escaped.trim_matches('"'), "canary-4fQ"] {
        assert!(!journal.contains(form), "{form} is in {journal}");
    }
}
