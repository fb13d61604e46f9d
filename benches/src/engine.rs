//! The engine under measurement: the embedded host on a store on disk, every step journaled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use linchpin_engine::RunId;
use linchpin_engine::catalog::Catalog;
use linchpin_engine::event::Outcome;
use linchpin_engine::store::Store;
use linchpin_language::{Map, Value, json};
use linchpin_persistence::{Kind, Location};
use linchpin_runtime::connections::{Connections, ConnectionsFile, Options};
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::{Host, Parts, Start};
use linchpin_runtime::{MasterKey, SystemClock, Vault};

use crate::Setting;

type Fails<T> = Result<T, Box<dyn std::error::Error>>;

/// Ten POST steps in a row, each with a small JSON body.
pub(crate) const TEN_POSTS: &str = include_str!("../flows/ten_posts.yaml");
/// A loop over a thousand items.
pub(crate) const THOUSAND_ITEMS: &str = include_str!("../flows/thousand_items.yaml");

/// A loop over the items that it is given.
pub(crate) const LONG_LOOP: &str = include_str!("../flows/long_loop.yaml");

/// Forty steps that call nothing.
pub(crate) fn forty_light_steps() -> String {
    let mut flow = "flow: bench\nvars: { n: { type: integer, default: 0 } }\nsteps:\n".to_owned();
    for _ in 0..40 {
        flow.push_str("  - set: { n: vars.n + 1 }\n");
    }
    flow
}

/// A host with one flow named `bench`.
pub(crate) struct Bench {
    pub(crate) host: Host,
    // Held until the end: it is removed with the benchmark.
    _folder: Option<tempfile::TempDir>,
}

impl Bench {
    pub(crate) fn open(setting: Setting<'_>, flow: &str) -> Fails<Self> {
        let folder = tempfile::tempdir_in(".")?;
        let bench = Self::open_kind(folder.path(), setting.store, setting.url, flow)?;
        Ok(Self { _folder: Some(folder), ..bench })
    }

    /// The same in a folder that stays.
    pub(crate) fn open_in(folder: &Path, url: &str, flow: &str) -> Fails<Self> {
        Self::open_kind(folder, Kind::default(), url, flow)
    }

    /// The same on a store of a kind.
    pub(crate) fn open_kind(folder: &Path, kind: Kind, url: &str, flow: &str) -> Fails<Self> {
        let store: Arc<dyn Store> = Location { kind, dir: folder.join("store") }.open()?;
        let bundled = linchpin_spokes::on_demand().map_err(|_| "a bundled spoke has mistakes")?;
        let spokes: BTreeMap<_, _> =
            bundled.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect();
        let clock = Arc::new(SystemClock);
        let key = MasterKey::load_or_create(&folder.join("key"))?;
        let vault = Arc::new(Vault::new(Arc::clone(&store) as Arc<_>, key));
        let file = ConnectionsFile::parse(&[], &spokes).map_err(|_| "no connections is fine")?;
        let options = Options { folder: folder.to_owned(), ..Options::default() };
        let connections =
            Connections::new(file, spokes.clone(), vault, Arc::clone(&clock) as Arc<_>, options);
        let values = json!({ "url": url }).as_object().cloned().unwrap_or_default();
        connections.bind("http", "http", values, BTreeMap::new())?;
        let catalog = Catalog { spokes, ..Catalog::default() };
        let (flows, mistakes) = Flows::parse(vec![(PathBuf::from("bench.yaml"), flow.to_owned())]);
        if let Some(first) = mistakes.first() {
            return Err(first.message.clone().into());
        }
        let connections = Arc::new(connections);
        let parts = Parts { store, catalog: Arc::new(catalog), connections, clock };
        Ok(Self { host: Host::new(parts, flows), _folder: None })
    }

    /// Starts one run.
    pub(crate) async fn start(&self, inputs: Map<String, Value>) -> Fails<RunId> {
        let start = Start { flow: "bench".to_owned(), inputs, ..Start::default() };
        Ok(self.host.start(start).await?.run)
    }

    /// Runs `flows` runs with `under_way` at once, and sees that each succeeds.
    pub(crate) async fn run_flows(&self, flows: usize, under_way: usize) -> Fails<()> {
        let lanes = under_way.min(flows);
        let mut tasks = Vec::new();
        for lane in 0..lanes {
            let own = flows / lanes + usize::from(lane < flows % lanes);
            let host = self.host.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..own {
                    run_one(&host).await;
                }
            }));
        }
        for task in tasks {
            task.await?;
        }
        Ok(())
    }

    pub(crate) async fn close(self) {
        self.host.stop(std::time::Duration::from_secs(5)).await;
    }
}

async fn run_one(host: &Host) {
    let start = Start { flow: "bench".to_owned(), ..Start::default() };
    let started = host.start(start).await.expect("the bench flow starts");
    let outcome = host.wait(&started.run).await;
    assert!(
        matches!(outcome, Some(Outcome::Succeeded { .. })),
        "the bench flow ended as {outcome:?}"
    );
}

/// Bytes that one step of [`TEN_POSTS`] leaves in the journal.
pub(crate) async fn bytes_per_step(setting: Setting<'_>) -> Fails<usize> {
    let bench = Bench::open(setting, TEN_POSTS)?;
    let run = bench.start(Map::new()).await?;
    bench.host.wait(&run).await;
    let entries = bench.host.store().read(&run, 0, usize::MAX).await?;
    let bytes: usize = entries.iter().map(Vec::len).sum();
    bench.close().await;
    Ok(bytes / 10)
}
