//! Failures on their way up: what handlers see of them, and that none is lost.

use std::sync::Arc;

use linchpin_connector::{Effect, ErrorKind, Look};
use linchpin_engine::event::{Control, Failed, Intended, Outcome};
use linchpin_engine::{Event, RunError, StepPath};
use linchpin_language::json;

use crate::played::{Played, check, echo, succeeded};

fn path(text: &str) -> StepPath {
    text.parse().expect("a path")
}

/// The error that a run ended with.
fn error(outcome: &Outcome) -> &RunError {
    match outcome {
        Outcome::Failed { error } => error,
        Outcome::Succeeded { .. } | Outcome::Cancelled => panic!("{outcome:?}"),
    }
}

/// The write of a step is sent.
fn intend(played: &mut Played, at: &str, op: u64) {
    let look = Look {
        found: json!({}),
        changes: vec![json!(1)],
        effect: Effect::Create,
        chunks: 1,
        variant: None,
    };
    played.record(Event::Intended(Box::new(Intended {
        path: path(at),
        op,
        attempt: 1,
        chunk: 0,
        input: Arc::new(json!({})),
        look: Arc::new(look),
        request: "POST /b".to_owned(),
    })));
}

#[test]
fn a_finally_sees_the_failure_that_goes_up_after_it_and_no_other() {
    let flow = "
flow: f
vars:
  up: { type: string, default: '' }
  caught: { type: string, default: '' }
  handler: { type: string, default: '' }
  time: { type: string, default: '' }
  none: { type: string, default: '' }
steps:
  - try: [ { fail: { kind: not_found, message: one } } ]
    finally: [ { set: { up: \"error == null ? 'none' : error.kind\" } } ]
    on_error: continue
  - try: [ { fail: { kind: not_found, message: one } } ]
    catch: [ { log: caught } ]
    finally: [ { set: { caught: \"error == null ? 'none' : error.kind\" } } ]
  - try: [ { fail: { kind: not_found, message: one } } ]
    catch: [ { fail: { kind: conflict, message: two } } ]
    finally: [ { set: { handler: \"error == null ? 'none' : error.kind\" } } ]
    on_error: continue
  - try: [ { wait: { for: 1h } } ]
    finally: [ { set: { time: \"error == null ? 'none' : error.kind\" } } ]
    timeout: 1s
    on_error: continue
  - try: [ { log: fine } ]
    finally: [ { set: { none: \"error == null ? 'none' : error.kind\" } } ]
outputs: { up: vars.up, caught: vars.caught, handler: vars.handler, time: vars.time, none: vars.none }
";
    let (outcome, _) = check(&[flow], json!({}), echo);
    let expected = json!({
        "up": "not_found", "caught": "none", "handler": "conflict", "time": "timeout", "none": "none"
    });
    assert_eq!(succeeded(&outcome), &expected);
}

#[test]
fn what_a_finally_does_loses_no_failure() {
    let flow = "
flow: f
steps:
  - try: [ { fail: { kind: not_found, message: first } } ]
    finally: [ LAST ]
";
    let fails = flow.replace("LAST", "{ fail: { kind: conflict, message: later } }");
    let (outcome, _) = check(&[&fails], json!({}), echo);
    let found = error(&outcome);
    assert_eq!((found.kind, found.message.as_str()), (ErrorKind::NotFound, "first"));
    assert_eq!(found.others.len(), 1);
    assert_eq!(found.others[0].message, "later");
    let (outcome, _) = check(&[&flow.replace("LAST", "{ end: true }")], json!({}), echo);
    assert_eq!(error(&outcome).message, "first");
}

/// What fails in the others once they are being stopped is told with the first failure.
#[test]
fn later_failures_of_branches_and_iterations_are_kept() {
    let branches = "
flow: f
steps:
  - parallel:
      first: [ { id: a, call: sys.read } ]
      later: [ { try: [ { id: b, call: sys.write } ], finally: [ { fail: last } ] } ]
";
    later(branches, "#1/first.a", "#1/later.#1/try.b", &["late", "last"]);
    let items = "
flow: f
steps:
  - for_each: \"[1, 2]\"
    as: item
    parallel: 2
    steps:
      - { id: a, if: item == 1, call: sys.read }
      - { id: b, if: item == 2, call: sys.write }
";
    later(items, "#1[0].a", "#1[1].b", &["late"]);
}

/// A write is under way while a read fails, and fails then.
fn later(flow: &str, read: &str, write: &str, messages: &[&str]) {
    let mut played = Played::begin(&[flow], json!({}), echo);
    let mut ops = std::collections::BTreeMap::new();
    for _ in 0..3 {
        let turn = played.run.next().expect("the run can go on");
        for command in &turn.commands {
            if let linchpin_engine::command::Command::Run(run) = command {
                ops.insert(run.path.to_string(), run.op);
            }
        }
        played.journal.extend(turn.entries);
    }
    intend(&mut played, write, ops[write]);
    for (at, message) in [(read, "first"), (write, "late")] {
        let error = RunError::new(ErrorKind::Conflict, message, &path(at));
        let failed = Failed { path: path(at), op: ops[at], input: None, error, next: None };
        played.record(Event::Failed(Box::new(failed)));
    }
    let mut again = played.interrupted_at(played.journal.len());
    for run in [&mut played, &mut again] {
        let outcome = run.play().expect("the run ends");
        let found = error(&outcome);
        assert_eq!(found.message, "first");
        let others: Vec<&str> = found.others.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(others, messages);
    }
}

#[test]
fn a_second_cancel_does_not_cut_off_what_the_first_began() {
    let flow = "
flow: f
steps: [ { wait: { for: 1h } } ]
on_cancel: [ { wait: { for: 1m } }, { id: tidy, call: sys.read } ]
finally: [ { id: close, call: sys.read } ]
";
    let cancel = || Event::Controlled { control: Control::Cancel, by: "ana".to_owned() };
    let mut played = Played::begin(&[flow], json!({}), echo);
    played.play_to_timer();
    played.record(cancel());
    played.play_to_timer();
    played.record(cancel());
    let turn = played.run.next().expect("the run can go on");
    assert!(turn.entries.is_empty(), "{:?}", turn.entries);
    played.record(Event::Woke { path: path("/on_cancel.#1") });
    assert_eq!(played.play(), Some(Outcome::Cancelled));
    assert_eq!(played.calls, ["/on_cancel.tidy", "/finally.close"]);
}

/// A write that may have happened is in the error of the block whose time was over.
#[test]
fn a_block_that_ends_late_says_that_a_write_in_it_may_have_happened() {
    for tidies in ["", "    finally: [ { log: x } ]\n"] {
        let flow = format!(
            "
flow: f
steps:
  - id: late
    timeout: 1m
    on_error: continue
    try: [ {{ id: write, call: sys.write }} ]
{tidies}    catch: [ {{ on: conflict, steps: [ {{ log: y }} ] }} ]
outputs: {{ doubt: steps.late.error.write_may_have_happened, why: steps.late.error.message }}
"
        );
        let mut played = Played::begin(&[&flow], json!({}), echo);
        played.play_to_timer();
        let turn = played.run.next().expect("the run can go on");
        let op = turn.commands.iter().chain(&played.open).find_map(|command| match command {
            linchpin_engine::command::Command::Run(run) => Some(run.op),
            _ => None,
        });
        let op = op.expect("the write was asked for");
        intend(&mut played, "late/try.write", op);
        let reason = "nobody knows".to_owned();
        let path = path("late/try.write");
        played.record(Event::Held { path, reason, limit: None, blocked: false });
        let at = played.run.now() + std::time::Duration::from_secs(60);
        let entry =
            linchpin_engine::Entry { at, event: Event::Woke { path: "late".parse().unwrap() } };
        played.run.apply(&entry).expect("the timer has a place");
        played.journal.push(entry);
        let outcome = played.play().expect("the run ends");
        let expected = json!({ "doubt": true, "why": "did not end within 1m" });
        assert_eq!(succeeded(&outcome), &expected, "{tidies}");
    }
}
