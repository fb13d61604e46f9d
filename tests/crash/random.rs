//! Processes killed at random: by themselves at some write to the store, or from outside after
//! some request, one after the other on the same store, on both kinds of store.
//!
//! `LINCHPIN_KILLS` says how many, `LINCHPIN_KILL_SEED` repeats them.

use std::collections::BTreeMap;
use std::io::Write;

use linchpin_persistence::{Kind, Location};
use linchpin_runtime::host::Start;

use super::mortal::Moment;
use super::{PATIENCE, SIGKILL, Seen, found, is_end, order, process, queued, stored, undisturbed};
use super::{every_logic, every_wait};
use crate::simulation::chance::Chance;
use crate::support::{Control, assign_courses, new_hire_onboarding, sandbox};
use std::os::unix::process::ExitStatusExt;

/// How many are killed unless it is told.
const FEW: u64 = 8;
const FLOWS: [fn() -> Start; 5] =
    [assign_courses, new_hire_onboarding, every_logic, every_wait, queued];
/// No write comes that late.
const NEVER: u64 = 1_000_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_killed_at_random_lose_nothing_and_repeat_nothing() {
    let count = setting("LINCHPIN_KILLS").unwrap_or(FEW);
    let seed = setting("LINCHPIN_KILL_SEED").unwrap_or_else(Chance::new_seed);
    // Past the capture of the test harness, which would keep it back.
    writeln!(std::io::stderr(), "kills: {count}, LINCHPIN_KILL_SEED={seed}").unwrap();
    let mut chance = Chance::of(seed);
    let mut expected: BTreeMap<usize, Seen> = BTreeMap::new();
    let mut killed = 0;
    while killed < count {
        let at = chance.below(FLOWS.len());
        let kind = if chance.one_in(2) { Kind::Sqlite } else { Kind::Sled };
        if let std::collections::btree_map::Entry::Vacant(place) = expected.entry(at) {
            place.insert(undisturbed(kind, FLOWS[at]()).await);
        }
        let (_sandbox, control) = sandbox().await;
        let folder = tempfile::tempdir().unwrap();
        let store = stored(kind, &folder);
        for _ in 0..=chance.below(5) {
            if !kill(&mut chance, &store, &control, &FLOWS[at]()).await {
                break;
            }
            killed += 1;
        }
        let seen = found(&store, &control, FLOWS[at]()).await;
        assert_eq!(seen, expected[&at], "on {kind:?} after {killed} kills, seed {seed}");
    }
}

/// Kills one process, unless it comes to its end before.
async fn kill(chance: &mut Chance, store: &Location, control: &Control, start: &Start) -> bool {
    if chance.one_in(2) {
        let moment = if chance.one_in(2) { Moment::Before } else { Moment::After };
        let n = 1 + chance.below(25) as u64;
        let order = order(store, control, (moment, n), start);
        return !is_end(process(&order).wait_with_output().await.unwrap().status);
    }
    let already = control.requests().await.len();
    let wanted = already + chance.below(12);
    let mut child = process(&order(store, control, (Moment::Before, NEVER), start));
    let reached = async {
        while control.requests().await.len() <= wanted {
            if child.try_wait().unwrap().is_some() {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("it gets on or ends");
    // It may have come to its end just now.
    child.kill().await.ok();
    child.wait().await.unwrap().signal() == Some(SIGKILL)
}
