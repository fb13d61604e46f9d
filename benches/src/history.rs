//! What a long history costs: a store with finished runs beside one with none, and how soon
//! unfinished runs are back.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, RecordWrite, Upkeep};
use linchpin_language::Map;
use linchpin_persistence::{Kind, Location};
use linchpin_runtime::upkeep::condense;

use crate::engine::{Bench, TEN_POSTS};
use crate::process::peak_rss_mb;
use crate::{Anything, spread};

const WAITS: &str = "flow: bench\nsteps:\n  - id: word\n    wait: { signal: go }\n";
const ONE_STEP: &str = "flow: one_step\nsteps:\n  - log: started\n";
/// Runs that have not ended.
const OPEN: usize = 10_000;
/// How many appends are under way while a store is filled.
const AT_ONCE: usize = 512;

/// After so many runs a busy daemon keeps those before in less room: in a minute there are no more.
const CONDENSED: usize = 6_000;

/// A finished run as it is stored.
struct Finished {
    run: RunId,
    entries: Vec<String>,
    line: String,
}

/// W11: start, list and first step with so many finished runs, beside none. `entries` keeps a
/// journal short where the disk is small.
pub(crate) async fn finished(
    url: &str,
    binary: &str,
    (n_runs, entries): (u64, usize),
    rounds: usize,
) -> Anything {
    let binary = std::fs::canonicalize(binary)?;
    let mut finished = Finished::new(url).await?;
    let bytes: usize = finished.entries.iter().map(String::len).sum();
    println!(
        "W11 a finished run of 10 steps has {} entries, {bytes} bytes",
        finished.entries.len()
    );
    finished.shorten(entries);
    for kind in Kind::ALL {
        disk(url, kind).await?;
        let (empty, full) = (tempfile::tempdir_in(".")?, tempfile::tempdir_in(".")?);
        project(empty.path(), kind)?;
        project(full.path(), kind)?;
        let place = Location { kind, dir: full.path().join("store") };
        let started = Instant::now();
        let store = place.open()?;
        finished.fill(store, n_runs).await?;
        let size = place.open()?.about()?.bytes;
        println!(
            "    {kind}: {n_runs} runs filled in {:.0} s, {} MB, {} bytes a run",
            started.elapsed().as_secs_f64(),
            size / 1_000_000,
            size / n_runs.max(1),
        );
        let none = Location { kind, dir: empty.path().join("store") };
        let mut figures = Vec::new();
        for place in [&none, &place] {
            figures.push(inside(place, rounds.max(5)).await?);
        }
        for (at, what) in ["opening", "a list of 20", "a new run's first append"].iter().enumerate()
        {
            compare(kind, what, &figures[0][at], &figures[1][at]);
        }
        for (what, arguments) in [
            ("a whole run of one step", &["run", "one_step"][..]),
            ("runs list", &["runs", "list"]),
        ] {
            let (mut without, mut with) = (Vec::new(), Vec::new());
            // The first of each fills the caches of the system.
            for _ in 0..=rounds {
                without.push(command(&binary, empty.path(), arguments)?);
                with.push(command(&binary, full.path(), arguments)?);
            }
            compare(kind, what, &without[1..], &with[1..]);
        }
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            without.push(daemon(&binary, empty.path())?);
            with.push(daemon(&binary, full.path())?);
        }
        compare(kind, "start of a daemon", &without, &with);
    }
    Ok(())
}

/// Milliseconds to open a store, to list its newest runs, and for the first append of a run.
async fn inside(
    place: &Location,
    rounds: usize,
) -> Result<[Vec<f64>; 3], Box<dyn std::error::Error>> {
    let mut figures = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=rounds {
        let began = Instant::now();
        let store = place.open()?;
        let opened = began.elapsed();
        for run in store.runs(None, 20).await? {
            store.get("runs", run.as_str()).await?;
        }
        let listed = began.elapsed();
        let run = RunId::parse(&format!("zz{round:024}")).expect("26 characters");
        let entries = vec![vec![b'x'; 900]];
        store.append(Append { run, position: 0, entries, records: Vec::new() }).await?;
        let appended = began.elapsed();
        drop(store);
        // The first fills the caches of the system.
        if round > 0 {
            let spans = [opened, listed - opened, appended - listed];
            for (figures, span) in figures.iter_mut().zip(spans) {
                figures.push(span.as_secs_f64() * 1e3);
            }
        }
    }
    Ok(figures)
}

fn compare(kind: Kind, what: &str, without: &[f64], with: &[f64]) {
    let ((_, none, _), (least, middle, most)) = (spread(without), spread(with));
    println!(
        "    {kind}: {what}: {middle:.2} ms ({least:.2} to {most:.2}), with none {none:.2} ms, \
         ratio {:.2}",
        middle / none
    );
}

/// What a real run leaves on disk.
async fn disk(url: &str, kind: Kind) -> Anything {
    const RUNS: usize = 2_000;
    let folder = tempfile::tempdir_in(".")?;
    let bench = Bench::open_kind(folder.path(), kind, url, TEN_POSTS)?;
    bench.run_flows(RUNS, 64).await?;
    bench.close().await;
    let place = Location { kind, dir: folder.path().join("store") };
    let before = place.open()?.about()?.bytes;
    condense(place.open()?, |_| ()).await?;
    let anew = place.clone();
    let compacted = tokio::task::spawn_blocking(move || {
        anew.compact(&mut |_| std::ops::ControlFlow::Continue(()))
    });
    compacted.await??;
    let after = place.open()?.about()?.bytes;
    let each = |bytes: u64| bytes / RUNS as u64;
    println!(
        "    {kind}: {} bytes on disk for each of {RUNS} finished runs of 10 steps, {} compacted",
        each(before),
        each(after)
    );
    Ok(())
}

/// W12: so many unfinished runs are brought back, and a new run makes its first step.
pub(crate) async fn unfinished() -> Anything {
    for kind in Kind::ALL {
        let folder = tempfile::tempdir_in(".")?;
        let bench = Bench::open_kind(folder.path(), kind, "http://127.0.0.1:9", WAITS)?;
        let mut starts = tokio::task::JoinSet::new();
        for lane in 0..64 {
            let host = bench.host.clone();
            starts.spawn(async move {
                for _ in (lane..OPEN).step_by(64) {
                    let start = linchpin_runtime::host::Start {
                        flow: "bench".to_owned(),
                        ..linchpin_runtime::host::Start::default()
                    };
                    host.start(start).await.expect("the run starts");
                }
            });
        }
        starts.join_all().await;
        bench.close().await;
        let started = Instant::now();
        let bench = Bench::open_kind(folder.path(), kind, "http://127.0.0.1:9", WAITS)?;
        let opened = started.elapsed().as_secs_f64();
        let (recovered, failed) = bench.host.recover().await?;
        let back = started.elapsed().as_secs_f64();
        bench.start(Map::new()).await?;
        let first = started.elapsed().as_secs_f64();
        println!(
            "W12 {kind}: {} unfinished runs back {back:.2} s after the store began to be opened \
             ({opened:.2} s), a new run's first entry after {:.3} s more; {} failed; peak RSS {} MB",
            recovered.len(),
            first - back,
            failed.len(),
            peak_rss_mb("self"),
        );
        bench.close().await;
    }
    Ok(())
}

impl Finished {
    async fn new(url: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir_in(".")?;
        let bench = Bench::open_in(folder.path(), url, TEN_POSTS)?;
        let run = bench.start(Map::new()).await?;
        bench.host.wait(&run).await;
        let store = bench.host.store();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes);
        let entries = store.read(&run, 0, usize::MAX).await?;
        let entries = entries.into_iter().map(text).collect::<Result<_, _>>()?;
        let line = store.get("runs", run.as_str()).await?.ok_or("the run is listed")?;
        let finished = Self { run, entries, line: text(line.value)? };
        bench.close().await;
        Ok(finished)
    }

    fn shorten(&mut self, entries: usize) {
        if let Some(last) = self.entries.pop() {
            self.entries.truncate(entries.saturating_sub(1));
            self.entries.push(last);
        }
    }

    /// A daemon keeps old runs in less room meanwhile.
    async fn fill(&self, store: Arc<dyn Upkeep>, n_runs: u64) -> Anything {
        let mut number = 0;
        while number < n_runs {
            if number % (CONDENSED / AT_ONCE * AT_ONCE) as u64 == 0 {
                condense(Arc::clone(&store), |_| ()).await?;
            }
            let end = (number + AT_ONCE as u64).min(n_runs);
            let appends = (number..end).map(|number| self.put(&*store, number));
            for put in futures_all(appends).await {
                put?;
            }
            number = end;
        }
        condense(store, |_| ()).await?;
        Ok(())
    }

    /// The run once more under another identity, in appends of two entries as a driver makes
    /// them.
    async fn put(
        &self,
        store: &dyn Upkeep,
        number: u64,
    ) -> Result<(), linchpin_engine::store::Error> {
        let own = self.run.as_str();
        // Before any run that starts now.
        let other = format!("00{number:024}");
        let run = RunId::parse(&other).expect("26 digits");
        let line = RecordWrite {
            collection: "runs".to_owned(),
            key: other.clone(),
            value: Some(self.line.replace(own, &other).into_bytes()),
        };
        let n_entries = self.entries.len();
        for (at, pair) in self.entries.chunks(2).enumerate() {
            let position = 2 * at as u64;
            let entries: Vec<Vec<u8>> =
                pair.iter().map(|entry| entry.replace(own, &other).into_bytes()).collect();
            let is_last = position as usize + entries.len() == n_entries;
            let records = if is_last { vec![line.clone()] } else { Vec::new() };
            store.append(Append { run: run.clone(), position, entries, records }).await?;
        }
        Ok(())
    }
}

async fn futures_all<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = pinned.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut is_over = true;
        for (future, done) in pinned.iter_mut().zip(&mut done) {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(output) => *done = Some(output),
                    std::task::Poll::Pending => is_over = false,
                }
            }
        }
        if is_over { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

fn project(folder: &Path, kind: Kind) -> std::io::Result<()> {
    std::fs::create_dir(folder.join("flows"))?;
    std::fs::write(folder.join("linchpin.yaml"), format!("store: {kind}:store\n"))?;
    std::fs::write(folder.join("flows/one_step.yaml"), ONE_STEP)
}

/// Milliseconds of a whole command.
fn command(
    binary: &Path,
    folder: &Path,
    arguments: &[&str],
) -> Result<f64, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let mut command = Command::new(binary);
    command.args(arguments).current_dir(folder).stdout(Stdio::null());
    let status = command.status()?;
    if !status.success() {
        return Err(format!("linchpin {arguments:?} ended with {status}").into());
    }
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// Milliseconds until a daemon is ready.
fn daemon(binary: &Path, folder: &Path) -> Result<f64, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let mut command = Command::new(binary);
    let mut child = command.arg("daemon").current_dir(folder).stdout(Stdio::piped()).spawn()?;
    let out = child.stdout.take().ok_or("no output")?;
    for line in BufReader::new(out).lines() {
        if line?.contains("gone on with") {
            break;
        }
    }
    let took = started.elapsed().as_secs_f64() * 1e3;
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
    child.wait()?;
    if ended.success() { Ok(took) } else { Err("the daemon took no SIGTERM".into()) }
}
