//! What is done to a store by mistake: nothing of it is lost or done twice, and each is told.

use std::os::unix::fs::symlink;

use super::store::{NOTE, confined, daemon, listed, project, started, store};
use super::support::{Process, Project};

const SLOW: &str = "
flow: slow
steps:
  - wait: { for: 1h }
";

#[test]
fn a_daemon_whose_store_has_stopped_ends_and_says_why() {
    for (kind, blocks) in [("sled", 560), ("sqlite", 200)] {
        let project = Project::with(&[("flows/note.yaml", NOTE), ("flows/slow.yaml", SLOW)]);
        project.write("linchpin.yaml", format!("store: {kind}:kept\n"));
        started(&project, &["note"]);
        let mut daemon = Process::start(&mut confined(&project, blocks, &["daemon"]));
        daemon.until(|line| line.contains("gone on with").then_some(()));
        let run = started(&project, &["slow", "--no-wait"]);
        let text = format!("text={}", "x".repeat(60_000));
        // It may end in the middle: then the command did it itself, which is well.
        let mut n_written = 0;
        while project.linchpin(&["run", "note", "--no-wait", "-i", &text]).code == Some(0) {
            n_written += 1;
            assert!(n_written < 60, "the limit does not bite");
        }
        let (code, lines) = daemon.ended();
        assert_eq!(code, Some(5), "{lines:?}");
        let told = lines.last().unwrap();
        assert!(lines.iter().any(|line| line.contains("the store stopped")), "{lines:?}");
        assert!(!told.contains("at rest"), "{lines:?}");
        assert!(listed(&project).iter().any(|one| one["run"] == *run));
    }
}

#[test]
fn no_store_is_replaced_while_somebody_goes_on_with_the_old_one() {
    let project = project("");
    started(&project, &["note"]);
    store(&project, &["backup", "backup"]).ends_with(0);
    store(&project, &["export", "all.jsonl"]).ends_with(0);
    let daemon = daemon(&project);
    let refused = store(&project, &["copy", "--to", "sled:moved"]).ends_with(5);
    assert!(refused.stdout.contains("stop the daemon"), "{}", refused.all());
    assert!(!project.path().join("moved").exists());

    let (place, old) = (project.path().join(".linchpin/store"), project.path().join("old"));
    std::fs::rename(&place, &old).unwrap();
    for arguments in [["restore", "backup"], ["import", "all.jsonl"]] {
        let refused = store(&project, &arguments).ends_with(5);
        let id = daemon.id().to_string();
        assert!(refused.stdout.contains(&id), "{}", refused.all());
        assert!(!place.exists());
    }
    daemon.terminate();
    store(&project, &["restore", "backup"]).ends_with(0);
}

#[test]
fn nothing_is_put_into_a_store() {
    let project = project("");
    started(&project, &["note"]);
    for arguments in [
        &["backup", ".linchpin/store/inside"][..],
        &["copy", "--to", "sqlite:.linchpin/store/sqlite/inside"],
        &["export", ".linchpin/store/all.jsonl"],
    ] {
        let refused = store(&project, arguments).ends_with(3);
        assert!(refused.stdout.contains("inside of the store"), "{}", refused.all());
    }
    // What is beside it under the name of a copy in the making is somebody's.
    project.write("mine.unfinished/notes.txt", "precious");
    let refused = store(&project, &["backup", "mine"]).ends_with(5);
    assert!(refused.stdout.contains("notes.txt"), "{}", refused.all());
    assert!(project.path().join("mine.unfinished/notes.txt").exists());
}

#[test]
fn a_store_behind_a_link_is_compacted_where_it_is() {
    let project = project("store: linked\n");
    let elsewhere = tempfile::tempdir().unwrap();
    let place = elsewhere.path().join("runs");
    symlink(&place, project.path().join("linked")).unwrap();
    let run = started(&project, &["note"]);
    store(&project, &["compact"]).ends_with(0);
    assert!(project.path().join("linked").is_symlink());
    assert!(place.join("store").exists());
    assert_eq!(listed(&project)[0]["run"], *run);
}

#[test]
fn what_the_sandbox_did_is_not_offered_as_the_projects_runs() {
    let project = project("");
    let run = |arguments: &[&str]| project.linchpin(arguments).ends_with(0);
    run(&["--sandbox", "run", "note"]);
    let copied = run(&["--sandbox", "store", "copy", "--to", "sled:copied"]);
    assert!(!copied.stdout.contains("linchpin.yaml"), "{}", copied.all());

    // A project that changes its kind leaves no runs of the sandbox behind.
    project.write("linchpin.yaml", "store: sled:.linchpin/store\n");
    run(&["--sandbox", "run", "note"]);
    run(&["sandbox", "reset"]);
    for settings in ["", "store: sled:.linchpin/store\n"] {
        project.write("linchpin.yaml", settings);
        let listed = run(&["--sandbox", "runs", "list", "--json"]).json();
        assert_eq!(listed["runs"], serde_json::json!([]));
    }
}

#[test]
fn a_wrong_file_or_folder_is_told_with_what_takes_it() {
    let project = project("");
    started(&project, &["note"]);
    store(&project, &["backup", "backup"]).ends_with(0);
    store(&project, &["export", "all.jsonl"]).ends_with(0);
    let taken = store(&project, &["export", "all.jsonl"]).ends_with(5);
    assert!(taken.stdout.contains("all.jsonl is there already"), "{}", taken.stdout);
    let file = store(&project, &["backup", "all.jsonl"]).ends_with(5);
    assert!(file.stdout.contains("it is a file, and no folder"), "{}", file.stdout);
    let none = store(&project, &["backup", "linchpin.yaml"]);
    assert_ne!(none.code, Some(0), "{}", none.all());
    std::fs::remove_dir_all(project.path().join(".linchpin/store")).unwrap();
    for (arguments, words) in [
        (["restore", "all.jsonl"], "linchpin store import all.jsonl"),
        (["restore", "flows"], "there is no backup in flows"),
        (["import", "backup"], "linchpin store restore backup"),
        (["import", "missing"], "the export missing cannot be read"),
    ] {
        let refused = store(&project, &arguments);
        assert!(refused.stdout.contains(words), "{}", refused.all());
    }
    assert!(!project.path().join(".linchpin/store").exists());
}

#[test]
fn a_backup_is_restored_as_the_kind_that_it_is_unless_the_project_says_one() {
    let project = project("store: sled:kept\n");
    started(&project, &["note"]);
    store(&project, &["backup", "backup"]).ends_with(0);
    for (settings, kind) in [("", "sled"), ("store: sqlite:other\n", "sqlite")] {
        project.write("linchpin.yaml", settings);
        store(&project, &["restore", "backup"]).ends_with(0);
        let status = store(&project, &["status"]).ends_with(0).json();
        assert_eq!(status["about"]["kind"], kind);
    }
}

#[test]
fn a_daemon_that_begins_a_new_store_beside_another_says_so() {
    let project = project("");
    started(&project, &["note"]);
    project.write("linchpin.yaml", "store: .linchpin/stroe\n");
    let mut daemon = project.start(&["daemon"]);
    daemon.until(|line| line.contains(".linchpin/store is not gone on with").then_some(()));
}

#[test]
fn a_store_that_does_not_open_any_more_is_carried_over_as_far_as_it_is_whole() {
    for kind in ["sled", "sqlite"] {
        let project = project(&format!("store: {kind}:kept\n"));
        for n in 0..3 {
            started(&project, &["note", "-i", &format!("text={n}")]);
        }
        let before = listed(&project);
        let mark = project.path().join("kept/acknowledged");
        for damage in [None, Some("garbled")] {
            match damage {
                None => std::fs::remove_file(&mark).unwrap(),
                Some(text) => std::fs::write(&mark, text).unwrap(),
            }
            let refused = store(&project, &["status"]).ends_with(5);
            assert!(refused.stdout.contains("--salvage"), "{}", refused.all());
            store(&project, &["export", "plain.jsonl"]).ends_with(5);
            let export = format!("{}.jsonl", damage.unwrap_or("missing"));
            let salvaged = store(&project, &["export", "--salvage", &export]).ends_with(1);
            assert!(salvaged.stdout.contains("acknowledged"), "{}", salvaged.all());
            let left = std::fs::read_dir(project.path().join(".linchpin")).unwrap();
            let is_copy = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("export");
            assert!(!left.into_iter().any(|entry| is_copy(&entry.unwrap().file_name())));

            std::fs::rename(project.path().join("kept"), project.path().join("old")).unwrap();
            store(&project, &["import", &export]).ends_with(0);
            assert_eq!(listed(&project), before);
            std::fs::remove_dir_all(project.path().join("old")).unwrap();
        }
    }
}

/// The stamp says what kind of store it is; its folder does so too.
#[test]
fn a_store_whose_stamp_is_spoilt_is_salvaged_whole() {
    for kind in ["sled", "sqlite"] {
        let project = project(&format!("store: {kind}:kept\n"));
        started(&project, &["note"]);
        let before = listed(&project);
        std::fs::write(project.path().join("kept/store"), "garbage").unwrap();
        let refused = store(&project, &["status"]).ends_with(5);
        assert!(refused.stdout.contains("--salvage"), "{}", refused.all());
        store(&project, &["export", "--salvage", "saved.jsonl"]).ends_with(1);
        std::fs::rename(project.path().join("kept"), project.path().join("old")).unwrap();
        store(&project, &["import", "saved.jsonl"]).ends_with(0);
        assert_eq!(listed(&project), before);
    }
}

#[test]
fn a_store_of_which_nothing_can_be_read_is_named_with_the_way_back() {
    let project = project("store: sqlite:kept\n");
    started(&project, &["note"]);
    std::fs::write(project.path().join("kept/sqlite/db"), "").unwrap();
    let refused = store(&project, &["export", "--salvage", "saved.jsonl"]).ends_with(5);
    let said = refused.all();
    assert!(said.contains("kept/sqlite/db") && said.contains("store restore"), "{said}");
    assert!(!said.contains("--salvage") && !said.contains("export-"), "{said}");
}

/// Where a page that leads to others is spoilt, nothing is carried over, and no remedy is named that
/// is none.
#[test]
fn a_spoilt_page_is_told_with_the_remedy_that_there_is() {
    const PAGE: u64 = 8192;
    let note = "flow: note\ninputs: { x: string }\nsteps: [ { log: \"{{ inputs.x }}\" } ]\n";
    let project = Project::with(&[("flows/note.yaml", note)]);
    let long = format!("x={}", "x".repeat(700));
    (0..24).for_each(|_| drop(project.linchpin(&["run", "note", "-i", &long]).ends_with(0)));
    let file = project.path().join(".linchpin/store/sqlite/db");
    let whole = std::fs::read(&file).unwrap();
    let mut n_spoilt = 0;
    for page in 2..whole.len() as u64 / PAGE {
        let mut spoilt = whole.clone();
        spoilt[(page * PAGE) as usize..((page + 1) * PAGE) as usize].fill(0);
        std::fs::write(&file, spoilt).unwrap();
        let export = format!("saved-{page}.jsonl");
        let told = store(&project, &["export", "--salvage", &export]);
        if told.code == Some(5) {
            n_spoilt += 1;
            let said = told.all();
            assert!(said.contains("store restore BACKUP"), "{said}");
            assert!(!said.contains("--salvage") && !said.contains("export-"), "{said}");
        }
    }
    assert!(n_spoilt > 0, "of {} pages", whole.len() as u64 / PAGE);
}
