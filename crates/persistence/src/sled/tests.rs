//! What the sled store does beyond the contracts: locking, damage, failed syncs.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Error, Expect, Journal, Records};
use tempfile::TempDir;

use super::SledStore;

fn run() -> RunId {
    RunId::parse(&"a".repeat(26)).unwrap()
}

fn entry(position: u64, value: &[u8]) -> Append {
    Append { run: run(), position, entries: vec![value.to_vec()], records: vec![] }
}

/// A folder with a closed store of a few batches.
async fn closed_store() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open(dir.path()).unwrap();
    for position in 0..40 {
        store.append(entry(position, &[7; 500])).await.unwrap();
    }
    store.close();
    dir
}

/// Every file below a folder with its content.
fn content(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(content(&path));
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

fn refusal(dir: &Path) -> Error {
    SledStore::open(dir).expect_err("the store was opened")
}

#[tokio::test]
async fn a_second_opener_is_told_who_holds_the_store_and_touches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open(dir.path()).unwrap();
    store.append(entry(0, b"0")).await.unwrap();
    let before = content(dir.path());
    let text = refusal(dir.path()).to_string();
    assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    assert_eq!(content(dir.path()), before);
    store.append(entry(1, b"1")).await.unwrap();
    store.close();
    assert_eq!(
        SledStore::open(dir.path()).unwrap().read(&run(), 0, usize::MAX).await.unwrap().len(),
        2
    );
}

#[tokio::test]
async fn a_store_of_a_newer_format_is_refused_and_left_as_it_was() {
    let dir = closed_store().await;
    fs::write(dir.path().join("store"), "linchpin store 2\n").unwrap();
    let before = content(dir.path());
    assert!(matches!(refusal(dir.path()), Error::Newer { found: 2, known: 1, .. }));
    assert_eq!(content(dir.path()), before);
}

#[tokio::test]
async fn a_folder_that_holds_something_else_is_refused_and_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("letter.txt"), "Dear Sir").unwrap();
    let before = content(dir.path());
    let text = refusal(dir.path()).to_string();
    assert!(text.contains("it holds letter.txt") && text.contains("empty folder"), "{text}");
    assert_eq!(content(dir.path()), before);
}

#[tokio::test]
async fn a_store_whose_making_was_interrupted_is_made_now() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("lock"), "process 1\n").unwrap();
    fs::write(dir.path().join("store.new"), "linch").unwrap();
    SledStore::open(dir.path()).unwrap().append(entry(0, b"0")).await.unwrap();
}

#[tokio::test]
async fn a_missing_file_is_named() {
    for (file, named) in [("sled/db", "sled/db"), ("acknowledged", "acknowledged")] {
        let dir = closed_store().await;
        fs::remove_file(dir.path().join(file)).unwrap();
        let text = refusal(dir.path()).to_string();
        assert!(text.contains(named) && text.contains("restore"), "{text}");
    }
}

#[tokio::test]
async fn a_lost_tail_is_refused_and_the_files_stay_as_they_were() {
    let dir = closed_store().await;
    let log = dir.path().join("sled/db");
    let mut bytes = fs::read(&log).unwrap();
    let last = bytes.iter().rposition(|byte| *byte == 7).unwrap();
    bytes[last] = 8;
    fs::write(&log, &bytes).unwrap();
    let mut before = content(dir.path());
    for _ in 0..2 {
        let error = refusal(dir.path());
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("sled/db"), "{error}");
        let mut after = content(dir.path());
        before.retain(|(name, _)| !name.ends_with("/lock"));
        after.retain(|(name, _)| !name.ends_with("/lock"));
        assert_eq!(after, before);
    }
}

/// Either the store is refused, or nothing acknowledged is missing or wrong.
async fn is_refused_or_whole(dir: &Path) -> bool {
    let store = match SledStore::open(dir) {
        Ok(store) => store,
        Err(Error::Damaged { .. } | Error::Newer { .. } | Error::Io { .. }) => return false,
        Err(other) => panic!("{other}"),
    };
    match store.read(&run(), 0, usize::MAX).await {
        Ok(entries) => assert_eq!(entries, vec![vec![7; 500]; 40]),
        Err(Error::Damaged { .. }) => return false,
        Err(other) => panic!("{other}"),
    }
    true
}

#[tokio::test]
async fn no_damage_goes_unnoticed() {
    let closed = closed_store().await;
    let files = content(closed.path());
    let log = files.iter().find(|(name, _)| name.ends_with("/db")).unwrap();
    let used = log.1.iter().rposition(|byte| *byte == 7).unwrap();
    let mut n_refused = 0;
    for mutation in 0_usize..120 {
        let dir = tempfile::tempdir().unwrap();
        let index = mutation % files.len();
        for (at, (name, bytes)) in files.iter().enumerate() {
            let target = dir.path().join(Path::new(name).strip_prefix(closed.path()).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            let mut bytes = bytes.clone();
            let length = bytes.len().min(used);
            let place = mutation.wrapping_mul(7919) % length.max(1);
            match (at == index, mutation / files.len() % 3) {
                (true, 0) => bytes[place] ^= 1 << (mutation % 8),
                (true, 1) => bytes.truncate(place),
                (true, _) => bytes[place..].fill(0),
                (false, _) => {}
            }
            fs::write(target, bytes).unwrap();
        }
        n_refused += usize::from(!is_refused_or_whole(dir.path()).await);
    }
    assert!(n_refused > 40, "{n_refused} of 120 were noticed");
}

#[tokio::test]
async fn an_attempt_that_did_not_end_is_begun_again_from_the_untouched_files() {
    let dir = closed_store().await;
    // As a kill during an open would leave it: the copy is whole, the files half repaired.
    fs::rename(dir.path().join("sled"), dir.path().join("before-recovery")).unwrap();
    fs::create_dir(dir.path().join("sled")).unwrap();
    fs::write(dir.path().join("sled/db"), "half").unwrap();
    let store = SledStore::open(dir.path()).unwrap();
    assert_eq!(store.read(&run(), 0, usize::MAX).await.unwrap().len(), 40);
    assert!(!dir.path().join("before-recovery").exists());
    let tally = store.check().unwrap();
    assert_eq!((tally.runs, tally.values), (1, 40));
}

#[tokio::test]
async fn a_snapshot_that_was_being_written_does_not_stop_the_open() {
    let dir = closed_store().await;
    fs::write(dir.path().join("sled/snap.FFFFFFFFFFFFFFFF.generating"), "half").unwrap();
    assert_eq!(
        SledStore::open(dir.path()).unwrap().read(&run(), 0, usize::MAX).await.unwrap().len(),
        40
    );
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_accepted_until_the_store_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let sync = {
        let fails = Arc::clone(&fails);
        Box::new(move || match fails.swap(false, Ordering::SeqCst) {
            true => Err(std::io::Error::other("no space left")),
            false => Ok(()),
        })
    };
    let store = SledStore::open_with(dir.path(), Some(sync)).unwrap();
    store.append(entry(0, b"kept")).await.unwrap();
    fails.store(true, Ordering::SeqCst);
    // The second would succeed if it were tried.
    for _ in 0..2 {
        let refused = store.append(entry(1, b"unknown")).await;
        assert!(matches!(refused, Err(Error::Poisoned { .. })), "{refused:?}");
    }
    let put = store.put("c", "k", vec![], Expect::Anything).await;
    assert!(matches!(put, Err(Error::Poisoned { .. })), "{put:?}");
    assert!(matches!(store.read(&run(), 0, usize::MAX).await, Err(Error::Poisoned { .. })));
    store.close();
    let store = SledStore::open(dir.path()).unwrap();
    let entries = store.read(&run(), 0, usize::MAX).await.unwrap();
    assert_eq!(entries[0], b"kept");
    store.append(entry(entries.len() as u64, b"on")).await.unwrap();
}

#[tokio::test]
async fn one_append_costs_one_sync_and_many_at_once_share_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let n_syncs = Arc::new(AtomicUsize::new(0));
    let sync = {
        let n_syncs = Arc::clone(&n_syncs);
        Box::new(move || {
            n_syncs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    };
    let store = Arc::new(SledStore::open_with(dir.path(), Some(sync)).unwrap());
    for position in 0..5 {
        store.append(entry(position, b"x")).await.unwrap();
    }
    store.append(entry(0, b"refused")).await.unwrap_err();
    assert_eq!(n_syncs.load(Ordering::SeqCst), 5);
    // One thread: all have asked before the first answer can be taken.
    let mut puts = tokio::task::JoinSet::new();
    for key in 0..500 {
        let store = Arc::clone(&store);
        puts.spawn(async move {
            store.put("c", &key.to_string(), vec![], Expect::Absent).await.unwrap()
        });
    }
    puts.join_all().await;
    assert!(n_syncs.load(Ordering::SeqCst) < 5 + 250);
}

#[tokio::test]
async fn no_value_is_put_into_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open(dir.path()).unwrap();
    for position in 0..120 {
        store.append(entry(position, &vec![1; 40_000 + 300 * position as usize])).await.unwrap();
        let blobs = fs::read_dir(dir.path().join("sled/blobs")).unwrap().count();
        assert_eq!(blobs, 0, "files that nobody syncs, at {position}");
    }
    store.remove(&run()).await.unwrap();
    for number in 0..200 {
        let key = format!("{number:03}");
        store.put("c", &key, vec![2; 6_100], Expect::Absent).await.unwrap();
        store.put("c", &key, vec![3; 6_144], Expect::Version(1)).await.unwrap();
    }
    assert_eq!(fs::read_dir(dir.path().join("sled/blobs")).unwrap().count(), 0);
}
