//! Stores are read whole, copied while they are written, and made smaller.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Error, Expect, Piece, RecordWrite, Store, Tally, Upkeep};
use linchpin_persistence::{Kind, Location};

fn run(number: u64) -> RunId {
    RunId::parse(&format!("{number:026}")).expect("26 digits")
}

fn at(kind: Kind, dir: &Path) -> Location {
    Location { kind, dir: dir.to_owned() }
}

fn go_on(_: Tally) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Some runs of different lengths, and a record each; every seventh entry is long.
async fn fill(store: &dyn Store, n_runs: u64) {
    for number in 0..n_runs {
        for position in 0..number % 5 + 1 {
            let length = if (number + position) % 7 == 0 { 20_000 } else { 300 };
            let entries = vec![vec![number as u8; length], vec![position as u8]];
            let record = RecordWrite {
                collection: "runs".to_owned(),
                key: number.to_string(),
                value: Some(position.to_string().into_bytes()),
            };
            let (run, position) = (run(number), 2 * position);
            let batch = Append { run, position, entries, records: vec![record] };
            store.append(batch).await.expect("the append");
        }
    }
    store.put("big", "one", vec![3; 50_000], Expect::Absent).await.expect("the put");
}

#[derive(Debug, Default, PartialEq)]
struct Content {
    journals: BTreeMap<RunId, Vec<Vec<u8>>>,
    records: BTreeMap<(String, String), (u64, Vec<u8>)>,
}

fn content(store: &dyn Upkeep) -> (Content, Tally) {
    let mut content = Content::default();
    let tally = store.pieces(&mut |piece| {
        match piece {
            Piece::Entries { run, from, entries } => {
                let journal = content.journals.entry(run).or_default();
                assert_eq!(journal.len() as u64, from);
                journal.extend(entries);
            }
            Piece::Record { collection, record } => {
                let value = (record.version, record.value);
                content.records.insert((collection, record.key), value);
            }
            Piece::Damaged(damage) => panic!("{damage}"),
        }
        ControlFlow::Continue(())
    });
    (content, tally.expect("everything can be read"))
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work ends")
}

#[tokio::test]
async fn everything_is_read_and_counted() {
    for kind in Kind::ALL {
        let dir = tempfile::tempdir().unwrap();
        let store = at(kind, dir.path()).open().unwrap();
        fill(&*store, 40).await;
        let (content, tally) = content(&*store);
        assert_eq!((tally.runs, tally.records), (40, 41));
        assert_eq!(content.journals.len(), 40);
        for (run, entries) in content.journals {
            assert_eq!(store.read(&run, 0, usize::MAX).await.unwrap(), entries);
        }
        assert_eq!(content.records[&("big".to_owned(), "one".to_owned())].1.len(), 50_000);
        let about = store.about().unwrap();
        assert_eq!((about.kind.as_str(), about.format), (kind.name(), 3));
        assert!(about.bytes > 100_000, "{about:?}");
    }
}

#[tokio::test]
async fn a_copy_is_equal_whatever_kind_it_is_of_and_goes_on() {
    for kind in Kind::ALL {
        for other in Kind::ALL {
            let dir = tempfile::tempdir().unwrap();
            let store = at(kind, &dir.path().join("from")).open().unwrap();
            fill(&*store, 30).await;
            let to = dir.path().join("to");
            let (expected, _) = content(&*store);
            let copied = {
                let to = to.clone();
                off_thread(move || store.copy(&to, Some(other.name()), &mut go_on)).await
            };
            assert_eq!(copied.unwrap().runs, 30);
            let copy = at(other, &to).open().unwrap();
            assert_eq!(content(&*copy).0, expected);
            fill_one_more(&*copy).await;
        }
    }
}

async fn fill_one_more(store: &dyn Store) {
    let entries = store.read(&run(3), 0, usize::MAX).await.expect("the journal");
    let length = entries.len() as u64;
    let batch =
        Append { run: run(3), position: length, entries: vec![b"on".to_vec()], records: vec![] };
    store.append(batch).await.expect("the journal goes on");
    let put = store.put("runs", "3", vec![], Expect::Version(4)).await;
    assert_eq!(put.expect("versions go on"), 5);
}

#[tokio::test]
async fn nothing_is_copied_over_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = at(Kind::Sled, &dir.path().join("from")).open().unwrap();
    let to = dir.path().join("to");
    std::fs::create_dir(&to).unwrap();
    std::fs::write(to.join("letter.txt"), "Dear Sir").unwrap();
    let refused = off_thread(move || store.copy(&to, None, &mut go_on)).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("never overwritten") && text.contains("move this one away"), "{text}");
    assert_eq!(std::fs::read_dir(dir.path().join("to")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_copy_that_is_given_up_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = at(Kind::Sqlite, &dir.path().join("from")).open().unwrap();
    fill(&*store, 3).await;
    let to = dir.path().join("to");
    let given_up = off_thread(move || store.copy(&to, None, &mut |_| ControlFlow::Break(()))).await;
    assert!(given_up.is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// Each batch writes a journal and two records that belong together, all over the order of keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_while_others_write_holds_whole_batches_and_all_before_it() {
    const WRITERS: u64 = 4;
    for kind in Kind::ALL {
        let dir = tempfile::tempdir().unwrap();
        let store = at(kind, &dir.path().join("from")).open().unwrap();
        fill(&*store, 400).await;
        let (stop, _) = tokio::sync::watch::channel(false);
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let (store, stopped) = (Arc::clone(&store), stop.subscribe());
            writers.spawn(async move {
                let mut position = 0;
                while !*stopped.borrow() {
                    append(&*store, writer, position).await.unwrap();
                    position += 1;
                }
            });
        }
        while store.read(&run(900_000), 0, 9).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let before = lengths(&*store).await;
        let copied = {
            let (store, to) = (Arc::clone(&store), dir.path().join("to"));
            off_thread(move || store.copy(&to, None, &mut go_on)).await
        };
        stop.send_replace(true);
        writers.join_all().await;
        copied.unwrap();
        let copy = at(kind, &dir.path().join("to")).open().unwrap();
        for (writer, before) in (0..WRITERS).zip(before) {
            let entries = copy.read(&run(900_000 + writer), 0, usize::MAX).await.unwrap();
            assert!(entries.len() as u64 >= before, "what was there when the copy began");
            for collection in ["a", "z"] {
                let record = copy.get(collection, &writer.to_string()).await.unwrap();
                assert_eq!(record.map_or(0, |record| record.version), entries.len() as u64);
            }
        }
        content(&*copy);
    }
}

async fn append(store: &dyn Store, writer: u64, position: u64) -> Result<(), Error> {
    let record = |collection: &str| RecordWrite {
        collection: collection.to_owned(),
        key: writer.to_string(),
        value: Some(vec![1; 9_000]),
    };
    let batch = Append {
        run: run(900_000 + writer),
        position,
        entries: vec![position.to_be_bytes().to_vec()],
        records: vec![record("a"), record("z")],
    };
    store.append(batch).await
}

async fn lengths(store: &dyn Store) -> Vec<u64> {
    let mut lengths = Vec::new();
    for writer in 0..4 {
        let entries = store.read(&run(900_000 + writer), 0, usize::MAX).await;
        let entries = entries.expect("the journal");
        lengths.push(entries.len() as u64);
    }
    lengths
}

#[tokio::test]
async fn a_store_gives_back_the_room_of_what_was_removed() {
    for kind in Kind::ALL {
        let dir = tempfile::tempdir().unwrap();
        let place = at(kind, &dir.path().join("store"));
        let store = place.open().unwrap();
        fill(&*store, 400).await;
        for number in 3..400 {
            store.remove(&run(number), vec![], vec![]).await.unwrap();
        }
        let (expected, _) = content(&*store);
        drop(store);
        let before = place.open().unwrap().about().unwrap().bytes;
        let compacted = {
            let place = place.clone();
            off_thread(move || place.compact(&mut go_on)).await
        };
        assert_eq!(compacted.unwrap().runs, 3);
        let store = place.open().unwrap();
        assert_eq!(content(&*store).0, expected);
        let after = store.about().unwrap().bytes;
        assert!(after < before / 2, "{kind}: {after} of {before} bytes");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
    }
}

#[tokio::test]
async fn a_store_that_stepped_aside_when_the_process_ended_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let place = at(Kind::Sled, &dir.path().join("store"));
    fill(&*place.open().unwrap(), 3).await;
    std::fs::rename(&place.dir, dir.path().join("store.outgrown")).unwrap();
    assert_eq!(content(&*place.open().unwrap()).1.runs, 3);
}

#[tokio::test]
async fn a_store_in_the_making_is_there_whole_or_not_at_all_and_made_by_one() {
    for kind in Kind::ALL {
        let dir = tempfile::tempdir().unwrap();
        let place = at(kind, &dir.path().join("store"));
        let making = place.make().unwrap();
        fill(making.store(), 4).await;
        let second = place.make().map(drop);
        assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
        fill_one_more(making.store()).await;
        drop(making);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");

        // As a killed process leaves it.
        std::fs::create_dir(dir.path().join("store.unfinished")).unwrap();
        std::fs::write(dir.path().join("store.unfinished/lock"), "process 1").unwrap();
        let making = place.make().unwrap();
        fill(making.store(), 4).await;
        making.finish().unwrap();
        assert_eq!(content(&*place.open().unwrap()).1.runs, 4);
        assert!(matches!(place.make().map(drop), Err(Error::Foreign { .. })));
    }
}

#[tokio::test]
async fn a_store_that_somebody_has_open_is_not_discarded() {
    let dir = tempfile::tempdir().unwrap();
    let place = at(Kind::Sled, &dir.path().join("store"));
    let store = place.open().unwrap();
    assert!(matches!(place.discard(), Err(Error::Locked { .. })));
    fill(&*store, 1).await;
    drop(store);
    place.discard().unwrap();
    assert!(!place.dir.exists());
}
