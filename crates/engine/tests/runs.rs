//! What bounds a whole run and what it starts beside itself: first time, replayed, interrupted.

use linchpin_engine::command::Command;
use linchpin_engine::event::{Control, Outcome};
use linchpin_engine::run::Standing;
use linchpin_engine::{Event, Run};
use linchpin_language::json;

use crate::played::{Played, check_with, echo, plain, succeeded};

const OUTER: &str = "
flow: outer
inputs: { name: { type: string, required: true } }
steps:
  - { id: other, call: flow.inner, detach: true, with: { n: '7' } }
  - { id: after, call: sys.read, with: { run: '{{ other.run }}' } }
outputs: { run: after.run }
";

const INNER: &str = "
flow: inner
timeout: 10s
inputs: { n: { type: integer, required: true } }
steps:
  - wait: { for: 1h }
  - { id: never, call: sys.read, with: { n: 1 } }
on_cancel: [ { id: stopped, call: sys.read, with: { n: 1 } } ]
";

#[test]
fn a_detached_flow_is_started_with_its_inputs_as_their_types_and_not_played() {
    let (outcome, calls) = check_with(&[OUTER, INNER], json!({ "name": "a" }), echo, |_| None);
    assert_eq!(succeeded(&outcome), &json!({ "run": "run of inner with {\"n\":7}" }));
    assert_eq!(calls, ["other", "after"]);
}

#[test]
fn a_detached_flow_with_unfit_inputs_is_never_started() {
    let wrong = OUTER.replace("n: '7'", "n: seven");
    let (outcome, calls) = check_with(&[&wrong, INNER], json!({ "name": "a" }), echo, |_| None);
    assert_eq!(plain(&outcome)["kind"], json!("invalid_input"));
    assert!(calls.is_empty());
}

#[test]
fn a_start_under_way_is_waited_for_when_its_run_is_cancelled_also_after_a_replay() {
    let mut played = Played::begin(&[OUTER, INNER], json!({ "name": "a" }), echo);
    let turn = played.run.next().expect("the run can go on");
    played.journal.extend(turn.entries);
    played.record(Event::Controlled { control: Control::Cancel, by: "ana".to_owned() });
    let mut again = played.interrupted_at(played.journal.len());
    let turn = again.run.next().expect("the run can go on");
    assert!(again.run.outcome().is_none(), "nobody knows yet whether it was started");
    assert!(matches!(turn.commands.first(), Some(Command::Start(_))), "it is asked for again");
    again.open(turn.commands);
    assert_eq!(again.play(), Some(Outcome::Cancelled));
    assert_eq!(again.calls, ["other"]);
}

#[test]
fn a_run_that_takes_longer_than_its_flow_says_is_stopped_and_handled() {
    let flow = "
flow: f
timeout: 10s
steps:
  - { id: first, call: sys.read, with: { n: 1 } }
  - wait: { for: 1h }
  - { id: never, call: sys.read, with: { n: 1 } }
on_error: [ { id: told, call: sys.read, with: { kind: '{{ error.kind }}' } } ]
finally: [ { id: close, call: sys.read, with: { n: 1 } } ]
";
    let (outcome, calls) = check_with(&[flow], json!({}), echo, |_| None);
    assert_eq!(plain(&outcome)["kind"], json!("timeout"));
    assert_eq!(calls, ["first", "/on_error.told", "/finally.close"]);
    let in_time = flow.replace("for: 1h", "for: 5s");
    let (outcome, calls) = check_with(&[&in_time], json!({}), echo, |_| None);
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{}", plain(&outcome));
    assert_eq!(calls, ["first", "never", "/finally.close"]);
}

#[test]
fn a_subflow_that_takes_longer_than_it_says_fails_the_step_that_calls_it() {
    let outer = "
flow: outer
steps:
  - { id: sub, call: flow.inner, with: { n: 1 }, on_error: continue }
outputs: { kind: steps.sub.error.kind }
";
    let (outcome, calls) = check_with(&[outer, INNER], json!({}), echo, |_| None);
    assert_eq!(succeeded(&outcome), &json!({ "kind": "timeout" }));
    assert_eq!(calls, ["sub/flow/on_cancel.stopped"]);
}

#[test]
fn a_run_that_is_cancelled_in_the_queue_ends_without_its_handlers() {
    let flow = "
flow: f
steps: [ { id: a, call: sys.read, with: { n: 1 } } ]
on_cancel: [ { id: undo, call: sys.read, with: { n: 1 } } ]
finally: [ { id: close, call: sys.read, with: { n: 1 } } ]
";
    let begun = Played::begin(&[flow], json!({}), echo);
    let mut queued = begun.interrupted_at(1);
    assert_eq!(queued.run.standing(), Standing::Queued);
    assert_eq!(queued.play(), None);
    queued.record(Event::Controlled { control: Control::Cancel, by: "ana".to_owned() });
    assert_eq!(queued.play(), Some(Outcome::Cancelled));
    assert!(queued.calls.is_empty());
}

#[test]
fn signals_that_come_to_a_queued_run_are_kept() {
    let flow = "
flow: f
steps: [ { id: paid, wait: { signal: paid } } ]
outputs: { paid: paid }
";
    let mut queued = Played::begin(&[flow], json!({}), echo).interrupted_at(1);
    let payload = std::sync::Arc::new(json!(1));
    let by = "billing".to_owned();
    queued.record(Event::Signalled { name: "paid".to_owned(), payload, by });
    queued.record(Event::Begun);
    let outcome = queued.play().expect("the run ends");
    assert_eq!(succeeded(&outcome), &json!({ "paid": 1 }));
    assert!(Run::is_begun(&queued.run));
}
