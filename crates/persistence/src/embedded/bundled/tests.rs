//! A store whose keys are put into bundles all the time is as good as any other.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use linchpin_engine::RunId;
use linchpin_engine::store::{
    Append, Condition, Error, Expect, Journal, Piece, Record, RecordWrite, Records, Tally, Upkeep,
};
use tempfile::TempDir;

use super::super::{Embedded, Tree};
use crate::{SledStore, SqliteStore, conformance, key};

/// Condenses after everything that it writes.
struct Condensing<T: Tree>(Option<Arc<Embedded<T>>>);

impl<T: Tree> Condensing<T> {
    fn store(&self) -> &Arc<Embedded<T>> {
        self.0.as_ref().expect("it is not closed yet")
    }

    async fn condense(&self, collection: &str) {
        let (store, collection) = (Arc::clone(self.store()), collection.to_owned());
        let all = RunId::parse(&"z".repeat(26)).expect("26 letters");
        let condense = move || {
            let watch = &mut |_| ControlFlow::Continue(());
            store.condense_from(&collection, &all, (1, watch))
        };
        tokio::task::spawn_blocking(condense).await.expect("it ends").expect("it condenses");
    }
}

#[async_trait]
impl<T: Tree> Journal for Condensing<T> {
    async fn append(&self, batch: Append) -> Result<(), Error> {
        let collections: Vec<_> =
            batch.records.iter().map(|write| write.collection.clone()).collect();
        let appended = self.store().append(batch).await;
        self.condense("none").await;
        for collection in collections {
            self.condense(&collection).await;
        }
        appended
    }

    async fn read(&self, run: &RunId, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        self.store().read(run, from, limit).await
    }

    async fn runs(&self, before: Option<&RunId>, limit: usize) -> Result<Vec<RunId>, Error> {
        self.store().runs(before, limit).await
    }

    async fn remove(
        &self,
        run: &RunId,
        only_if: Vec<Condition>,
        records: Vec<RecordWrite>,
    ) -> Result<(), Error> {
        let removed = self.store().remove(run, only_if, records).await;
        self.condense("none").await;
        removed
    }
}

#[async_trait]
impl<T: Tree> Records for Condensing<T> {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Record>, Error> {
        self.store().get(collection, key).await
    }

    async fn put(
        &self,
        collection: &str,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<u64, Error> {
        let put = self.store().put(collection, key, value, expect).await;
        self.condense(collection).await;
        put
    }

    async fn list(
        &self,
        collection: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        self.store().list(collection, prefix, after, limit).await
    }

    async fn delete(&self, collection: &str, key: &str, expect: Expect) -> Result<(), Error> {
        let deleted = self.store().delete(collection, key, expect).await;
        self.condense(collection).await;
        deleted
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test(flavor = "multi_thread")]
async fn sled_with_bundles_keeps_the_contracts() {
    let dir = folder();
    let open = async |name: &str| {
        Condensing(Some(Arc::new(SledStore::open(&dir.path().join(name)).expect("it opens"))))
    };
    conformance::suite(open).await;
    conformance::reopening(open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_with_bundles_keeps_the_contracts() {
    let dir = folder();
    let open = async |name: &str| {
        Condensing(Some(Arc::new(SqliteStore::open(&dir.path().join(name)).expect("it opens"))))
    };
    conformance::suite(open).await;
    conformance::reopening(open).await;
}

fn run(n: usize) -> RunId {
    RunId::parse(&format!("{n:026}")).expect("26 digits")
}

/// Many runs that have ended, each with a line in a list.
async fn filled(dir: &Path, n_runs: usize) -> SledStore {
    let store = SledStore::open(dir).expect("it opens");
    for n in 0..n_runs {
        let entries =
            (0..4).map(|at| format!("entry {at} of {n} {}", "x".repeat(300)).into_bytes());
        let line = RecordWrite {
            collection: "runs".to_owned(),
            key: run(n).to_string(),
            value: Some(format!("line {n} {}", "y".repeat(200)).into_bytes()),
        };
        let entries = entries.collect();
        let append = Append { run: run(n), position: 0, entries, records: vec![line] };
        store.append(append).await.expect("it appends");
    }
    store
}

fn condense(store: &SledStore, before: usize) -> Result<Tally, Error> {
    store.condense("runs", &run(before), &mut |_| ControlFlow::Continue(()))
}

fn n_stored(store: &SledStore, kind: u8) -> usize {
    let mut n = 0;
    let tree = store.tree.as_ref().expect("it is open");
    let count = &mut |_: &[u8], _: &[u8]| {
        n += 1;
        Ok(ControlFlow::Continue(()))
    };
    tree.scan_stored(vec![kind]..vec![kind + 1], count).expect("it is read");
    n
}

fn everything(store: &SledStore) -> Vec<String> {
    let mut found = Vec::new();
    let see = &mut |piece: Piece| {
        found.push(format!("{piece:?}"));
        ControlFlow::Continue(())
    };
    store.pieces(see).expect("it is read");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn old_runs_take_few_keys_and_are_read_as_before() {
    let dir = folder();
    let store = filled(dir.path(), 300).await;
    let before = everything(&store);
    let store = Arc::new(store);
    let own = Arc::clone(&store);
    let condensed = tokio::task::spawn_blocking(move || condense(&own, 250));
    let tally = condensed.await.expect("it ends").expect("it condenses");
    assert!(tally.runs > 200 && tally.records > 200, "{tally:?}");
    assert!(n_stored(&store, key::BUNDLE) < 12, "{} bundles", n_stored(&store, key::BUNDLE));
    assert!(n_stored(&store, b'j') < 100, "{} keys of journals", n_stored(&store, b'j'));
    assert_eq!(everything(&store), before);
    assert_eq!(store.runs(Some(&run(100)), 3).await.expect("runs"), [run(99), run(98), run(97)]);
    drop(Arc::try_unwrap(store).expect("nobody else has it"));
    let store = SledStore::open(dir.path()).expect("it opens");
    assert_eq!(everything(&store), before, "also after it was opened again");
    store.remove(&run(7), vec![], vec![]).await.expect("it goes");
    assert_eq!(store.read(&run(7), 0, 9).await.expect("read"), Vec::<Vec<u8>>::new());
    let append =
        Append { run: run(8), position: 4, entries: vec![b"more".to_vec()], records: vec![] };
    store.append(append).await.expect("an old run goes on");
    let entries = store.read(&run(8), 0, 9).await.expect("read");
    assert_eq!((entries.len(), entries[4].as_slice()), (5, b"more".as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_store_with_bundles_is_the_same_store() {
    let dir = folder();
    let store = Arc::new(filled(&dir.path().join("a"), 200).await);
    let (own, to) = (Arc::clone(&store), dir.path().join("b"));
    let copied = tokio::task::spawn_blocking(move || {
        condense(&own, 150)?;
        own.copy(&to, None, &mut |_| ControlFlow::Continue(()))
    });
    let tally = copied.await.expect("it ends").expect("it is copied");
    assert_eq!((tally.runs, tally.records), (200, 200));
    let copy = SledStore::open(&dir.path().join("b")).expect("it opens");
    assert_eq!(everything(&copy), everything(&store));
    assert!(n_stored(&copy, key::BUNDLE) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_damaged_is_named_and_the_rest_is_read() {
    let dir = folder();
    let store = Arc::new(filled(dir.path(), 300).await);
    let own = Arc::clone(&store);
    let condensed = tokio::task::spawn_blocking(move || condense(&own, 250));
    condensed.await.expect("it ends").expect("it condenses");
    let tree = store.tree.as_ref().expect("it is open");
    let mut bundles = Vec::new();
    let see = &mut |key: &[u8], _: &[u8]| {
        bundles.push(key.to_vec());
        Ok(ControlFlow::Continue(()))
    };
    tree.scan_stored(vec![key::BUNDLE]..vec![key::BUNDLE + 1], see).expect("it is read");
    let writes = [(bundles[1].clone(), Some(vec![0; 100]))].into();
    tree.write(super::Change::Many(writes)).expect("it is damaged");
    store.trust();
    assert!(!store.doubt.load(Ordering::SeqCst));
    let (mut damages, mut runs) = (Vec::new(), 0);
    let see = &mut |piece: Piece| {
        match piece {
            Piece::Damaged(damage) => damages.push(damage.to_string()),
            Piece::Entries { .. } => runs += 1,
            Piece::Record { .. } => {}
        }
        ControlFlow::Continue(())
    };
    store.pieces(see).expect("it is surveyed");
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert!(damages[0].contains("kept together from"), "{damages:?}");
    assert!((150..300).contains(&runs), "{runs} runs are whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_within_a_bundle_is_read_in_parts() {
    let dir = folder();
    let store = Arc::new(filled(dir.path(), 60).await);
    let own = Arc::clone(&store);
    let condensed = tokio::task::spawn_blocking(move || condense(&own, 50));
    condensed.await.expect("it ends").expect("it condenses");
    for position in 4..900 {
        let entries = vec![format!("later {position}").into_bytes()];
        let append = Append { run: run(20), position, entries, records: vec![] };
        store.append(append).await.expect("an old run goes on");
    }
    let entries = store.read(&run(20), 0, usize::MAX).await.expect("read");
    assert_eq!(entries.len(), 900);
    for (position, entry) in entries.iter().enumerate().skip(4) {
        assert_eq!(*entry, format!("later {position}").as_bytes());
    }
    let part = store.read(&run(20), 600, 3).await.expect("read");
    assert_eq!(part, entries[600..603]);
    assert_eq!(store.read(&run(21), 0, 9).await.expect("read").len(), 4);
}
