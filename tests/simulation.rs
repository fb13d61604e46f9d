//! Whole runs on a simulated machine: clock, disk and the other side are played by chance, the
//! host is the real one. Every schedule has a seed and is the same each time.
//!
//! ```text
//! LINCHPIN_SIMULATIONS=100000 cargo test --release --workspace --test product simulation
//! ```
//!
//! plays so many; `LINCHPIN_SIMULATION_SEED` repeats one seed. What must hold is in `promises`:
//! what was acknowledged is never asked for again, no write is sent while it is unknown what
//! became of it, no run is lost, no timer fires twice. Two broken drivers are kept here, and the
//! simulation finds both.

mod actions;
mod cases;
#[path = "../crates/engine/tests/random/chance.rs"]
pub(crate) mod chance;
#[path = "../crates/engine/tests/random/flows.rs"]
mod made;
mod promises;
mod schedule;
mod store;
mod world;

use std::io::Write;

use self::cases::{Case, Cases};
use self::chance::Chance;
use self::schedule::{Played, play};
use self::store::Mutant;

/// How many schedules are played unless it is told.
const FEW: u64 = 1500;
/// How many schedules one made flow is played in.
const OF_EACH: u64 = 5;
/// How much of a trace is printed, unless one seed is asked for.
const LINES: usize = 120;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

fn tell(what: &str) {
    // Past the capture of the test harness, which would keep it back.
    writeln!(std::io::stderr(), "{what}").expect("a place to tell");
}

/// Plays schedules until one is not as it should be: the seed, the flow and what happened.
fn search(
    cases: &Cases,
    first: u64,
    count: u64,
    mutant: Option<Mutant>,
) -> Option<(u64, String, Played)> {
    let mut seeds = Chance::of(first);
    let mut made: Option<Case> = None;
    for n in 0..count {
        // A seed that was printed is the first again.
        let seed = if n == 0 { first } else { seeds.number() };
        let case = match (seed % 4, made.as_ref()) {
            (0, _) => {
                let examples = cases.examples();
                let at = seed / 4 % examples.len() as u64;
                examples[usize::try_from(at).unwrap_or_default()].clone()
            }
            (_, Some(case)) if n % OF_EACH != 0 && mutant.is_some() => case.clone(),
            (_, _) => {
                let case = cases.made(seed / 4);
                made = Some(case.clone());
                case
            }
        };
        let played = play(&case, seed, mutant);
        if !played.violations.is_empty() {
            return Some((seed, case.name, played));
        }
    }
    None
}

/// The same on every processor, when there is much to play.
fn search_wide(first: u64, count: u64) -> Option<(u64, String, Played)> {
    let wide = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let wide = wide.min(count / FEW).max(1);
    let mut seeds = Chance::named(first, "threads");
    std::thread::scope(|scope| {
        let first = std::iter::once(first).chain(std::iter::from_fn(|| Some(seeds.number())));
        let threads = first.take(usize::try_from(wide).unwrap_or(1));
        let threads = threads
            .map(|first| scope.spawn(move || search(&Cases::new(), first, count / wide, None)));
        let threads: Vec<_> = threads.collect();
        let found = threads.into_iter().map(|thread| thread.join().expect("a schedule is played"));
        found.flatten().next()
    })
}

#[test]
fn whatever_the_schedule_nothing_acknowledged_is_lost_or_repeated() {
    let count = setting("LINCHPIN_SIMULATIONS").unwrap_or(FEW);
    let seed_of_one = setting("LINCHPIN_SIMULATION_SEED");
    let (first, count) = seed_of_one.map_or_else(|| (Chance::new_seed(), count), |seed| (seed, 1));
    tell(&format!("simulation: {count} schedules, LINCHPIN_SIMULATION_SEED={first}"));
    let found = search_wide(first, count);
    if let Some((seed, name, played)) = found {
        let lines = if seed_of_one.is_some() { usize::MAX } else { LINES };
        let from = played.trace.len().saturating_sub(lines);
        panic!(
            "{name}, LINCHPIN_SIMULATION_SEED={seed}: {}\n{}",
            played.violations.join("\n"),
            played.trace[from..].join("\n")
        );
    }
}

/// What a broken driver is caught by: something is done twice.
const TWICE: [&str; 2] = ["is sent again", "was acknowledged, and its action is called again"];

/// Plays a broken driver until it is caught by what it does to the other side.
fn caught(mutant: Mutant, what: &[&str]) {
    let found = search(&Cases::new(), 7, 4000, Some(mutant));
    let (_, _, played) = found.unwrap_or_else(|| panic!("{mutant:?} is not caught"));
    let violations = played.violations.join("\n");
    let is_that = what.iter().any(|what| violations.contains(what));
    assert!(is_that, "{violations}\n{}", played.trace.join("\n"));
}

#[test]
fn a_driver_that_sends_before_its_intent_is_on_disk_is_caught() {
    caught(Mutant::SendsBeforeItsIntent, &TWICE);
}

#[test]
fn a_driver_that_acknowledges_a_result_before_it_is_on_disk_is_caught() {
    caught(Mutant::AcknowledgesBeforeSync, &TWICE);
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    let cases = Cases::new();
    for seed in 100..108 {
        let case = cases.made(seed);
        let [first, second] = [(), ()].map(|()| play(&case, seed, None).trace);
        assert_eq!(first, second, "seed {seed}");
    }
}
