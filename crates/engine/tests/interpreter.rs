//! What the interpreter does with each step kind: the first time, replayed, and interrupted.
//!
//! Every flow here is also replayed from each prefix of its journal and played on from there: the
//! outcome must be the same, and no step whose result is in the prefix is called again.

use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::{ActionError, Effect, ErrorKind, Look};
use linchpin_engine::command::Command;
use linchpin_engine::event::{Control, Decision, Intended, Outcome, Succeeded};
use linchpin_engine::{Entry, Event, Run, StepPath};
use linchpin_language::{Value, json};

use crate::played::{Played, check, echo, plain, succeeded};

#[test]
fn steps_run_in_order_and_see_the_outputs_before_them() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.read, with: { n: 1 } }
  - { id: b, call: sys.read, with: { n: '{{ a.n }}', t: 'n is {{ a.n }}' } }
outputs: { n: b.n, t: b.t }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "n": 1, "t": "n is 1" }));
    assert_eq!(calls, ["a", "b"]);
}

#[test]
fn a_false_guard_skips_the_step_and_its_output_is_null() {
    let flow = "
flow: f
inputs: { go: { type: boolean, required: true } }
steps:
  - { id: a, if: inputs.go, call: sys.read, with: { n: 1 } }
outputs: { a: a, status: steps.a.status }
";
    let (outcome, calls) = check(&[flow], json!({ "go": false }), echo);
    assert_eq!(succeeded(&outcome), &json!({ "a": null, "status": "skipped" }));
    assert!(calls.is_empty());
}

#[test]
fn the_first_condition_that_holds_takes_its_arm() {
    let flow = "
flow: f
inputs: { n: { type: integer, required: true } }
steps:
  - id: size
    if: inputs.n > 10
    then: [ { id: big, call: sys.read, with: { is: big } } ]
    else_if:
      - { if: inputs.n > 5, then: [ { id: middle, call: sys.read, with: { is: middle } } ] }
    else: [ { id: small, call: sys.read, with: { is: small } } ]
outputs: { big: big != null, middle: middle != null, small: small != null }
";
    let taken = |n: i64| {
        let (outcome, _) = check(&[flow], json!({ "n": n }), echo);
        succeeded(&outcome).clone()
    };
    assert_eq!(taken(11), json!({ "big": true, "middle": false, "small": false }));
    assert_eq!(taken(7), json!({ "big": false, "middle": true, "small": false }));
    assert_eq!(taken(1), json!({ "big": false, "middle": false, "small": true }));
}

#[test]
fn a_loop_collects_in_item_order_however_wide_it_is() {
    let flow = "
flow: f
inputs: { items: { type: list, required: true } }
steps:
  - id: all
    for_each: inputs.items
    as: item
    parallel: 2
    collect: output.n * 10
    call: sys.read
    with: { n: '{{ item }}' }
outputs: { items: all.items, count: all.count, succeeded: all.succeeded }
";
    let (outcome, calls) = check(&[flow], json!({ "items": [3, 1, 2] }), echo);
    assert_eq!(succeeded(&outcome), &json!({ "items": [30, 10, 20], "count": 3, "succeeded": 3 }));
    assert_eq!(calls.len(), 3);
    let (empty, _) = check(&[flow], json!({ "items": [] }), echo);
    assert_eq!(succeeded(&empty), &json!({ "items": [], "count": 0, "succeeded": 0 }));
}

const FAILING_ITEM: &str = "
flow: f
steps:
  - id: all
    for_each: \"['', 'not_found', '']\"
    as: item
    on_item_error: continue
    steps:
      - { id: maybe, if: \"item != ''\", call: sys.read, with: { fail: '{{ item }}' } }
      - { id: after, call: sys.read, with: { n: 1 } }
outputs: { failed: all.failed, succeeded: all.succeeded, first: 'all.errors[0].index', kind: 'all.errors[0].error.kind' }
";

#[test]
fn a_failed_item_is_counted_when_the_loop_goes_on_and_stops_it_otherwise() {
    let (outcome, _) = check(&[FAILING_ITEM], json!({}), echo);
    let expected = json!({ "failed": 1, "succeeded": 2, "first": 1, "kind": "not_found" });
    assert_eq!(succeeded(&outcome), &expected);
    let stopping = FAILING_ITEM.replace("    on_item_error: continue\n", "");
    let (outcome, calls) = check(&[&stopping], json!({}), echo);
    assert_eq!(plain(&outcome)["at"], json!("all[1].maybe"));
    assert_eq!(calls, ["all[0].after", "all[1].maybe"]);
}

#[test]
fn the_first_clause_that_names_the_kind_catches_and_finally_runs_always() {
    let flow = "
flow: f
inputs: { kind: { type: string, required: true } }
steps:
  - id: guard
    try:
      - { id: risky, call: sys.read, with: { fail: '{{ inputs.kind }}' } }
    catch:
      - { on: [conflict], steps: [ { id: conflicted, call: sys.read, with: { why: '{{ error.message }}' } } ] }
      - { on: [not_found], steps: [ { id: missing, call: sys.read, with: { at: '{{ error.step }}' } } ] }
    finally:
      - { id: closed, call: sys.read, with: { n: 1 } }
outputs: { why: missing.at, closed: closed.n }
";
    let (outcome, calls) = check(&[flow], json!({ "kind": "not_found" }), echo);
    assert_eq!(succeeded(&outcome), &json!({ "why": "guard/try.risky", "closed": 1 }));
    assert_eq!(calls, ["guard/try.risky", "guard/catch_2.missing", "guard/finally.closed"]);
    let (outcome, calls) = check(&[flow], json!({ "kind": "forbidden" }), echo);
    assert_eq!(plain(&outcome)["kind"], json!("forbidden"));
    assert_eq!(calls, ["guard/try.risky", "guard/finally.closed"]);
}

#[test]
fn a_step_handles_its_own_failure_with_continue_or_with_steps() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.read, with: { fail: conflict }, on_error: continue }
  - id: b
    call: sys.read
    with: { fail: not_found }
    on_error: [ { id: told, call: sys.read, with: { kind: '{{ error.kind }}' } } ]
outputs: { a: a, told: told.kind, status: steps.b.status }
";
    let (outcome, _) = check(&[flow], json!({}), echo);
    let expected = json!({ "a": null, "told": "not_found", "status": "failed" });
    assert_eq!(succeeded(&outcome), &expected);
}

#[test]
fn a_failure_that_reaches_the_flow_runs_its_handlers_and_stays_a_failure() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.read, with: { fail: conflict } }
  - { id: never, call: sys.read, with: { n: 1 } }
on_error:
  - { id: tell, call: sys.read, with: { at: '{{ error.step }}' } }
finally:
  - { id: close, call: sys.read, with: { n: 1 } }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(plain(&outcome)["kind"], json!("conflict"));
    assert_eq!(calls, ["a", "/on_error.tell", "/finally.close"]);
}

#[test]
fn end_inside_a_loop_ends_the_flow_well() {
    let flow = "
flow: f
steps:
  - id: all
    for_each: '[1, 2, 3]'
    as: item
    steps:
      - { id: one, call: sys.read, with: { n: '{{ item }}' } }
      - { if: item == 2, end: true }
  - { id: never, call: sys.read, with: { n: 1 } }
finally:
  - { id: close, call: sys.read, with: { n: 1 } }
outputs: { ended: 'true' }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "ended": true }));
    assert_eq!(calls, ["all[0].one", "all[1].one", "/finally.close"]);
}

#[test]
fn variables_are_set_as_their_types() {
    let flow = "
flow: f
vars: { n: { type: integer, default: 1 }, all: { type: list, default: [] } }
steps:
  - set: { n: vars.n + 1, all: 'vars.all + [vars.n]' }
  - set: { n: vars.n + 1, all: 'vars.all + [vars.n]' }
outputs: { n: vars.n, all: vars.all }
";
    let (outcome, _) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "n": 3, "all": [1, 2] }));
}

#[test]
fn a_subflow_has_its_own_names_and_gives_its_outputs() {
    let outer = "
flow: outer
steps:
  - { id: a, call: sys.read, with: { n: 2 } }
  - { id: sub, call: flow.inner, with: { n: '{{ a.n }}' } }
outputs: { doubled: sub.doubled }
";
    let inner = "
flow: inner
inputs: { n: { type: integer, required: true } }
steps:
  - { id: a, call: sys.read, with: { n: '{{ inputs.n }}' } }
outputs: { doubled: a.n * 2 }
";
    let (outcome, calls) = check(&[outer, inner], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "doubled": 4 }));
    assert_eq!(calls, ["a", "sub/flow.a"]);
}

#[test]
fn after_makes_a_graph_and_the_rest_keeps_its_order() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.read, with: { n: 1 } }
  - { id: b, after: [], call: sys.read, with: { n: 2 } }
  - { id: c, call: sys.read, with: { n: '{{ a.n }}' } }
  - { id: d, after: [b, c], call: sys.read, with: { n: '{{ b.n }}' } }
";
    let (_, calls) = check(&[flow], json!({}), echo);
    assert_eq!(calls, ["a", "b", "c", "d"]);
}

#[test]
fn an_attempt_is_tried_again_after_its_wait_and_no_more_often_than_it_may() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.read, with: { n: 1 }, retry: { attempts: 3, backoff: 5s } }
outputs: { attempts: steps.a.attempts }
";
    let second = |_: &str, input: &Value, attempt: u32| match attempt {
        1 => Err(ActionError::new(ErrorKind::Unavailable, "down")),
        _ => Ok(input.clone()),
    };
    let (outcome, calls) = check(&[flow], json!({}), second);
    assert_eq!(succeeded(&outcome), &json!({ "attempts": 2 }));
    assert_eq!(calls, ["a", "a"]);
    let never = |_: &str, _: &Value, _: u32| {
        Err::<Value, _>(ActionError::new(ErrorKind::Unavailable, "down"))
    };
    let (outcome, calls) = check(&[flow], json!({}), never);
    assert_eq!(plain(&outcome)["failed"], json!("down"));
    assert_eq!(calls.len(), 3);
}

#[test]
fn a_wait_wakes_at_the_instant_that_was_journaled_when_it_began() {
    let flow = "
flow: f
steps:
  - { id: pause, wait: { for: 2h } }
  - { id: a, call: sys.read, with: { n: 1 } }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    played.play().expect("the run ends");
    let instant = |wanted: fn(&Event) -> Option<Timestamp>| {
        played.journal.iter().find_map(|entry| wanted(&entry.event))
    };
    let until = instant(|event| match event {
        Event::Decided { decision: Decision::Until(at), .. } => Some(*at),
        _ => None,
    });
    let woke = played.journal.iter().find(|entry| matches!(entry.event, Event::Woke { .. }));
    assert_eq!(woke.map(|entry| entry.at), until);
    check(&[flow], json!({}), echo);
}

#[test]
fn a_question_waits_for_its_answer_over_a_restart() {
    let flow = "
flow: f
steps:
  - { id: choice, ask: { of: starter, form: { n: { type: integer, required: true } } } }
outputs: { n: choice.n }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    assert_eq!(played.play(), None);
    let mut again = played.interrupted_at(played.journal.len());
    assert_eq!(again.play(), None);
    let path: StepPath = "choice".parse().expect("a path");
    assert_eq!(again.run.asks()[0].path, path);
    let by = "ana@example.test".to_owned();
    again.record(Event::Answered { path, values: json!({ "n": 7 }), by });
    let outcome = again.play().expect("the run ends");
    assert_eq!(succeeded(&outcome), &json!({ "n": 7 }));
}

#[test]
fn a_cancelled_run_stops_its_waits_and_runs_on_cancel_and_finally() {
    let flow = "
flow: f
steps:
  - { id: choice, ask: { of: starter, form: { n: { type: integer } } } }
  - { id: never, call: sys.read, with: { n: 1 } }
on_cancel: [ { id: undo, call: sys.read, with: { n: 1 } } ]
finally: [ { id: close, call: sys.read, with: { n: 1 } } ]
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    played.play();
    played.record(Event::Controlled { control: Control::Cancel, by: "ana".to_owned() });
    assert_eq!(played.play(), Some(Outcome::Cancelled));
    assert_eq!(played.calls, ["/on_cancel.undo", "/finally.close"]);
}

#[test]
fn a_stream_is_read_page_after_page_and_a_row_seen_before_is_left_out() {
    let flow = "
flow: f
steps:
  - id: all
    for_each: { call: sys.rows.stream }
    as: row
    collect: row.id
    steps:
      - { id: one, call: sys.read, with: { n: '{{ row.id }}' } }
outputs: { ids: all.items }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "ids": [1, 2, 3] }));
    assert_eq!(calls.iter().filter(|call| call.starts_with("page")).count(), 2);
    assert_eq!(calls.iter().filter(|call| call.ends_with("one")).count(), 3);
}

#[test]
fn a_loop_that_only_collects_needs_no_steps() {
    let flow = "
flow: f
steps:
  - { id: all, for_each: '[1, 2, 3]', as: n, collect: n * 2 }
outputs: { doubled: all.items, count: all.count }
";
    let (outcome, _) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "doubled": [2, 4, 6], "count": 3 }));
}

#[test]
fn a_block_that_does_not_end_in_time_is_stopped_and_fails_as_a_timeout() {
    let flow = "
flow: f
steps:
  - id: guard
    timeout: 10s
    try:
      - wait: { for: 1h }
      - { id: never, call: sys.read, with: { n: 1 } }
    finally:
      - { id: close, call: sys.read, with: { n: 1 } }
  - { id: after, call: sys.read, with: { n: 1 } }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(plain(&outcome)["kind"], json!("timeout"));
    assert_eq!(plain(&outcome)["at"], json!("guard"));
    assert_eq!(calls, ["guard/finally.close"]);
}

#[test]
fn two_steps_that_fail_in_the_same_moment_end_the_run_and_not_its_host() {
    let flow = "
flow: f
steps:
  - id: all
    for_each: '[1, 2]'
    as: n
    parallel: 2
    call: sys.read
    with: { n: '{{ n.nothing }}' }
  - { id: beside, after: [], fail: stopped }
  - { id: told, after: [], log: told }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    let outcome = played.play().expect("the run ends");
    assert!(matches!(outcome, Outcome::Failed { .. }), "{}", plain(&outcome));
    let again = Run::replay(Arc::clone(&played.program), &played.journal).expect("it replays");
    assert_eq!(again.outcome(), Some(&outcome));
}

#[test]
fn a_write_under_way_is_waited_for_when_its_run_is_cancelled_also_after_a_replay() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.write, with: { n: 1 } }
  - { id: never, call: sys.read, with: { n: 1 } }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    let turn = played.run.next().expect("the run can go on");
    let op = turn.commands[0].op().expect("a call has a number");
    let path: StepPath = "a".parse().expect("a path");
    let look = Arc::new(Look {
        found: json!({}),
        changes: vec![json!(1)],
        effect: Effect::Create,
        chunks: 1,
        variant: None,
    });
    let (input, request) = (Arc::new(json!({ "n": 1 })), "POST /a".to_owned());
    let intended = Intended { path: path.clone(), op, attempt: 1, chunk: 0, input, look, request };
    played.record(Event::Intended(Box::new(intended)));
    played.record(Event::Controlled { control: Control::Cancel, by: "ana".to_owned() });
    let mut again = played.interrupted_at(played.journal.len());
    let turn = again.run.next().expect("the run can go on");
    assert!(again.run.outcome().is_none(), "the write is not settled");
    let Some(Command::Run(run)) = turn.commands.first() else { panic!("it is settled first") };
    assert!(run.intent.as_ref().is_some_and(|intent| intent.unsettled));
    again.record(Event::Succeeded(Box::new(Succeeded {
        path,
        op: run.op,
        attempt: 1,
        input: None,
        wrote: None,
        output: Some(Arc::new(json!({}))),
        effect: Effect::Create,
        changes: 1,
    })));
    assert_eq!(again.play(), Some(Outcome::Cancelled));
}

#[test]
fn an_event_that_has_no_place_changes_nothing() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.read, with: { n: 1 } }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    played.play();
    let path: StepPath = "a".parse().expect("a path");
    let late = Entry { at: played.run.now(), event: Event::Woke { path } };
    let before = format!("{:?}", played.run.outcome());
    assert!(played.run.apply(&late).is_err());
    assert_eq!(format!("{:?}", played.run.outcome()), before);
}

#[test]
fn what_a_step_intended_and_did_not_do_does_not_count_against_its_own_limit() {
    let flow = "
flow: f
limits: { create: 1 }
steps:
  - { id: a, call: sys.write, with: { n: 1 } }
  - { id: b, call: sys.write, with: { n: 2 }, after: [] }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    let turn = played.run.next().expect("the run can go on");
    played.journal.extend(turn.entries);
    let [a, b] = ["a", "b"].map(|id| id.parse::<StepPath>().expect("a path"));
    assert_eq!(played.run.over_limit(&a, Effect::Create, 1), None);
    let look = Look {
        found: json!({}),
        changes: vec![json!(1)],
        effect: Effect::Create,
        chunks: 1,
        variant: None,
    };
    let intended = Intended {
        path: a.clone(),
        op: 1,
        attempt: 1,
        chunk: 0,
        input: Arc::new(json!({ "n": 1 })),
        look: Arc::new(look),
        request: "POST /".to_owned(),
    };
    played.record(Event::Intended(Box::new(intended)));
    let over = played.run.over_limit(&b, Effect::Create, 1);
    assert_eq!(
        over.as_deref(),
        Some("the limit of 1 create changes a run: 1 made, 1 more wanted"),
        "another step's write under way counts"
    );
    let verdict = linchpin_engine::event::Found::NotDone;
    played.record(Event::Verified { path: a.clone(), verdict });
    assert_eq!(played.run.over_limit(&a, Effect::Create, 1), None);
}
