//! Properties over flows that nobody wrote: a generator of small flows with every kind of step,
//! and a host that answers with successes, failures, pages, signals and rulings.
//!
//! Each seed gives a flow. At every turn the run that is rebuilt from the journal stands where the
//! live one stands and asks for the same; every prefix of the journal can be played on; and from
//! each one that an append leaves, the same answers lead to the same end. `LINCHPIN_FUZZ_SEED` repeats a run of this test, `LINCHPIN_FUZZ_SECONDS` makes
//! it longer.

mod chance;
mod flows;
mod host;

use std::io::Write;
use std::time::{Duration, Instant};

use self::chance::Chance;
use self::flows::Made;
use self::host::Played;

#[expect(
    clippy::disallowed_methods,
    reason = "how long, and with which seed, is asked for outside"
)]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// Plays a made flow to its end, and again from each prefix of its journal.
fn holds(seed: u64) -> Made {
    let made = flows::make(seed);
    let mut first = Played::begin(&made, seed);
    let outcome = first.play(true);
    for length in 2..=first.journal().len() {
        let mut again = first.interrupted_at(length);
        let found = again.play(false);
        // What is appended at once is there as a whole or not at all.
        if first.appended().contains(&length) {
            assert_eq!(found, outcome, "interrupted after {length} entries, seed {seed}:\n{made}");
        }
    }
    made
}

#[test]
fn every_prefix_of_a_journal_rebuilds_the_same_run_and_leads_to_the_same_end() {
    let seed = setting("LINCHPIN_FUZZ_SEED").unwrap_or_else(Chance::new_seed);
    let time = Duration::from_secs(setting("LINCHPIN_FUZZ_SECONDS").unwrap_or(4));
    // Past the capture of the test harness, which would keep it back.
    writeln!(std::io::stderr(), "journals: LINCHPIN_FUZZ_SEED={seed}").expect("a place to tell");
    #[expect(clippy::disallowed_methods, reason = "no run sees how long the test takes")]
    let begin = Instant::now();
    let (mut chance, mut flows) = (Chance::of(seed), 0);
    while begin.elapsed() < time {
        holds(chance.number());
        flows += 1;
    }
    writeln!(std::io::stderr(), "journals: {flows} flows").expect("a place to tell");
    assert!(flows > 0);
}

#[test]
fn the_generator_makes_every_kind_of_step_and_flows_that_end_in_every_way() {
    let mut text = String::new();
    let mut ends = std::collections::BTreeSet::new();
    for seed in 0..150 {
        let made = flows::make(seed);
        text.push_str(&made.to_string());
        let mut played = Played::begin(&made, seed);
        ends.insert(played.play(false).split(' ').next().unwrap_or_default().to_owned());
    }
    for kind in flows::kinds() {
        assert!(text.contains(&format!("{kind:?}:")), "no flow has {kind}");
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["cancelled", "failed", "succeeded"]);
}
