//! The stores against the conformance suite, and those on disk against being killed.

mod kill;
mod upkeep;

use std::path::Path;

use linchpin_persistence::{MemoryStore, SledStore, SqliteStore, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_store_conforms() {
    conformance::suite(async |_| MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sled_store_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance::suite(async |place| open_sled(&dir.path().join(place))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sled_store_keeps_everything_over_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    conformance::reopening(async |place| open_sled(&dir.path().join(place))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sled_store_keeps_everything_over_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let copy = async |from: &str, to: &str| copy(&dir.path().join(from), &dir.path().join(to));
    conformance::crashing(async |place| open_sled(&dir.path().join(place)), copy).await;
}

fn open_sled(dir: &Path) -> SledStore {
    SledStore::open(dir).expect("the store")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sqlite_store_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance::suite(async |place| open_sqlite(&dir.path().join(place))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sqlite_store_keeps_everything_over_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    conformance::reopening(async |place| open_sqlite(&dir.path().join(place))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sqlite_store_keeps_everything_over_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let copy = async |from: &str, to: &str| copy(&dir.path().join(from), &dir.path().join(to));
    conformance::crashing(async |place| open_sqlite(&dir.path().join(place)), copy).await;
}

fn open_sqlite(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir).expect("the store")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder");
    for entry in std::fs::read_dir(from).expect("the files") {
        let entry = entry.expect("a file");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
