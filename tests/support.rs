//! What the tests of the whole product share: the repository's flows, on a sandbox of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use linchpin_connector::Spoke;
use linchpin_engine::catalog::Catalog;
use linchpin_engine::store::{Records, Store};
use linchpin_language::{Map, Type, Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::connections::{Connections, ConnectionsFile, Options};
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::{Host, Parts, Start};
use linchpin_runtime::{Clock, MasterKey, Secret, Vault};
use linchpin_sandbox::Sandbox;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `assign_courses` as a service agent starts it for an incident of somebody without an account.
pub(crate) fn assign_courses() -> Start {
    let inputs = json!({ "incident": "INC0010001", "courses": ["SAFETY-101", "NET101"] });
    Start {
        flow: "assign_courses".to_owned(),
        inputs: inputs.as_object().cloned().unwrap(),
        user: Some(json!({ "email": "kim.lo@example.test" })),
        ..Start::default()
    }
}

/// `new_hire_onboarding` as its schedule starts it.
pub(crate) fn new_hire_onboarding() -> Start {
    Start { flow: "new_hire_onboarding".to_owned(), ..Start::default() }
}

/// `learning_sync` as its schedule starts it.
pub(crate) fn learning_sync() -> Start {
    Start { flow: "learning_sync".to_owned(), ..Start::default() }
}

/// A flow of `tests/crash/flows` as a person starts it.
pub(crate) fn made_to_be_killed(flow: &str) -> Start {
    let user = Some(json!({ "email": "kim.lo@example.test" }));
    Start { flow: flow.to_owned(), user, ..Start::default() }
}

/// When these tests happen: at noon in London, so that "yesterday" is the same day from the first
/// to the last moment of a test, whenever it is run.
const NOON: &str = "2026-03-10T12:00:00Z";

/// A clock that showed noon when this process first asked it, and goes on from there.
struct Noon;

#[async_trait]
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
        let noon: Timestamp = NOON.parse().expect("noon is an instant");
        noon.checked_add(FIRST.elapsed()).expect("no test lasts for ages")
    }

    async fn sleep_until(&self, at: Timestamp) {
        let left = Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO);
        tokio::time::sleep(left).await;
    }
}

/// A new sandbox that keeps nothing, and its control port.
pub(crate) async fn sandbox() -> (Sandbox, Control) {
    let clock = linchpin_sandbox::Clock::Fixed(NOON.parse().unwrap());
    let options = linchpin_sandbox::Options { clock, ..linchpin_sandbox::Options::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let control = Control { url: sandbox.control_url() };
    (sandbox, control)
}

/// A host of the repository's flows whose aliases lead to a sandbox.
pub(crate) async fn host(store: Arc<dyn Store>, control: &Control) -> Host {
    let bundled = linchpin_spokes::bundled().expect("the bundled spokes are sound");
    let spokes: BTreeMap<_, _> =
        bundled.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect();
    let clock = Arc::new(Noon);
    let key = MasterKey::generate().unwrap();
    let vault = Vault::new(Arc::new(MemoryStore::new()) as Arc<dyn Records>, key);
    let connections = Connections::new(
        ConnectionsFile::default(),
        spokes.clone(),
        Arc::new(vault),
        Arc::clone(&clock) as Arc<_>,
        Options::default(),
    );
    let flows = flows_of(&["flows", "tests/crash/flows", "tests/faults/flows"]);
    bind(&connections, &flows, &spokes, &control.get("/sites").await);
    let catalog = Catalog { spokes, ..Catalog::default() };
    let connections = Arc::new(connections);
    Host::new(Parts { store, catalog: Arc::new(catalog), connections, clock }, flows)
}

/// The repository's flows, and those that are there to be killed.
pub(crate) fn flows() -> Flows {
    flows_of(&["flows", "tests/crash/flows"])
}

/// The flows of some folders of the repository.
pub(crate) fn flows_of(folders: &[&str]) -> Flows {
    let folders = folders.iter().map(|folder| root().join(folder));
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let texts = files.map(|file| file.unwrap().path());
    let texts = texts.filter(|path| !path.to_string_lossy().ends_with(".test.yaml"));
    let texts = texts.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()));
    let (flows, mistakes) = Flows::parse(texts.collect());
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    flows
}

/// The folder of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Binds each alias that a flow declares to the sandbox's site of its spoke.
fn bind(
    connections: &Connections,
    flows: &Flows,
    spokes: &BTreeMap<String, Arc<Spoke>>,
    sites: &Value,
) {
    for (alias, spoke) in flows.iter().flat_map(|loaded| &loaded.flow.connections) {
        let name = spoke.value.as_str();
        let (mut values, mut secrets) = (Map::new(), BTreeMap::new());
        let own = spokes[name].connection.fields.iter().filter(|field| field.value.is_none());
        for field in own {
            let known = match field.name.as_str() {
                "url" => &sites[name]["url"],
                secret => &sites[name]["secrets"][secret],
            };
            match (known.as_str(), &field.ty) {
                (Some(text), Type::Secret) => {
                    secrets.insert(field.name.clone(), Secret::new(text.to_owned()));
                }
                (Some(text), _) => drop(values.insert(field.name.clone(), text.into())),
                (None, Type::String) if field.required && field.default.is_none() => {
                    values.insert(field.name.clone(), "sandbox".into());
                }
                (None, _) => {}
            }
        }
        connections.bind(alias, name, values, secrets).expect("the sandbox fills each form");
    }
}

/// The control port of a sandbox.
#[derive(Clone)]
pub(crate) struct Control {
    /// Where it is.
    pub(crate) url: String,
}

impl Control {
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, &body.to_string()).await
    }

    /// The writes that took effect, oldest first.
    pub(crate) async fn effects(&self) -> Vec<Value> {
        list(&self.get("/effects").await, "effects")
    }

    /// Every request to every system, oldest first.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        list(&self.get("/ledger").await, "requests")
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap_or_default();
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap()
    }
}

fn list(answer: &Value, name: &str) -> Vec<Value> {
    answer[name].as_array().cloned().unwrap()
}

/// An effect without what depends on the order in which parallel items reach the other side.
pub(crate) fn deed(effect: &Value) -> String {
    let mut body = effect["body"].clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("UserId");
    }
    let word = |name: &str| effect[name].as_str().unwrap_or_default().to_owned();
    format!("{} {} {} {} {body}", word("system"), word("kind"), word("object"), word("identity"))
}

/// What all effects did, in an order that does not depend on the one they happened in.
pub(crate) fn deeds(effects: &[Value]) -> Vec<String> {
    let mut deeds: Vec<String> = effects.iter().map(deed).collect();
    deeds.sort();
    deeds
}

/// The conditions of a fault on each request that had an effect, and on that one only.
pub(crate) async fn effective_requests(control: &Control) -> Vec<Value> {
    let requests = control.requests().await;
    let is_same = |one: &Value, other: &Value| {
        one["system"] == other["system"] && one["method"] == other["method"]
    };
    let effective = requests.iter().enumerate().filter(|(_, one)| one["effects"].is_array());
    let conditions = effective.map(|(at, one)| {
        let skip = requests[..at].iter().filter(|other| is_same(one, other)).count();
        json!({ "system": one["system"], "method": one["method"], "skip": skip, "times": 1 })
    });
    conditions.collect()
}
