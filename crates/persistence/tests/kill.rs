//! A process that is killed loses nothing that it had acknowledged.
//!
//! The test starts its own binary again as a child that appends and prints what was
//! acknowledged, and kills it in the middle of that.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use linchpin_engine::RunId;
use linchpin_engine::store::{Append, Journal, RecordWrite, Records};
use linchpin_persistence::SledStore;

const FOLDER: &str = "LINCHPIN_TEST_APPEND_TO";
const WRITERS: [char; 4] = ['a', 'b', 'c', 'd'];

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for n_lines in [1, 40, 7, 333, 90, 150] {
        acknowledged.extend(kill_after(dir.path(), n_lines));
        let store = SledStore::open(dir.path()).unwrap();
        for (letter, position) in &acknowledged {
            let entries = store.read(&run(*letter), 0, usize::MAX).await.unwrap();
            assert!(entries.len() as u64 > *position, "{letter} {position} is lost");
            for (at, entry) in entries.iter().enumerate() {
                assert_eq!(*entry, value(*letter, at as u64));
            }
            let last = store.get("last", &letter.to_string()).await.unwrap().unwrap();
            assert_eq!(last.version, entries.len() as u64, "record and entry belong together");
        }
        store.check().unwrap();
        store.close();
    }
    assert_eq!(acknowledged.len(), WRITERS.len());
}

/// Starts a child, kills it after so many lines, and returns the last acknowledged positions.
fn kill_after(dir: &Path, n_lines: usize) -> BTreeMap<char, u64> {
    let mut child = Command::new(env::current_exe().expect("the path of this test"))
        .args(["--exact", "kill::append_until_killed", "--ignored", "--nocapture"])
        .env(FOLDER, dir)
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
    let dir = env::var_os(FOLDER).expect("started by the test above");
    let store = std::sync::Arc::new(SledStore::open(Path::new(&dir)).unwrap());
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
