//! `linchpin store`: what a person does who looks after a store, on both kinds.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use super::support::{Done, Process, Project, binary};

pub(super) const NOTE: &str = "
flow: note
inputs: { text: { type: string, default: nothing } }
steps:
  - id: noted
    log: \"{{ inputs.text }}\"
";

/// It waits for somebody, so it does not end.
const ASK: &str = "
flow: ask
steps:
  - id: word
    wait: { signal: go }
";

const TICK: &str = "
flow: tick
trigger: { schedule: { every: 1s } }
steps:
  - log: tick
";

pub(super) fn project(settings: &str) -> Project {
    let project = Project::with(&[("flows/note.yaml", NOTE), ("flows/ask.yaml", ASK)]);
    project.write("linchpin.yaml", settings);
    project
}

pub(super) fn store(project: &Project, arguments: &[&str]) -> Done {
    let mut all = vec!["store", "--json"];
    all.extend(arguments);
    project.linchpin(&all)
}

pub(super) fn started(project: &Project, arguments: &[&str]) -> String {
    let mut all = vec!["run", "--json"];
    all.extend(arguments);
    let run = project.linchpin(&all);
    run.json()["run"].as_str().unwrap_or_else(|| panic!("{}", run.all())).to_owned()
}

pub(super) fn listed(project: &Project) -> Vec<Value> {
    let listed = project.linchpin(&["runs", "list", "--json", "-n", "1000"]).ends_with(0);
    listed.json()["runs"].as_array().unwrap().clone()
}

#[test]
fn a_store_of_either_kind_is_moved_backed_up_and_brought_back() {
    for (kind, other) in [("sled", "sqlite"), ("sqlite", "sled")] {
        let project = project(&format!("store: {kind}:kept\n"));
        let note = |n| started(&project, &["note", "-i", &format!("text={n}")]);
        let runs: Vec<_> = (0..5).map(note).collect();
        let status = store(&project, &["status"]).ends_with(0).json();
        assert_eq!(
            (&status["about"]["kind"], &status["runs"]["succeeded"]),
            (&kind.into(), &5.into())
        );
        let expected = listed(&project);
        assert_eq!(expected.len(), runs.len());

        store(&project, &["copy", "--to", &format!("{other}:moved")]).ends_with(0);
        project.write("linchpin.yaml", format!("store: {other}:moved\n"));
        assert_eq!(listed(&project), expected);
        let verified = store(&project, &["verify"]).ends_with(0).json();
        assert_eq!(verified["read"]["runs"], 5);
        started(&project, &["note"]);

        store(&project, &["backup", "backup"]).ends_with(0);
        let refused = store(&project, &["restore", "backup"]).ends_with(5);
        assert!(refused.stdout.contains("never overwritten"), "{}", refused.all());
        let compacted = store(&project, &["compact"]).ends_with(0).json();
        assert_eq!(compacted["copied"]["runs"], 6);
        let before = listed(&project);
        std::fs::rename(project.path().join("moved"), project.path().join("lost")).unwrap();
        let missing = store(&project, &["status"]).ends_with(5);
        assert!(missing.stdout.contains("there is no store"), "{}", missing.all());
        store(&project, &["restore", "backup"]).ends_with(0);
        assert_eq!(listed(&project), before);
    }
}

#[test]
fn an_export_is_imported_whole_or_not_at_all() {
    let project = project("");
    let waiting = project.start(&["run", "ask"]);
    drop(waiting);
    for n in 0..3 {
        started(&project, &["note", "-i", &format!("text={}", "long ".repeat(2_000 * n))]);
    }
    store(&project, &["export", "all.jsonl"]).ends_with(0);
    let mode = std::fs::metadata(project.path().join("all.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its owner may read it");
    let before = listed(&project);
    let text = std::fs::read_to_string(project.path().join("all.jsonl")).unwrap();
    std::fs::rename(project.path().join(".linchpin/store"), project.path().join("old")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    project.write("cut.jsonl", lines[..lines.len() - 1].join("\n"));
    project.write("changed.jsonl", text.replace("succeeded", "failed"));
    for (file, why) in [("cut.jsonl", "it is not whole"), ("changed.jsonl", "was changed")] {
        let refused = store(&project, &["import", file]).ends_with(5);
        assert!(refused.stdout.contains(why), "{}", refused.all());
        assert!(!project.path().join(".linchpin/store").exists());
    }
    store(&project, &["import", "all.jsonl"]).ends_with(0);
    assert_eq!(listed(&project), before);
    store(&project, &["verify"]).ends_with(0);
    store(&project, &["export", "again.jsonl"]).ends_with(0);
    let again = std::fs::read_to_string(project.path().join("again.jsonl")).unwrap();
    assert_eq!(again, text);
}

#[test]
fn a_store_that_stepped_aside_is_not_taken_for_none() {
    let project = project("");
    let run = started(&project, &["note"]);
    store(&project, &["backup", "backup"]).ends_with(0);
    store(&project, &["export", "all.jsonl"]).ends_with(0);
    let (place, aside) = (".linchpin/store", ".linchpin/store.outgrown");
    let (place, aside) = (project.path().join(place), project.path().join(aside));
    std::fs::rename(&place, &aside).unwrap();
    for arguments in [["restore", "backup"], ["import", "all.jsonl"]] {
        let refused = store(&project, &arguments).ends_with(5);
        assert!(refused.stdout.contains("store status"), "{}", refused.all());
    }
    store(&project, &["upgrade"]).ends_with(0);
    assert_eq!(listed(&project)[0]["run"], run.as_str());
    std::fs::rename(&place, &aside).unwrap();
    store(&project, &["status"]).ends_with(0);
    assert!(place.exists() && !aside.exists());
}

/// The bytes of `text` are others in every file of the store.
fn damaged(project: &Project, text: &str) {
    let text = text.as_bytes();
    let mut n_found = 0;
    for (path, mut bytes) in project.files() {
        if !path.starts_with(project.path().join(".linchpin/store/sqlite")) {
            continue;
        }
        let places: Vec<_> =
            bytes.windows(text.len()).enumerate().filter(|(_, part)| *part == text).collect();
        let places: Vec<_> = places.into_iter().map(|(at, _)| at).collect();
        n_found += places.len();
        for at in places {
            bytes[at] ^= 1;
        }
        std::fs::write(path, bytes).unwrap();
    }
    assert!(n_found > 0, "no file has {:?}", String::from_utf8_lossy(text));
}

#[test]
fn what_is_whole_in_a_damaged_store_is_carried_over_and_whole_again() {
    let project = project("store: sqlite:.linchpin/store\n");
    let one = "
flow: one
inputs: { text: { type: string } }
concurrency: { max: 1, full: skip }
steps: [ { id: word, wait: { signal: go } } ]
";
    project.write("flows/one.yaml", one);
    started(&project, &["note", "-i", "text=first"]);
    let lost = started(&project, &["note", "-i", "text=canary-of-note"]);
    let mut open = project.start(&["run", "one", "-i", "text=canary-of-one"]);
    open.until(|line| line.contains("word").then_some(()));
    drop(open);
    store(&project, &["hold", &lost]).ends_with(0);
    damaged(&project, "canary-of-note");
    damaged(&project, "canary-of-one");
    store(&project, &["verify"]).ends_with(5);
    store(&project, &["export", "none.jsonl"]).ends_with(5);
    let saved = store(&project, &["export", "saved.jsonl", "--salvage"]).ends_with(1).json();
    assert_eq!(saved["left_out"].as_array().unwrap().len(), 2, "{saved}");
    std::fs::rename(project.path().join(".linchpin/store"), project.path().join("old")).unwrap();
    store(&project, &["import", "saved.jsonl"]).ends_with(0);
    let verified = store(&project, &["verify"]).ends_with(0).json();
    assert_eq!(verified["read"]["runs"], 1);
    assert_eq!(listed(&project).len(), 1);
    let status = store(&project, &["status"]).ends_with(0).json();
    assert_eq!(status["holds"], serde_json::json!({}));
    // The place of the run that is lost is free.
    let mut next = project.start(&["run", "one"]);
    next.until(|line| line.contains("word").then_some(()));
}

pub(super) fn daemon(project: &Project) -> Process {
    let mut daemon = project.start(&["daemon"]);
    daemon.until(|line| line.contains("gone on with").then_some(()));
    daemon
}

#[test]
fn a_daemon_backs_up_verifies_and_exports_while_it_works() {
    for kind in ["sled", "sqlite"] {
        let project = project(&format!("store: {kind}:kept\n"));
        project.write("flows/tick.yaml", TICK);
        let mut daemon = daemon(&project);
        daemon.until(|line| line.contains("tick succeeded").then_some(()));
        let status = store(&project, &["status"]).ends_with(0).json();
        assert_eq!(status["pid"], daemon.id());
        store(&project, &["verify"]).ends_with(0);
        store(&project, &["backup", "backup"]).ends_with(0);
        // What is left of an export that was killed goes with the next one.
        project.write(".linchpin/export-9999999/lock", "process 9999999\n");
        project.write(".linchpin/export-9999998.unfinished/store", "linch");
        store(&project, &["export", "all.jsonl"]).ends_with(0);
        let left = std::fs::read_dir(project.path().join(".linchpin")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("export")), "{left:?}");
        let refused = store(&project, &["compact"]).ends_with(5);
        assert!(refused.stdout.contains("needs it alone"), "{}", refused.all());
        daemon.terminate();
        let known = listed(&project);
        project.write("linchpin.yaml", format!("store: {kind}:backup\n"));
        store(&project, &["verify"]).ends_with(0);
        let backed_up = listed(&project);
        assert!(!backed_up.is_empty());
        for run in backed_up {
            assert!(known.iter().any(|other| other["run"] == run["run"]), "{run}");
        }
    }
}

#[test]
fn finished_runs_over_the_limits_go_and_others_never() {
    let project = project("retention: { count: 2, flows: { ask: { count: 0 } } }\n");
    let mut open = project.start(&["run", "ask"]);
    open.until(|line| line.contains("word").then_some(()));
    drop(open);
    let runs: Vec<_> =
        (0..5).map(|n| started(&project, &["note", "--key", &n.to_string()])).collect();
    store(&project, &["hold", &runs[0], "--reason", "audit"]).ends_with(0);
    let shown = store(&project, &["prune"]).ends_with(0).json();
    let named = |value: &Value| -> Vec<String> {
        let all = value.as_array().unwrap().iter();
        all.map(|run| run["run"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(named(&shown["removed"]), runs[1..3]);
    assert_eq!(named(&shown["kept"]), runs[..1]);
    assert_eq!(listed(&project).len(), 6, "nothing went yet");
    let applied = store(&project, &["prune", "--apply"]).ends_with(0).json();
    assert_eq!(named(&applied["removed"]), runs[1..3]);
    let left: Vec<_> = listed(&project).iter().map(|run| run["flow"].clone()).collect();
    assert_eq!(left.len(), 4);
    assert!(left.contains(&"ask".into()), "a run that has not ended stays");
    store(&project, &["verify"]).ends_with(0);
    // The key of a run that is gone is free, the key of one that is kept is not.
    assert_ne!(started(&project, &["note", "--key", "1"]), runs[1]);
    assert_eq!(started(&project, &["note", "--key", "4"]), runs[4]);
    store(&project, &["release", &runs[0]]).ends_with(0);
    let mut daemon = project.start(&["daemon"]);
    daemon.until(|line| line.contains("removed by retention").then_some(()));
    daemon.terminate();
    assert!(listed(&project).iter().all(|run| run["run"] != *runs[0]));
}

#[test]
fn a_project_that_says_no_kind_goes_on_with_the_store_it_has() {
    let kind = |project: &Project| {
        store(project, &["status"]).ends_with(0).json()["about"]["kind"].clone()
    };
    let project = project("");
    started(&project, &["note"]);
    assert_eq!(kind(&project), "sqlite");

    project.write("linchpin.yaml", "store: sled:older\n");
    let run = started(&project, &["note"]);
    project.write("linchpin.yaml", "store: older\n");
    assert_eq!(kind(&project), "sled");
    assert_eq!(listed(&project)[0]["run"], *run);
}

/// The engine forgets what it cannot read when it repairs itself; the next command does not.
#[test]
fn a_store_that_was_changed_while_it_was_closed_is_not_gone_on_with() {
    let project = project("store: sled:.linchpin/store\n");
    for n in 0..25 {
        started(&project, &["note", "-i", &format!("text={}", format!("{n} ").repeat(500))]);
    }
    let kept = project.path().join("kept");
    copy(&project.path().join(".linchpin/store"), &kept);
    let file = project.path().join(".linchpin/store/sled/db");
    let whole = std::fs::read(&file).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut n_named = 0;
    for part in [2, 5, 7] {
        let mut bytes = whole.clone();
        bytes[used / 8 * part..][..64].fill(0);
        std::fs::write(&file, &bytes).unwrap();
        // Whoever only lists is told as well, and told again.
        let (first, again) =
            (project.linchpin(&["runs", "list"]), project.linchpin(&["run", "note"]));
        let runs = project.linchpin(&["runs", "list", "--json", "-n", "100"]);
        if first.code == Some(0) {
            assert!(runs.json()["runs"].as_array().unwrap().len() >= 25, "{}", runs.all());
        } else {
            for told in [first, again] {
                assert!(
                    told.stderr.contains("store") && told.stderr.contains("restore"),
                    "{}",
                    told.all()
                );
                assert!(!told.stderr.contains("panicked"), "{}", told.stderr);
            }
            n_named += 1;
        }
        std::fs::remove_dir_all(project.path().join(".linchpin/store")).unwrap();
        copy(&kept, &project.path().join(".linchpin/store"));
    }
    assert!(n_named > 0, "none of the changes did harm");
}

/// The system refuses to let files grow, as on a full disk; `blocks` of 1024 bytes are let.
pub(super) fn confined(project: &Project, blocks: usize, arguments: &[&str]) -> Command {
    let mut all = vec!["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\""];
    let (blocks, binary) = (blocks.to_string(), binary());
    all.extend([&blocks, binary.to_str().unwrap()]);
    all.extend(arguments);
    let mut command = Command::new("bash");
    command.args(all).current_dir(project.path());
    command
}

#[test]
fn a_full_disk_stops_the_store_and_loses_nothing_that_was_acknowledged() {
    for (kind, blocks) in [("sled", 560), ("sqlite", 160)] {
        let project = project(&format!("store: {kind}:kept\n"));
        let mut acknowledged = vec![started(&project, &["note"])];
        let text = format!("text={}", "x".repeat(60_000));
        let run = ["run", "note", "--json", "-i", &text];
        let refused = loop {
            let done = Done::of(&mut confined(&project, blocks, &run));
            if done.code != Some(0) {
                break done;
            }
            acknowledged.push(done.json()["run"].as_str().unwrap().to_owned());
            assert!(acknowledged.len() < 60, "the limit does not bite");
        };
        assert_eq!(refused.code, Some(5), "{}", refused.all());
        let told = refused.all();
        assert!(told.contains("kept") && !told.contains("panicked"), "{told}");
        // Again, while there is still no room: nothing is made worse.
        Done::of(&mut confined(&project, blocks, &run));
        store(&project, &["verify"]).ends_with(0);
        let listed: Vec<_> = listed(&project).iter().map(|run| run["run"].clone()).collect();
        for run in acknowledged {
            assert!(listed.contains(&run.as_str().into()), "{kind}: {run} of {listed:?}");
        }
        started(&project, &["note", "-i", &text]);
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
