//! Acknowledged appends per second of each store on disk, beside a bare write and sync.
//!
//! `cargo run --release --example throughput -- FOLDER [SECONDS]`

use std::fs::OpenOptions;
use std::io::{Write, stdout};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Upkeep};
use linchpin_persistence::{Kind, Location};

const ENTRY: usize = 300;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("name a folder")?);
    let duration = Duration::from_secs(arguments.next().map_or(Ok(3), |text| text.parse())?);

    std::fs::create_dir_all(&dir)?;
    let floor = floor(&dir.join("floor"), duration)?;
    writeln!(stdout(), "write and sync_data alone: {floor:.0}/s")?;
    for kind in Kind::ALL {
        for n_writers in [1, 16, 256] {
            let dir = dir.join(format!("{kind}-{n_writers}"));
            let store = Location { kind, dir }.open()?;
            let rate = appends(&store, n_writers, duration).await;
            let memory = memory()?;
            writeln!(stdout(), "{kind}, {n_writers} at once: {rate:.0} appends/s, {memory}")?;
        }
    }
    Ok(())
}

fn floor(path: &std::path::Path, duration: Duration) -> std::io::Result<f64> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    let started = Instant::now();
    let mut n_writes = 0;
    while started.elapsed() < duration {
        file.write_all_at(&[7; ENTRY], n_writes * ENTRY as u64)?;
        file.sync_data()?;
        n_writes += 1;
    }
    Ok(n_writes as f64 / started.elapsed().as_secs_f64())
}

async fn appends(store: &Arc<dyn Upkeep>, n_writers: u64, duration: Duration) -> f64 {
    let started = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..n_writers {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let mut n_appends = 0;
            let mut n_runs = 0;
            while started.elapsed() < duration {
                // A journal of 30 entries, as of a flow of ten steps.
                let run = RunId::parse(&format!("{n_runs:013}{writer:013}")).expect("digits");
                for position in 0..30 {
                    let entries = vec![vec![7; ENTRY]];
                    let batch = Append { run: run.clone(), position, entries, records: vec![] };
                    store.append(batch).await.expect("the append");
                    n_appends += 1;
                }
                n_runs += 1;
            }
            n_appends
        });
    }
    let n_appends: u64 = writers.join_all().await.into_iter().sum();
    n_appends as f64 / started.elapsed().as_secs_f64()
}

fn memory() -> std::io::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS: unknown");
    Ok(line.split_whitespace().collect::<Vec<_>>().join(" "))
}
