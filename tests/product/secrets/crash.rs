//! A crash says no secret either: neither in its words nor in its backtrace, nor in what is left on disk.
//!
//! The process that crashes is this test's own program, started again for the one test below that does
//! it: an action meets a system that sends back what it was sent, and dies with everything at hand.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use linchpin_connector::{Action, ActionError, ActionSpec, Call, Look, Spoke};
use linchpin_engine::catalog::Catalog;
use linchpin_engine::event::Outcome;
use linchpin_engine::store::{Records, Store};
use linchpin_language::Value;
use linchpin_persistence::SledStore;
use linchpin_runtime::connections::{Connections, ConnectionsFile, Options};
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::{Host, Parts, Start};
use linchpin_runtime::{MasterKey, Secret, SystemClock, Vault, crash};
use serde_json::json;

use super::{Project, assert_clean, assert_none, echo};
use crate::product::support::{Done, Process, Systems};

const SPOKE: &str = r#"
spoke: odd
title: Odd
connection:
  fields: [{ name: url, label: URL, type: url }, { name: token, label: Token, type: secret }]
  credential: { kind: bearer, token: "{{ connection.token }}" }
"#;

const ACTION: &str = "
action: pages.get
title: Get a page
effect: read
look: [{ id: page, get: /good, answer: json }]
outputs: { page: { type: any, value: look.page } }
";

const FLOW: &str = "
flow: crashing
connections: { odd: odd }
steps: [{ id: page, call: odd.pages.get }]
";

/// Reads, and dies of it.
struct Crashing {
    inner: Arc<dyn Action>,
    /// Whether the whole process goes.
    aborts: bool,
}

#[async_trait]
impl Action for Crashing {
    fn spec(&self) -> &ActionSpec {
        self.inner.spec()
    }

    fn request_summary(&self, call: &Call<'_>, look: &Look, chunk: u32) -> String {
        self.inner.request_summary(call, look, chunk)
    }

    async fn read(&self, call: &Call<'_>) -> Result<Value, ActionError> {
        let answer = self.inner.read(call).await;
        if self.aborts {
            std::process::abort();
        }
        // A mistake elsewhere could have got hold of the secret itself.
        let secret = std::env::var(SECRET).unwrap_or_default();
        panic!("{answer:?} {:?} {secret} {}", call.connection, json!({ "of": secret }));
    }
}

/// How the second process knows what to do.
const HOW: &str = "LINCHPIN_TEST_CRASH";
const FOLDER: &str = "LINCHPIN_TEST_FOLDER";
const URL: &str = "LINCHPIN_TEST_URL";
const SECRET: &str = "LINCHPIN_TEST_SECRET";
const CANARY: &str = "c4nary/+=&?%\"crash-91d2";

#[test]
#[ignore = "it crashes: the test below starts it in a process of its own"]
fn crashes() {
    let set = |name: &str| std::env::var(name).expect("the test below sets it");
    let (how, url) = (set(HOW), set(URL));
    let folder = PathBuf::from(set(FOLDER));
    let spoke = Spoke::load(
        &[
            ("spoke.yaml".to_owned(), SPOKE.to_owned()),
            ("actions/pages.get.yaml".to_owned(), ACTION.to_owned()),
        ],
        &[],
    );
    let spoke = spoke.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let inner = spoke.action("pages.get").cloned().expect("it is in the spoke");
    let crashing: Arc<dyn Action> = Arc::new(Crashing { inner, aborts: how == "abort" });
    let spoke = Arc::new(spoke.with_actions(vec![crashing]));
    let spokes = BTreeMap::from([("odd".to_owned(), spoke)]);
    let store = Arc::new(SledStore::open(&folder.join("store")).unwrap());
    let vault = Vault::new(store.clone() as Arc<dyn Records>, MasterKey::from_bytes([7; 32]));
    let clock = Arc::new(SystemClock);
    let file = format!("odd: {{ spoke: odd, url: \"{url}\", allow_private: true }}");
    let file = ConnectionsFile::parse(&[("connections.yaml", &file)], &spokes).unwrap();
    let vault = Arc::new(vault);
    let connections =
        Connections::new(file, spokes.clone(), vault, clock.clone(), Options::default());
    let redactor = connections.redactor();
    std::panic::set_hook(Box::new(move |panic| {
        let told = crash::told(panic, Some(&redactor));
        std::io::stderr().write_all(told.as_bytes()).expect("the other process reads it");
    }));
    let catalog = Arc::new(Catalog { spokes, ..Catalog::default() });
    let flows = Flows::parse(vec![("crashing.yaml".into(), FLOW.to_owned())]).0;
    let parts = Parts {
        store: store as Arc<dyn Store>,
        catalog,
        connections: Arc::new(connections),
        clock,
    };
    tokio::runtime::Runtime::new().unwrap().block_on(run(parts, flows));
}

/// The step fails, the run ends, and the process lives on.
async fn run(parts: Parts, flows: Flows) {
    let secret = BTreeMap::from([("token".to_owned(), Secret::new(CANARY))]);
    let connections = Arc::clone(&parts.connections);
    // What cannot be tested is stored all the same: the spoke has no test.
    drop(connections.configure("odd", linchpin_language::Map::new(), secret).await);
    let host = Host::new(parts, flows);
    let started = host.start(Start { flow: "crashing".to_owned(), ..Start::default() }).await;
    let outcome = host.wait(&started.unwrap().run).await;
    let Some(Outcome::Failed { error }) = outcome else { panic!("it ended as {outcome:?}") };
    assert_eq!(error.kind.as_str(), "internal");
    assert!(error.message.contains("pages.get of odd came to a sudden end"), "{}", error.message);
    host.stop(Duration::from_secs(10)).await;
}

/// This program again, for the one test that crashes.
fn crashed(how: &str, backtrace: &str, url: &str, folder: &Path) -> Done {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "product::secrets::crash::crashes", "--nocapture"]);
    command.args(["--test-threads", "1"]).stdin(Stdio::null());
    command.env(HOW, how).env(URL, url).env(FOLDER, folder).env(SECRET, CANARY);
    Done::of(command.env("RUST_BACKTRACE", backtrace))
}

#[test]
fn a_crash_says_no_secret_in_its_words_its_backtrace_or_what_it_leaves() {
    let secrets = [("the token", CANARY.to_owned())];
    let url = echo();
    for (how, backtrace) in [("panic", "0"), ("panic", "1"), ("panic", "full"), ("abort", "1")] {
        let folder = tempfile::TempDir::new().unwrap();
        let done = crashed(how, backtrace, &url, folder.path());
        let said = done.all();
        if how == "panic" {
            assert_eq!(done.code, Some(0), "a step that dies ends no process: {said}");
            assert!(said.contains("panicked at ") && said.contains("[secret]"), "{said}");
            assert_eq!(said.contains("panic_fmt"), backtrace != "0", "{said}");
        } else {
            assert_eq!(done.code, None, "{said}");
        }
        assert_none(&secrets, &format!("{how} {backtrace}"), said.as_bytes());
        let mut n_files = 0;
        let mut folders = vec![folder.path().to_owned()];
        while let Some(inner) = folders.pop() {
            for entry in std::fs::read_dir(inner).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    assert_none(
                        &secrets,
                        &path.display().to_string(),
                        &std::fs::read(&path).unwrap(),
                    );
                    n_files += 1;
                }
            }
        }
        assert!(n_files > 0, "the store is not read");
    }
}

#[test]
fn a_process_that_is_aborted_says_no_secret_and_leaves_none() {
    let systems = Systems::start(4243);
    let project = Project::of_the_repository();
    project.write("connections.yaml", systems.connections());
    systems.configure(&project);
    let late = json!({ "kind": "delay", "delay_ms": 600_000, "system": "litmos", "method": "GET" });
    systems.post("/faults", &late);
    let asked = systems.url("litmos").strip_prefix("http://").unwrap().split('/').next().unwrap();
    // No image of its memory is kept: that is the business of the machine's own settings.
    let program = crate::product::support::binary();
    let line = format!("ulimit -c 0; exec {} daemon --verbose", program.display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(project.path()).stdin(Stdio::null());
    shell.env("RUST_BACKTRACE", "full").env("LINCHPIN_LOG", "trace").env_remove("XDG_RUNTIME_DIR");
    let mut daemon = Process::start(&mut shell);
    daemon.until(|line| line.contains(" serves ").then_some(()));
    let (user, incident) = ("kim.lo@example.test", "incident=INC0010001");
    let start = ["run", "assign_courses", "--no-wait", "--as", user, "-i", incident];
    project.linchpin(&[&start[..], &["-i", "courses=SAFETY-101"]].concat()).ends_with(0);
    // By then it holds the key and waits for the answer.
    daemon.until(|line| line.contains(asked).then_some(()));
    let id = daemon.id().to_string();
    assert!(Command::new("kill").args(["-ABRT", &id]).status().unwrap().success());
    let stdout = daemon.end().join("\n");
    let said = [Done { code: None, stdout, stderr: String::new() }];
    let secrets = [
        ("the API key", systems.secret("litmos", "api_key").to_owned()),
        ("the password", systems.secret("servicenow", "password").to_owned()),
        ("the client secret", systems.secret("sumtotal", "client_secret").to_owned()),
    ];
    assert_clean(&project, &said, &secrets);
}
