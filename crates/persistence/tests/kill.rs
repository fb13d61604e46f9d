//! A process that is killed loses nothing that it had acknowledged.
//!
//! `LINCHPIN_KILLS=1000 cargo test -p linchpin-persistence --test main kill` kills so often, on
//! each kind of store. The test starts its own binary again as a child that appends and prints what was
//! acknowledged while its store is condensed, and kills it in the middle of that.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, RecordWrite};
use linchpin_persistence::{Kind, Location};

const PLACE: &str = "LINCHPIN_TEST_APPEND_TO";
const WRITERS: [char; 4] = ['a', 'b', 'c', 'd'];

#[tokio::test]
async fn what_was_acknowledged_by_sled_is_there_after_a_kill() {
    acknowledged_is_there_after_a_kill(Kind::Sled).await;
}

#[tokio::test]
async fn what_was_acknowledged_by_sqlite_is_there_after_a_kill() {
    acknowledged_is_there_after_a_kill(Kind::Sqlite).await;
}

async fn acknowledged_is_there_after_a_kill(kind: Kind) {
    let dir = tempfile::tempdir().expect("a folder");
    let place = Location { kind, dir: dir.path().to_owned() };
    let mut acknowledged = BTreeMap::new();
    for n_lines in moments() {
        acknowledged.extend(kill_after(&place, n_lines));
        let store = place.open().expect("the store opens");
        for (letter, position) in &acknowledged {
            let read = store.read(&run(*letter), 0, usize::MAX).await;
            let entries = read.expect("the journal is whole");
            assert!(entries.len() as u64 > *position, "{letter} {position} is lost");
            for (at, entry) in entries.iter().enumerate() {
                assert_eq!(*entry, value(*letter, at as u64));
            }
            let last = store.get("last", &letter.to_string()).await.expect("the record is whole");
            let last = last.expect("it was written with the entry");
            assert_eq!(last.version, entries.len() as u64, "record and entry belong together");
        }
    }
    assert_eq!(acknowledged.len(), WRITERS.len());
}

/// After how many lines each child is killed: some moments, or so many random ones as the
/// variable says, with a seed that is printed.
fn moments() -> Vec<usize> {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let Some(n_kills) = number("LINCHPIN_KILLS") else { return vec![1, 40, 7, 333, 90, 150] };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let mut state =
        number("LINCHPIN_SEED").unwrap_or(now.map_or(1, |now| now.as_nanos() as u64)) | 1;
    let said = format!("{n_kills} kills, LINCHPIN_SEED={state}\n");
    std::io::stderr().write_all(said.as_bytes()).expect("the seed is printed");
    let mut moment = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        1 + (state >> 33) as usize % 400
    };
    (0..n_kills).map(|_| moment()).collect()
}

/// Starts a child, kills it after so many lines, and returns the last acknowledged positions.
fn kill_after(place: &Location, n_lines: usize) -> BTreeMap<char, u64> {
    let mut child = Command::new(env::current_exe().expect("the path of this test"))
        .args(["--exact", "kill::append_until_killed", "--ignored", "--nocapture"])
        .env(PLACE, place.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let stdout = child.stdout.take().expect("its output");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let mut acknowledged = BTreeMap::new();
    let mut note = |line: String| {
        let mut words = line.strip_prefix("acknowledged ")?.split(' ');
        let letter = words.next()?.chars().next()?;
        acknowledged.insert(letter, words.next()?.parse().ok()?);
        Some(())
    };
    let n_noted = lines.by_ref().filter_map(&mut note).take(n_lines).count();
    assert_eq!(n_noted, n_lines, "the child ended by itself");
    child.kill().expect("it runs until it is killed");
    child.wait().expect("its end");
    // What it had printed before the kill counts too; a torn last line does not parse.
    lines.filter_map(note).for_each(drop);
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of the test above, which kills it"]
async fn append_until_killed() {
    let place = env::var(PLACE).expect("started by the test above");
    let store = place.parse::<Location>().unwrap().open().unwrap();
    // Whatever is on disk is put together meanwhile, again and again.
    let condensed = std::sync::Arc::clone(&store);
    std::thread::spawn(move || {
        while condensed.condense("last", &run('z'), &mut |_| ControlFlow::Continue(())).is_ok() {}
    });
    let mut writers = tokio::task::JoinSet::new();
    for letter in WRITERS {
        let store = std::sync::Arc::clone(&store);
        writers.spawn(async move {
            let start = store.read(&run(letter), 0, usize::MAX).await.unwrap().len() as u64;
            for position in start.. {
                let entries = vec![value(letter, position)];
                let last = RecordWrite {
                    collection: "last".to_owned(),
                    key: letter.to_string(),
                    value: Some(value(letter, position)),
                };
                let batch = Append { run: run(letter), position, entries, records: vec![last] };
                store.append(batch).await.unwrap();
                let line = format!("acknowledged {letter} {position} \n");
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        });
    }
    writers.join_all().await;
}

fn run(letter: char) -> RunId {
    RunId::parse(&letter.to_string().repeat(26)).expect("26 of one letter")
}

/// Every seventh value is too long for one key.
fn value(letter: char, position: u64) -> Vec<u8> {
    let text = format!("{letter}{position} ");
    text.repeat(if position.is_multiple_of(7) { 3_000 } else { 30 }).into_bytes()
}
