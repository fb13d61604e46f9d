//! The program itself, killed before each call to the system that writes, syncs or sends: while
//! it opens its store, acknowledges a run, drives it, prints and closes. The next process takes up
//! the run and is killed as well, before one of its calls chosen by chance; the one after it must
//! find everything.
//!
//! `LINCHPIN_SYSCALLS=all` kills at each call, a number at so many of them, chosen by chance;
//! `LINCHPIN_SYSCALL_SEED` repeats a choice.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;

use linchpin_language::Value;
use linchpin_persistence::Kind;

use super::{Seen, tracer};
use crate::product::support::{Done, Project};
use crate::simulation::chance::Chance;
use crate::support::{Control, deeds, sandbox};

/// At how many calls it is killed unless it is told.
const FEW: u64 = 6;
/// No process makes so many calls.
const NEVER: u64 = u64::MAX;
/// Threads differ in what they write together: a process may make so many calls more than another.
const SLACK: u64 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_killed_before_a_call_to_the_system_does_everything_once_on_sled() {
    sweep(Kind::Sled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_killed_before_a_call_to_the_system_does_everything_once_on_sqlite() {
    sweep(Kind::Sqlite).await;
}

async fn sweep(kind: Kind) {
    if let Err(why) = tokio::task::block_in_place(tracer::is_allowed) {
        // Where it counts, a sweep that cannot be made is a failure.
        assert!(std::env::var_os("CI").is_none(), "a process cannot be traced: {why}");
        say(&format!("SKIPPED: calls to the system on {kind}: a process cannot be traced: {why}"));
        return;
    }
    let (calls, expected) = undisturbed(kind).await;
    let seed = std::env::var("LINCHPIN_SYSCALL_SEED").ok().map(|text| text.parse().unwrap());
    let seed = seed.unwrap_or_else(Chance::new_seed);
    let wanted = std::env::var("LINCHPIN_SYSCALLS").unwrap_or_else(|_| FEW.to_string());
    let places = places(&wanted, calls, seed);
    say(&format!("calls to the system on {kind}: {calls}, LINCHPIN_SYSCALL_SEED={seed}"));
    let (mut killed, mut chance, mut wrong) = (0, Chance::of(seed), Vec::new());
    for n in places {
        let next = 1 + chance.below(usize::try_from(calls).unwrap()) as u64;
        match killed_at(kind, (n, next), &expected).await {
            Ok(n_killed) => killed += n_killed,
            Err(why) => wrong.push(why),
        }
    }
    assert!(wrong.is_empty(), "on {kind}, seed {seed}: {wrong:#?}");
    say(&format!("calls to the system on {kind}: killed {killed} times, nothing lost or repeated"));
    assert!(killed > 0, "every process came to its end");
}

/// The calls before which the program is killed, of those that it makes when it is not.
fn places(wanted: &str, calls: u64, seed: u64) -> BTreeSet<u64> {
    if wanted == "all" {
        return (1..=calls + SLACK).collect();
    }
    let wanted: u64 = wanted.parse().unwrap_or_else(|_| panic!("LINCHPIN_SYSCALLS={wanted}"));
    let mut chance = Chance::of(seed);
    let calls = usize::try_from(calls).unwrap();
    (0..wanted).map(|_| 1 + chance.below(calls) as u64).collect()
}

/// How many calls a run takes, and what there is to see of it.
async fn undisturbed(kind: Kind) -> (u64, Seen) {
    let (_sandbox, control) = sandbox().await;
    let (project, secrets) = project(kind, &control).await;
    let traced = traced(&project, &secrets, NEVER);
    assert_eq!(traced.code, Some(0), "{traced:?}");
    let names = format!("{:?}", traced.calls);
    for part in ["write", "sync", "send"] {
        let is_meant =
            |word: &str| word.contains(part) || part == "send" && word.contains("writev");
        assert!(traced.calls.keys().any(|name| is_meant(name)), "no {part} in {names}");
    }
    say(&format!("calls to the system on {kind}: {names}"));
    let seen = seen(&project, &secrets, &control).await.unwrap();
    assert!(seen.deeds.len() > 1, "the flow does something: {seen:#?}");
    (traced.count(), seen)
}

/// Kills the program before its n-th call and then before another one, and sees that the process
/// after these makes things as they were to be. Tells how many were killed.
async fn killed_at(kind: Kind, (n, next): (u64, u64), expected: &Seen) -> Result<u64, String> {
    let (_sandbox, control) = sandbox().await;
    let (project, secrets) = project(kind, &control).await;
    let Some(first) = traced(&project, &secrets, n).killed else { return Ok(0) };
    let second = traced(&project, &secrets, next).killed;
    let seen = seen(&project, &secrets, &control).await;
    let then = second.as_ref().map(|at| format!(", and then before call {next}, {at}"));
    let then = then.unwrap_or_default();
    match seen {
        Ok(seen) if seen == *expected => Ok(1 + u64::from(second.is_some())),
        other => Err(format!("killed before call {n}, {first}{then}: {other:#?}")),
    }
}

fn traced(project: &Project, secrets: &Secrets, n: u64) -> tracer::Traced {
    let mut command = run(project, secrets);
    tokio::task::block_in_place(|| tracer::trace(&mut command, n)).expect("it can be traced")
}

/// What a process finds that starts the run once more under its key, and sees it through.
async fn seen(project: &Project, secrets: &Secrets, control: &Control) -> Result<Seen, String> {
    let mut command = run(project, secrets);
    let done = tokio::task::block_in_place(|| Done::of(&mut command));
    if done.code != Some(0) {
        return Err(done.all());
    }
    let outputs = done.json()["outputs"].clone();
    Ok(Seen { outputs, deeds: deeds(&control.effects().await) })
}

/// The variables that the connections name.
type Secrets = Vec<(&'static str, String)>;

fn run(project: &Project, secrets: &Secrets) -> Command {
    let mut command = project.command(&[
        "run",
        "assign_courses",
        "--key",
        "once",
        "--as",
        "kim.lo@example.test",
        "--input",
        "incident=INC0010001",
        "--input",
        "courses=SAFETY-101,NET101",
        "--json",
    ]);
    command.envs(secrets.iter().map(|(name, value)| (name, value)));
    command
}

/// A project whose connections lead to a sandbox, which is not killed.
async fn project(kind: Kind, control: &Control) -> (Project, Secrets) {
    let project = Project::of_the_repository();
    project.write("linchpin.yaml", format!("store: {kind}:store\n"));
    let sites = control.get("/sites").await;
    let text = |value: &Value| value.as_str().expect("the sandbox tells it").to_owned();
    let connections = format!(
        "lms: {{ spoke: litmos, url: \"{}\", allow_private: true, api_key: {{ env: KEY }} }}\n\
         sn: {{ spoke: servicenow, url: \"{}\", allow_private: true, user_name: {}, \
         password: {{ env: PASSWORD }} }}\n",
        text(&sites["litmos"]["url"]),
        text(&sites["servicenow"]["url"]),
        text(&sites["servicenow"]["secrets"]["user_name"]),
    );
    project.write("connections.yaml", connections);
    let key = ("KEY", text(&sites["litmos"]["secrets"]["api_key"]));
    (project, vec![key, ("PASSWORD", text(&sites["servicenow"]["secrets"]["password"]))])
}

/// Past the capture of the test harness, which would keep it back.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}
