//! What leaves the machine, where to, and what an answer or its absence means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request as Incoming;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use linchpin_connector::{ErrorKind, WriteState};
use linchpin_language::json;
use linchpin_runtime::connections::{Options, Resolved};
use linchpin_runtime::{Clock as _, FakeClock, SystemClock};

use crate::support::{
    CANARY, Counter, get, nowhere, object, open, post, registry, registry_with, secrets, serve,
    serve_raw, text,
};

/// Stands for the secret in what [`echo`] answers: the secret itself would not come through.
const THE_SECRET: &str = "what was configured";

/// Answers with the request line and the headers it got.
async fn echo(request: Incoming) -> String {
    let mut seen = format!("{} {}", request.method(), request.uri());
    for (name, value) in request.headers() {
        let value = value.to_str().unwrap();
        let value = if value == CANARY { THE_SECRET } else { value };
        seen.push_str(&format!("\n{name}: {value}"));
    }
    seen
}

async fn keyed(url: &str) -> Resolved {
    let connections = registry("");
    let values = object(json!({ "url": url }));
    connections.bind("lms", "keyed", values, secrets("api_key", CANARY)).unwrap();
    connections.resolve("lms").await.unwrap()
}

#[tokio::test]
async fn a_request_goes_below_the_connections_url_with_its_credential() {
    let url = serve(Router::new().fallback(echo)).await;
    let lms = keyed(&format!("{url}/v1.svc/")).await;
    let mut request = get("/users/k7Qp%2F1");
    request.query = vec![("$filter".to_owned(), "a eq 'b&c'+d".to_owned())];
    request.headers = vec![("X-Key".to_owned(), "mine".to_owned())];
    let response = lms.transport.send(request).await.unwrap();
    let seen = text(&response);
    assert!(
        seen.starts_with("GET /v1.svc/users/k7Qp%2F1?$filter=a%20eq%20%27b%26c%27%2Bd\n"),
        "{seen}"
    );
    assert!(seen.contains(&format!("x-key: {THE_SECRET}")) && !seen.contains("mine"), "{seen}");
    assert_eq!(response.reason.as_deref(), Some("OK"));
}

#[tokio::test]
async fn a_path_cannot_leave_the_connections_url() {
    let url = serve(Router::new().fallback(echo)).await;
    let lms = keyed(&format!("{url}/v1.svc")).await;
    for path in [
        "users",
        "@evil.example/x",
        "/../admin",
        "/a/%2e%2E/b",
        "/a/./b",
        "/a b",
        "/a\r\nX: y",
        "/a\\b",
        "/a#b",
        "/ä",
    ] {
        let error = lms.transport.send(get(path)).await.unwrap_err();
        assert_eq!(
            (error.kind, error.write),
            (ErrorKind::InvalidInput, WriteState::None),
            "{path}"
        );
    }
    let response = lms.transport.send(get("//evil.example/x")).await.unwrap();
    assert!(text(&response).starts_with("GET /v1.svc//evil.example/x\n"));
}

#[tokio::test]
async fn headers_cannot_be_split_nor_those_of_the_connection_set() {
    let lms = keyed(&nowhere().await).await;
    for (name, value) in
        [("x-a", "1\r\nx-b: 2"), ("x a", "1"), ("Host", "evil.example"), ("x-a", "\0")]
    {
        let mut request = get("/");
        request.headers = vec![(name.to_owned(), value.to_owned())];
        let error = lms.transport.send(request).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput, "{name}: {value:?}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_not_followed() {
    let met = Counter::default();
    let counted = met.clone();
    let elsewhere =
        serve(Router::new().fallback(move || async move { counted.up().to_string() })).await;
    let target = format!("{elsewhere}/take-it");
    let url = serve(Router::new().fallback(move || async move {
        (StatusCode::FOUND, [("location", target)]).into_response()
    }))
    .await;
    let lms = keyed(&url).await;
    let error = lms.transport.send(get("/users")).await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::BadResponse, WriteState::None));
    assert!(error.message.contains("redirects to another origin"), "{}", error.message);
    let error = lms.transport.send(post("/users", &json!({}))).await.unwrap_err();
    assert_eq!(error.write, WriteState::Unknown);
    assert_eq!(met.n(), 0);
}

#[tokio::test]
async fn a_read_follows_a_redirect_within_its_origin_and_a_write_does_not() {
    let url = serve(
        Router::new()
            .route(
                "/old",
                axum::routing::any(|| async { (StatusCode::FOUND, [("location", "/new?a=1")]) }),
            )
            .fallback(echo),
    )
    .await;
    let lms = keyed(&url).await;
    let response = lms.transport.send(get("/old")).await.unwrap();
    assert!(text(&response).starts_with("GET /new?a=1\n") && text(&response).contains(THE_SECRET));
    assert_eq!(lms.transport.send(post("/old", &json!({}))).await.unwrap().status, 302);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_announced_or_not() {
    let chunked = |request: Incoming| async move {
        match request.uri().path() {
            "/announced" => axum::body::Body::from(vec![b'x'; 3000]),
            _ => {
                let chunks = (0..).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 500]));
                axum::body::Body::from_stream(futures::stream::iter(chunks))
            }
        }
    };
    let url = serve(Router::new().fallback(chunked)).await;
    let site = open(&url, Options { max_response: 2000, ..Options::default() }).await;
    for path in ["/announced", "/endless"] {
        let error = site.transport.send(get(path)).await.unwrap_err();
        assert_eq!(
            (error.kind, error.write),
            (ErrorKind::LimitExceeded, WriteState::Unknown),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_compression_bomb_is_refused() {
    let zeros = bomb(10 << 20);
    assert!(zeros.len() < 100_000);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        zeros.len()
    );
    let url = serve_raw([head.into_bytes(), zeros].concat()).await;
    let site = open(&url, Options { max_response: 1 << 20, ..Options::default() }).await;
    let error = site.transport.send(get("/")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::LimitExceeded);
    assert!(error.message.ends_with("is larger than 1 MB"), "{}", error.message);
}

/// So many zeros in gzip, by hand: one block of fixed codes, a zero and then copies of 258 zeros.
fn bomb(n_zeros: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    // The literal 0 is 00110000, most significant bit first.
    bits.extend([false, false, true, true, false, false, false, false]);
    for _ in 0..n_zeros / 258 {
        // Length 258 is code 285 (11000101), distance 1 is code 0 (00000).
        bits.extend([true, true, false, false, false, true, false, true]);
        bits.extend([false; 5]);
    }
    bits.extend([false; 7]);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for eight in bits.chunks(8) {
        let byte = eight.iter().enumerate().map(|(place, bit)| u8::from(*bit) << place).sum();
        bytes.push(byte);
    }
    bytes.extend([0; 8]);
    bytes
}

#[tokio::test]
async fn without_a_connection_nothing_was_written() {
    let refused = keyed(&nowhere().await).await;
    let error = refused.transport.send(post("/x", &json!({}))).await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::ConnectionFailed, WriteState::None));
    assert!(error.message.contains("connection refused"), "{}", error.message);
    assert!(error.message.starts_with("cannot connect to 127.0.0.1:"), "{}", error.message);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_was_sent_nothing() {
    let url = serve_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    let site = keyed(&url.replace("http:", "https:")).await;
    let error = site.transport.send(post("/x", &json!({}))).await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::ConnectionFailed, WriteState::None));
}

#[tokio::test]
async fn silence_after_sending_leaves_the_write_unknown() {
    let url = serve(Router::new().fallback(std::future::pending::<String>)).await;
    let site = keyed(&url).await;
    let mut request = post("/x", &json!({}));
    request.timeout = Some(Duration::from_millis(100));
    let error = site.transport.send(request).await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::Timeout, WriteState::Unknown));
    assert!(error.message.ends_with("did not answer within 0.1 s"), "{}", error.message);
}

#[tokio::test]
async fn a_connection_that_breaks_after_sending_leaves_the_write_unknown() {
    for (answer, kind) in [
        (&b""[..], ErrorKind::ConnectionFailed),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", ErrorKind::ConnectionFailed),
        // Something came, and it is no answer.
        (b"no http at all\r\n\r\n", ErrorKind::BadResponse),
    ] {
        let site = keyed(&serve_raw(answer.to_vec()).await).await;
        let error = site.transport.send(post("/x", &json!({}))).await.unwrap_err();
        assert_eq!((error.kind, error.write), (kind, WriteState::Unknown));
        assert!(!error.message.contains("http://") && !format!("{error:?}").contains(CANARY));
    }
}

#[tokio::test]
async fn private_addresses_are_refused_unless_the_connection_allows_them() {
    let url = serve(Router::new().fallback(echo)).await;
    let port = url.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let file =
            format!("site: {{ spoke: open, url: 'http://{host}:{port}', allow_insecure: true }}");
        let site = registry(&file).resolve("site").await.unwrap();
        let error = site.transport.send(post("/x", &json!({}))).await.unwrap_err();
        assert_eq!((error.kind, error.write), (ErrorKind::Forbidden, WriteState::None), "{host}");
        assert!(error.message.contains("loopback address"), "{}", error.message);
    }
    let file =
        format!("site: {{ spoke: open, url: 'http://localhost:{port}', allow_private: true }}");
    let site = registry(&file).resolve("site").await.unwrap();
    assert_eq!(site.transport.send(get("/x")).await.unwrap().status, 200);
}

#[tokio::test]
async fn requests_one_after_another_use_one_connection() {
    use std::net::SocketAddr;
    let peers = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let seen = peers.clone();
    let peer = move |axum::extract::ConnectInfo(peer): axum::extract::ConnectInfo<SocketAddr>| {
        seen.lock().unwrap().insert(peer);
        async { "{}" }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = Router::new().fallback(peer).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    let site = open(&url, Options::default()).await;
    for _ in 0..10 {
        site.transport.send(post("/x", &json!({ "n": 1 }))).await.unwrap();
    }
    assert_eq!(peers.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_that_means_too_many_calls_stops_the_next_request() {
    let url = serve(Router::new().fallback(echo)).await;
    let clock = Arc::new(FakeClock::new("2026-01-31T09:00:00Z".parse().unwrap()));
    let connections = registry_with("", clock.clone(), Options::default());
    connections.bind("open", "open", object(json!({ "url": url })), BTreeMap::new()).unwrap();
    let site = connections.resolve("open").await.unwrap();
    site.transport.limited(Duration::from_secs(34));
    let transport = site.transport.clone();
    let sending = tokio::spawn(async move { transport.send(get("/x")).await });
    clock.until_asleep(1).await;
    assert_eq!(connections.waiting(), [("open".to_owned(), Duration::from_secs(34))]);
    clock.advance(Duration::from_secs(34));
    assert_eq!(sending.await.unwrap().unwrap().status, 200);
    assert_eq!(connections.waiting(), []);
}

#[tokio::test]
async fn a_pause_ends_when_the_clock_says_so() {
    let before = SystemClock.now();
    let site = open("http://127.0.0.1:9", Options::default()).await;
    site.transport.pause(Duration::from_millis(5)).await;
    assert!(SystemClock.now().duration_since(before).as_millis() >= 5);
}
