//! What every store must do, as one suite that each store's tests run.
//!
//! A store's test gives a function that opens the store in a named place: a place that was
//! never opened is empty, and opening it again after closing finds what was there. Each case
//! has a place of its own, so cases do not meet. Every function panics at the first rule
//! that does not hold.

use std::sync::Arc;

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Condition, Error, Expect, Record, RecordWrite, Store};
use tokio::task::JoinSet;

/// Runs every case that does not need the store to be opened twice.
pub async fn suite<S: Store + 'static>(open: impl AsyncFn(&str) -> S) {
    entries_come_back_in_order(&open("entries").await).await;
    a_wrong_position_is_refused(&open("fence").await).await;
    records_are_written_with_the_entries(&open("atomic").await).await;
    runs_are_listed_newest_first(&open("runs").await).await;
    a_removed_run_is_unknown(&open("remove").await).await;
    a_removal_needs_what_it_expects(&open("removal").await).await;
    a_put_needs_what_it_expects(&open("expect").await).await;
    a_delete_needs_what_it_expects(&open("delete").await).await;
    records_are_listed_by_key(&open("list").await).await;
    any_text_is_a_key(&open("keys").await).await;
    values_may_be_large(&open("large").await).await;
    one_of_fifty_puts_wins(Arc::new(open("winner").await)).await;
    one_of_fifty_appends_wins(Arc::new(open("appends").await)).await;
    many_runs_grow_at_once(Arc::new(open("many").await)).await;
    a_record_is_never_seen_half_written(Arc::new(open("torn").await)).await;
}

/// Runs the cases of a store that persists: everything is there after it was opened again.
pub async fn reopening<S: Store + 'static>(open: impl AsyncFn(&str) -> S) {
    let store = open("reopen").await;
    let large = vec![7; 200_000];
    append(&store, 'a', 0, &[b"one", &large]).await.expect("the first append");
    append(&store, 'b', 0, &[b"gone"]).await.expect("an append to another run");
    store.remove(&run('b'), vec![], vec![]).await.expect("the removal");
    for value in [b"1", b"2"] {
        store.put("c", "k", value.to_vec(), Expect::Anything).await.expect("the put");
    }
    store.put("c", "gone", large.clone(), Expect::Absent).await.expect("the put");
    store.delete("c", "gone", Expect::Version(1)).await.expect("the delete");
    drop(store);

    let store = open("reopen").await;
    assert_eq!(read(&store, 'a').await, [b"one".to_vec(), large]);
    assert_eq!(runs(&store, None, 9).await, [run('a')]);
    let records = store.list("c", "", None, 9).await.expect("the records");
    assert_eq!(records, [record("k", 2, b"2")]);
    let refused = append(&store, 'a', 1, &[b"late"]).await;
    assert!(matches!(refused, Err(Error::Conflict { expected: 1, found: 2, .. })), "{refused:?}");
    append(&store, 'a', 2, &[b"two"]).await.expect("the journal goes on where it was");
    append(&store, 'b', 0, &[b"anew"]).await.expect("a removed run starts anew");
    let version = store.put("c", "k", b"3".to_vec(), Expect::Version(2)).await;
    assert_eq!(version.expect("versions go on"), 3);
    drop(store);

    let store = open("reopen").await;
    assert_eq!(store.read(&run('a'), 2, usize::MAX).await.expect("the tail"), [b"two"]);
    assert_eq!(read(&store, 'b').await, [b"anew"]);
}

/// Runs the cases of a crash: `copy` makes a place out of another as a kill would leave it,
/// while that other is open. Every acknowledged write is in the copy, whole.
pub async fn crashing<S: Store + 'static>(
    open: impl AsyncFn(&str) -> S,
    copy: impl AsyncFn(&str, &str),
) {
    const POINTS: u64 = 12;
    let store = open("alive").await;
    for point in 0..POINTS {
        let value = point.to_string().into_bytes();
        let large = value.repeat(9_000);
        let batch = Append {
            run: run('a'),
            position: 2 * point,
            entries: vec![value.clone(), large.clone()],
            records: vec![write("c", "last", Some(&large))],
        };
        store.append(batch).await.expect("the append");
        let place = format!("killed-{point}");
        copy("alive", &place).await;

        let killed = open(&place).await;
        let entries = read(&killed, 'a').await;
        assert_eq!(entries.len() as u64, 2 * (point + 1), "entries at point {point}");
        assert_eq!(entries[entries.len() - 2..], [value, large.clone()]);
        let last = killed.get("c", "last").await.expect("the record");
        assert_eq!(last, Some(record("last", point + 1, &large)));
        append(&killed, 'a', 2 * (point + 1), &[b"on"]).await.expect("the copy goes on");
    }
}

async fn entries_come_back_in_order(store: &impl Store) {
    assert!(read(store, 'a').await.is_empty());
    append(store, 'a', 0, &[b"0", b"1"]).await.expect("a batch");
    append(store, 'a', 2, &[b""]).await.expect("an empty entry");
    append(store, 'a', 3, &[]).await.expect("an empty batch");
    append(store, 'b', 0, &[b"other"]).await.expect("another run");
    assert_eq!(read(store, 'a').await, [b"0".as_slice(), b"1", b""]);
    assert_eq!(
        store.read(&run('a'), 1, usize::MAX).await.expect("the tail"),
        [b"1".as_slice(), b""]
    );
    assert!(store.read(&run('a'), 3, usize::MAX).await.expect("nothing yet").is_empty());
    assert!(store.read(&run('a'), u64::MAX, usize::MAX).await.expect("nothing there").is_empty());
    for position in 3..300 {
        let value = position.to_string();
        append(store, 'a', position, &[value.as_bytes()]).await.expect("one entry");
    }
    let tail = store.read(&run('a'), 255, usize::MAX).await.expect("the tail");
    assert_eq!((tail.len(), tail[0].as_slice()), (45, b"255".as_slice()));
}

async fn a_wrong_position_is_refused(store: &impl Store) {
    append(store, 'a', 0, &[b"0", b"1"]).await.expect("the first");
    for position in [0, 1, 3] {
        let batch = Append {
            run: run('a'),
            position,
            entries: vec![b"x".to_vec()],
            records: vec![write("c", "k", Some(b"x"))],
        };
        let refused = store.append(batch).await;
        let Err(Error::Conflict { run: named, expected, found }) = refused else {
            panic!("position {position} was not refused: {refused:?}");
        };
        assert_eq!((named, expected, found), (run('a'), position, 2));
    }
    assert_eq!(read(store, 'a').await.len(), 2);
    assert_eq!(store.get("c", "k").await.expect("no record"), None);
}

async fn records_are_written_with_the_entries(store: &impl Store) {
    store.put("c", "old", b"old".to_vec(), Expect::Absent).await.expect("the put");
    let batch = Append {
        run: run('a'),
        position: 0,
        entries: vec![b"0".to_vec()],
        records: vec![
            write("c", "old", None),
            write("c", "new", Some(b"1")),
            write("c", "new", Some(b"2")),
            write("c", "never", None),
            write("d", "back", None),
            write("d", "back", Some(b"3")),
        ],
    };
    store.append(batch).await.expect("the append");
    assert_eq!(store.get("c", "old").await.expect("gone"), None);
    assert_eq!(store.get("c", "new").await.expect("put"), Some(record("new", 2, b"2")));
    assert_eq!(store.get("d", "back").await.expect("put"), Some(record("back", 1, b"3")));
    let only_records = Append {
        run: run('b'),
        position: 0,
        entries: vec![],
        records: vec![write("c", "new", Some(b"3"))],
    };
    store.append(only_records).await.expect("an append of records only");
    assert_eq!(store.get("c", "new").await.expect("put"), Some(record("new", 3, b"3")));
    assert_eq!(runs(store, None, 9).await, [run('a')], "no entry, no journal");
}

async fn runs_are_listed_newest_first(store: &impl Store) {
    assert!(runs(store, None, 9).await.is_empty());
    for letter in ['b', 'd', 'a', 'c'] {
        append(store, letter, 0, &[b"0", b"1"]).await.expect("the append");
    }
    assert_eq!(runs(store, None, 9).await, ['d', 'c', 'b', 'a'].map(run));
    assert_eq!(runs(store, None, 2).await, ['d', 'c'].map(run));
    assert_eq!(runs(store, Some('c'), 9).await, ['b', 'a'].map(run));
    assert_eq!(runs(store, Some('z'), 1).await, [run('d')]);
    assert!(runs(store, Some('a'), 9).await.is_empty());
    assert!(runs(store, None, 0).await.is_empty());
}

async fn a_removed_run_is_unknown(store: &impl Store) {
    append(store, 'a', 0, &[b"0", &[7; 100_000], b"2"]).await.expect("the append");
    append(store, 'b', 0, &[b"kept"]).await.expect("the append");
    store.put("c", "of a", b"1".to_vec(), Expect::Absent).await.expect("the put");
    let records = vec![write("c", "of a", None), write("c", "removed", Some(b"a"))];
    store.remove(&run('a'), vec![], records).await.expect("the removal");
    assert_eq!(store.get("c", "of a").await.expect("gone"), None);
    assert_eq!(store.get("c", "removed").await.expect("put"), Some(record("removed", 1, b"a")));
    store.remove(&run('z'), vec![], vec![]).await.expect("the removal of nothing");
    assert!(read(store, 'a').await.is_empty());
    assert_eq!(runs(store, None, 9).await, [run('b')]);
    append(store, 'a', 0, &[b"anew"]).await.expect("a fresh start");
    assert_eq!(read(store, 'a').await, [b"anew"]);
}

async fn a_removal_needs_what_it_expects(store: &impl Store) {
    append(store, 'a', 0, &[b"0"]).await.expect("the append");
    store.put("c", "k", b"1".to_vec(), Expect::Absent).await.expect("the put");
    let is =
        |key: &str, expect| Condition { collection: "c".to_owned(), key: key.to_owned(), expect };
    let remove = async |only_if| {
        store.remove(&run('a'), only_if, vec![write("c", "gone", Some(b"a"))]).await
    };
    for refused in [
        vec![is("k", Expect::Absent)],
        vec![is("k", Expect::Version(1)), is("l", Expect::Version(1))],
        vec![is("l", Expect::Absent), is("k", Expect::Version(2))],
    ] {
        changed(remove(refused).await);
        assert_eq!(read(store, 'a').await, [b"0"], "nothing was removed");
        assert_eq!(store.get("c", "gone").await.expect("nothing was written"), None);
    }
    let holds = vec![is("k", Expect::Version(1)), is("l", Expect::Absent)];
    remove(holds).await.expect("the removal");
    assert!(read(store, 'a').await.is_empty());
}

async fn a_put_needs_what_it_expects(store: &impl Store) {
    let put = async |value: &[u8], expect| store.put("c", "k", value.to_vec(), expect).await;
    changed(put(b"x", Expect::Version(1)).await);
    changed(put(b"x", Expect::Version(0)).await);
    assert_eq!(put(b"1", Expect::Absent).await.expect("absent"), 1);
    changed(put(b"x", Expect::Absent).await);
    changed(put(b"x", Expect::Version(2)).await);
    assert_eq!(put(b"2", Expect::Version(1)).await.expect("version 1"), 2);
    assert_eq!(put(b"3", Expect::Anything).await.expect("anything"), 3);
    assert_eq!(store.get("c", "k").await.expect("there"), Some(record("k", 3, b"3")));
    assert_eq!(store.get("d", "k").await.expect("not there"), None);
}

async fn a_delete_needs_what_it_expects(store: &impl Store) {
    let put = store.put("c", "k", b"1".to_vec(), Expect::Anything);
    put.await.expect("the put");
    changed(store.delete("c", "k", Expect::Absent).await);
    changed(store.delete("c", "k", Expect::Version(2)).await);
    store.delete("c", "k", Expect::Version(1)).await.expect("version 1");
    assert_eq!(store.get("c", "k").await.expect("gone"), None);
    store.delete("c", "k", Expect::Absent).await.expect("already gone");
    store.delete("c", "k", Expect::Anything).await.expect("already gone");
    changed(store.delete("c", "k", Expect::Version(1)).await);
    let again = store.put("c", "k", b"1".to_vec(), Expect::Absent).await;
    assert_eq!(again.expect("absent"), 1, "versions start anew");
}

async fn records_are_listed_by_key(store: &impl Store) {
    for key in ["b/2", "a", "b/10", "b", "c", "b/1"] {
        let large = key.as_bytes().repeat(5_000);
        store.put("c", key, large, Expect::Absent).await.expect("the put");
    }
    store.put("cc", "b/0", b"other".to_vec(), Expect::Absent).await.expect("the put");
    let keys = async |prefix: &str, after: Option<&str>, limit: usize| {
        let records = store.list("c", prefix, after, limit).await.expect("the list");
        assert!(records.iter().all(|found| found.value == found.key.as_bytes().repeat(5_000)));
        records.into_iter().map(|record| record.key).collect::<Vec<_>>()
    };
    assert_eq!(keys("", None, 99).await, ["a", "b", "b/1", "b/10", "b/2", "c"]);
    assert_eq!(keys("b/", None, 99).await, ["b/1", "b/10", "b/2"]);
    assert_eq!(keys("b/", Some("b/1"), 99).await, ["b/10", "b/2"]);
    assert_eq!(keys("b/", Some("a"), 1).await, ["b/1"]);
    assert_eq!(keys("b/", Some("b/15"), 99).await, ["b/2"]);
    assert!(keys("b/", Some("c"), 99).await.is_empty());
    assert!(keys("x", None, 99).await.is_empty());
    assert!(keys("", None, 0).await.is_empty());
    assert!(store.list("none", "", None, 9).await.expect("no collection").is_empty());
}

async fn any_text_is_a_key(store: &impl Store) {
    let texts = ["", "\0", "\0\0", "a", "a\0", "a\0b", "a\u{1}", "a/b", "ä", "\u{10ffff}"];
    for collection in texts {
        for key in texts {
            let value = format!("{collection:?} {key:?}").into_bytes();
            store.put(collection, key, value, Expect::Absent).await.expect("the put");
        }
    }
    for collection in texts {
        let records = store.list(collection, "", None, 99).await.expect("the list");
        assert!(records.iter().map(|record| record.key.as_str()).eq(texts), "{records:?}");
        for key in texts {
            let found = store.get(collection, key).await.expect("the record");
            let value = format!("{collection:?} {key:?}");
            assert_eq!(found, Some(record(key, 1, value.as_bytes())));
            let after = store.list(collection, key, Some(key), 99).await.expect("the list");
            let expected = texts.iter().filter(|text| text.starts_with(key) && **text != key);
            assert!(after.iter().map(|record| record.key.as_str()).eq(expected.copied()));
        }
    }
}

async fn values_may_be_large(store: &impl Store) {
    let value = |length: usize| (0..length).map(|at| (at % 251) as u8).collect::<Vec<_>>();
    let lengths = [0, 1, 6 * 1024, 6 * 1024 + 1, 65_536, 1_000_000, 10_000_000];
    for (position, length) in (0..).zip(lengths) {
        append(store, 'a', position, &[&value(length)]).await.expect("the entry");
        let put = store.put("c", "k", value(length), Expect::Anything);
        assert_eq!(put.await.expect("the put"), position + 1);
    }
    let entries = read(store, 'a').await;
    assert!(entries.iter().map(Vec::len).eq(lengths));
    assert!(entries.iter().all(|entry| *entry == value(entry.len())));
    for length in [500_000, 3] {
        store.put("c", "k", value(length), Expect::Anything).await.expect("a shorter value");
        let found = store.get("c", "k").await.expect("there").expect("a record");
        assert_eq!(found.value, value(length));
    }
    assert_eq!(store.list("c", "", None, 9).await.expect("the list").len(), 1);
}

async fn one_of_fifty_puts_wins(store: Arc<impl Store + 'static>) {
    for round in 0..4 {
        let expect = if round == 0 { Expect::Absent } else { Expect::Version(round) };
        let mut puts = JoinSet::new();
        for writer in 0..50_u8 {
            let store = Arc::clone(&store);
            puts.spawn(async move { (writer, store.put("c", "k", vec![writer], expect).await) });
        }
        let mut winners = Vec::new();
        for (writer, outcome) in puts.join_all().await {
            match outcome {
                Ok(version) => winners.push((writer, version)),
                Err(Error::Changed { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        let [(winner, version)] = winners[..] else { panic!("not one winner: {winners:?}") };
        assert_eq!(version, round + 1);
        let found = store.get("c", "k").await.expect("the record");
        assert_eq!(found, Some(record("k", version, &[winner])));
    }
}

async fn one_of_fifty_appends_wins(store: Arc<impl Store + 'static>) {
    let mut appends = JoinSet::new();
    for writer in 0..50_u8 {
        let store = Arc::clone(&store);
        appends.spawn(async move { append(&*store, 'a', 0, &[&[writer]]).await });
    }
    let outcomes = appends.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(read(&*store, 'a').await.len(), 1);
}

async fn many_runs_grow_at_once(store: Arc<impl Store + 'static>) {
    const LENGTH: u64 = 20;
    let letters: Vec<char> = ('a'..='z').chain('0'..='9').collect();
    let mut writers = JoinSet::new();
    for letter in letters.clone() {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for position in 0..LENGTH {
                let value = format!("{letter} {position}");
                let records = vec![write("last", &letter.to_string(), Some(value.as_bytes()))];
                let entries = vec![value.into_bytes()];
                let batch = Append { run: run(letter), position, entries, records };
                store.append(batch).await.expect("the append");
            }
        });
    }
    writers.join_all().await;
    for letter in letters {
        let entries = read(&*store, letter).await;
        let expected = (0..LENGTH).map(|position| format!("{letter} {position}").into_bytes());
        assert!(entries.into_iter().eq(expected));
        let last = store.get("last", &letter.to_string()).await.expect("the record");
        assert_eq!(last.map(|record| record.version), Some(LENGTH));
    }
}

async fn a_record_is_never_seen_half_written(store: Arc<impl Store + 'static>) {
    let value = |byte: u8| vec![byte; 20_000 + 10_000 * usize::from(byte % 3)];
    store.put("c", "k", value(0), Expect::Absent).await.expect("the put");
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for byte in 1..60 {
                store.put("c", "k", value(byte), Expect::Anything).await.expect("the put");
            }
        })
    };
    let mut version = 0;
    while !writer.is_finished() {
        let found = store.get("c", "k").await.expect("the read").expect("a record");
        assert_eq!(found.value, value(found.value[0]), "one whole value");
        assert!(found.version >= version, "time does not run backwards");
        version = found.version;
        let listed = store.list("c", "", None, 9).await.expect("the list");
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].value, value(listed[0].value[0]));
        tokio::task::yield_now().await;
    }
    writer.await.expect("the writer");
}

fn run(letter: char) -> RunId {
    RunId::parse(&letter.to_string().repeat(26)).expect("26 of one letter")
}

fn record(key: &str, version: u64, value: &[u8]) -> Record {
    Record { key: key.to_owned(), version, value: value.to_vec() }
}

fn write(collection: &str, key: &str, value: Option<&[u8]>) -> RecordWrite {
    let value = value.map(<[u8]>::to_vec);
    RecordWrite { collection: collection.to_owned(), key: key.to_owned(), value }
}

async fn append(
    store: &impl Store,
    letter: char,
    position: u64,
    entries: &[&[u8]],
) -> Result<(), Error> {
    let entries = entries.iter().map(|entry| entry.to_vec()).collect();
    store.append(Append { run: run(letter), position, entries, records: vec![] }).await
}

async fn read(store: &impl Store, letter: char) -> Vec<Vec<u8>> {
    store.read(&run(letter), 0, usize::MAX).await.expect("the journal")
}

async fn runs(store: &impl Store, before: Option<char>, limit: usize) -> Vec<RunId> {
    store.runs(before.map(run).as_ref(), limit).await.expect("the runs")
}

fn changed<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert!(matches!(outcome, Err(Error::Changed { .. })), "{outcome:?}");
}
