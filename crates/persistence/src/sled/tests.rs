//! What is particular to the sled engine.

use std::fs;

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Expect, Journal, Records};
use tempfile::TempDir;

use super::SledStore;

fn run() -> RunId {
    RunId::parse(&"a".repeat(26)).unwrap()
}

fn entry(position: u64, value: &[u8]) -> Append {
    Append { run: run(), position, entries: vec![value.to_vec()], records: vec![] }
}

async fn closed_store() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open(dir.path()).unwrap();
    for position in 0..40 {
        store.append(entry(position, &[7; 500])).await.unwrap();
    }
    store.close();
    dir
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
async fn settings_that_were_being_written_at_the_first_open_are_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    SledStore::open(dir.path()).unwrap().close();
    // As a kill leaves it between the two writes that make the settings: there is no log yet.
    let conf = dir.path().join("sled/conf");
    let settings = fs::read(&conf).unwrap();
    fs::remove_dir_all(dir.path().join("sled")).unwrap();
    fs::create_dir(dir.path().join("sled")).unwrap();
    fs::write(&conf, &settings[..settings.len() - 4]).unwrap();
    let store = SledStore::open(dir.path()).unwrap();
    store.append(entry(0, b"one")).await.unwrap();
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
    store.remove(&run(), vec![], vec![]).await.unwrap();
    for number in 0..200 {
        let key = format!("{number:03}");
        store.put("c", &key, vec![2; 6_100], Expect::Absent).await.unwrap();
        store.put("c", &key, vec![3; 6_144], Expect::Version(1)).await.unwrap();
    }
    assert_eq!(fs::read_dir(dir.path().join("sled/blobs")).unwrap().count(), 0);
}
