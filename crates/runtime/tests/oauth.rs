//! Tokens: requested once for all who wait, renewed in time, and never shown.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use linchpin_connector::{ErrorKind, WriteState};
use linchpin_language::json;
use linchpin_runtime::FakeClock;
use linchpin_runtime::connections::{Connections, Options, Resolved};

use crate::support::{CANARY, Counter, get, object, registry_with, secrets, serve};

/// A system with a token endpoint.
#[derive(Clone, Default)]
struct Upstream {
    tokens: Counter,
    calls: Counter,
    /// The form of the last token request.
    form: Arc<Mutex<String>>,
    /// Tokens up to this number are refused by the API.
    refused: usize,
    /// How the token endpoint fails after so many good answers.
    fails_after: Option<(usize, u16, &'static str)>,
}

async fn token(State(upstream): State<Upstream>, form: String) -> Response {
    *upstream.form.lock().unwrap() = form;
    let n = upstream.tokens.up();
    if let Some((after, status, body)) = upstream.fails_after
        && n >= after
    {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    // Everybody who will come is there before the answer is.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let answer = json!({ "access_token": format!("tok-{}", n + 1), "expires_in": 7200, "token_type": "Bearer" });
    axum::Json(answer).into_response()
}

async fn api(State(upstream): State<Upstream>, headers: HeaderMap) -> StatusCode {
    upstream.calls.up();
    let token = headers["authorization"].to_str().unwrap();
    let n: usize = token.strip_prefix("Bearer tok-").unwrap().parse().unwrap();
    if n <= upstream.refused { StatusCode::UNAUTHORIZED } else { StatusCode::OK }
}

struct Bench {
    clock: Arc<FakeClock>,
    connections: Connections,
    site: Resolved,
}

async fn start(upstream: &Upstream) -> Bench {
    let router = Router::new()
        .route("/connect/token", post(token))
        .fallback(any(api))
        .with_state(upstream.clone());
    let url = serve(router).await;
    let clock = Arc::new(FakeClock::new("2026-01-31T09:00:00Z".parse().unwrap()));
    let connections = registry_with("", clock.clone(), Options::default());
    let values =
        json!({ "url": url, "token_url": format!("{url}/connect/token"), "client_id": "ACME" });
    connections.bind("hr", "tokened", object(values), secrets("client_secret", CANARY)).unwrap();
    let site = connections.resolve("hr").await.unwrap();
    Bench { clock, connections, site }
}

#[tokio::test]
async fn fifty_sends_on_an_expired_token_make_one_token_request() {
    let upstream = Upstream::default();
    let bench = start(&upstream).await;
    bench.site.transport.send(get("/users")).await.unwrap();
    assert_eq!(upstream.tokens.n(), 1);
    let form = upstream.form.lock().unwrap().clone();
    assert!(
        form.starts_with("grant_type=client_credentials&client_id=ACME&client_secret=canary"),
        "{form}"
    );
    assert!(form.ends_with("&scope=allapis"), "{form}");

    bench.clock.advance(Duration::from_secs(7200));
    let sends: Vec<_> = (0..50)
        .map(|_| {
            let transport = bench.site.transport.clone();
            tokio::spawn(async move { transport.send(get("/users")).await })
        })
        .collect();
    for send in sends {
        assert_eq!(send.await.unwrap().unwrap().status, 200);
    }
    assert_eq!((upstream.tokens.n(), upstream.calls.n()), (2, 51));
}

#[tokio::test]
async fn a_token_is_renewed_when_ten_minutes_are_left_and_not_before() {
    let upstream = Upstream::default();
    let bench = start(&upstream).await;
    for (wait, tokens) in [(0, 1), (6599, 1), (1, 2)] {
        bench.clock.advance(Duration::from_secs(wait));
        bench.site.transport.send(get("/users")).await.unwrap();
        assert_eq!(upstream.tokens.n(), tokens, "after {wait} s more");
    }
    let expires = bench.connections.show("hr").await.unwrap().token_expires_at;
    assert_eq!(expires, Some("2026-01-31T12:50:00Z".parse().unwrap()));
}

#[tokio::test]
async fn an_early_401_renews_once_and_sends_once_more() {
    let upstream = Upstream { refused: 1, ..Upstream::default() };
    let bench = start(&upstream).await;
    let sends: Vec<_> = (0..20)
        .map(|_| {
            let transport = bench.site.transport.clone();
            tokio::spawn(async move { transport.send(get("/users")).await })
        })
        .collect();
    for send in sends {
        assert_eq!(send.await.unwrap().unwrap().status, 200);
    }
    assert_eq!(upstream.tokens.n(), 2);
}

#[tokio::test]
async fn an_endless_401_ends_after_the_second_try() {
    let upstream = Upstream { refused: 1000, ..Upstream::default() };
    let bench = start(&upstream).await;
    assert_eq!(bench.site.transport.send(get("/users")).await.unwrap().status, 401);
    assert_eq!((upstream.tokens.n(), upstream.calls.n()), (2, 2));
    let error = bench.connections.test("hr").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_refused_client_names_the_fields_to_mend_and_not_the_secret() {
    let refusal =
        r#"{"error":"invalid_client","error_description":"no client with canary-4fQ/z+9\"x"}"#;
    let upstream = Upstream { fails_after: Some((0, 400, refusal)), ..Upstream::default() };
    let bench = start(&upstream).await;
    let error = bench.site.transport.send(get("/users")).await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::Unauthenticated, WriteState::None));
    assert_eq!(error.code.as_deref(), Some("invalid_client"));
    assert!(
        error.message.contains("does not accept client_id or client_secret"),
        "{}",
        error.message
    );
    assert!(
        !error.message.contains("4fQ") && error.message.contains("[secret]"),
        "{}",
        error.message
    );
    assert_eq!(upstream.calls.n(), 0);
}

#[tokio::test]
async fn those_who_wait_share_the_failure_of_one_request() {
    let upstream = Upstream { fails_after: Some((0, 503, "down")), ..Upstream::default() };
    let bench = start(&upstream).await;
    let sends = (0..50).map(|_| bench.site.transport.send(get("/users")));
    for outcome in futures::future::join_all(sends).await {
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Unavailable);
    }
    assert_eq!(upstream.tokens.n(), 1);
    // The next one tries again.
    bench.site.transport.send(get("/users")).await.unwrap_err();
    assert_eq!(upstream.tokens.n(), 2);
}

#[tokio::test]
async fn a_token_that_still_holds_is_used_while_the_endpoint_is_down() {
    let upstream = Upstream { fails_after: Some((1, 503, "down")), ..Upstream::default() };
    let bench = start(&upstream).await;
    bench.site.transport.send(get("/users")).await.unwrap();
    bench.clock.advance(Duration::from_secs(7000));
    for _ in 0..5 {
        bench.site.transport.send(get("/users")).await.unwrap();
    }
    assert_eq!(upstream.tokens.n(), 2);
    bench.clock.advance(Duration::from_secs(200));
    let error = bench.site.transport.send(get("/users")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn an_answer_without_a_token_points_at_the_token_url() {
    for (status, body) in [(200, "<html>"), (404, "<html>")] {
        let upstream = Upstream { fails_after: Some((0, status, body)), ..Upstream::default() };
        let bench = start(&upstream).await;
        let error = bench.site.transport.send(get("/users")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated);
        assert!(error.message.contains("check token_url"), "{}", error.message);
    }
}

#[tokio::test]
async fn a_token_is_kept_out_of_outputs() {
    let upstream = Upstream::default();
    let bench = start(&upstream).await;
    bench.site.transport.send(get("/users")).await.unwrap();
    let redactor = bench.connections.redactor();
    assert_eq!(redactor.redact("Bearer tok-1!"), "Bearer [secret]!");
    assert_eq!(redactor.redact(CANARY), "[secret]");
}
