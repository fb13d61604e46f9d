//! A daemon notices what happens to the flows while it runs, and to who waits for it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::tools::{Project, Running, WAITS};

/// A daily flow at an hour.
fn daily(name: &str, hour: u8) -> String {
    format!(
        "flow: {name}\ntrigger: {{ schedule: {{ cron: '0 {hour} 1 1 *', timezone: UTC }} }}\nsteps: [ {{ log: x }} ]\n"
    )
}

fn write(project: &Project, name: &str, text: &str) {
    std::fs::write(project.path().join("flows").join(name), text).unwrap();
}

fn signal(id: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &id.to_string()]).status().unwrap().success());
}

#[test]
fn changed_new_and_removed_flows_are_taken_over_while_the_daemon_runs() {
    let project = Project::with(&[("a.yaml", &daily("a", 3)), ("b.yaml", &daily("b", 4))]);
    let daemon = project.start(&["daemon"], "b falls due");
    write(&project, "a.yaml", &daily("a", 5));
    write(&project, "c.yaml", &daily("c", 6));
    let daemon = daemon.prints("flow a has changed").prints("flow c is new");
    std::fs::remove_file(project.path().join("flows/b.yaml")).unwrap();
    let daemon = daemon.prints("flow b is gone");
    assert_eq!(daemon.signal("TERM"), 0);
}

#[test]
fn a_broken_new_version_leaves_the_old_one_and_is_told_of_once() {
    let tick = |period: &str, message: &str| {
        format!(
            "flow: tick\ntrigger: {{ schedule: {{ every: {period} }} }}\nsteps: [ {{ log: {message} }} ]\n"
        )
    };
    let project = Project::with(&[("tick.yaml", &tick("1s", "old"))]);
    let told = project.path().join("told");
    let mut command = project.command(&["daemon"]);
    command.stderr(File::create(&told).unwrap());
    let daemon = Running::of(command).prints("tick falls due");
    write(
        &project,
        "tick.yaml",
        "flow: tick\ntrigger: { schedule: { evry: 1s } }\nsteps: [ { log: new } ]\n",
    );
    let until_told = || {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let said = std::fs::read_to_string(&told).unwrap();
            if said.contains("the flow tick stays as it was") {
                return;
            }
            assert!(Instant::now() < deadline, "nothing was told: {said}");
            std::thread::yield_now();
        }
    };
    until_told();
    // The old one goes on, also after another look at the folder.
    let daemon = daemon.prints("tick succeeded").prints("tick succeeded");
    signal(daemon.id(), "HUP");
    let daemon = daemon.prints("nothing has changed").prints("tick succeeded");
    let said = std::fs::read_to_string(&told).unwrap();
    assert_eq!(said.matches("stays as it was").count(), 1, "{said}");
    assert!(said.contains("tick.yaml:2:24"), "{said}");
    write(&project, "tick.yaml", &tick("1h", "new"));
    signal(daemon.id(), "HUP");
    assert_eq!(daemon.prints("flow tick has changed").signal("TERM"), 0);
}

#[test]
fn the_end_of_a_run_by_hand_starts_what_waits_for_it_in_the_daemon() {
    let first = "flow: first\nsteps: [ { log: one } ]\n";
    let after =
        "flow: after\ntrigger: { flow: first }\nsteps: [ { log: 'after {{ trigger.flow }}' } ]\n";
    let project = Project::with(&[("first.yaml", first), ("after.yaml", after)]);
    // No daemon runs: the end waits for one.
    assert_eq!(project.run(&["run", "first"]).code, 0);
    let daemon = project.start(&["daemon"], "after succeeded");
    assert_eq!(project.run(&["run", "first"]).code, 0);
    let daemon = daemon.prints("after succeeded");
    assert_eq!(daemon.signal("TERM"), 0);
    let listed = project.json(&["runs", "list", "--flow", "after"]);
    assert_eq!(listed["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_holder_of_the_store_that_says_nothing_is_named() {
    let project = Project::with(&[("waits.yaml", WAITS)]);
    let daemon = project.start(&["daemon"], "gone on with");
    let id = daemon.id();
    signal(id, "STOP");
    let begin = Instant::now();
    let listed = project.run(&["runs", "list"]);
    let took = begin.elapsed();
    signal(id, "CONT");
    assert_eq!(listed.code, 5, "{}{}", listed.out, listed.err);
    assert!(listed.err.contains(&format!("process {id} holds")), "{}", listed.err);
    assert!(listed.err.contains(&format!("kill -CONT {id}")), "{}", listed.err);
    assert!(took < Duration::from_secs(20), "it took {took:?}");
    assert_eq!(daemon.signal("TERM"), 0);
}

/// Passes on what comes over one socket to another, but for the answer to a control request,
/// after which it hangs up.
fn pass_on(from: &UnixStream, to: &std::path::Path) {
    let mut from = from.try_clone().unwrap();
    // The process may have ended by now: then nobody answers here either.
    let Ok(mut to) = UnixStream::connect(to) else { return };
    let mut head = [0; 8192];
    let n_read = from.read(&mut head).unwrap_or(0);
    if n_read == 0 {
        return;
    }
    let is_control = String::from_utf8_lossy(&head[..n_read]).contains("/control ");
    if to.write_all(&head[..n_read]).is_err() {
        return;
    }
    if is_control {
        // The word has arrived when there is an answer; nobody hears it.
        assert!(to.read(&mut head).unwrap_or(0) > 0);
        return;
    }
    let (mut more, mut on) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut more, &mut on).ok());
    std::io::copy(&mut to, &mut from).ok();
    // The other direction still holds the socket: without this nobody would see it hung up.
    from.shutdown(std::net::Shutdown::Both).ok();
}

#[test]
fn a_cancel_whose_answer_is_lost_with_the_process_stands_and_is_told() {
    let project = Project::with(&[("waits.yaml", WAITS)]);
    let driving = project.start(&["run", "waits"], "pause");
    let run = project.json(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let (socket, real) = (project.path().join(".linchpin/linchpin.sock"), project.path().join("s"));
    std::fs::rename(&socket, &real).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let real = real.clone();
            std::thread::spawn(move || pass_on(&stream, &real));
        }
    });
    let cancelled = project.run(&["runs", "cancel", &run]);
    assert_eq!(cancelled.code, 0, "{}{}", cancelled.out, cancelled.err);
    assert!(cancelled.out.contains("waits was cancelled"), "{}", cancelled.out);
    drop(driving);
    assert_eq!(project.json(&["runs", "show", &run])["state"], "cancelled");
}

#[test]
fn a_spoke_in_place_of_a_bundled_one_is_told_of() {
    let project = Project::with(&[]);
    let folder = project.path().join("spokes/mine");
    std::fs::create_dir_all(&folder).unwrap();
    let spoke = "spoke: litmos\ntitle: Ours\nconnection:\n  credential: { kind: none }\n";
    std::fs::write(folder.join("spoke.yaml"), spoke).unwrap();
    let checked = project.run(&["check"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert!(checked.out.contains("replaced-spoke"), "{}", checked.out);
    assert!(checked.out.contains("in place of the bundled one"), "{}", checked.out);
    let listed = project.run(&["spokes", "list"]);
    assert!(listed.err.contains("`litmos` stands in place of the bundled one"), "{}", listed.err);
}

#[test]
fn in_the_sandbox_no_alias_is_unknown() {
    let flow = "flow: x\nconnections: { training: litmos }\nsteps:\n  - id: courses\n    call: training.courses.list\n  - log: '{{ courses.count }}'\n";
    let project = Project::with(&[("x.yaml", flow)]);
    let connections = "other: { spoke: litmos, url: 'https://api.litmos.com/v1.svc', api_key: vault, attributes: { source: linchpin } }\n";
    std::fs::write(project.path().join("connections.yaml"), connections).unwrap();
    let outside = project.path().join("y.yaml");
    std::fs::write(&outside, flow.replace("training", "elsewhere")).unwrap();
    for arguments in [&["check", "--sandbox"][..], &["check", "y.yaml", "--sandbox"]] {
        let checked = project.run(arguments);
        assert_eq!(
            (checked.code, checked.out.contains("unknown-alias")),
            (0, false),
            "{}",
            checked.out
        );
    }
    let real = project.run(&["check"]);
    assert!(real.out.contains("unknown-alias"), "{}{}", real.out, real.err);
}
