//! The socket and the client together, with routes of their own.

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::*;
use crate::client::{Client, Error as ClientError};
use crate::refusal::Refusal;

fn routes() -> Router {
    let lines = || async {
        let parts = ["{\"n\":", "1}\n{\"n\":2}\n", "{\"n\":3}\n"].map(Ok::<_, io::Error>);
        Body::from_stream(futures::stream::iter(parts))
    };
    let no = || async { Refusal::new(StatusCode::CONFLICT, "it has ended").help("look at it") };
    Router::new()
        .route("/echo", post(|Json(body): Json<Value>| async { Json(body) }))
        .route("/lines", get(lines))
        .route("/no", get(no))
}

async fn check(client: &Client) {
    let answer = client.post("/echo", &json!({ "a": [1, 2] })).await.expect("an answer");
    assert_eq!(answer, json!({ "a": [1, 2] }));
    let mut lines = client.lines("/lines").await.expect("lines");
    let mut found = Vec::new();
    while let Some(line) = lines.next().await.expect("a line") {
        found.push(line["n"].as_u64().unwrap());
    }
    assert_eq!(found, [1, 2, 3]);
    match client.get("/no").await {
        Err(ClientError::Refused { status: 409, message, help }) => {
            assert_eq!((message.as_str(), help.as_deref()), ("it has ended", Some("look at it")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_client_reads_the_same_in_process_and_over_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    check(&Client::local(routes())).await;
    let listening = Listening::bind(folder.path()).await.unwrap();
    let path = listening.path.clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listening, routes(), async { drop(stopped.await) }));
    check(&Client::socket(&path)).await;
    drop(stop);
    server.await.unwrap().unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn the_socket_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let listening = Listening::bind(&state).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&state), mode(&listening.path)), (0o700, 0o600));
}

#[tokio::test]
async fn a_socket_that_answers_is_kept_and_a_stale_one_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let first = Listening::bind(folder.path()).await.unwrap();
    let second = Listening::bind(folder.path()).await;
    assert!(matches!(second, Err(Error::InUse(_))), "{second:?}");
    drop(first);
    assert_eq!(find(folder.path()), Some(folder.path().join(NAME)));
    Listening::bind(folder.path()).await.expect("the stale socket is replaced");
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket_that_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("a-rather-long-name".repeat(6));
    let listening = Listening::bind(&state).await.unwrap();
    assert!(listening.path.as_os_str().len() <= LONGEST);
    assert_eq!(find(&state).as_ref(), Some(&listening.path));
    assert!(answers(&listening.path).await);
    fs::remove_file(&listening.path).unwrap();
}
