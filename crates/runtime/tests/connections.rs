//! The registry: files, forms, sources of secrets, and what of it may be seen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use linchpin_connector::{ActionError, ErrorKind};
use linchpin_language::{Map, Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::connections::{ConnectionError, Connections, ConnectionsFile, Options};
use linchpin_runtime::{FakeClock, MasterKey, Secret, SystemClock, Vault};

use crate::support::{
    CANARY, Counter, get, object, registry, registry_with, secrets, serve, spokes, vault,
};

fn mistakes(docs: &[(&str, &str)]) -> Vec<String> {
    let Err(found) = ConnectionsFile::parse(docs, &spokes()) else { return Vec::new() };
    found
        .iter()
        .map(|found| format!("{}:{} {}", found.source.name(), found.position().0, found.code))
        .collect()
}

/// A system that knows one key.
async fn system() -> String {
    let ping = |headers: HeaderMap| async move {
        let good = headers.get("x-key").is_some_and(|key| key.as_bytes() == CANARY.as_bytes());
        if good { (StatusCode::OK, "[]") } else { (StatusCode::UNAUTHORIZED, "{}") }
    };
    serve(Router::new().fallback(ping)).await
}

#[test]
fn all_mistakes_of_all_files_are_reported_at_once() {
    let base = "\
lms:
  spoke: keyd
hr:
  spoke: tokened
  client_secret: s3cret-in-git
  tokn_url: https://hr.example
  allow_private: maybe
open: { spoke: open, url: 'http://open.example' }
loop_a: { parent: loop_b }
loop_b: { parent: loop_a }
lost: { parent: nobody }
bare: { url: 'https://x.example' }
";
    let prod = "\
attr: { spoke: keyed, source: mine, attributes: { wire: yaml, sourc: x } }
\"a b\": { spoke: open }
slow: { spoke: open, timeout: soon }
";
    let mut found = mistakes(&[("base.yaml", base), ("prod.yaml", prod)]);
    found.sort();
    assert_eq!(
        found,
        [
            "base.yaml:10 cycle",
            "base.yaml:11 unknown-alias",
            "base.yaml:12 missing-key",
            "base.yaml:2 unknown-spoke",
            "base.yaml:5 secret-literal",
            "base.yaml:6 unknown-key",
            "base.yaml:7 wrong-type",
            "base.yaml:8 bad-value",
            "base.yaml:9 cycle",
            "prod.yaml:1 bad-value",
            "prod.yaml:1 unknown-key",
            "prod.yaml:1 unknown-key",
            "prod.yaml:2 bad-id",
            "prod.yaml:3 bad-duration",
        ]
    );
}

#[tokio::test]
async fn the_environments_file_replaces_what_it_names_and_a_child_has_its_own_credential() {
    let base = "\
lms: { spoke: keyed, url: EU, api_key: { env: LMS_KEY }, attributes: { source: base, wire: xml } }
lms_emea: { parent: lms, attributes: { source: emea } }
";
    let prod = "lms: { url: 'https://prod.keyed.example', attributes: { source: prod } }";
    let spokes = spokes();
    let docs = [("connections.yaml", base), ("connections.prod.yaml", prod)];
    let file = ConnectionsFile::parse(&docs, &spokes).unwrap();
    assert_eq!(file.aliases()["lms_emea"], "keyed");
    let connections = Connections::new(
        file,
        spokes,
        vault(Arc::new(MemoryStore::new())),
        Arc::new(SystemClock),
        Options::default(),
    );
    let lms = connections.show("lms").await.unwrap();
    assert_eq!(lms.attributes, object(json!({ "source": "prod", "wire": "xml" })));
    assert_eq!(lms.fields[1].source.as_deref(), Some("env LMS_KEY"));
    let emea = connections.show("lms_emea").await.unwrap();
    assert_eq!(emea.attributes, object(json!({ "source": "emea", "wire": "xml" })));
    assert_eq!(emea.parent.as_deref(), Some("lms"));
    assert_eq!(emea.fields[0].value, Some(json!("https://prod.keyed.example")));
    assert_eq!(emea.fields[1].source.as_deref(), Some("vault"));
    assert!(emea.problem.unwrap().contains("linchpin connections configure lms_emea"));
}

#[tokio::test]
async fn an_alias_that_is_not_there_is_refused_with_the_near_one() {
    let connections = registry("lms: { spoke: keyed, url: EU }");
    let Err(error) = connections.resolve("lsm").await else { panic!("it resolved") };
    assert!(matches!(error, ConnectionError::UnknownAlias { .. }));
    let error = ActionError::from(error);
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("did you mean lms?"), "{}", error.message);
}

#[tokio::test]
async fn a_connection_is_stored_and_active_only_when_its_test_succeeds() {
    let url = system().await;
    let file = "lms: { spoke: keyed, allow_private: true }";
    let store = Arc::new(MemoryStore::new());
    let start = || {
        let spokes = spokes();
        let file = ConnectionsFile::parse(&[("connections.yaml", file)], &spokes).unwrap();
        let clock = Arc::new(SystemClock);
        Connections::new(file, spokes, vault(store.clone()), clock, Options::default())
    };
    let connections = start();
    let values = object(json!({ "url": url, "source": "flows" }));
    let wrong = connections.configure("lms", values.clone(), secrets("api_key", "wrong-key")).await;
    assert!(wrong.unwrap_err().to_string().starts_with("the test of connection lms failed"));
    let status = connections.show("lms").await.unwrap();
    assert!(!status.active && status.endpoints.is_empty() && !status.fields[1].set);

    connections.configure("lms", values, secrets("api_key", CANARY)).await.unwrap();
    // A new process finds it in the vault.
    let connections = start();
    let status = connections.show("lms").await.unwrap();
    assert!(status.active && status.fields[1].set, "{status:?}");
    assert_eq!(status.attributes["source"], json!("flows"));
    assert_eq!(status.endpoints, [("Users".to_owned(), format!("{url}/users"))]);
    connections.test("lms").await.unwrap();

    connections.remove("lms").await.unwrap();
    assert!(!connections.show("lms").await.unwrap().active);
    assert!(connections.resolve("lms").await.is_err());
}

/// What a file says stands, so that an edit of it counts; and no environment asks with what was
/// kept in another.
#[tokio::test]
async fn what_is_kept_leads_no_environment_to_another_system() {
    let (url, store) = (system().await, Arc::new(MemoryStore::new()));
    let start = |file: &str, environment: Option<&str>| {
        let spokes = spokes();
        let file = ConnectionsFile::parse(&[("connections.yaml", file)], &spokes).unwrap();
        let vault = Vault::new(store.clone(), MasterKey::from_bytes([7; 32]));
        let vault = Arc::new(vault.of_environment(environment.map(str::to_owned)));
        Connections::new(file, spokes, vault, Arc::new(SystemClock), Options::default())
    };
    let key = || secrets("api_key", CANARY);
    let bare = "lms: { spoke: keyed, allow_private: true }";
    let base = start(bare, None);
    base.configure("lms", object(json!({ "url": url })), key()).await.unwrap();

    let test = start(bare, Some("test"));
    let status = test.show("lms").await.unwrap();
    assert!(!status.active && !status.fields.iter().any(|field| field.set), "{status:?}");
    let problem = status.problem.unwrap();
    assert!(problem.contains("has no api_key"), "{problem}");
    let written = format!("lms: {{ spoke: keyed, url: '{url}/test', allow_private: true }}");
    let test = start(&written, Some("test"));
    let problem = test.show("lms").await.unwrap().problem.unwrap();
    assert!(problem.ends_with("run `linchpin connections configure lms --environment test`"));
    test.configure("lms", Map::new(), secrets("api_key", "wrong-key")).await.unwrap_err();
    test.remove("lms").await.unwrap();

    // The base one is as it was; and a file that says another url is followed, not the form.
    assert!(start(bare, None).show("lms").await.unwrap().active);
    let edited = start(&written, None);
    let status = edited.show("lms").await.unwrap();
    let at = status.fields.iter().find(|field| field.name == "url").unwrap();
    assert_eq!(at.value, Some(json!(format!("{url}/test"))));
    assert!(at.written && !status.active);
    let refused = edited.configure("lms", object(json!({ "url": url })), key()).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("the connections file says"), "{refused}");
}

#[tokio::test]
async fn a_spoke_can_be_configured_without_a_file() {
    let url = serve(Router::new().fallback(|| async { "{}" })).await;
    let connections = registry("");
    assert!(connections.list().await.unwrap().is_empty());
    let missing = connections.configure("open", object(json!({})), BTreeMap::new()).await;
    assert!(missing.unwrap_err().to_string().starts_with("connection open has no url"));
    // The form cannot allow private addresses: only the file can.
    let values = object(json!({ "url": url }));
    let refused = connections.configure("open", values, BTreeMap::new()).await;
    assert!(refused.unwrap_err().to_string().contains("allow_private"));
    assert!(connections.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_form_cannot_change_what_is_fixed_elsewhere() {
    let file = "lms: { spoke: keyed, url: EU, api_key: { env: LMS_KEY } }";
    let connections = registry(file);
    let check = async |values: Value, secret: Option<&str>, part: &str| {
        let secrets = secret.map_or_else(BTreeMap::new, |name| secrets(name, CANARY));
        let error =
            connections.configure("lms", object(values), secrets).await.unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("canary"), "{error}");
    };
    check(json!({}), Some("api_key"), "takes it from env LMS_KEY").await;
    check(json!({}), Some("pin"), "no secret of that name").await;
    check(json!({ "api_key": "canary" }), None, "given as one").await;
    check(json!({ "nope": 1 }), None, "no such field").await;
    check(json!({ "wire": "yaml" }), None, "wire").await;
}

#[tokio::test]
async fn secrets_come_from_the_environment_a_file_or_a_command() {
    let url = system().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), format!("{CANARY}\n")).unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    let options = || Options { folder: folder.path().to_owned(), ..Options::default() };
    let file = |source: &str| {
        format!("lms: {{ spoke: keyed, url: '{url}', allow_private: true, api_key: {source} }}")
    };
    let command = format!("{{ command: [printf, '%s', '{CANARY}'] }}");
    for source in ["{ file: key }", command.as_str()] {
        let connections = registry_with(&file(source), Arc::new(SystemClock), options());
        connections.test("lms").await.unwrap();
    }
    for (source, part) in [
        ("{ env: LINCHPIN_NO_SUCH_VARIABLE }", "LINCHPIN_NO_SUCH_VARIABLE"),
        ("{ file: nothing }", "cannot be read"),
        ("{ file: empty }", "is empty"),
        ("{ command: ['false'] }", "failed"),
        ("vault", "connections configure lms"),
    ] {
        let connections = registry_with(&file(source), Arc::new(SystemClock), options());
        let error = connections.test("lms").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated, "{source}");
        assert!(error.message.contains(part), "{}", error.message);
    }
    // PATH is there wherever tests run; it is just not the key.
    let connections = registry_with(&file("{ env: PATH }"), Arc::new(SystemClock), options());
    assert_eq!(connections.test("lms").await.unwrap_err().kind, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_secret_changed_outside_is_read_again_after_a_refusal() {
    let url = system().await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "yesterdays-key").unwrap();
    let file = format!(
        "lms: {{ spoke: keyed, url: '{url}', allow_private: true, api_key: {{ file: key }} }}"
    );
    let options = Options { folder: folder.path().to_owned(), ..Options::default() };
    let connections = registry_with(&file, Arc::new(SystemClock), options);
    let status = async || {
        let lms = connections.resolve("lms").await.unwrap();
        lms.transport.send(get("/ping")).await.unwrap().status
    };
    assert_eq!(status().await, 401);
    std::fs::write(&key, CANARY).unwrap();
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn aliases_with_one_credential_share_its_budget() {
    let url = system().await;
    let clock = Arc::new(FakeClock::new("2026-01-31T09:00:00Z".parse().unwrap()));
    let connections = registry_with("", clock.clone(), Options::default());
    let values = object(json!({ "url": url }));
    for (alias, key) in [("a", CANARY), ("b", CANARY), ("c", "another-key")] {
        connections.bind(alias, "keyed", values.clone(), secrets("api_key", key)).unwrap();
    }
    for alias in ["a", "b", "a"] {
        connections.resolve(alias).await.unwrap().transport.send(get("/x")).await.unwrap();
    }
    let waiting = connections.resolve("b").await.unwrap().transport;
    let fourth = tokio::spawn(async move { waiting.send(get("/x")).await.unwrap().status });
    clock.until_asleep(1).await;
    let wait = Duration::from_secs(60);
    assert_eq!(connections.waiting(), [("a".to_owned(), wait), ("b".to_owned(), wait)]);
    // Another credential has its own.
    connections.resolve("c").await.unwrap().transport.send(get("/x")).await.unwrap();
    clock.advance(wait);
    assert_eq!(fourth.await.unwrap(), 200);
}

#[tokio::test]
async fn nothing_that_can_be_printed_holds_a_secret() {
    let url = system().await;
    let connections = registry("");
    let values = object(json!({ "url": url }));
    connections.bind("lms", "keyed", values, secrets("api_key", CANARY)).unwrap();
    let lms = connections.resolve("lms").await.unwrap();
    let response = lms.transport.send(get("/x")).await.unwrap();
    let mut bad = get("/x");
    bad.headers = vec![("x-a".to_owned(), "\n".to_owned())];
    let error = lms.transport.send(bad).await.unwrap_err();
    let status = connections.show("lms").await.unwrap();
    let printed = format!(
        "{:?} {response:?} {error:?} {status:?} {}",
        lms.connection,
        serde_json::to_string(&status).unwrap()
    );
    assert!(!printed.contains("4fQ"), "{printed}");
    assert_eq!(connections.redactor().redact(&printed), printed);
}

#[tokio::test]
async fn one_alias_keeps_one_transport() {
    let connections = registry("");
    let values = object(json!({ "url": "http://127.0.0.1:9" }));
    connections.bind("open", "open", values.clone(), BTreeMap::new()).unwrap();
    let first = connections.resolve("open").await.unwrap().transport;
    let second = connections.resolve("open").await.unwrap().transport;
    assert!(Arc::ptr_eq(&first, &second));
    connections.bind("open", "open", values, BTreeMap::new()).unwrap();
    let third = connections.resolve("open").await.unwrap().transport;
    assert!(!Arc::ptr_eq(&first, &third));
}

#[tokio::test]
async fn a_spoke_without_a_system_needs_no_entry_and_sends_nothing() {
    let connections = registry("");
    let core = connections.resolve("bare").await.unwrap();
    assert_eq!(core.connection.spoke, "bare");
    let error = core.transport.send(get("/x")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert_eq!(connections.show("bare").await.unwrap().problem, None);
}

#[tokio::test]
async fn a_key_that_the_form_does_not_insist_on_is_left_out() {
    let keys = |headers: HeaderMap| async move {
        match headers.get("authorization") {
            None => "none",
            Some(key) if key == "Bearer abc" => "as configured",
            Some(_) => "another",
        }
    };
    let url = serve(Router::new().fallback(keys)).await;
    let connections = registry("");
    let values = object(json!({ "url": url }));
    connections.bind("a", "maybe", values.clone(), BTreeMap::new()).unwrap();
    connections.bind("b", "maybe", values, secrets("token", "Bearer abc")).unwrap();
    for (alias, expect) in [("a", "none"), ("b", "as configured")] {
        let site = connections.resolve(alias).await.unwrap();
        let response = site.transport.send(get("/x")).await.unwrap();
        assert_eq!(std::str::from_utf8(&response.body).unwrap(), expect);
    }
}

/// A system that answers with its own name, and counts.
async fn named(name: &'static str) -> String {
    serve(Router::new().fallback(move || async move { name })).await
}

async fn reached(connections: &Connections, alias: &str) -> String {
    let resolved = connections.resolve(alias).await.unwrap();
    let response = resolved.transport.send(get("/x")).await.unwrap();
    std::str::from_utf8(&response.body).unwrap().to_owned()
}

#[tokio::test]
async fn an_alias_can_have_several_connections_of_which_one_is_meant() {
    let (us, emea) = (named("us").await, named("emea").await);
    let file = |more: &str| {
        format!(
            "lms:\n  spoke: open\n  allow_private: true\n{more}  connections:\n    \
             us: {{ url: \"{us}\" }}\n    emea: {{ url: \"{emea}\" }}\n    \
             old: {{ url: \"http://127.0.0.1:1\", active: false }}\n"
        )
    };
    let connections = registry(&file(""));
    assert_eq!(reached(&connections, "lms.us").await, "us");
    assert_eq!(reached(&connections, "lms.emea").await, "emea");
    let error = connections.resolve("lms").await.err().unwrap().to_string();
    assert!(error.contains("lms has several connections: lms.us, lms.emea"), "{error}");
    let error = connections.resolve("lms.old").await.err().unwrap().to_string();
    assert!(error.contains("out of service"), "{error}");
    let error = connections.resolve("lms.emae").await.err().unwrap().to_string();
    assert!(error.contains("did you mean lms.emea?"), "{error}");
    let listed = connections.list().await.unwrap();
    let listed: Vec<&str> = listed.iter().map(|status| status.alias.as_str()).collect();
    assert_eq!(listed, ["lms.emea", "lms.old", "lms.us"]);

    let connections = registry(&file("  default: emea\n"));
    assert_eq!(reached(&connections, "lms").await, "emea");
    // The environment's file takes one out of service: the other one is meant.
    let over = "lms: { connections: { us: { active: false } } }\n";
    let both = file("");
    let docs = [("connections.yaml", both.as_str()), ("connections.test.yaml", over)];
    let file = ConnectionsFile::parse(&docs, &spokes()).unwrap();
    let vault = vault(Arc::new(MemoryStore::new()));
    let clock = Arc::new(SystemClock);
    let connections = Connections::new(file, spokes(), vault, clock, Options::default());
    assert_eq!(reached(&connections, "lms").await, "emea");
}

#[test]
fn an_alias_whose_parent_is_one_of_its_own_connections_is_its_own_ancestor() {
    for (file, line) in [
        ("lms: { spoke: open, parent: lms.eu, connections: { eu: {} } }", 1),
        ("lms: { parent: far, connections: { eu: {} } }\nfar: { parent: lms.eu }", 2),
    ] {
        let found = mistakes(&[("c.yaml", file)]);
        assert!(found.contains(&format!("c.yaml:{line} cycle")), "{found:?}");
    }
}

#[test]
fn mistakes_in_how_requests_travel_are_told_where_they_stand() {
    let file = "a: { spoke: open, url: \"https://a.example\", proxy: nonsense }\n\
                b: { spoke: open, url: \"https://a.example\", proxy: \"http://me:pw@p.example:1\" }\n\
                c: { spoke: open, url: \"https://a.example\", tls: { certificate: a.pem } }\n\
                d: { spoke: open, url: \"https://a.example\", tls: { cert: a.pem } }\n\
                e: { spoke: open, url: \"https://a.example\", default: x }\n\
                f: { spoke: open, url: \"https://a.example\", retry: { attemps: 3 } }\n\
                g: { spoke: open, url: \"https://a.example\", active: perhaps }\n\
                h: { spoke: open, url: \"https://a.example\", proxy: vault }\n\
                i: { spoke: open, url: \"https://a.example\", tls: { ca: vault } }\n";
    assert_eq!(
        mistakes(&[("c.yaml", file)]),
        [
            "c.yaml:1 bad-value",
            "c.yaml:2 secret-literal",
            "c.yaml:3 missing-key",
            "c.yaml:4 unknown-key",
            "c.yaml:5 bad-value",
            "c.yaml:6 unknown-key",
            "c.yaml:7 wrong-type",
            "c.yaml:8 bad-value",
            "c.yaml:9 wrong-type",
        ]
    );
}

#[tokio::test]
async fn an_alias_says_how_its_failed_calls_are_tried_again_and_its_children_do_as_it_does() {
    let connections = registry(
        "lms: { spoke: open, url: \"https://a.example\", retry: { attempts: 9 } }\n\
         near: { parent: lms }\nfar: { parent: lms, retry: { attempts: 2 } }\n",
    );
    assert_eq!(connections.retry("lms").attempts, Some(9));
    assert_eq!(connections.retry("near").attempts, Some(9));
    assert_eq!(connections.retry("far").attempts, Some(2));
    assert_eq!(connections.retry("nobody").attempts, None);
}

#[tokio::test]
async fn requests_go_through_the_proxy_that_is_named() {
    let proxy = named("the proxy").await;
    let connections = registry(&format!(
        "far: {{ spoke: open, url: \"http://far.example\", allow_insecure: true, proxy: \"{proxy}\" }}\n"
    ));
    assert_eq!(reached(&connections, "far").await, "the proxy");
}

#[tokio::test]
async fn what_is_exported_fills_in_another_project_and_holds_no_secret() {
    let url = system().await;
    let file = format!("lms: {{ spoke: keyed, allow_private: true, url: \"{url}\" }}\n");
    let connections = registry(&file);
    let values = object(json!({ "source": "flows" }));
    connections.configure("lms", values, secrets("api_key", CANARY)).await.unwrap();
    let exported = connections.export().await.unwrap();
    let text = serde_json::to_string(&exported).unwrap();
    assert!(!text.contains("4fQ") && text.contains("\"api_key\":\"vault\""), "{text}");
    assert!(text.contains("\"source\":\"flows\""), "{text}");

    let other = registry("");
    assert_eq!(other.import(exported).await.unwrap(), ["lms"]);
    let status = other.show("lms").await.unwrap();
    assert!(!status.active && status.problem.is_some(), "{status:?}");
    assert_eq!(status.attributes["source"], "flows");
    let listed = other.list().await.unwrap();
    assert!(listed.iter().any(|status| status.alias == "lms"), "{listed:?}");
}

/// What is written out for several connections of an alias is what a file has for them.
#[tokio::test]
async fn several_connections_of_an_alias_are_exported_as_a_file_has_them() {
    let file = "lms: { spoke: keyed, default: us, connections: { us: { url: 'https://us.example' }, \
                eu: { url: 'https://eu.example', api_key: { env: EU_KEY } } } }";
    let connections = registry(file);
    let exported = connections.export().await.unwrap();
    let lms = &exported["lms"];
    assert_eq!(
        (exported.len(), &lms["spoke"], &lms["default"]),
        (1, &json!("keyed"), &json!("us"))
    );
    assert_eq!(lms["connections"]["eu"]["api_key"], json!({ "env": "EU_KEY" }));
    let text = serde_json::to_string(&exported).unwrap();
    assert_eq!(mistakes(&[("connections.yaml", &text)]), [""; 0]);
    // It is taken back where the file names them, and only where it says the same.
    let again = registry(file).import(exported.clone()).await.unwrap();
    assert_eq!(again, ["lms.eu", "lms.us"]);
    let other = file.replace("eu.example", "other.example");
    let refused = registry(&other).import(exported).await.unwrap_err().to_string();
    assert!(refused.contains("url of connection lms.eu"), "{refused}");
}

#[tokio::test]
async fn what_is_wrong_with_a_connection_is_found_before_a_run_finds_it() {
    let url = system().await;
    let connections = registry(&format!(
        "good: {{ spoke: keyed, allow_private: true, url: \"{url}\", api_key: {{ env: NO_SUCH_KEY }} }}\n\
         down: {{ spoke: open, url: \"http://127.0.0.1:1\", allow_private: true }}\n"
    ));
    let found = connections.examine("good", None).await;
    assert!(found[0].is_error && found[0].message.contains("NO_SUCH_KEY"), "{found:?}");
    let found = connections.examine("down", None).await;
    assert!(found[0].is_error && found[0].message.starts_with("it is not reached"), "{found:?}");
}

#[tokio::test]
async fn what_is_left_of_a_connection_hides_no_other_and_can_be_removed() {
    let url = system().await;
    let store = Arc::new(MemoryStore::new());
    let start = |file: &str| {
        let spokes = spokes();
        let file = ConnectionsFile::parse(&[("connections.yaml", file)], &spokes).unwrap();
        let clock = Arc::new(SystemClock);
        Connections::new(file, spokes, vault(store.clone()), clock, Options::default())
    };
    let file = |more: &str| {
        format!(
            "lms: {{ spoke: keyed, allow_private: true, url: \"{url}\", connections: {{ us: {{}}{more} }} }}"
        )
    };
    let before = start(&file(", emea: {}"));
    for alias in ["lms.us", "lms.emea"] {
        before.configure(alias, object(json!({})), secrets("api_key", CANARY)).await.unwrap();
    }
    let form = Secret::new(r#"{"spoke":"gone","values":{},"tested_at":null,"tested":""}"#);
    before.vault().put("old", "$form", &form).await.unwrap();

    let after = start(&file(""));
    let listed = after.list().await.unwrap();
    let listed: Vec<_> = listed.iter().map(|one| (one.alias.as_str(), one.left_over)).collect();
    assert_eq!(listed, [("lms.emea", true), ("lms.us", false), ("old", true)]);
    for (alias, why) in [("lms.emea", "there is no connection lms.emea"), ("old", "spoke gone")] {
        let found = after.examine(alias, None).await;
        let message = &found[0].message;
        assert!(message.contains(why) && message.contains(&format!("remove {alias}")), "{message}");
    }
    let exported = after.export().await.unwrap();
    assert_eq!(exported.keys().collect::<Vec<_>>(), ["lms"]);
    let parts = exported["lms"]["connections"].as_object().unwrap();
    assert_eq!(parts.keys().collect::<Vec<_>>(), ["us"]);
    for alias in ["lms.emea", "old"] {
        after.remove(alias).await.unwrap();
        let again = after.remove(alias).await.unwrap_err();
        assert!(matches!(again, ConnectionError::UnknownAlias { .. }), "{again}");
        assert_eq!(after.vault().list(alias).await.unwrap(), [""; 0]);
    }
    assert_eq!(after.list().await.unwrap().len(), 1);
    // What leads nowhere here is not taken in.
    let exported = before.export().await.unwrap();
    assert!(exported["lms"]["connections"]["emea"].is_object(), "{exported:?}");
    let refused = after.import(exported).await.unwrap_err();
    assert!(matches!(refused, ConnectionError::UnknownAlias { .. }), "{refused}");
}

#[tokio::test]
async fn the_secrets_of_a_connection_that_is_out_of_service_can_be_deleted() {
    let connections = registry("lms: { spoke: keyed, url: EU, active: false }");
    connections.vault().put("lms", "api_key", &Secret::new(CANARY)).await.unwrap();
    connections.remove("lms").await.unwrap();
    assert_eq!(connections.vault().list("lms").await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn what_mends_an_address_is_not_refused_for_the_old_one() {
    let url = serve(Router::new().fallback(|| async { "{}" })).await;
    let connections = registry("");
    let values = |url: &str| object(json!({ "url": url }));
    connections.bind("lms", "open", values("http://127.0.0.1:1"), BTreeMap::new()).unwrap();
    let lms = connections.resolve("lms").await.unwrap();
    for _ in 0..10 {
        lms.transport.send(get("/x")).await.unwrap_err();
    }
    let refused = lms.transport.send(get("/x")).await.unwrap_err();
    assert!(refused.message.contains("left in peace"), "{}", refused.message);
    // The same address once more is.
    let again = connections.configure("lms", values("http://127.0.0.1:1"), BTreeMap::new()).await;
    assert!(again.unwrap_err().to_string().contains("left in peace"));
    connections.configure("lms", values(&url), BTreeMap::new()).await.unwrap();
    let lms = connections.resolve("lms").await.unwrap();
    assert_eq!(lms.transport.send(get("/x")).await.unwrap().status, 200);
}

/// A system with a token endpoint, which counts the tokens that it gives.
async fn granting() -> (String, Counter) {
    let counter = Counter::default();
    let tokens = counter.clone();
    let answer = move |uri: Uri| async move {
        if uri.path() == "/token" {
            tokens.up();
        }
        axum::Json(json!({ "access_token": "t0ken", "expires_in": 3600 }))
    };
    (serve(Router::new().fallback(answer)).await, counter)
}

#[tokio::test]
async fn a_token_is_asked_for_on_the_way_of_its_own_alias() {
    let ((system, direct), (proxy, through)) = (granting().await, granting().await);
    let alias = |more: &str| {
        format!(
            "{{ spoke: tokened, allow_private: true, url: \"{system}\", client_id: app, \
             token_url: \"{system}/token\", client_secret: {{ command: [echo, s3cret] }}{more} }}"
        )
    };
    let file = format!(
        "near: {}\nfar: {}\nnearer: {}\n",
        alias(""),
        alias(&format!(", proxy: \"{proxy}\"")),
        alias("")
    );
    let connections = registry(&file);
    for name in ["near", "far", "nearer"] {
        let resolved = connections.resolve(name).await.unwrap();
        assert_eq!(resolved.transport.send(get("/x")).await.unwrap().status, 200);
    }
    assert_eq!((direct.n(), through.n()), (1, 1));
}
