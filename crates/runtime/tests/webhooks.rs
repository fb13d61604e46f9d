//! Deliveries start runs: only genuine ones, once each, with nothing of them that lets anybody in.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use linchpin_engine::event::Outcome;
use linchpin_engine::store::Store;
use linchpin_language::{Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::host::{Error, Host};
use linchpin_runtime::triggers::webhook::{Delivery, Refusal, Taken, Webhooks};
use linchpin_runtime::{FakeClock, Secret};
use tempfile::TempDir;

use crate::support::host;

const BODY: &str = r#"{"id":"evt-1","kind":"course.completed"}"#;
/// Made by another implementation, with the secret below, for this id, time and body.
const SIGNED: [(&str, &str); 3] = [
    ("webhook-signature", "v1,lMgOkw9fjWvdZ9/NErAQQo0wd9B3FUBXTz+gmGJpK7I="),
    ("webhook-id", "msg-1"),
    ("webhook-timestamp", "1769850000"),
];
const SECRET: &str = "canary-secret";
const SIGNED_AT: i64 = 1_769_850_000;

struct World {
    host: Host,
    webhooks: Webhooks,
    _folder: TempDir,
}

impl World {
    fn new(store: Arc<dyn Store>, now: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, format!("{SECRET}\n")).unwrap();
        let secret = format!("secret: {{ file: {} }}", file.display());
        let flow = format!(
            "flow: hooked
triggers:
  - webhook: {{ path: std, auth: {{ scheme: standard, {secret} }} }}
  - webhook: {{ path: lms/done, auth: {{ scheme: litmos, {secret} }} }}
  - webhook: {{ path: typed, auth: none, payload: {{ n: {{ type: integer, required: true }} }} }}
  - webhook: {{ path: named, auth: none, dedupe: trigger.payload.number }}
  - webhook: {{ path: unset, auth: {{ scheme: token, secret: vault }} }}
steps: [ {{ log: x }} ]
outputs: {{ given: trigger }}
"
        );
        let clock = FakeClock::new(Timestamp::from_second(now).unwrap());
        let host = host(&flow, store, Arc::new(clock));
        Self { webhooks: Webhooks::new(host.clone()), host, _folder: folder }
    }

    fn fresh() -> Self {
        Self::new(Arc::new(MemoryStore::new()), SIGNED_AT + 10)
    }

    async fn send(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<Taken, Refusal> {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = headers.iter().map(header).collect();
        let delivery =
            Delivery { path, query: "a=b%20c", headers: &headers, body: body.as_bytes() };
        self.webhooks.take(&delivery).await
    }

    /// What the flow saw of a delivery.
    async fn seen(&self, taken: &Taken) -> Value {
        match self.host.wait(&taken.run).await {
            Some(Outcome::Succeeded { outputs }) => outputs["given"].clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_genuine_delivery_starts_one_run_however_often_it_comes() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let world = World::new(Arc::clone(&store), SIGNED_AT + 10);
    let first = world.send("std", &SIGNED, BODY).await.unwrap();
    assert_eq!((first.is_new, first.status), (true, 202));
    let again = world.send("std", &SIGNED, BODY).await.unwrap();
    assert_eq!((again.is_new, &again.run), (false, &first.run));
    // Nor does it after a restart, as far as the signature is taken at all.
    let later = World::new(store, SIGNED_AT + 299);
    let replayed = later.send("std", &SIGNED, BODY).await.unwrap();
    assert_eq!((replayed.is_new, replayed.run), (false, first.run));
}

#[tokio::test]
async fn what_is_not_genuine_starts_nothing() {
    let world = World::fresh();
    let late = World::new(Arc::new(MemoryStore::new()), SIGNED_AT + 301);
    let mut other_id = SIGNED;
    other_id[1].1 = "msg-2";
    for (why, refused) in [
        ("another body", world.send("std", &SIGNED, "{}").await),
        ("another id", world.send("std", &other_id, BODY).await),
        ("no signature", world.send("std", &[], BODY).await),
        ("an old signature", late.send("std", &SIGNED, BODY).await),
        ("another token", world.send("lms/done/canary-secre", &[], BODY).await),
        ("no token", world.send("lms/done", &[], BODY).await),
    ] {
        let Err(Refusal::NotGenuine { why: told, .. }) = refused else {
            panic!("{why}: {refused:?}")
        };
        assert!(!told.contains("canary") && !told.contains("evt-1"), "{told}");
    }
    for unknown in ["", "st", "std/x", "lms", "lms/done/a/b"] {
        let refused = world.send(unknown, &SIGNED, BODY).await;
        assert!(matches!(refused, Err(Refusal::Unknown(_))), "{unknown}: {refused:?}");
    }
    assert_eq!(world.host.list(None, 10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_flow_sees_the_delivery_but_nothing_that_lets_anybody_in() {
    let world = World::fresh();
    let mut headers = SIGNED.to_vec();
    headers.extend([("authorization", "Basic Y2FuYXJ5"), ("x-kind", "test")]);
    let taken = world.send("std", &headers, BODY).await.unwrap();
    let seen = world.seen(&taken).await;
    assert_eq!(seen["payload"], json!({ "id": "evt-1", "kind": "course.completed" }));
    assert_eq!(seen["query"], json!({ "a": "b c" }));
    assert_eq!((&seen["id"], &seen["path"]), (&json!("msg-1"), &json!("std")));
    assert_eq!(seen["received_at"], "2026-01-31T09:00:10Z");
    let names: Vec<_> = seen["headers"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["webhook-id", "webhook-timestamp", "x-kind"]);
    // The token of an address is no part of the path that a flow sees.
    let taken = world.send("lms/done/canary-secret", &[], BODY).await.unwrap();
    assert_eq!(taken.status, 200, "as Litmos expects");
    let seen = world.seen(&taken).await;
    assert_eq!((&seen["id"], &seen["path"]), (&json!("evt-1"), &json!("lms/done")));
    assert!(!seen.to_string().contains("canary"), "{seen}");
}

#[tokio::test]
async fn named_fields_of_the_body_are_read_as_their_types() {
    let world = World::fresh();
    let taken = world.send("typed", &[], r#"{"n":"7","more":[1]}"#).await.unwrap();
    assert_eq!(world.seen(&taken).await["payload"], json!({ "n": 7, "more": [1] }));
    for (body, why) in [
        ("{}", "required"),
        (r#"{"n":"x"}"#, "integer"),
        ("no json", "JSON object"),
        (r#"{"n":1.5}"#, "integer"),
    ] {
        let refused = world.send("typed", &[], body).await.unwrap_err();
        assert!(matches!(refused, Refusal::Unfit { .. }), "{body}: {refused:?}");
        assert!(refused.to_string().contains(why), "{body}: {refused}");
    }
}

#[tokio::test]
async fn what_a_flow_tells_deliveries_apart_by_is_its_run_key() {
    let world = World::fresh();
    let first = world.send("named", &[], r#"{"number":"INC1","at":1}"#).await.unwrap();
    let again = world.send("named", &[], r#"{"number":"INC1","at":2}"#).await.unwrap();
    assert_eq!((again.is_new, &again.run), (false, &first.run));
    assert!(world.send("named", &[], r#"{"number":"INC2"}"#).await.unwrap().is_new);
    let refused = world.send("named", &[], r#"{"number":null}"#).await.unwrap_err();
    assert!(refused.to_string().contains("dedupe"), "{refused}");
    // Without an id and without a signature nothing says that two are the same.
    let one = world.send("typed", &[], r#"{"n":1}"#).await.unwrap();
    assert!(world.send("typed", &[], r#"{"n":1}"#).await.unwrap().is_new);
    assert!(one.is_new);
}

#[tokio::test]
async fn a_webhook_without_its_secret_takes_nothing_until_it_has_one() {
    let world = World::fresh();
    let refused = world.send("unset/anything", &[], "{}").await.unwrap_err();
    assert!(matches!(refused, Refusal::NoSecret { .. }), "{refused:?}");
    assert!(refused.to_string().contains("linchpin webhooks secret unset"), "{refused}");
    let problems = |served: Vec<linchpin_runtime::triggers::webhook::Served>| {
        let with = served.into_iter().filter(|one| !one.problems.is_empty());
        with.map(|one| one.path).collect::<Vec<_>>()
    };
    assert_eq!(problems(world.webhooks.served().await), ["unset"]);
    world.webhooks.keep_secret("unset", Some(&Secret::new("a-long-token"))).await.unwrap();
    assert!(world.send("unset/a-long-token", &[], "{}").await.unwrap().is_new);
    assert!(problems(world.webhooks.served().await).is_empty());
    world.webhooks.keep_secret("unset", None).await.unwrap();
    assert!(world.send("unset/a-long-token", &[], "{}").await.is_err());
}

#[tokio::test]
async fn a_host_that_goes_down_takes_no_delivery() {
    let world = World::fresh();
    world.host.stop(std::time::Duration::from_secs(1)).await;
    let refused = world.send("std", &SIGNED, BODY).await;
    assert!(matches!(refused, Err(Refusal::Host(Error::Stopping))), "{refused:?}");
}
