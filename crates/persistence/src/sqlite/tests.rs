//! What is particular to the SQLite engine.

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Error, Journal};

use super::SqliteStore;

#[tokio::test]
async fn a_closed_store_is_one_file_and_its_log_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let run = RunId::parse(&"a".repeat(26)).unwrap();
    let batch = Append { run, position: 0, entries: vec![vec![7; 9]], records: vec![] };
    store.append(batch).await.unwrap();
    assert!(dir.path().join("sqlite/db-wal").exists());
    store.close();
    let files: Vec<_> = std::fs::read_dir(dir.path().join("sqlite")).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_as_it_was() {
    for content in ["no database at all", ""] {
        let dir = tempfile::tempdir().unwrap();
        SqliteStore::open(dir.path()).unwrap().close();
        let file = dir.path().join("sqlite/db");
        std::fs::write(&file, content).unwrap();
        let refused = SqliteStore::open(dir.path());
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
    }
}
