//! Servers, spokes and registries that the tests share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use linchpin_connector::{Body, Request, Response, Spoke};
use linchpin_engine::catalog::Catalog;
use linchpin_engine::store::{Error, Expect, Record, Records, Store};
use linchpin_engine::{Event, RunId};
use linchpin_language::{Map, Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::connections::{Connections, ConnectionsFile, Options, Resolved};
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::{Host, Parts};
use linchpin_runtime::{Clock, MasterKey, Secret, SystemClock, Vault};
use tokio::net::TcpListener;

/// A secret that must appear nowhere.
pub(crate) const CANARY: &str = "canary-4fQ/z+9\"x";

pub(crate) const KEYED: &str = r#"
spoke: keyed
title: Keyed
connection:
  fields:
    - { name: url, label: Region, type: url, choices: { EU: "https://eu.keyed.example" }, other: true }
    - { name: api_key, label: API Key, type: secret, max: 50 }
  attributes:
    source: { type: string, default: linchpin, max: 50 }
    wire: { type: string, enum: [json, xml], default: json }
  credential: { kind: api_key, header: x-key, value: "{{ connection.api_key }}" }
  test: { get: /ping }
  shows: { Users: "{{ connection.url }}/users" }
rate: { calls: 3, per: 60s }
"#;

pub(crate) const TOKENED: &str = r#"
spoke: tokened
title: Tokened
connection:
  button: Configure and Get OAuth Token
  fields:
    - { name: url, label: Connection URL, type: url }
    - { name: client_id, label: OAuth Client ID, type: string }
    - { name: client_secret, label: OAuth Client Secret, type: secret }
    - { name: token_url, label: OAuth Token URL, type: url }
  attributes:
    scope: { type: string, default: allapis }
  credential: { kind: oauth2_client_credentials, token_url: "{{ connection.token_url }}", client_id: "{{ connection.client_id }}", client_secret: "{{ connection.client_secret }}", scope: "{{ connection.scope }}", client_auth: body }
  test: { get: /ping }
"#;

/// A spoke with several credentials to choose from.
pub(crate) const CHOICE: &str = r#"
spoke: choice
title: Choice
connection:
  fields:
    - { name: url, label: URL, type: url }
    - { name: user_name, label: User name, type: string, for: [password] }
    - { name: password, label: Password, type: secret, for: [password] }
    - { name: client_id, label: Client, type: string, for: [person] }
    - { name: bearer, label: Token, type: secret, for: [bearer] }
    - { name: key, label: Key, type: secret, for: [query] }
  credential:
    password: { title: User name and password, kind: basic, username: "{{ connection.user_name }}", password: "{{ connection.password }}" }
    person: { kind: oauth2_authorization_code, authorize_url: "{{ connection.url }}/auth?prompt=login", token_url: "{{ connection.url }}/connect/token", client_id: "{{ connection.client_id }}" }
    bearer: { kind: bearer, token: "{{ connection.bearer }}" }
    query: { kind: api_key, query: api_key, value: "{{ connection.key }}" }
  test: { get: /ping }
"#;

/// A spoke whose people agree in a browser to a client that has a secret.
pub(crate) const AGREED: &str = r#"
spoke: agreed
title: Agreed
connection:
  fields:
    - { name: url, label: URL, type: url }
    - { name: client_id, label: Client, type: string }
    - { name: client_secret, label: Secret, type: secret }
  credential: { kind: oauth2_authorization_code, authorize_url: "{{ connection.url }}/auth", token_url: "{{ connection.url }}/connect/token", client_id: "{{ connection.client_id }}", client_secret: "{{ connection.client_secret }}", client_auth: body }
  test: { get: /ping }
"#;

pub(crate) const OPEN: &str = r#"
spoke: open
title: Open
connection:
  fields:
    - { name: url, label: URL, type: url }
    - { name: pin, label: PIN, type: secret, required: false }
  credential: { kind: none }
  test: { get: /ping }
"#;

/// A spoke without a system, like `core`.
pub(crate) const BARE: &str = "
spoke: bare
title: Bare
connection:
  credential: { kind: none }
";

/// A spoke whose key may be left out, like `http`.
pub(crate) const MAYBE: &str = r#"
spoke: maybe
title: Maybe
connection:
  fields:
    - { name: url, label: URL, type: url }
    - { name: token, label: Credential, type: secret, required: false }
  attributes:
    header: { type: string, default: Authorization }
  credential: { kind: api_key, header: "{{ connection.header }}", value: "{{ connection.token }}" }
"#;

pub(crate) fn spokes() -> BTreeMap<String, Arc<Spoke>> {
    let load = |text: &str| {
        let spoke = Spoke::load(&[("spoke.yaml".to_owned(), text.to_owned())], &[]).unwrap();
        (spoke.name.clone(), Arc::new(spoke))
    };
    [KEYED, TOKENED, CHOICE, AGREED, OPEN, BARE, MAYBE].into_iter().map(load).collect()
}

pub(crate) fn vault(store: Arc<MemoryStore>) -> Arc<Vault> {
    Arc::new(Vault::new(store, MasterKey::from_bytes([7; 32])))
}

/// A registry over a `connections.yaml`, with an empty vault.
pub(crate) fn registry(file: &str) -> Connections {
    registry_with(file, Arc::new(SystemClock), Options::default())
}

pub(crate) fn registry_with(file: &str, clock: Arc<dyn Clock>, options: Options) -> Connections {
    let spokes = spokes();
    let file = ConnectionsFile::parse(&[("connections.yaml", file)], &spokes).unwrap();
    Connections::new(file, spokes, vault(Arc::new(MemoryStore::new())), clock, options)
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub(crate) fn secrets(name: &str, value: &str) -> BTreeMap<String, Secret> {
    BTreeMap::from([(name.to_owned(), Secret::new(value))])
}

/// The alias `open`, bound to a server.
pub(crate) async fn open(url: &str, options: Options) -> Resolved {
    let connections = registry_with("", Arc::new(SystemClock), options);
    connections.bind("open", "open", object(json!({ "url": url })), BTreeMap::new()).unwrap();
    connections.resolve("open").await.unwrap()
}

/// A host with the bundled spokes, one flow, and no connections.
pub(crate) fn host(flow: &str, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Host {
    let bundled = linchpin_spokes::bundled().unwrap();
    let spokes: BTreeMap<_, _> =
        bundled.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect();
    let key = MasterKey::from_bytes([7; 32]);
    let vault = Arc::new(Vault::new(store.clone(), key));
    let file = ConnectionsFile::parse(&[], &spokes).unwrap();
    let options = Options::default();
    let connections =
        Arc::new(Connections::new(file, spokes.clone(), vault, clock.clone(), options));
    let catalog = Arc::new(Catalog { spokes, ..Catalog::default() });
    let (flows, mistakes) = Flows::parse(vec![(PathBuf::from("flow.yaml"), flow.to_owned())]);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    Host::new(Parts { store, catalog, connections, clock }, flows)
}

/// Waits until something has happened to a run.
pub(crate) async fn until(host: &Host, run: &RunId, is_so: fn(&Event) -> bool) {
    let mut watcher = host.watch();
    let entries = host.entries(run).await.unwrap();
    if entries.iter().any(|entry| is_so(&entry.event)) {
        return;
    }
    loop {
        let (of, entry) = watcher.recv().await.unwrap();
        if of == *run && is_so(&entry.event) {
            return;
        }
    }
}

/// Lets all that can go on do so: the test has one thread.
pub(crate) async fn settled() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A server that answers every connection's first bytes with these bytes, and then closes it.
pub(crate) async fn serve_raw(answer: Vec<u8>) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                if stream.read(&mut request).await.is_ok() {
                    // The client may hang up first: that is what some tests are about.
                    drop(stream.write_all(&answer).await);
                }
            });
        }
    });
    url
}

/// An address where nothing listens.
pub(crate) async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

pub(crate) fn get(path: &str) -> Request {
    Request::new(http::Method::GET, path)
}

pub(crate) fn post(path: &str, body: &Value) -> Request {
    let body = Body {
        content_type: "application/json".to_owned(),
        bytes: body.to_string().into_bytes().into(),
    };
    Request { body: Some(body), ..Request::new(http::Method::POST, path) }
}

pub(crate) fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// A store that can run out of room.
pub(crate) struct Disk {
    inner: MemoryStore,
    room: AtomicUsize,
    /// Held while nothing can be put.
    gate: tokio::sync::Semaphore,
}

impl Default for Disk {
    fn default() -> Self {
        let gate = tokio::sync::Semaphore::new(usize::from(u16::MAX));
        Self { inner: MemoryStore::new(), room: AtomicUsize::new(usize::MAX), gate }
    }
}

impl Disk {
    /// So many records can be put from now on.
    pub(crate) fn has_room_for(&self, n_puts: usize) {
        self.room.store(n_puts, Ordering::SeqCst);
    }

    /// What is put from now on waits.
    pub(crate) fn close(&self) {
        self.gate.forget_permits(usize::MAX);
    }

    /// Nothing waits any more.
    pub(crate) fn open(&self) {
        self.gate.add_permits(usize::from(u16::MAX));
    }
}

#[async_trait::async_trait]
impl Records for Disk {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Record>, Error> {
        self.inner.get(collection, key).await
    }

    async fn put(
        &self,
        collection: &str,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<u64, Error> {
        let _open = self.gate.acquire().await.expect("it is never closed for good");
        let room = self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if room.is_err() {
            let source = std::io::Error::other("no space left");
            return Err(Error::Io { action: "write", path: "/store".into(), source });
        }
        self.inner.put(collection, key, value, expect).await
    }

    async fn list(
        &self,
        collection: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        self.inner.list(collection, prefix, after, limit).await
    }

    async fn delete(&self, collection: &str, key: &str, expect: Expect) -> Result<(), Error> {
        self.inner.delete(collection, key, expect).await
    }
}

/// Counts calls.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// One more; returns how many there were before.
    pub(crate) fn up(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn n(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
