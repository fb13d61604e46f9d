//! Files that the `http` spoke fetches and sends, over the real transport.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request as Incoming;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use linchpin_connector::testing::perform;
use linchpin_connector::{ActionError, Call, ErrorKind, Spoke, WriteState};
use linchpin_language::{Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::SystemClock;
use linchpin_runtime::connections::{Connections, ConnectionsFile, Options};
use tempfile::TempDir;

use crate::support::{serve, serve_raw, vault};

/// The size of what `/large` answers.
const MANY: u64 = 64 << 20;
/// The SHA-256 of what `/short` answers.
const SHORT: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Calls an action of the `http` spoke whose connection has that folder.
async fn call(url: &str, folder: &Path, name: &str, inputs: Value) -> Result<Value, ActionError> {
    let bundled = linchpin_spokes::bundled().unwrap();
    let spokes: BTreeMap<String, Arc<Spoke>> =
        bundled.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect();
    let file = format!(
        "site: {{ spoke: http, url: '{url}', token: {{ env: CARGO_PKG_NAME }}, allow_private: true, \
         attributes: {{ folder: {}, header: x-key }} }}",
        folder.display()
    );
    let file = ConnectionsFile::parse(&[("connections.yaml", &file)], &spokes).unwrap();
    // Far less than the files: what is fetched is not an answer that is held.
    let options = Options { max_response: 1000, ..Options::default() };
    let vault = vault(Arc::new(MemoryStore::new()));
    let site = Connections::new(file, spokes, vault, Arc::new(SystemClock), options);
    let site = site.resolve("site").await.unwrap();
    let action = site.spoke.action(name).unwrap();
    let inputs = action.spec().read_inputs(inputs).unwrap();
    let call = Call {
        inputs: &inputs,
        connection: &site.connection,
        transport: site.transport.as_ref(),
        key: "k",
        now: "2026-02-01T12:00:00Z".parse().unwrap(),
        overlay: None,
    };
    perform(action.as_ref(), &call).await
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old.csv"), "as it was").unwrap();
    folder
}

fn names(folder: &TempDir) -> Vec<String> {
    let all = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> =
        all.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn site(request: Incoming) -> Response {
    match request.uri().path() {
        "/large" => {
            let piece = Bytes::from(vec![b'x'; 1 << 20]);
            let pieces = (0..64).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
            Body::from_stream(futures::stream::iter(pieces)).into_response()
        }
        "/short" => ([("content-type", "text/csv")], "abc").into_response(),
        "/moved" => (StatusCode::FOUND, [("location", "/short")], "gone away").into_response(),
        "/echo" => {
            let kind = request.headers().get("content-type").cloned();
            let kind = kind.map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
            let method = request.method().to_string();
            let mut body = request.into_body().into_data_stream();
            let mut bytes = Vec::new();
            while let Some(piece) = body.next().await {
                bytes.extend_from_slice(&piece.unwrap());
            }
            let text = String::from_utf8(bytes).unwrap();
            axum::Json(json!({ "method": method, "type": kind, "text": text })).into_response()
        }
        _ => (StatusCode::NOT_FOUND, "no such export").into_response(),
    }
}

#[tokio::test]
async fn a_file_larger_than_any_answer_is_fetched_whole_and_again_without_harm() {
    let url = serve(Router::new().fallback(site)).await;
    let folder = folder();
    let inputs = json!({ "path": "/large", "file": "new.bin" });
    let got = call(&url, folder.path(), "download", inputs.clone()).await.unwrap();
    assert_eq!(got["size"], MANY);
    assert_eq!(fs::metadata(folder.path().join("new.bin")).unwrap().len(), MANY);
    assert_eq!(call(&url, folder.path(), "download", inputs).await.unwrap(), got);
    for path in ["/short", "/moved"] {
        let inputs = json!({ "path": path, "file": "old.csv", "sha256": SHORT.to_uppercase() });
        let got = call(&url, folder.path(), "download", inputs).await.unwrap();
        let expected = json!({ "file": "old.csv", "size": 3, "sha256": SHORT, "type": "text/csv" });
        assert_eq!(got, expected, "{path}");
    }
    assert_eq!(fs::read(folder.path().join("old.csv")).unwrap(), b"abc");
    assert_eq!(names(&folder), ["new.bin", "old.csv"], "nothing is left beside them");
}

#[tokio::test]
async fn a_file_that_does_not_come_whole_leaves_the_old_one() {
    let url = serve(Router::new().fallback(site)).await;
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let broken = serve_raw(half.to_vec()).await;
    let folder = folder();
    let wrong = "0".repeat(64);
    for (url, inputs, kind, word) in [
        (&url, json!({ "path": "/large", "max_mb": 63 }), ErrorKind::LimitExceeded, "63 MB"),
        (&url, json!({ "path": "/none" }), ErrorKind::NotFound, "no such export"),
        (&url, json!({ "path": "/short", "sha256": wrong }), ErrorKind::Conflict, SHORT),
        (&broken, json!({ "path": "/" }), ErrorKind::ConnectionFailed, "broke"),
    ] {
        let mut inputs = inputs;
        inputs["file"] = json!("old.csv");
        let error = call(url, folder.path(), "download", inputs).await.unwrap_err();
        assert_eq!((error.kind, error.write), (kind, WriteState::None), "{error:?}");
        assert!(error.message.contains(word), "{}", error.message);
        assert_eq!(fs::read(folder.path().join("old.csv")).unwrap(), b"as it was");
        assert_eq!(names(&folder), ["old.csv"]);
    }
    for file in ["../out.csv", "/etc/passwd", "no/such/folder.csv"] {
        let inputs = json!({ "path": "/short", "file": file });
        let error = call(&url, folder.path(), "download", inputs).await.unwrap_err();
        let kinds = [ErrorKind::InvalidInput, ErrorKind::NotFound];
        assert!(kinds.contains(&error.kind), "{file}: {error:?}");
    }
}

#[tokio::test]
async fn a_file_is_sent_as_the_body_or_as_a_field_of_a_form() {
    let url = serve(Router::new().fallback(site)).await;
    let folder = folder();
    let send = async |name: &str, inputs: Value| {
        let mut inputs = inputs;
        inputs["path"] = json!("/echo");
        inputs["file"] = json!("old.csv");
        call(&url, folder.path(), name, inputs).await
    };
    let raw = send("upload", json!({ "type": "text/csv" })).await.unwrap();
    let expected = json!({ "method": "POST", "type": "text/csv", "text": "as it was" });
    assert_eq!((&raw["body"], &raw["size"]), (&expected, &json!(9)));
    let put = send("put_file", json!({})).await.unwrap();
    assert_eq!(put["body"]["method"], "PUT");
    let form = json!({ "field": "doc", "fields": { "kind": "joiners" }, "file_name": "a.csv" });
    let form = send("upload", form).await.unwrap();
    let text = form["body"]["text"].as_str().unwrap();
    let kind = form["body"]["type"].as_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\njoiners\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"doc\"; filename=\"a.csv\"\r\n\
         Content-Type: application/octet-stream\r\n\r\nas it was\r\n--{boundary}--\r\n"
    );
    assert_eq!(text, expected);
    let loose = send("upload", json!({ "fields": { "kind": "joiners" } })).await.unwrap_err();
    assert_eq!((loose.kind, loose.write), (ErrorKind::InvalidInput, WriteState::None));
}

#[tokio::test]
async fn an_upload_without_an_answer_may_have_happened() {
    let url = serve_raw(Vec::new()).await;
    let folder = folder();
    let inputs = json!({ "path": "/", "file": "old.csv" });
    let lost = call(&url, folder.path(), "upload", inputs.clone()).await.unwrap_err();
    assert_eq!((lost.kind, lost.write), (ErrorKind::ConnectionFailed, WriteState::Unknown));
    let missing = json!({ "path": "/", "file": "none.csv" });
    let missing = call(&url, folder.path(), "upload", missing).await.unwrap_err();
    assert_eq!((missing.kind, missing.write), (ErrorKind::NotFound, WriteState::None));
}
