//! Files of a store are changed at random: nothing panics, nothing is lost in silence.
//!
//! `LINCHPIN_MUTATIONS=1000 cargo test --workspace --test product corruption` tries a thousand;
//! without the variable some. The seed is printed, and `LINCHPIN_SEED` repeats it.

mod mutation;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use linchpin_engine::event::Outcome;
use linchpin_engine::store::{Append, Error, RecordWrite, Store, Upkeep};
use linchpin_engine::{Entry, Event, RunId};
use linchpin_persistence::{Kind, Location, is_guarded};
use linchpin_runtime::upkeep::{self, Told};
use serde_json::json;
use tempfile::TempDir;

use self::mutation::{Chance, Mutation};

/// How many are tried when nobody says.
const SOME: usize = 80;
const RUNS: u64 = 120;

/// Panics that no guard of the store turned into an error.
static PANICS: AtomicUsize = AtomicUsize::new(0);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_its_files_a_store_names_what_it_lost() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("LINCHPIN_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |now| now.as_nanos() as u64)
    });
    let n = number("LINCHPIN_MUTATIONS").map_or(SOME, |n| usize::try_from(n).unwrap_or(SOME));
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_guarded() {
            PANICS.fetch_add(1, Ordering::SeqCst);
            hook(panic);
        }
    }));
    let originals = [
        Original::make(Kind::Sled, Left::Closed).await,
        Original::make(Kind::Sled, Left::Killed).await,
        Original::make(Kind::Sqlite, Left::Closed).await,
        Original::make(Kind::Sqlite, Left::Killed).await,
    ];
    let mut chance = Chance::new(seed);
    let mut found = BTreeMap::new();
    for at in 0..n {
        let original = &originals[at % originals.len()];
        let (mutation, ending) = original.mutated(&mut chance).await;
        match ending {
            Ok(ending) => *found.entry((original.name(), ending)).or_insert(0_usize) += 1,
            Err(why) => {
                panic!("seed {seed}, mutation {at} of {}: {mutation:?}: {why}", original.name())
            }
        }
    }
    let said = format!("seed {seed}: {n} mutations: {found:?}\n");
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "seed {seed}");
    let harmed = found.iter().filter(|((_, ending), _)| *ending != Ending::Whole);
    assert!(harmed.map(|(_, n)| n).sum::<usize>() * 4 > n, "the mutations do harm: {found:#?}");
}

/// How a process left a store.
#[derive(Clone, Copy, Debug)]
enum Left {
    Closed,
    Killed,
}

/// What became of a store whose files were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// Nothing that counts was changed.
    Whole,
    /// The store was refused, with the file and the remedy.
    Refused,
    /// It opens, and what is lost is named.
    Named,
}

/// A store and what was acknowledged by it.
struct Original {
    kind: Kind,
    left: Left,
    folder: TempDir,
    journals: BTreeMap<RunId, Vec<Vec<u8>>>,
}

impl Original {
    fn name(&self) -> String {
        format!("{} {:?}", self.kind, self.left)
    }

    async fn make(kind: Kind, left: Left) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("alive");
        let store = Location { kind, dir: place.clone() }.open().unwrap();
        let mut journals = BTreeMap::new();
        for number in 0..RUNS {
            let (run, entries) = fill(&*store, number).await;
            journals.insert(run, entries);
        }
        // What is removed leaves free room behind.
        for number in (0..RUNS).step_by(11) {
            let run = identity(number);
            let records = ["runs", "open"].map(|collection| write(collection, &run, None));
            store.remove(&run, vec![], records.into()).await.unwrap();
            journals.remove(&run);
        }
        let condensing = Arc::clone(&store);
        let condense = move || {
            let watch = &mut |_| std::ops::ControlFlow::Continue(());
            condensing.condense("runs", &identity(RUNS / 2), watch)
        };
        let tally = tokio::task::spawn_blocking(condense).await.unwrap().unwrap();
        assert!(tally.runs > RUNS / 3, "{tally:?}");
        let left_as = folder.path().join("store");
        match left {
            Left::Closed => {
                drop(store);
                std::fs::rename(place, left_as).unwrap();
            }
            Left::Killed => {
                for file in mutation::files(&place) {
                    let target = left_as.join(file.strip_prefix(&place).unwrap());
                    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
                    std::fs::copy(&file, target).unwrap();
                }
            }
        }
        Self { kind, left, folder, journals }
    }

    async fn mutated(&self, chance: &mut Chance) -> (Mutation, Result<Ending, String>) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("store");
        let mutation = Mutation::choose(chance, &self.folder.path().join("store"));
        mutation.copy(&self.folder.path().join("store"), &dir);
        let ending = match (Location { kind: self.kind, dir: dir.clone() }).open() {
            Err(error) => refusal(&error, &dir),
            Ok(store) => self.compared(store).await,
        };
        (mutation, ending)
    }

    /// Every run is as it was acknowledged, or it is named.
    async fn compared(&self, store: Arc<dyn Upkeep>) -> Result<Ending, String> {
        let mut damages = Vec::new();
        let mut told = upkeep::verify(Arc::clone(&store));
        while let Some(told) = told.recv().await {
            match told {
                Told::Damage(damage) => damages.push(damage),
                Told::Failed(why) => return Err(format!("it cannot be verified: {why}")),
                _ => {}
            }
        }
        for damage in &damages {
            let text = damage.to_string();
            let names = text.contains("/store") && text.contains("linchpin store restore");
            if !names {
                return Err(format!("neither file nor remedy: {text}"));
            }
        }
        let named: BTreeSet<_> = damages.iter().filter_map(|damage| damage.run.clone()).collect();
        let is_general = damages.iter().any(|damage| damage.run.is_none());
        for (run, expected) in &self.journals {
            let read = store.read(run, 0, usize::MAX).await;
            let is_equal = read.as_ref().is_ok_and(|entries| entries == expected);
            if !is_equal && !named.contains(run) && !is_general {
                let read = read.map(|entries| entries.len());
                return Err(format!("run {run} is lost in silence: {read:?}; {damages:?}"));
            }
            let listed = store.get("runs", run.as_str()).await;
            let is_listed = listed.as_ref().is_ok_and(Option::is_some);
            if !is_listed && !named.contains(run) && !is_general {
                return Err(format!("run {run} is not listed any more: {listed:?}"));
            }
        }
        Ok(if damages.is_empty() { Ending::Whole } else { Ending::Named })
    }
}

fn refusal(error: &Error, dir: &Path) -> Result<Ending, String> {
    let text = error.to_string();
    let remedies = ["restore", "use the newer version", "name it as", "name an empty folder"];
    let has_remedy = remedies.iter().any(|remedy| text.contains(remedy));
    if text.contains(&dir.display().to_string()) && has_remedy {
        return Ok(Ending::Refused);
    }
    Err(format!("neither file nor remedy: {text} ({error:?})"))
}

fn identity(number: u64) -> RunId {
    RunId::parse(&format!("{number:026}")).expect("26 digits")
}

fn write(collection: &str, run: &RunId, value: Option<Vec<u8>>) -> RecordWrite {
    RecordWrite { collection: collection.to_owned(), key: run.to_string(), value }
}

/// A run as the runtime writes it: some appends, with the lists kept beside; every fifth run
/// has not ended.
async fn fill(store: &dyn Store, number: u64) -> (RunId, Vec<Vec<u8>>) {
    let run = identity(number);
    let has_ended = !number.is_multiple_of(5);
    let n_appends = number % 4 + 2;
    let mut all: Vec<Vec<u8>> = Vec::new();
    for append in 0..n_appends {
        let length = if (number + append).is_multiple_of(17) { 20_000 } else { 300 };
        let mut entries = vec![json!({ "n": append, "of": "x".repeat(length) }).to_string().into()];
        let mut records = Vec::new();
        if append == 0 {
            records.push(write("runs", &run, Some(br#"{"state":"running"}"#.to_vec())));
            records.push(write("open", &run, Some(Vec::new())));
        }
        if has_ended && append + 1 == n_appends {
            let at = jiff::Timestamp::UNIX_EPOCH;
            let end = Entry { at, event: Event::Ended { outcome: Outcome::Cancelled } };
            entries.push(serde_json::to_vec(&end).expect("an entry is JSON"));
            records.push(write("runs", &run, Some(br#"{"state":"cancelled"}"#.to_vec())));
            records.push(write("open", &run, None));
        }
        let position = all.len() as u64;
        all.extend(entries.iter().cloned());
        let batch = Append { run: run.clone(), position, entries, records };
        store.append(batch).await.expect("the append");
    }
    (run, all)
}

/// The files of a store that are worth changing.
fn is_content(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // An index of the log that each open makes anew, and the name of who had the store open.
    name != "lock" && !name.ends_with("-shm")
}

fn content(folder: &Path) -> Vec<PathBuf> {
    mutation::files(folder).into_iter().filter(|path| is_content(path)).collect()
}
