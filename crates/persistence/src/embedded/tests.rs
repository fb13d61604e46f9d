//! What every store on disk does beyond the contracts: locking, damage, failed syncs.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Error, Expect, Store, Upkeep};
use tempfile::TempDir;

use super::lock::{self, Lock};
use super::mark::Mark;
use super::{Kind, Sync, copy_of_format, files, outgrown};
use crate::{Location, SledStore, SqliteStore};

fn run() -> RunId {
    RunId::parse(&"a".repeat(26)).unwrap()
}

fn entry(position: u64, value: &[u8]) -> Append {
    Append { run: run(), position, entries: vec![value.to_vec()], records: vec![] }
}

fn open(kind: Kind, dir: &Path) -> Result<Arc<dyn Upkeep>, Error> {
    Location { kind, dir: dir.to_owned() }.open()
}

fn open_with(kind: Kind, dir: &Path, sync: Sync) -> Arc<dyn Upkeep> {
    match kind {
        Kind::Sled => Arc::new(SledStore::open_with(dir, sync).unwrap()),
        Kind::Sqlite => Arc::new(SqliteStore::open_with(dir, sync).unwrap()),
    }
}

async fn entries(store: &dyn Store) -> Vec<Vec<u8>> {
    store.read(&run(), 0, usize::MAX).await.unwrap()
}

/// A folder with a closed store of a few batches.
async fn closed_store(kind: Kind) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(kind, dir.path()).unwrap();
    for position in 0..40 {
        store.append(entry(position, &[7; 500])).await.unwrap();
    }
    dir
}

/// Every file below a folder with its content.
fn content(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for path in files::listed(dir).unwrap() {
        files.push((path.display().to_string(), fs::read(&path).unwrap()));
    }
    files
}

fn refusal(kind: Kind, dir: &Path) -> Error {
    match open(kind, dir) {
        Ok(_) => panic!("the {kind} store was opened"),
        Err(error) => error,
    }
}

/// What is written into a folder that somebody has moved away is not said to be kept.
#[tokio::test]
async fn a_store_that_was_moved_away_takes_nothing_more() {
    for kind in Kind::ALL {
        let place = tempfile::tempdir().unwrap();
        let (here, away) = (place.path().join("store"), place.path().join("away"));
        let store = open(kind, &here).unwrap();
        store.append(entry(0, b"0")).await.unwrap();
        fs::rename(&here, &away).unwrap();
        let text = store.append(entry(1, b"1")).await.unwrap_err().to_string();
        assert!(text.contains("moved or removed while it was in use"), "{kind}: {text}");
        // Another store in its place is none of its business either.
        fs::create_dir(&here).unwrap();
        fs::write(here.join(lock::FILE), b"").unwrap();
        store.append(entry(1, b"1")).await.unwrap_err();
        drop(store);
        assert_eq!(content(&here).len(), 1);
    }
}

#[tokio::test]
async fn a_second_opener_is_told_who_holds_the_store_and_touches_nothing() {
    for kind in Kind::ALL {
        let dir = tempfile::tempdir().unwrap();
        let store = open(kind, dir.path()).unwrap();
        store.append(entry(0, b"0")).await.unwrap();
        let before = content(dir.path());
        let text = refusal(kind, dir.path()).to_string();
        assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
        assert!(content(dir.path()) == before, "the files differ");
        store.append(entry(1, b"1")).await.unwrap();
        drop(store);
        assert_eq!(entries(&*open(kind, dir.path()).unwrap()).await.len(), 2);
    }
}

#[tokio::test]
async fn a_store_of_a_newer_format_is_refused_and_left_as_it_was() {
    for kind in Kind::ALL {
        let dir = closed_store(kind).await;
        fs::write(dir.path().join("store"), format!("linchpin store 4 {kind}\n")).unwrap();
        let before = content(dir.path());
        let refused = refusal(kind, dir.path());
        assert!(matches!(refused, Error::Newer { found: 4, known: 3, .. }), "{refused}");
        assert!(content(dir.path()) == before, "the files differ");
    }
}

#[tokio::test]
async fn a_store_of_another_kind_is_refused_and_left_as_it_was() {
    for (kind, other) in [(Kind::Sled, Kind::Sqlite), (Kind::Sqlite, Kind::Sled)] {
        let dir = closed_store(kind).await;
        let before = content(dir.path());
        let text = refusal(other, dir.path()).to_string();
        assert!(text.contains(&format!("a store of the kind {kind}, not {other}")), "{text}");
        assert!(content(dir.path()) == before, "the files differ");
        assert_eq!(Location::of(dir.path()).unwrap().map(|location| location.kind), Some(kind));
    }
}

#[tokio::test]
async fn a_store_of_an_older_format_is_upgraded_after_a_copy_of_it_was_made() {
    upgraded(1, "linchpin store 1\n").await;
    upgraded(2, "linchpin store 2 sled\n").await;
}

async fn upgraded(format: u32, stamp: &str) {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("store");
    let store = open(Kind::Sled, &dir).unwrap();
    store.append(entry(0, b"old")).await.unwrap();
    drop(store);
    fs::write(dir.join("store"), stamp).unwrap();
    let before = content(&dir);
    assert_eq!(entries(&*open(Kind::Sled, &dir).unwrap()).await, [b"old"]);
    assert_eq!(fs::read_to_string(dir.join("store")).unwrap(), "linchpin store 3 sled\n");
    let copy = copy_of_format(&dir, format);
    let names = |files: Vec<(String, Vec<u8>)>, root: &Path| {
        let root = root.display().to_string();
        let inner =
            files.into_iter().map(move |(name, bytes)| (name[root.len()..].to_owned(), bytes));
        inner.filter(|(name, _)| name != "/lock").collect::<Vec<_>>()
    };
    assert!(names(content(&copy), &copy) == names(before, &dir), "the copy differs");
    let mode = fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "only its owner may look into it");
    // The copy is the old store, whole.
    assert_eq!(entries(&*open(Kind::Sled, &copy).unwrap()).await, [b"old"]);
}

#[tokio::test]
async fn a_copy_of_an_older_state_stays_beside_the_new_one() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("store");
    let store = open(Kind::Sled, &dir).unwrap();
    store.append(entry(0, b"old")).await.unwrap();
    drop(store);
    fs::write(dir.join("store"), "linchpin store 2 sled\n").unwrap();
    // The older version is gone back to for a while.
    open(Kind::Sled, &dir).unwrap().append(entry(1, b"new")).await.unwrap();
    fs::write(dir.join("store"), "linchpin store 2 sled\n").unwrap();
    assert_eq!(entries(&*open(Kind::Sled, &dir).unwrap()).await, [b"old", b"new"]);
    let aside = outer.path().join("store.format-2.1");
    assert_eq!(entries(&*open(Kind::Sled, &aside).unwrap()).await, [b"old"]);
    let copy = copy_of_format(&dir, 2);
    assert_eq!(entries(&*open(Kind::Sled, &copy).unwrap()).await, [b"old", b"new"]);
}

#[tokio::test]
async fn an_upgrade_cut_off_before_its_stamp_makes_no_second_copy() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("store");
    let store = open(Kind::Sled, &dir).unwrap();
    store.append(entry(0, b"old")).await.unwrap();
    drop(store);
    fs::write(dir.join("store"), "linchpin store 2 sled\n").unwrap();
    let mut paths = files::listed(&dir).unwrap();
    paths.retain(|path| !path.ends_with("lock"));
    files::copy(&paths, &dir, &copy_of_format(&dir, 2)).unwrap();
    assert_eq!(entries(&*open(Kind::Sled, &dir).unwrap()).await, [b"old"]);
    assert!(!outer.path().join("store.format-2.1").exists());
}

#[tokio::test]
async fn a_folder_that_holds_something_else_is_refused_and_left_as_it_was() {
    for kind in Kind::ALL {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("letter.txt"), "Dear Sir").unwrap();
        let before = content(dir.path());
        let text = refusal(kind, dir.path()).to_string();
        assert!(text.contains("it holds letter.txt") && text.contains("empty folder"), "{text}");
        assert!(content(dir.path()) == before, "the files differ");
    }
}

#[tokio::test]
async fn a_store_whose_making_was_interrupted_is_made_now() {
    for kind in Kind::ALL {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("lock"), "process 1\n").unwrap();
        fs::write(dir.path().join("store.new"), "linch").unwrap();
        open(kind, dir.path()).unwrap().append(entry(0, b"0")).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("store"), format!("linchpin store 3 {kind}\n")).unwrap();
        fs::create_dir(dir.path().join(kind.name())).unwrap();
        fs::write(dir.path().join(kind.name()).join("db.new"), "half").unwrap();
        fs::write(dir.path().join("acknowledged.new"), "").unwrap();
        open(kind, dir.path()).unwrap().append(entry(0, b"0")).await.unwrap();
    }
}

#[tokio::test]
async fn a_missing_file_is_named() {
    for kind in Kind::ALL {
        for file in [&format!("{kind}/db"), "acknowledged"] {
            let dir = closed_store(kind).await;
            fs::remove_file(dir.path().join(file)).unwrap();
            let text = refusal(kind, dir.path()).to_string();
            assert!(text.contains(file) && text.contains("restore"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_missing_log_of_a_killed_process_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(Kind::Sqlite, dir.path()).unwrap();
    store.append(entry(0, b"0")).await.unwrap();
    let killed = tempfile::tempdir().unwrap();
    let paths = files::listed(dir.path()).unwrap();
    files::copy(&paths, dir.path(), killed.path()).unwrap();
    fs::remove_file(killed.path().join("sqlite/db-wal")).unwrap();
    let text = refusal(Kind::Sqlite, killed.path()).to_string();
    assert!(text.contains("sqlite/db-wal is damaged: it is missing"), "{text}");
}

#[tokio::test]
async fn a_lost_tail_is_refused_and_the_files_stay_as_they_were() {
    for kind in Kind::ALL {
        let open_dir = tempfile::tempdir().unwrap();
        let store = open(kind, open_dir.path()).unwrap();
        for position in 0..40 {
            store.append(entry(position, &[7; 500])).await.unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let paths = files::listed(open_dir.path()).unwrap();
        files::copy(&paths, open_dir.path(), dir.path()).unwrap();
        let file = if kind == Kind::Sled { "sled/db" } else { "sqlite/db-wal" };
        let log = dir.path().join(file);
        let mut bytes = fs::read(&log).unwrap();
        let last = bytes.iter().rposition(|byte| *byte == 7).unwrap();
        bytes[last] = 8;
        fs::write(&log, &bytes).unwrap();
        let left =
            |(name, _): &(String, Vec<u8>)| !name.ends_with("/lock") && !name.ends_with("-shm");
        let mut before = content(dir.path());
        before.retain(left);
        for _ in 0..2 {
            let error = refusal(kind, dir.path());
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
            assert!(error.to_string().contains(&format!("{kind}/db")), "{error}");
            let mut after = content(dir.path());
            after.retain(left);
            assert!(after == before, "the files of the {kind} store differ");
        }
    }
}

/// Either the store is refused, or nothing acknowledged is missing or wrong.
async fn is_refused_or_whole(kind: Kind, dir: &Path) -> bool {
    let store = match open(kind, dir) {
        Ok(store) => store,
        Err(
            Error::Damaged { .. } | Error::Foreign { .. } | Error::Newer { .. } | Error::Io { .. },
        ) => return false,
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
    for kind in Kind::ALL {
        let closed = closed_store(kind).await;
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
            n_refused += usize::from(!is_refused_or_whole(kind, dir.path()).await);
        }
        assert!(n_refused > 40, "{n_refused} of 120 were noticed");
    }
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_accepted_until_the_store_is_opened_anew() {
    for kind in Kind::ALL {
        let dir = tempfile::tempdir().unwrap();
        let fails = Arc::new(AtomicBool::new(false));
        let sync = {
            let fails = Arc::clone(&fails);
            Box::new(move || match fails.swap(false, Ordering::SeqCst) {
                true => Err(std::io::Error::other("no space left")),
                false => Ok(()),
            })
        };
        let store = open_with(kind, dir.path(), sync);
        store.append(entry(0, b"kept")).await.unwrap();
        fails.store(true, Ordering::SeqCst);
        // The second would succeed if it were tried.
        for _ in 0..2 {
            let refused = store.append(entry(1, b"unknown")).await;
            assert!(matches!(refused, Err(Error::Poisoned { .. })), "{refused:?}");
        }
        let put = store.put("c", "k", vec![], Expect::Anything).await;
        let Err(Error::Poisoned { cause }) = &put else { panic!("{put:?}") };
        assert!(cause.contains("cannot sync") && cause.contains("no space left"), "{cause}");
        assert!(matches!(store.read(&run(), 0, usize::MAX).await, Err(Error::Poisoned { .. })));
        drop(store);
        let store = open(kind, dir.path()).unwrap();
        let entries = entries(&*store).await;
        assert_eq!(entries[0], b"kept");
        store.append(entry(entries.len() as u64, b"on")).await.unwrap();
    }
}

#[tokio::test]
async fn one_append_costs_one_sync_and_many_at_once_share_theirs() {
    for kind in Kind::ALL {
        let dir = tempfile::tempdir().unwrap();
        let n_syncs = Arc::new(AtomicUsize::new(0));
        let sync = {
            let n_syncs = Arc::clone(&n_syncs);
            Box::new(move || {
                n_syncs.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        };
        let store = open_with(kind, dir.path(), sync);
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
}

/// A closed store in `store`, and beside it a closed copy of it in `anew`; with the number of the
/// last batch that is in both.
async fn copied(kind: Kind) -> (TempDir, Location, u64) {
    let outer = tempfile::tempdir().unwrap();
    let place = Location { kind, dir: outer.path().join("store") };
    let store = place.open().unwrap();
    store.append(entry(0, b"copied")).await.unwrap();
    let anew = outer.path().join("anew");
    let sequence = tokio::task::spawn_blocking(move || {
        store.copy(&anew, None, &mut |_| ControlFlow::Continue(())).unwrap();
        Mark::open(&store.about().unwrap().dir).unwrap().sequence()
    });
    let sequence = sequence.await.unwrap();
    (outer, place, sequence)
}

#[tokio::test]
async fn a_store_that_somebody_opened_after_it_was_copied_is_not_replaced() {
    for kind in Kind::ALL {
        let (outer, place, sequence) = copied(kind).await;
        let anew = outer.path().join("anew");
        let store = place.open().unwrap();
        let refused = outgrown::replace(&place.dir, &anew, sequence);
        assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
        store.append(entry(1, b"late")).await.unwrap();
        drop(store);
        let refused = outgrown::replace(&place.dir, &anew, sequence);
        assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
        assert_eq!(entries(&*place.open().unwrap()).await, [b"copied".as_slice(), b"late"]);
        assert!(!outgrown::aside(&place.dir).exists());
    }
}

#[tokio::test]
async fn nobody_takes_the_place_of_a_store_that_is_being_replaced() {
    let (outer, place, sequence) = copied(Kind::Sled).await;
    let held = Lock::take(&place.dir).unwrap();
    let aside = outgrown::aside(&place.dir);
    fs::rename(&place.dir, &aside).unwrap();
    let refused = place.open().map(drop);
    assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
    // Its process ends, and somebody else ended while it made a store there.
    drop(held);
    fs::create_dir(&place.dir).unwrap();
    fs::write(place.dir.join("lock"), "process 1\n").unwrap();
    assert_eq!(entries(&*place.open().unwrap()).await, [b"copied"]);
    outgrown::replace(&place.dir, &outer.path().join("anew"), sequence).unwrap();
    assert_eq!(entries(&*place.open().unwrap()).await, [b"copied"]);
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
}

#[test]
fn a_lock_on_a_file_that_is_not_there_any_more_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let file = fs::File::create(&path).unwrap();
    assert!(lock::is_at(&file, &path).unwrap());
    fs::rename(&path, dir.path().join("old")).unwrap();
    assert!(!lock::is_at(&file, &path).unwrap());
    fs::write(&path, "").unwrap();
    assert!(!lock::is_at(&file, &path).unwrap());
}

#[tokio::test]
async fn a_copy_of_a_store_that_nobody_trusts_is_not_trusted_either() {
    for kind in Kind::ALL {
        let dir = closed_store(kind).await;
        // Another file that the engine does not miss: the files are not as they were closed.
        fs::write(dir.path().join(kind.name()).join("added"), "x").unwrap();
        let outer = tempfile::tempdir().unwrap();
        let to = outer.path().join("copy");
        let store = open(kind, dir.path()).unwrap();
        assert!(store.about().unwrap().is_changed);
        let copy = to.clone();
        let copied = tokio::task::spawn_blocking(move || {
            store.copy(&copy, None, &mut |_| ControlFlow::Continue(())).unwrap();
        });
        copied.await.unwrap();
        let copy = open(kind, &to).unwrap();
        assert!(copy.about().unwrap().is_changed);
        copy.trust();
        drop(copy);
        let place = Location { kind, dir: to };
        tokio::task::spawn_blocking(move || {
            place.compact(&mut |_| ControlFlow::Continue(())).unwrap();
            assert!(!place.open().unwrap().about().unwrap().is_changed);
        })
        .await
        .unwrap();
    }
}
