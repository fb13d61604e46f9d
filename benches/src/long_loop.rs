//! W5: a loop over 100,000 items, killed near its end and gone on with by another process.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use linchpin_engine::event::Outcome;
use linchpin_language::{Map, json};

use crate::engine::{Bench, LONG_LOOP};
use crate::process::peak_rss_mb;
use crate::upstream;

type Anything = Result<(), Box<dyn std::error::Error>>;

/// Items of the loop, 64 under way.
const ITEMS: u64 = 100_000;
/// The process is killed when the other side has seen so many.
const KILLED_AT: u64 = 97_000;

/// Runs the loop in a process, kills it near the end, and lets a second one end it.
pub(crate) fn measure(server: &mut upstream::Child) -> Anything {
    let folder = tempfile::tempdir_in(".")?;
    let started = Instant::now();
    let (mut first, _lines) = start(folder.path(), &server.url)?;
    while server.items()? < KILLED_AT {}
    let took = started.elapsed().as_secs_f64();
    let before = peak_rss_mb(&first.id().to_string());
    first.kill()?;
    first.wait()?;

    let started = Instant::now();
    let (mut second, mut lines) = start(folder.path(), &server.url)?;
    let mut line = || lines.next().unwrap_or_else(|| Err(std::io::Error::other("it said nothing")));
    let back = line()?;
    let going = started.elapsed().as_secs_f64();
    let ended = line()?;
    second.wait()?;
    let rate = KILLED_AT as f64 / took;
    println!(
        "W5  100,000 items, one call each, 64 wide: {rate:.0} items/s up to the kill at 97,000"
    );
    println!("    peak RSS {before} MB; after the kill {ended}");
    println!("    {back}; first entry of the run {going:.2} s after the start of the process");
    Ok(())
}

fn start(folder: &Path, url: &str) -> std::io::Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg("loop").arg(folder).arg(url).stdout(Stdio::piped()).spawn()?;
    let out = child.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?;
    Ok((child, BufReader::new(out).lines()))
}

/// The process that is killed, and the one that goes on.
pub(crate) async fn process(folder: &str, url: &str) -> Anything {
    let bench = Bench::open_in(Path::new(folder), url, LONG_LOOP)?;
    let mut entries = bench.host.watch();
    let started = Instant::now();
    let (recovered, failed) = bench.host.recover().await?;
    if let Some((_, error)) = failed.first() {
        return Err(error.to_string().into());
    }
    let back = started.elapsed().as_secs_f64();
    let run = match recovered.into_iter().next() {
        Some(run) => run,
        None => {
            let items = json!({ "items": (0..ITEMS).collect::<Vec<_>>() });
            let inputs = items.as_object().cloned().unwrap_or_else(Map::new);
            bench.start(inputs).await?
        }
    };
    entries.recv().await?;
    drop(entries);
    println!("the run was back after {back:.2} s");
    let outcome = bench.host.wait(&run).await;
    if !matches!(outcome, Some(Outcome::Succeeded { .. })) {
        return Err(format!("the loop ended as {outcome:?}").into());
    }
    println!("it ended with a peak RSS of {} MB", peak_rss_mb("self"));
    bench.close().await;
    Ok(())
}
