//! A run that failed or was cancelled is tried again: first time, replayed, interrupted.

use linchpin_connector::{ActionError, ErrorKind};
use linchpin_engine::event::{Control, Outcome};
use linchpin_engine::{Event, Run};
use linchpin_language::{Value, json};

use crate::played::{Played, echo, plain, succeeded};

fn by_ana(control: Control) -> Event {
    Event::Controlled { control, by: "ana".to_owned() }
}

/// Fails whatever says so, always or for one `n`.
fn broken(action: &str, input: &Value, attempt: u32) -> Result<Value, ActionError> {
    let is_broken = match input.get("breaks") {
        Some(Value::Bool(breaks)) => *breaks,
        Some(n) => input.get("n") == Some(n),
        None => false,
    };
    match is_broken {
        true => Err(ActionError::new(ErrorKind::Conflict, "the other side is broken")),
        false => echo(action, input, attempt),
    }
}

/// Plays until the run fails, mends the other side, and tries again; then from each prefix of the
/// journal since. The outcome, and the calls that the retry made.
fn retried(flows: &[&str]) -> (Outcome, Vec<String>) {
    let mut played = Played::begin(flows, json!({}), broken);
    let outcome = played.play().expect("the run ends");
    assert!(matches!(outcome, Outcome::Failed { .. }), "{}", plain(&outcome));
    let before = played.calls.len();
    let tried = played.journal.len() + 1;
    played.answer = echo;
    played.record(by_ana(Control::Retry));
    let outcome = played.play().expect("the run ends");
    for length in tried..=played.journal.len() {
        let mut again = played.interrupted_at(length);
        let outcome_again = again.play().expect("an interrupted retry ends");
        assert_eq!(plain(&outcome_again), plain(&outcome), "interrupted after {length} entries");
    }
    (outcome, played.calls.split_off(before))
}

#[test]
fn a_retry_goes_on_from_the_failed_step_and_keeps_what_came_before_it() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.read, with: { n: 1 } }
  - { id: left, if: 'false', call: sys.read, with: { n: 9 } }
  - { id: b, call: sys.read, with: { n: '{{ a.n }}', breaks: true } }
  - { id: c, call: sys.read, with: { n: '{{ b.n }}' } }
on_error:
  - { id: told, call: sys.read, with: {} }
outputs: { n: c.n, left: 'left == null' }
";
    let (outcome, calls) = retried(&[flow]);
    assert_eq!(calls, ["b", "c"]);
    assert_eq!(succeeded(&outcome), &json!({ "n": 1, "left": true }));
}

#[test]
fn a_retried_loop_goes_on_with_the_items_that_are_left() {
    let flow = "
flow: f
steps:
  - id: each
    for_each: '[1, 2, 3, 4]'
    as: n
    collect: second.n
    steps:
      - { id: first, call: sys.read, with: { n: '{{ n }}' } }
      - { id: second, call: sys.read, with: { n: '{{ n }}', breaks: 2 } }
outputs: { items: each.items, failed: each.failed, succeeded: each.succeeded }
";
    let (outcome, calls) = retried(&[flow]);
    assert_eq!(
        calls,
        ["each[1].second", "each[2].first", "each[2].second", "each[3].first", "each[3].second"]
    );
    let expected = json!({ "items": [1, 2, 3, 4], "failed": 0, "succeeded": 4 });
    assert_eq!(succeeded(&outcome), &expected);
}

#[test]
fn a_retried_parallel_loop_takes_up_the_items_that_the_error_stopped() {
    let flow = "
flow: f
steps:
  - id: each
    for_each: { call: sys.rows.stream }
    as: row
    parallel: 2
    collect: row.id
    steps:
      - { id: first, call: sys.read, with: { n: '{{ row.id }}', breaks: 1 } }
      - { id: second, call: sys.read, with: {} }
outputs: { items: each.items }
";
    let (outcome, calls) = retried(&[flow]);
    assert_eq!(succeeded(&outcome), &json!({ "items": [1, 2, 3] }));
    assert_eq!(calls.iter().filter(|call| *call == "each[0].first").count(), 1);
    assert!(!calls.contains(&"page of each".to_owned()) || calls.len() > 4, "{calls:?}");
}

#[test]
fn a_retry_reaches_into_every_kind_of_block() {
    let sub = "
flow: g
inputs: { breaks: boolean }
steps:
  - { id: x, call: sys.read, with: { n: 1 } }
  - { id: y, call: sys.read, with: { n: 2, breaks: '{{ inputs.breaks }}' } }
outputs: { n: y.n }
";
    let block = |block: &str| format!("flow: f\nsteps:\n{block}");
    let calls = |flow: &str| retried(&[flow, sub]).1;
    let arms = block(
        "  - { id: a, if: 'true', then: [{ id: x, call: sys.read, with: {} }, { id: y, call: \
         sys.read, with: { breaks: true } }] }\n",
    );
    assert_eq!(calls(&arms), ["a/then.y"]);
    let branches = block(
        "  - id: p\n    parallel:\n      l: [{ id: x, call: sys.read, with: {} }]\n      r: [{ id: \
         y, call: sys.read, with: { breaks: true } }, { id: z, call: sys.read, with: {} }]\n",
    );
    assert_eq!(calls(&branches), ["p/r.y", "p/r.z"]);
    let rows = block(
        "  - id: d\n    decide:\n      - { when: 'true', result: { n: 1 }, steps: [{ id: x, call: \
         sys.read, with: { breaks: true } }] }\n",
    );
    assert_eq!(calls(&rows).len(), 1);
    let guarded = block(
        "  - id: t\n    try: [{ id: x, call: sys.read, with: {} }, { id: y, call: sys.read, with: \
         { breaks: true } }]\n    catch: [{ on: [timeout], steps: [{ log: never }] }]\n    \
         finally: [{ id: z, call: sys.read, with: {} }]\n",
    );
    assert_eq!(calls(&guarded), ["t/try.y", "t/finally.z"]);
    let handled = block(
        "  - id: h\n    call: sys.read\n    with: { breaks: true }\n    on_error: [{ id: w, call: \
         sys.read, with: { breaks: true } }]\n",
    );
    assert_eq!(calls(&handled), ["h"]);
    let sub = block("  - { id: s, call: flow.g, with: { breaks: true } }\n");
    assert_eq!(calls(&sub), ["s/flow.y"]);
    let repeat = block(
        "  - { id: r, repeat: [{ id: x, call: sys.read, with: { n: '{{ iteration.index }}', \
         breaks: 1 } }], until: 'iteration.index >= 2', max: 5 }\n",
    );
    assert_eq!(calls(&repeat), ["r[1].x", "r[2].x"]);
}

#[test]
fn a_repeat_that_ran_too_often_may_run_as_often_again() {
    let flow = "
flow: f
steps:
  - { id: r, repeat: [{ id: x, call: sys.read, with: {} }], until: 'iteration.index >= 3', max: 2 }
outputs: { n: r.count }
";
    let (outcome, calls) = retried(&[flow]);
    assert_eq!(calls, ["r[2].x", "r[3].x"]);
    assert_eq!(succeeded(&outcome), &json!({ "n": 4 }));
}

#[test]
fn a_block_with_a_timeout_gets_all_of_it_again() {
    let flow = "
flow: f
steps:
  - id: a
    timeout: 1m
    if: 'true'
    then:
      - { id: w, wait: { for: 10m } }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    let outcome = played.play().expect("the run ends");
    assert_eq!(plain(&outcome)["kind"], json!("timeout"));
    played.record(by_ana(Control::Retry));
    let outcome = played.play().expect("the run ends again");
    assert_eq!(plain(&outcome)["kind"], json!("timeout"));
    let begun = played.run.now().duration_since(played.run.started_at());
    assert!(begun.as_secs() > 110, "two minutes passed in all: {begun}");
}

#[test]
fn a_cancelled_run_goes_on_where_it_was_stopped() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.read, with: {} }
  - { id: w, wait: { for: 1h } }
  - { id: b, call: sys.read, with: {} }
on_cancel:
  - { id: told, call: sys.read, with: {} }
";
    for control in [Control::Cancel, Control::ForceCancel] {
        let mut played = Played::begin(&[flow], json!({}), echo);
        played.play_to_timer();
        played.record(by_ana(control));
        assert_eq!(played.play(), Some(Outcome::Cancelled));
        let before = played.calls.len();
        let tried = played.journal.len() + 1;
        played.record(by_ana(Control::Retry));
        let outcome = played.play().expect("the run ends");
        succeeded(&outcome);
        assert_eq!(played.calls[before..], ["b"], "{control:?}");
        for length in tried..=played.journal.len() {
            let outcome = played.interrupted_at(length).play().expect("it ends");
            succeeded(&outcome);
        }
    }
}

#[test]
fn there_is_nothing_to_retry_in_a_run_that_goes_on_succeeded_or_was_undone() {
    let why = |run: &Run| run.refuses_retry().unwrap_or_default();
    let done = "flow: f\nsteps:\n  - { id: a, call: sys.read, with: {} }\n";
    let mut played = Played::begin(&[done], json!({}), echo);
    assert_eq!(why(&played.run), "it has not ended");
    played.play();
    assert_eq!(why(&played.run), "it has succeeded: there is nothing to try again");
    let undone = "
flow: f
steps:
  - { id: a, call: sys.read, with: { breaks: true } }
on_error: [{ undo: all }]
";
    let mut played = Played::begin(&[undone], json!({}), broken);
    played.play();
    assert_eq!(why(&played.run), "what it had changed was taken back: start its flow anew");
    let mut queued = Played::begin(&[done], json!({}), echo).interrupted_at(1);
    queued.record(by_ana(Control::Cancel));
    queued.play();
    assert_eq!(why(&queued.run), "it never began: start its flow anew");
}
