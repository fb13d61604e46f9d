//! The page on making a spoke, followed word for word: its files are written, its commands are run,
//! and they must print what it says. Only the port of the parking office is another one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::support::{Done, Project};
use crate::architecture::repository::read;

const PAGE: &str = "docs/making-a-spoke.md";
const PRINTED_ADDRESS: &str = "127.0.0.1:8090";

/// What the page tells one to do, in its order.
#[derive(Debug)]
enum Task {
    /// A file, and what is to be in it.
    Write { path: String, text: String },
    /// A command, and what it prints.
    Run { command: String, printed: String },
}

/// A YAML block is the file that the line above it names last; a console block is commands.
fn tasks(page: &str) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut named = None;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(form) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match form {
                "yaml" => {
                    let path = named.take().expect("a file is named above its block");
                    tasks.push(Task::Write { path, text: block.join("\n") + "\n" });
                }
                "console" => commands(&block, &mut tasks),
                other => panic!("a block of {other:?}"),
            }
        } else if let Some(name) = line.split('`').skip(1).step_by(2).filter(is_file).last() {
            named = Some(name.to_owned());
        }
    }
    tasks
}

fn is_file(name: &&str) -> bool {
    name.ends_with(".yaml") && !name.contains(' ')
}

fn commands(block: &[&str], tasks: &mut Vec<Task>) {
    for line in block {
        match (line.strip_prefix("$ "), tasks.last_mut()) {
            (Some(command), _) => {
                tasks.push(Task::Run { command: command.to_owned(), printed: String::new() });
            }
            (None, Some(Task::Run { printed, .. })) => printed.push_str(&format!("{line}\n")),
            (None, _) => panic!("{line:?} is printed by no command"),
        }
    }
}

/// Without what is another in every run: ids of runs, and times.
fn steady(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_id = bare.len() == 26 && bare.starts_with("01");
        if is_id { word.replace(bare, "RUN") } else { word.to_owned() }
    };
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut words: Vec<String> = line.split(' ').map(word).collect();
        for at in 1..words.len() {
            let unit = words[at].trim_end_matches(':').to_owned();
            if (unit == "ms" || unit == "s") && words[at - 1].parse::<f64>().is_ok() {
                words[at - 1] = "N".to_owned();
                words[at] = words[at].replace(&unit, "ms");
            }
        }
        lines.push(words.join(" "));
    }
    lines.join("\n")
}

/// A parking office as the document describes it, with one permit to begin with.
struct Office {
    address: String,
    /// What was asked of it: method and path.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Office {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let permits = Arc::new(Mutex::new(vec![
            json!({ "id": "P-1", "plate": "AB 12 CDE", "holder": "kim.lo@example.test", "valid_from": "2026-01-31" }),
        ]));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, permits) = (Arc::clone(&log), Arc::clone(&permits));
                thread::spawn(move || serve(&stream, &log, &permits));
            }
        });
        Self { address, asked }
    }

    fn writes(&self) -> usize {
        self.asked.lock().unwrap().iter().filter(|one| one.starts_with("POST ")).count()
    }
}

/// Answers one request and closes; none when the other side only opened the connection.
fn serve(stream: &TcpStream, log: &Mutex<Vec<String>>, permits: &Mutex<Vec<Value>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut words = first.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut has_key) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "x-key" => has_key = value.trim() == "open-sesame",
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    log.lock().unwrap().push(format!("{method} {target}"));
    let (status, answer) = if has_key {
        answer(&method, &target, &body, &mut permits.lock().unwrap())
    } else {
        (401, json!({ "message": "the key is wrong" }))
    };
    let text = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes())).ok()
}

fn answer(method: &str, target: &str, body: &[u8], permits: &mut Vec<Value>) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match (method, path) {
        ("GET", "/permits") => {
            let plate = query.split('&').find_map(|pair| pair.strip_prefix("plate="));
            let found: Vec<Value> = permits
                .iter()
                .filter(|permit| plate.is_none_or(|plate| permit["plate"] == plate))
                .cloned()
                .collect();
            (200, json!({ "total": found.len(), "permits": found }))
        }
        ("POST", "/permits") => {
            let asked: Value = serde_json::from_slice(body).unwrap_or_default();
            let id = format!("P-{}", permits.len() + 1);
            let permit = json!({ "id": id, "plate": asked["plate"], "holder": asked["holder"], "valid_from": "2026-02-01" });
            permits.push(permit.clone());
            (201, permit)
        }
        _ => (404, json!({ "message": "there is nothing here" })),
    }
}

#[test]
fn the_page_on_making_a_spoke_is_true_from_its_document_to_a_flow_that_has_run() {
    let office = Office::open();
    let project = Project::with(&[]);
    let mut variables: Vec<(String, String)> = Vec::new();
    let (mut n_files, mut n_commands) = (0, 0);
    for task in tasks(&read(PAGE)) {
        match task {
            Task::Write { path, text } => {
                project.write(&path, text.replace(PRINTED_ADDRESS, &office.address));
                n_files += 1;
            }
            Task::Run { command, printed } => {
                n_commands += 1;
                let words: Vec<&str> = command.split_whitespace().collect();
                match words[..] {
                    ["touch", file] => project.write(file, ""),
                    ["export", variable] => {
                        let (name, value) = variable.split_once('=').unwrap();
                        variables.push((name.to_owned(), value.to_owned()));
                    }
                    ["linchpin", ..] => {
                        let mut process = project.command(&words[1..]);
                        process.envs(variables.iter().map(|(name, value)| (name, value)));
                        // A dry run that would change something ends with 2, as the page says.
                        let code = if words[1] == "dry-run" { 2 } else { 0 };
                        let done = Done::of(&mut process).ends_with(code);
                        assert_eq!(steady(&done.stdout), steady(&printed), "$ {command}");
                    }
                    _ => panic!("{command:?} is no command that this test knows"),
                }
            }
        }
    }
    assert_eq!((n_files, n_commands), (4, 12));
    assert_eq!(office.writes(), 1, "the second run had nothing to do");
    let reference = std::fs::read_to_string(project.path().join("docs/parking.md")).unwrap();
    assert!(reference.contains("## permits.create"), "{reference}");
}

#[test]
fn what_differs_from_run_to_run_is_not_compared_and_all_else_is() {
    let one = "x (run 01m80vk10w4b7q6qraxaenmfjf)\n  ✓ a  1 created  16 ms\n✓ in 1.2 s: 1 call";
    let other = "x (run 01m80vk1tzstmt63f92an5fmyy)\n  ✓ a  1 created  4 ms\n✓ in 9 ms: 1 call";
    assert_eq!(steady(one), steady(other));
    assert_ne!(steady(one), steady(&other.replace("1 call", "2 calls")));
}
