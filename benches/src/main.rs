//! Benchmarks of the durable path, each printed beside its floor in the same run.
//!
//! `cargo run --release -p linchpin-benches [-- --quick] [--wide | --long | --editor |
//! --history RUNS [--entries N] | --open] [--store sled|sqlite] [--binary PATH]`. The floor is what any
//! engine with the same promise must pay: a keep-alive HTTP request per step, and a record of
//! the same size written and synced, by one thread for all who wait (group commit).

#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

mod check;
mod editor;
mod engine;
mod floor;
mod history;
mod long_loop;
mod process;
mod upstream;

use std::time::{Duration, Instant};

use linchpin_persistence::Kind;

/// The one that the `linchpin` command has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Anything = Result<(), Box<dyn std::error::Error>>;

/// How often each figure is taken; the median is printed with its spread.
const ROUNDS: usize = 5;

/// What the workloads on a store share.
#[derive(Clone, Copy)]
struct Setting<'a> {
    url: &'a str,
    store: Kind,
    rounds: usize,
}

fn main() -> Anything {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("serve") {
        return upstream::serve();
    }
    let after = |name: &str| {
        arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let [mode, folder, url] = arguments.as_slice()
        && mode == "loop"
    {
        return runtime.block_on(long_loop::process(folder, url));
    }
    if has("--editor") {
        let binary =
            after("--binary").ok_or("give --binary PATH of a release build of linchpin")?;
        return editor::keystrokes(binary);
    }
    let rounds = if has("--quick") { 2 } else { ROUNDS };
    if has("--check") {
        let binary =
            after("--binary").ok_or("give --binary PATH of a release build of linchpin")?;
        return check::thousand_flows(binary, rounds);
    }
    if has("--open") {
        return runtime.block_on(history::unfinished());
    }
    let mut server = upstream::Child::start()?;
    if let Some(runs) = after("--history") {
        let binary =
            after("--binary").ok_or("give --binary PATH of a release build of linchpin")?;
        let entries = after("--entries").map_or(Ok(usize::MAX), |text| text.parse())?;
        let history = (runs.parse()?, entries);
        return runtime.block_on(history::finished(&server.url, binary, history, rounds));
    }
    if has("--long") {
        return long_loop::measure(&mut server);
    }
    let store = after("--store").map_or(Some(Kind::default()), |name| Kind::named(name));
    let store = store.ok_or("--store is sled or sqlite")?;
    let setting = Setting { url: &server.url, store, rounds };
    if has("--wide") {
        return runtime.block_on(widest(setting));
    }
    runtime.block_on(all(setting))?;
    long_loop::measure(&mut server)?;
    match after("--binary") {
        Some(binary) => {
            process::cold_start_and_idle(binary, rounds)?;
            check::thousand_flows(binary, rounds)?;
            editor::keystrokes(binary)
        }
        None => {
            println!("W4, W8 and W10  left out: give --binary PATH of a release build of linchpin");
            Ok(())
        }
    }
}

async fn all(setting: Setting<'_>) -> Anything {
    let syncs = floor::sync_rate()?;
    println!("this disk: one write and sync_data takes {:.3} ms", syncs * 1e3);
    println!("store: {}", setting.store);
    let record = engine::bytes_per_step(setting).await?;
    println!("journal: {record} bytes a step\n");
    one_flow(setting, record).await?;
    for under_way in [16, 256] {
        many_flows(setting, record, under_way).await?;
    }
    wide_loop(setting, record).await?;
    light_steps(setting).await
}

/// W2 with 256 under way alone, for a profile.
async fn widest(setting: Setting<'_>) -> Anything {
    let record = engine::bytes_per_step(setting).await?;
    many_flows(setting, record, 256).await
}

/// W1: one flow of 10 sequential POST steps.
async fn one_flow(setting: Setting<'_>, record: usize) -> Anything {
    let bench = engine::Bench::open(setting, engine::TEN_POSTS)?;
    let floor = floor::Floor::new(setting.url, record)?;
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    bench.run_flows(20, 1).await?;
    for _ in 0..setting.rounds {
        let started = Instant::now();
        bench.run_flows(20, 1).await?;
        ours.push(started.elapsed().as_secs_f64() / 20.0 * 1e3);
        floors.push(floor.flows(20, 10, 1).await?.as_secs_f64() / 20.0 * 1e3);
    }
    print("W1  10 POST steps, one flow at a time", "ms/flow", &ours, &floors);
    bench.close().await;
    Ok(())
}

/// W2: 500 such flows, some under way at once.
async fn many_flows(setting: Setting<'_>, record: usize, under_way: usize) -> Anything {
    let bench = engine::Bench::open(setting, engine::TEN_POSTS)?;
    let floor = floor::Floor::new(setting.url, record)?;
    let (mut ours, mut floors, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    bench.run_flows(50, under_way).await?;
    for _ in 0..setting.rounds {
        let (started, used) = (Instant::now(), process::own_cpu());
        bench.run_flows(500, under_way).await?;
        ours.push(5000.0 / started.elapsed().as_secs_f64());
        cpu.push((process::own_cpu() - used).as_secs_f64() / 5.0);
        floors.push(5000.0 / floor.flows(500, 10, under_way).await?.as_secs_f64());
    }
    let title = format!("W2  500 flows, {under_way} under way");
    print(&title, "steps/s", &ours, &floors);
    let (least, middle, most) = spread(&cpu);
    println!("    {middle:.3} CPU s per 1000 steps ({least:.3} to {most:.3})");
    println!("    peak RSS of this process {} MB", process::peak_rss_mb("self"));
    bench.close().await;
    Ok(())
}

/// W3: a loop over 1000 items, one call each, 16 wide.
async fn wide_loop(setting: Setting<'_>, record: usize) -> Anything {
    let bench = engine::Bench::open(setting, engine::THOUSAND_ITEMS)?;
    let floor = floor::Floor::new(setting.url, record)?;
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds {
        let started = Instant::now();
        bench.run_flows(1, 1).await?;
        ours.push(started.elapsed().as_secs_f64() * 1e3);
        floors.push(floor.flows(1000, 1, 16).await?.as_secs_f64() * 1e3);
    }
    print("W3  1000 items, one call each, 16 wide", "ms", &ours, &floors);
    bench.close().await;
    Ok(())
}

/// W6: a flow of 40 steps that call nothing.
async fn light_steps(setting: Setting<'_>) -> Anything {
    let flow = engine::forty_light_steps();
    let bench = engine::Bench::open(setting, &flow)?;
    let mut ours = Vec::new();
    bench.run_flows(10, 1).await?;
    for _ in 0..setting.rounds {
        let started = Instant::now();
        bench.run_flows(20, 1).await?;
        ours.push(started.elapsed().as_secs_f64() / 20.0 * 1e3);
    }
    let (least, middle, most) = spread(&ours);
    println!("W6  40 light steps: {middle:.2} ms/flow ({least:.2} to {most:.2})");
    bench.close().await;
    Ok(())
}

/// Prints a figure, its floor, and the ratio pair by pair.
fn print(title: &str, unit: &str, ours: &[f64], floors: &[f64]) {
    let ratios: Vec<f64> = ours.iter().zip(floors).map(|(ours, floor)| ours / floor).collect();
    let row = |values: &[f64]| {
        let (least, middle, most) = spread(values);
        format!("{middle:.2} ({least:.2} to {most:.2})")
    };
    println!("{title}: {} {unit}", row(ours));
    println!("    floor {}, ratio {}", row(floors), row(&ratios));
}

/// The least, the median and the most.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1])
}

/// Waits a moment between two looks at another process.
fn nap() {
    std::thread::sleep(Duration::from_millis(1));
}
