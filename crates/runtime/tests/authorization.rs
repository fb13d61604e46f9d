//! What a person has agreed to: asked for once, kept before it is used, renewed in turns, and given up
//! in plain words.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use linchpin_connector::ErrorKind;
use linchpin_language::json;
use linchpin_runtime::connections::{
    Answered, ConnectionError, Connections, ConnectionsFile, Options,
};
use linchpin_runtime::{FakeClock, MasterKey, Vault};
use tokio::sync::Semaphore;

use crate::support::{Counter, Disk, get, object, secrets, serve, spokes};

/// A server whose refresh tokens work once each.
#[derive(Clone)]
struct Upstream {
    requests: Counter,
    calls: Counter,
    /// How many token answers may leave.
    gate: Arc<Semaphore>,
    vault: Arc<Vault>,
    /// The number of the refresh token that works.
    living: Arc<Mutex<usize>>,
    /// Whether the API takes calls.
    is_down: Arc<AtomicBool>,
    /// What a client says that has a secret.
    client_secret: Arc<Mutex<String>>,
    /// Whether a renewal gives a new refresh token, and how long such a one lives.
    rotates: Arc<AtomicBool>,
    /// What the vault held when each call came.
    kept: Arc<Mutex<Vec<String>>>,
}

async fn token(State(upstream): State<Upstream>, form: String) -> Response {
    upstream.requests.up();
    let fields: BTreeMap<String, String> =
        url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let known = upstream.client_secret.lock().unwrap().clone();
    if fields.get("client_secret").is_some_and(|given| *given != known) {
        return (StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#).into_response();
    }
    let is_renewal = fields["grant_type"] == "refresh_token";
    if is_renewal && !upstream.rotates.load(Ordering::SeqCst) {
        let n = *upstream.living.lock().unwrap();
        return axum::Json(json!({ "access_token": format!("access-{n}"), "expires_in": 100 }))
            .into_response();
    }
    let n = {
        let mut living = upstream.living.lock().unwrap();
        let is_good = match fields["grant_type"].as_str() {
            "refresh_token" => fields["refresh_token"] == format!("refresh-{living}"),
            _ => fields["code"] == "c0de" && fields.contains_key("code_verifier"),
        };
        if !is_good {
            return (StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#).into_response();
        }
        *living += 1;
        *living
    };
    upstream.gate.acquire().await.unwrap().forget();
    axum::Json(json!({ "access_token": format!("access-{n}"), "token_type": "Bearer",
        "expires_in": 100, "refresh_token": format!("refresh-{n}"),
        "refresh_token_expires_in": 864_000 }))
    .into_response()
}

async fn api(State(upstream): State<Upstream>, headers: HeaderMap) -> StatusCode {
    upstream.calls.up();
    let kept = upstream.vault.get("hr", "$token").await.unwrap();
    let kept = kept.map(|kept| kept.expose().to_owned()).unwrap_or_default();
    upstream.kept.lock().unwrap().push(kept);
    if upstream.is_down.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let living = *upstream.living.lock().unwrap();
    let sent = headers["authorization"].to_str().unwrap().to_owned();
    if sent == format!("Bearer access-{living}") {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    }
}

struct Bench {
    clock: Arc<FakeClock>,
    disk: Arc<Disk>,
    upstream: Upstream,
    connections: Arc<Connections>,
}

async fn start() -> Bench {
    let disk = Arc::new(Disk::default());
    let vault = Arc::new(Vault::new(disk.clone(), MasterKey::from_bytes([7; 32])));
    let upstream = Upstream {
        requests: Counter::default(),
        calls: Counter::default(),
        gate: Arc::new(Semaphore::new(1000)),
        vault: vault.clone(),
        living: Arc::default(),
        is_down: Arc::default(),
        client_secret: Arc::new(Mutex::new("right".to_owned())),
        rotates: Arc::new(AtomicBool::new(true)),
        kept: Arc::default(),
    };
    let router = Router::new()
        .route("/connect/token", post(token))
        .fallback(any(api))
        .with_state(upstream.clone());
    let url = serve(router).await;
    let clock = Arc::new(FakeClock::new("2026-01-31T09:00:00Z".parse().unwrap()));
    let spokes = spokes();
    let file = ConnectionsFile::parse(&[], &spokes).unwrap();
    let connections = Connections::new(file, spokes, vault, clock.clone(), Options::default());
    let values = json!({ "url": url, "credential": "person", "client_id": "app" });
    connections.bind("hr", "choice", object(values), BTreeMap::new()).unwrap();
    let values = json!({ "url": url, "client_id": "app" });
    let secret = secrets("client_secret", "right");
    connections.bind("crm", "agreed", object(values), secret).unwrap();
    Bench { clock, disk, upstream, connections: Arc::new(connections) }
}

fn answered(state: &str) -> Answered {
    serde_json::from_value(json!({ "state": state, "code": "c0de" })).unwrap()
}

impl Bench {
    async fn authorize(&self) {
        self.authorize_as("hr").await;
    }

    async fn authorize_as(&self, alias: &str) {
        let asking =
            self.connections.ask(alias, Some("http://127.0.0.1:1/callback")).await.unwrap();
        let url = url::Url::parse(&asking.url).unwrap();
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        self.connections.answer(alias, answered(&state)).await.unwrap();
    }

    async fn send(&self) -> Result<u16, String> {
        self.send_as("hr").await
    }

    async fn send_as(&self, alias: &str) -> Result<u16, String> {
        let hr = self.connections.resolve(alias).await.map_err(|error| error.to_string())?;
        let response = hr.transport.send(get("/users")).await;
        response.map(|response| response.status).map_err(|error| error.message)
    }
}

#[tokio::test]
async fn without_an_agreement_nothing_is_sent_and_the_command_is_named() {
    let bench = start().await;
    let error = bench.connections.resolve("hr").await.err().unwrap();
    assert!(matches!(error, ConnectionError::Unauthorized { .. }));
    assert!(error.to_string().ends_with("run `linchpin connections authorize hr`"), "{error}");
    assert_eq!((bench.upstream.requests.n(), bench.upstream.calls.n()), (0, 0));
}

#[tokio::test]
async fn an_answer_counts_once_and_only_for_its_question() {
    let bench = start().await;
    let ask = || bench.connections.ask("hr", Some("http://127.0.0.1:1/callback"));
    let asking = ask().await.unwrap();
    assert!(asking.url.contains("prompt=login&response_type=code&client_id=app"), "{}", asking.url);
    assert!(asking.url.contains("code_challenge_method=S256"), "{}", asking.url);
    let state = asking.url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let forged = bench.connections.answer("hr", answered("forged")).await.unwrap_err();
    assert!(forged.to_string().contains("does not belong to the question"), "{forged}");
    assert_eq!(bench.upstream.requests.n(), 0);
    bench.connections.answer("hr", answered(&state)).await.unwrap();
    let again = bench.connections.answer("hr", answered(&state)).await.unwrap_err();
    assert!(again.to_string().contains("does not belong to the question"), "{again}");
    let asking = ask().await.unwrap();
    let state = asking.url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    bench.clock.advance(Duration::from_secs(601));
    bench.connections.answer("hr", answered(&state)).await.unwrap_err();
}

#[tokio::test]
async fn a_new_refresh_token_is_on_disk_before_its_access_token_is_used() {
    let bench = start().await;
    bench.authorize().await;
    for n in 2..=5 {
        bench.clock.advance(Duration::from_secs(90));
        assert_eq!(bench.send().await, Ok(200));
        let kept = bench.upstream.kept.lock().unwrap().last().unwrap().clone();
        assert!(kept.contains(&format!("refresh-{n}")), "call {n}: another one is kept");
    }
    assert_eq!(bench.upstream.requests.n(), 5);
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_is_not_used_and_not_lost() {
    let bench = start().await;
    bench.authorize().await;
    let calls = bench.upstream.calls.n();
    bench.clock.advance(Duration::from_secs(200));
    // Full from the moment on when the answer is on its way.
    bench.upstream.gate.forget_permits(1000);
    let sending = tokio::spawn({
        let connections = bench.connections.clone();
        async move { connections.resolve("hr").await.unwrap().transport.send(get("/users")).await }
    });
    while bench.upstream.requests.n() < 2 {
        tokio::task::yield_now().await;
    }
    bench.disk.has_room_for(0);
    bench.upstream.gate.add_permits(1000);
    let error = sending.await.unwrap().unwrap_err();
    assert!(error.message.contains("cannot be stored, so it is not used"), "{}", error.message);
    assert_eq!((error.kind, bench.upstream.calls.n()), (ErrorKind::Unavailable, calls));
    bench.disk.has_room_for(usize::MAX);
    assert_eq!(bench.send().await, Ok(200));
    assert_eq!(bench.upstream.requests.n(), 2, "the token that was given is the one that is used");
}

#[tokio::test]
async fn who_gives_up_does_not_take_the_answer_away() {
    let bench = start().await;
    bench.authorize().await;
    bench.clock.advance(Duration::from_secs(200));
    bench.upstream.gate.forget_permits(1000);
    let sending = tokio::spawn({
        let connections = bench.connections.clone();
        async move { connections.resolve("hr").await.unwrap().transport.send(get("/users")).await }
    });
    while bench.upstream.requests.n() < 2 {
        tokio::task::yield_now().await;
    }
    sending.abort();
    sending.await.unwrap_err();
    bench.upstream.gate.add_permits(1000);
    assert_eq!(bench.send().await, Ok(200));
    assert_eq!(bench.upstream.requests.n(), 2);
}

#[tokio::test]
async fn a_used_up_refresh_token_asks_for_a_person_once_and_then_asks_nobody() {
    let bench = start().await;
    bench.authorize().await;
    *bench.upstream.living.lock().unwrap() = 40;
    bench.clock.advance(Duration::from_secs(200));
    let error = bench.send().await.unwrap_err();
    assert!(error.contains("run `linchpin connections authorize hr`"), "{error}");
    for _ in 0..5 {
        bench.send().await.unwrap_err();
    }
    assert_eq!(bench.upstream.requests.n(), 2);
    let status = bench.connections.show("hr").await.unwrap();
    assert!(status.problem.unwrap().contains("has to be authorised"), "it is shown");
    bench.authorize().await;
    assert_eq!(bench.send().await, Ok(200));
}

#[tokio::test]
async fn a_spoke_can_offer_several_credentials_of_which_a_connection_has_one() {
    let echo = |uri: Uri, headers: HeaderMap| async move {
        let sent = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        // What is a secret would not come through.
        match (uri.query(), sent.as_deref()) {
            (Some("api_key=k3y-canary"), None) => "query",
            (None, Some("Bearer t0ken-canary")) => "bearer",
            (None, Some("Basic a2ltOnA0c3MtY2FuYXJ5")) => "basic",
            _ => "another",
        }
    };
    let url = serve(Router::new().fallback(echo)).await;
    let connections = crate::support::registry("");
    let bind = |alias: &str, values, secrets| {
        let mut values = object(values);
        values.insert("url".to_owned(), json!(url));
        connections.bind(alias, "choice", values, secrets).unwrap();
    };
    // The first one is the usual one.
    bind("a", json!({ "user_name": "kim" }), secrets("password", "p4ss-canary"));
    bind("b", json!({ "credential": "bearer" }), secrets("bearer", "t0ken-canary"));
    bind("c", json!({ "credential": "query" }), secrets("key", "k3y-canary"));
    for (alias, expect) in [("a", "basic"), ("b", "bearer"), ("c", "query")] {
        let site = connections.resolve(alias).await.unwrap();
        let response = site.transport.send(get("/x")).await.unwrap();
        assert_eq!(std::str::from_utf8(&response.body).unwrap(), expect);
    }
    bind("d", json!({ "credential": "bearer" }), BTreeMap::new());
    let missing = connections.resolve("d").await.err().unwrap();
    assert!(missing.to_string().contains("bearer"), "{missing}");
    let status = connections.show("b").await.unwrap();
    let used: Vec<&str> =
        status.fields.iter().filter(|field| field.used).map(|field| &*field.name).collect();
    assert_eq!((used, &*status.credential), (vec!["credential", "url", "bearer"], "bearer"));
}

#[tokio::test]
async fn a_new_secret_of_a_client_is_tried_before_it_counts() {
    let bench = start().await;
    bench.authorize_as("crm").await;
    let rotate = async |secret: &str| {
        let secret = secrets("client_secret", secret);
        bench.connections.configure("crm", object(json!({})), secret).await
    };
    // The token that was granted before still holds; a mistyped secret is found out all the same.
    let refused = rotate("mistyped").await.unwrap_err().to_string();
    assert!(refused.contains("invalid_client"), "{refused}");
    assert_eq!(bench.send_as("crm").await, Ok(200));
    *bench.upstream.client_secret.lock().unwrap() = "newer".to_owned();
    rotate("newer").await.unwrap();
    bench.clock.advance(Duration::from_secs(200));
    assert_eq!(bench.send_as("crm").await, Ok(200));
    assert_eq!(bench.upstream.requests.n(), 4);
}

#[tokio::test]
async fn a_new_secret_whose_test_fails_costs_no_agreement() {
    let bench = start().await;
    bench.authorize_as("crm").await;
    bench.upstream.is_down.store(true, Ordering::SeqCst);
    let secret = secrets("client_secret", "right ");
    *bench.upstream.client_secret.lock().unwrap() = "right ".to_owned();
    let failed = bench.connections.configure("crm", object(json!({})), secret).await;
    assert!(failed.unwrap_err().to_string().contains("503"), "the API is down");
    // The refresh token was used up for the test; the connection goes on with the one that it gave.
    bench.upstream.is_down.store(false, Ordering::SeqCst);
    *bench.upstream.client_secret.lock().unwrap() = "right".to_owned();
    for _ in 0..2 {
        bench.clock.advance(Duration::from_secs(200));
        assert_eq!(bench.send_as("crm").await, Ok(200));
    }
}

#[tokio::test]
async fn the_end_of_a_refresh_token_stays_known_while_it_is_used_again() {
    let bench = start().await;
    bench.authorize_as("crm").await;
    let ends = async || {
        let status = bench.connections.show("crm").await.unwrap();
        status.authorization.unwrap().ends_at.expect("the server has said")
    };
    let before = ends().await;
    bench.upstream.rotates.store(false, Ordering::SeqCst);
    bench.clock.advance(Duration::from_secs(200));
    assert_eq!(bench.send_as("crm").await, Ok(200));
    assert_eq!(ends().await, before);
}

#[tokio::test]
async fn the_tokens_of_all_who_agreed_to_one_client_stay_out_of_outputs() {
    let bench = start().await;
    let status = bench.connections.show("hr").await.unwrap();
    let url = status.fields.iter().find(|field| field.name == "url").unwrap().value.clone();
    for alias in ["hr", "second", "third", "fourth"] {
        let values = json!({ "url": url, "credential": "person", "client_id": "app" });
        bench.connections.bind(alias, "choice", object(values), BTreeMap::new()).unwrap();
        bench.authorize_as(alias).await;
    }
    let redactor = bench.connections.redactor();
    for n in 1..=4 {
        for token in [format!("access-{n}"), format!("refresh-{n}")] {
            assert!(!redactor.redact(&format!("it said {token}.")).contains(&token), "{token}");
        }
    }
}
