//! Records that change start runs: each change once, whatever dies in between.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use linchpin_engine::event::Outcome;
use linchpin_engine::store::Store;
use linchpin_language::{Map, Type, Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::Host;
use linchpin_runtime::triggers::Tell;
use linchpin_runtime::triggers::record::Records;
use linchpin_runtime::{FakeClock, Secret};
use linchpin_sandbox::{Options, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::{host, post, settled};

const NOON: &str = "2026-03-10T12:00:00Z";
const EVERY: Duration = Duration::from_secs(300);

/// Flows that wait for incidents: all changes, new ones, changed ones, and all in one run.
fn flows() -> Flows {
    let flow = |name: &str, more: &str, outputs: &str| {
        format!(
            "flow: {name}\nconnections: {{ sn: servicenow }}\ntrigger:\n  record: {{ call: sn.records.stream, \
             with: {{ table: incident, fields: [short_description] }}, every: 5m{more} }}\n\
             steps: [ {{ log: x }} ]\noutputs: {{ seen: '{outputs}' }}\n"
        )
    };
    let one = "trigger.record.record.short_description";
    let texts = [
        flow("each", "", one),
        flow("made", ", on: created", one),
        flow("changed", ", on: updated", one),
        flow("batch", ", run_for: batch", "trigger.records.map(r, r.record.short_description)"),
    ];
    let texts = texts.into_iter().enumerate();
    let texts = texts.map(|(n, text)| (PathBuf::from(format!("{n}.yaml")), text)).collect();
    let (flows, mistakes) = Flows::parse(texts);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    flows
}

struct World {
    sandbox: Arc<Sandbox>,
    store: Arc<dyn Store>,
    clock: Arc<FakeClock>,
    host: Host,
    told: Arc<Mutex<Vec<String>>>,
    watching: JoinHandle<()>,
    stop: tokio::sync::watch::Sender<bool>,
}

impl World {
    async fn new() -> Self {
        let noon: Timestamp = NOON.parse().unwrap();
        let clock = linchpin_sandbox::Clock::Fixed(noon);
        let sandbox = Sandbox::start(Options { clock, ..Options::default() }).await.unwrap();
        let clock = Arc::new(FakeClock::new(noon));
        Self::over(Arc::new(sandbox), Arc::new(MemoryStore::new()), clock)
    }

    fn over(sandbox: Arc<Sandbox>, store: Arc<dyn Store>, clock: Arc<FakeClock>) -> Self {
        Self::with(flows(), sandbox, (store, clock))
    }

    fn with(
        flows: Flows,
        sandbox: Arc<Sandbox>,
        (store, clock): (Arc<dyn Store>, Arc<FakeClock>),
    ) -> Self {
        let host = host("flow: x\nsteps: [{ log: x }]\n", store.clone(), clock.clone());
        bind(&host, &sandbox);
        host.set_flows(flows);
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&told);
        let tell: Tell = Arc::new(move |line| lines.lock().unwrap().push(line));
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let records = Records::new(host.clone(), tell);
        let watching = tokio::spawn(async move { records.run(stopped).await.unwrap() });
        Self { sandbox, store, clock, host, told, watching, stop }
    }

    /// The same after the process died; the store is as it was then.
    async fn dies(self) -> Self {
        self.watching.abort();
        self.watching.await.ok();
        Self::over(self.sandbox, self.store, self.clock)
    }

    /// Waits until every trigger has looked and sleeps.
    async fn looked(&self) {
        self.clock.until_asleep(4).await;
    }

    /// Lets the time of the next look come, on both sides.
    async fn look(&self) {
        self.control("/clock", r#"{"advance_seconds":300}"#).await;
        self.clock.advance(EVERY);
        self.looked().await;
    }

    async fn control(&self, path: &str, body: &str) {
        let url = self.sandbox.control_url();
        let address = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.0 2"), "{answer}");
    }

    /// Somebody writes an incident, or changes one; its id.
    async fn write(&self, id: Option<&str>, text: &str) -> String {
        let resolved = self.host.connections().resolve("sn").await.unwrap();
        let path = match id {
            Some(id) => format!("/api/now/table/incident/{id}"),
            None => "/api/now/table/incident".to_owned(),
        };
        let mut request = post(&path, &json!({ "short_description": text }));
        request.headers.push(("Accept".to_owned(), "application/json".to_owned()));
        if id.is_some() {
            request.method = http::Method::PATCH;
        }
        let answer = resolved.transport.send(request).await.unwrap();
        assert!(answer.status < 300, "{}", answer.status);
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["result"]["sys_id"].as_str().unwrap().to_owned()
    }

    /// What the runs of a flow saw, oldest first; the rows of a batch in the order of their text,
    /// since what changes in the same second has none.
    async fn seen(&self, flow: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        for run in self.host.list(None, 100).await.unwrap().iter().rev() {
            if run.flow == flow {
                match self.host.wait(&run.run).await {
                    Some(Outcome::Succeeded { outputs }) => seen.push(outputs["seen"].clone()),
                    other => panic!("{other:?}"),
                }
            }
        }
        seen.iter_mut().filter_map(Value::as_array_mut).for_each(|rows| in_order(rows));
        seen
    }
}

fn in_order(rows: &mut [Value]) {
    rows.sort_by_key(Value::to_string);
}

fn bind(host: &Host, sandbox: &Sandbox) {
    let (mut values, mut secrets) = (Map::new(), BTreeMap::new());
    let (site, spoke) = (sandbox.servicenow(), host.catalog().spokes["servicenow"].clone());
    for field in spoke.connection.fields.iter().filter(|field| field.value.is_none()) {
        let known = match field.name.as_str() {
            "url" => Some(&site.url),
            name => site.secrets.get(name),
        };
        match (known, &field.ty) {
            (Some(text), Type::Secret) => {
                drop(secrets.insert(field.name.clone(), Secret::new(text.as_str())));
            }
            (Some(text), _) => drop(values.insert(field.name.clone(), text.as_str().into())),
            (None, _) => {}
        }
    }
    host.connections().bind("sn", "servicenow", values, secrets).unwrap();
}

#[tokio::test]
async fn each_change_starts_one_run_of_what_waits_for_it() {
    let world = World::new().await;
    world.looked().await;
    // What was there before is nobody's business.
    assert!(world.seen("each").await.is_empty());
    let first = world.write(None, "one").await;
    world.look().await;
    world.write(Some(&first), "one, changed").await;
    world.write(None, "two").await;
    world.look().await;
    // Nothing has changed any more, and the newest records come again in each look.
    world.look().await;
    world.look().await;
    let mut each = world.seen("each").await;
    in_order(&mut each);
    assert_eq!(each, ["one", "one, changed", "two"]);
    assert_eq!(world.seen("made").await, ["one", "two"]);
    assert_eq!(world.seen("changed").await, ["one, changed"]);
    assert_eq!(world.seen("batch").await, [json!(["one"]), json!(["one, changed", "two"])]);
    assert!(world.told.lock().unwrap().is_empty());
    world.stop.send_replace(true);
    world.watching.await.unwrap();
}

#[tokio::test]
async fn a_change_that_a_dead_process_saw_starts_no_second_run_and_none_is_lost() {
    let world = World::new().await;
    world.looked().await;
    world.write(None, "before").await;
    world.look().await;
    let world = world.dies().await;
    world.looked().await;
    world.write(None, "between").await;
    // It dies in the middle of a look, wherever that is.
    world.clock.advance(EVERY);
    for _ in 0..40 {
        tokio::task::yield_now().await;
    }
    let world = world.dies().await;
    world.looked().await;
    world.look().await;
    world.write(None, "after").await;
    world.look().await;
    for flow in ["each", "made"] {
        assert_eq!(world.seen(flow).await, ["before", "between", "after"], "{flow}");
    }
    let batches = [json!(["before"]), json!(["between"]), json!(["after"])];
    assert_eq!(world.seen("batch").await, batches);
}

#[tokio::test]
async fn a_system_that_does_not_answer_is_told_of_once_and_nothing_is_missed() {
    let world = World::new().await;
    world.looked().await;
    let fault = r#"{"kind":"status","status":500,"system":"servicenow","method":"GET","times":6}"#;
    world.control("/faults", fault).await;
    world.write(None, "in the dark").await;
    world.look().await;
    // Each of the four looks again soon after a failure, and less often later.
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(120));
        world.looked().await;
    }
    world.look().await;
    assert_eq!(world.seen("each").await, ["in the dark"]);
    let told = world.told.lock().unwrap().clone();
    let failed = told.iter().filter(|line| line.contains("no changed records are seen")).count();
    let again = told.iter().filter(|line| line.contains("are seen again")).count();
    assert!((1..=4).contains(&failed) && again == failed, "{told:?}");
}

#[tokio::test]
async fn a_trigger_that_is_gone_looks_no_more_and_begins_anew_when_it_comes_back() {
    let world = World::new().await;
    world.looked().await;
    world.host.set_flows(Flows::default());
    let looked_at = world.store.list("records", "", None, 10);
    assert_eq!(looked_at.await.unwrap().len(), 4);
    while !world.store.list("records", "", None, 10).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    world.write(None, "unseen").await;
    world.control("/clock", r#"{"advance_seconds":300}"#).await;
    world.clock.advance(EVERY);
    world.host.set_flows(flows());
    world.looked().await;
    world.write(None, "seen").await;
    world.look().await;
    assert_eq!(world.seen("each").await, ["seen"]);
}

/// What changed meanwhile is seen when the files of the flows can be read again, also when somebody
/// has started another flow before.
#[tokio::test]
async fn a_trigger_whose_file_could_not_be_read_has_kept_its_place() {
    let other = |word: &str| {
        let text = format!("flow: other\nsteps: [{{ log: {word} }}]\n");
        Flows::parse(vec![(PathBuf::from("other.yaml"), text)]).0
    };
    for there in [other("x").lacking(true), Flows::default()] {
        let world = World::new().await;
        world.looked().await;
        world.write(None, "between").await;
        world.watching.abort();
        while !world.watching.is_finished() {
            tokio::task::yield_now().await;
        }
        world.control("/clock", r#"{"advance_seconds":300}"#).await;
        world.clock.advance(EVERY);
        let world = World::with(there, world.sandbox, (world.store, world.clock));
        settled().await;
        world.host.renew(other("y"));
        settled().await;
        world.host.set_flows(flows());
        world.looked().await;
        world.look().await;
        assert_eq!(world.seen("each").await, ["between"]);
    }
}
