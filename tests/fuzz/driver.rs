//! Runs a target over and over on changed seeds. A text with an outcome that was not seen before
//! is kept and changed further, so the inputs wander into corners that no seed stands in.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::mutate::mutate;

/// The stack of an ordinary thread.
const STACK: usize = 2 << 20;
/// How long one input may take.
const SLOW: Duration = Duration::from_secs(3);
/// How many texts are kept to be changed further.
const KEPT: usize = 4000;

/// Reads a text and says what came of it.
pub(super) type Read = Box<dyn Fn(&str) -> Vec<String> + Send>;

/// Something that reads texts.
pub(super) struct Target {
    pub(super) name: &'static str,
    /// Texts that it is made for.
    pub(super) seeds: Vec<String>,
    /// Words of its language.
    pub(super) words: Vec<&'static str>,
    /// Reads a text and holds what must be true of the outcome; what it says of the outcome tells
    /// one kind of outcome from another.
    pub(super) read: Read,
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// Runs a target for its time. A failure names the seed and the smallest input that shows it.
pub(super) fn fuzz(target: Target) {
    let seed = setting("LINCHPIN_FUZZ_SEED").unwrap_or_else(Chance::new_seed);
    let time = Duration::from_secs(setting("LINCHPIN_FUZZ_SECONDS").unwrap_or(2));
    // Told before it begins: after an abort by the stack nothing else could be told.
    tell(&format!("fuzz {}: LINCHPIN_FUZZ_SEED={seed}", target.name));
    let thread = std::thread::Builder::new().stack_size(STACK).name(target.name.to_owned());
    let name = target.name;
    let runs = thread.spawn(move || run(&target, seed, time)).unwrap().join();
    match runs {
        Ok(Ok((runs, kept))) => tell(&format!("fuzz {name}: {runs} inputs, {kept} kept")),
        Ok(Err(failure)) => panic!("{name} with LINCHPIN_FUZZ_SEED={seed}: {failure}"),
        Err(_) => panic!("{name} with LINCHPIN_FUZZ_SEED={seed}: the driver itself panicked"),
    }
}

/// Past the capture of the test harness, which would keep it back.
fn tell(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}

fn run(target: &Target, seed: u64, time: Duration) -> Result<(usize, usize), String> {
    let mut chance = Chance::of(seed);
    let mut kept = target.seeds.clone();
    let mut seen: HashSet<u64> = HashSet::new();
    for text in &target.seeds {
        seen.insert(digest(&attempt(target, text)?));
    }
    let begin = Instant::now();
    let mut runs = 0;
    while begin.elapsed() < time {
        runs += 1;
        let from = if chance.one_in(2) {
            chance.below(target.seeds.len())
        } else {
            chance.below(kept.len())
        };
        let other = chance.below(kept.len());
        let text = mutate(&mut chance, &kept[from], &kept[other], &target.words);
        let outcome = attempt(target, &text)?;
        if seen.insert(digest(&outcome)) && kept.len() < KEPT {
            kept.push(text);
        }
    }
    Ok((runs, kept.len()))
}

fn digest(outcome: &[String]) -> u64 {
    let mut sorted: Vec<&String> = outcome.iter().collect();
    sorted.sort();
    sorted.dedup();
    let mut hasher = DefaultHasher::new();
    sorted.hash(&mut hasher);
    hasher.finish()
}

/// Reads one text; the error is what went wrong with the smallest text that goes wrong as well.
fn attempt(target: &Target, text: &str) -> Result<Vec<String>, String> {
    match once(target, text) {
        Ok(outcome) => Ok(outcome),
        Err(first) => {
            let smallest = shrink(text, |text| once(target, text).is_err());
            let why = once(target, &smallest).err().unwrap_or(first);
            let mut message = String::new();
            write!(message, "{why}\ninput: {smallest:?}").unwrap();
            Err(message)
        }
    }
}

fn once(target: &Target, text: &str) -> Result<Vec<String>, String> {
    let timed = || {
        let begin = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.read)(text)));
        (outcome, begin.elapsed())
    };
    let (mut outcome, mut took) = timed();
    if took > SLOW {
        // A machine can be busy; an input that is slow is slow again.
        (outcome, took) = timed();
    }
    match outcome {
        Err(panic) => {
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(format!("it panicked: {}", message.unwrap_or_default()))
        }
        Ok(_) if took > SLOW => Err(format!("it took {took:?}")),
        Ok(outcome) => Ok(outcome),
    }
}

/// The smallest text that can be made by leaving parts out while it still fails.
fn shrink(text: &str, fails: impl Fn(&str) -> bool) -> String {
    let mut smallest = text.to_owned();
    let begin = Instant::now();
    let mut size = smallest.len().div_ceil(2);
    while size > 0 && begin.elapsed() < Duration::from_secs(20) {
        let mut at = 0;
        let mut changed = false;
        while at < smallest.len() {
            let end = (at + size).min(smallest.len());
            let fits = smallest.is_char_boundary(at) && smallest.is_char_boundary(end);
            let shorter = fits.then(|| format!("{}{}", &smallest[..at], &smallest[end..]));
            match shorter.filter(|shorter| fails(shorter)) {
                Some(shorter) => (smallest, changed) = (shorter, true),
                None => at = end,
            }
        }
        if !changed {
            size /= 2;
        }
    }
    smallest
}

fn made_up(read: impl Fn(&str) -> Vec<String> + Send + 'static) -> Target {
    let seeds = vec!["alpha [beta] gamma".to_owned()];
    Target { name: "made up", seeds, words: vec!["delta"], read: Box::new(read) }
}

#[test]
fn a_panic_is_found_and_told_with_its_smallest_input() {
    let target = made_up(|text| {
        assert!(!text.contains("[delta"), "found");
        vec![text.len().to_string()]
    });
    let failure = run(&target, 1, Duration::from_secs(60)).unwrap_err();
    assert!(failure.contains("it panicked: found"), "{failure}");
    assert!(failure.ends_with("input: \"[delta\""), "{failure}");
}

#[test]
fn the_same_seed_tries_the_same_inputs() {
    let tried = |seed| {
        let all = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = std::sync::Arc::clone(&all);
        let target = made_up(move |text| {
            let mut all = sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            all.push(text.to_owned());
            assert!(all.len() < 200);
            vec![text.len().to_string()]
        });
        assert!(run(&target, seed, Duration::from_secs(60)).is_err());
        let all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all[..200].to_vec()
    };
    assert_eq!(tried(5), tried(5));
    assert_ne!(tried(5), tried(6));
}
