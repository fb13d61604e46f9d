//! Loops, branches and decisions: the first time, replayed, and interrupted.
//!
//! As in `interpreter`, `check` also plays each flow on from every prefix of its journal.

use std::sync::Arc;

use linchpin_connector::{ActionError, Effect, ErrorKind, Look};
use linchpin_engine::command::Command;
use linchpin_engine::event::{Control, Decision, Failed, Intended, Outcome, Succeeded};
use linchpin_engine::run::{Standing, Waiting};
use linchpin_engine::{Event, RunError, StepPath};
use linchpin_language::{Value, as_unknown, json, unknown};

use crate::played::{Played, check, echo, plain, succeeded};

fn path(text: &str) -> StepPath {
    text.parse().expect("a path")
}

fn cancel(played: &mut Played) {
    played.record(Event::Controlled { control: Control::Cancel, by: "ana".to_owned() });
}

// --- repeat

const POLL: &str = "
flow: f
steps:
  - id: poll
    repeat:
      - { id: look, call: sys.read, with: { n: '{{ iteration.index }}' } }
    until: look.n >= 2
    max: 5
  - { id: after, call: sys.read, with: { n: '{{ look.n }}' } }
outputs: { last: look.n, count: poll.count, after: after.n }
";

#[test]
fn a_repeat_runs_until_its_condition_holds_and_the_last_time_can_be_read_after() {
    let (outcome, calls) = check(&[POLL], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "last": 2, "count": 3, "after": 2 }));
    assert_eq!(calls, ["poll[0].look", "poll[1].look", "poll[2].look", "after"]);
}

#[test]
fn a_repeat_that_reaches_its_max_fails_as_limit_exceeded() {
    let flow = POLL.replace("max: 5", "max: 2");
    let (outcome, calls) = check(&[&flow], json!({}), echo);
    assert_eq!(plain(&outcome)["kind"], json!("limit_exceeded"));
    assert_eq!(plain(&outcome)["at"], json!("poll"));
    assert_eq!(
        plain(&outcome)["failed"],
        json!("ran 2 times, and `look.n >= 2` does not hold yet")
    );
    assert_eq!(calls, ["poll[0].look", "poll[1].look"]);
}

#[test]
fn a_repeat_with_every_waits_between_two_times_over_a_restart() {
    let flow = POLL.replace("max: 5", "max: 5\n    every: 10m");
    let mut played = Played::begin(&[&flow], json!({}), echo);
    played.play_to_timer();
    let again = played.journal.iter().find_map(|entry| match &entry.event {
        Event::Decided { decision: Decision::Again(at), .. } => Some((entry.at, *at)),
        _ => None,
    });
    let (read_at, next) = again.expect("`until` was read");
    assert_eq!((next - read_at).total(jiff::Unit::Minute).expect("minutes"), 10.0);
    let waits = |played: &Played| {
        let open = played.run.open_steps();
        open.iter().find_map(|step| step.waiting.clone())
    };
    assert_eq!(waits(&played), Some(Waiting::Until(next)));
    assert_eq!(played.run.standing(), Standing::Waiting);
    let mut replayed = played.interrupted_at(played.journal.len());
    assert_eq!(waits(&replayed), Some(Waiting::Until(next)));
    let outcome = replayed.play().expect("the run ends");
    assert_eq!(succeeded(&outcome)["count"], json!(3));
    assert_eq!(replayed.calls, ["poll[1].look", "poll[2].look", "after"]);
    check(&[&flow], json!({}), echo);
}

#[test]
fn a_repeat_can_wait_inside_and_between_its_times() {
    let flow = "
flow: f
steps:
  - id: poll
    repeat:
      - { id: pause, wait: { for: 1h } }
      - { id: look, call: sys.read, with: { n: '{{ iteration.index }}' } }
    until: look.n == 1
    max: 3
    every: 5m
outputs: { count: poll.count }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "count": 2 }));
    assert_eq!(calls, ["poll[0].look", "poll[1].look"]);
}

#[test]
fn next_in_a_repeat_reads_the_condition_and_break_ends_it_well() {
    let flow = "
flow: f
vars: { seen: { type: integer, default: 0 } }
steps:
  - id: poll
    repeat:
      - set: { seen: vars.seen + 1 }
      - { if: vars.seen == LEAVE, LEAVING: true }
      - { id: look, call: sys.read, with: { n: '{{ vars.seen }}' } }
    until: vars.seen == 2
    max: 9
outputs: { count: poll.count, seen: vars.seen }
";
    let with = |leave: &str, leaving: &str| {
        let flow = flow.replace("LEAVE,", &format!("{leave},")).replace("LEAVING", leaving);
        check(&[&flow], json!({}), echo)
    };
    let (outcome, calls) = with("1", "next");
    assert_eq!(succeeded(&outcome), &json!({ "count": 2, "seen": 2 }));
    assert_eq!(calls, ["poll[1].look"]);
    let (outcome, calls) = with("1", "break");
    assert_eq!(succeeded(&outcome), &json!({ "count": 1, "seen": 1 }));
    assert!(calls.is_empty());
}

#[test]
fn a_failure_in_a_repeat_ends_it_and_its_own_handler_sees_the_steps_of_that_time() {
    let flow = "
flow: f
steps:
  - id: poll
    repeat:
      - { id: first, call: sys.read, with: { n: '{{ iteration.index }}' } }
      - { if: iteration.index == 1, call: sys.read, with: { fail: conflict } }
    until: 'false'
    max: 9
    on_error: [ { id: told, call: sys.read, with: { n: '{{ first.n }}', at: '{{ error.step }}' } } ]
outputs: { n: told.n, at: told.at }
";
    let (outcome, _) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "n": 1, "at": "poll[1].#2" }));
}

#[test]
fn a_repeat_is_cancelled_while_it_waits_for_its_next_time() {
    let flow = POLL.replace("max: 5", "max: 5\n    every: 10m") + "on_cancel: [ { log: bye } ]\n";
    let mut played = Played::begin(&[&flow], json!({}), echo);
    played.play_to_timer();
    cancel(&mut played);
    let mut again = played.interrupted_at(played.journal.len());
    assert_eq!(played.play(), Some(Outcome::Cancelled));
    assert_eq!(again.play(), Some(Outcome::Cancelled));
    assert_eq!(played.calls, ["poll[0].look"]);
    let states = |played: &Played| played.run.open_steps().len();
    assert_eq!((states(&played), states(&again)), (0, 0));
}

#[test]
fn a_repeat_that_does_not_end_in_time_fails_as_a_timeout() {
    let flow = POLL.replace("max: 5", "max: 5\n    every: 1h\n    timeout: 10m");
    let (outcome, _) = check(&[&flow], json!({}), echo);
    assert_eq!(plain(&outcome)["kind"], json!("timeout"));
    assert_eq!(plain(&outcome)["at"], json!("poll"));
}

// --- parallel

const GATHER: &str = "
flow: f
steps:
  - id: gather
    parallel:
      emails:
        - { id: a1, call: sys.read, with: { n: 1 } }
        - { id: a2, call: sys.read, with: { n: '{{ a1.n }}', fail: FAIL } }
      tickets:
        - { id: b1, call: sys.read, with: { n: 2 } }
        - { id: b2, call: sys.read, with: { n: '{{ b1.n }}' } }
        - { id: b3, call: sys.read, with: { n: '{{ b2.n }}' } }
  - { id: after, call: sys.read, with: { n: '{{ b3.n }}' } }
outputs: { ok: gather.succeeded, failed: gather.failed, sum: b3.n + a1.n }
";

#[test]
fn branches_run_at_the_same_time_and_their_steps_can_be_read_after() {
    let flow = GATHER.replace(", fail: FAIL", "");
    let (outcome, calls) = check(&[&flow], json!({}), echo);
    let expected = json!({ "ok": ["emails", "tickets"], "failed": [], "sum": 3 });
    assert_eq!(succeeded(&outcome), &expected);
    let order = [
        "gather/emails.a1",
        "gather/tickets.b1",
        "gather/emails.a2",
        "gather/tickets.b2",
        "gather/tickets.b3",
        "after",
    ];
    assert_eq!(calls, order);
}

#[test]
fn a_failed_branch_stops_the_others_and_its_error_goes_up() {
    let flow = GATHER.replace("FAIL", "conflict");
    let (outcome, calls) = check(&[&flow], json!({}), echo);
    assert_eq!(plain(&outcome)["kind"], json!("conflict"));
    assert_eq!(plain(&outcome)["at"], json!("gather/emails.a2"));
    assert!(!calls.contains(&"gather/tickets.b3".to_owned()), "{calls:?}");
}

#[test]
fn a_failed_branch_is_named_and_the_others_go_on_where_the_parallel_says_so() {
    let flow = GATHER.replace("FAIL", "conflict").replace(
        "  - { id: after",
        "    on_branch_error: continue\n  - { id: why, call: sys.read, with: { kind: '{{ gather.errors.0.error.kind }}' } }\n  - { id: after",
    );
    let flow = flow.replace("outputs: {", "outputs: { why: why.kind, ");
    let (outcome, calls) = check(&[&flow], json!({}), echo);
    let expected = json!({ "why": "conflict", "ok": ["tickets"], "failed": ["emails"], "sum": 3 });
    assert_eq!(succeeded(&outcome), &expected);
    assert_eq!(calls.len(), 7);
    let mut played = Played::begin(&[&flow], json!({}), echo);
    played.play();
    assert_eq!(played.run.caught(), 1);
}

#[test]
fn a_write_under_way_in_another_branch_is_waited_for_when_a_branch_fails() {
    let flow = "
flow: f
steps:
  - parallel:
      reading: [ { id: a, call: sys.read, with: { n: 1 } } ]
      writing: [ { id: b, call: sys.write, with: { n: 2 } }, { id: c, call: sys.read } ]
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    let turn = played.run.next().expect("the run can go on");
    let ops: Vec<u64> = turn.commands.iter().filter_map(|command| command.op()).collect();
    played.journal.extend(turn.entries);
    let (a, b) = (path("#1/reading.a"), path("#1/writing.b"));
    let look = Arc::new(Look {
        found: json!({}),
        changes: vec![json!(1)],
        effect: Effect::Create,
        chunks: 1,
        variant: None,
    });
    let (input, request) = (Arc::new(json!({ "n": 2 })), "POST /b".to_owned());
    played.record(Event::Intended(Box::new(Intended {
        path: b.clone(),
        op: ops[1],
        attempt: 1,
        chunk: 0,
        input,
        look,
        request,
    })));
    let error = RunError::new(ErrorKind::Conflict, "no", &a);
    let failed = Failed { path: a, op: ops[0], input: None, error, next: None };
    played.record(Event::Failed(Box::new(failed)));
    for mut run in [played.interrupted_at(played.journal.len()), played] {
        run.run.next().expect("the run can go on");
        assert_eq!(run.run.outcome(), None, "the write is not settled");
        run.record(Event::Succeeded(Box::new(Succeeded {
            path: b.clone(),
            op: ops[1],
            attempt: 1,
            input: None,
            wrote: None,
            output: Some(Arc::new(json!({}))),
            effect: Effect::Create,
            changes: 1,
        })));
        let outcome = run.play().expect("the run ends");
        assert_eq!(plain(&outcome)["failed"], json!("no"));
        assert!(run.calls.is_empty(), "nothing new was started: {:?}", run.calls);
    }
}

#[test]
fn all_branches_are_stopped_when_the_run_is_cancelled() {
    let flow = "
flow: f
steps:
  - id: gather
    parallel:
      one: [ { id: a, wait: { for: 1h } }, { id: never, call: sys.read } ]
      two: [ { id: b, ask: { form: { n: { type: integer } } } } ]
on_cancel: [ { id: bye, call: sys.read } ]
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    played.play_to_timer();
    cancel(&mut played);
    let mut again = played.interrupted_at(played.journal.len());
    for run in [&mut played, &mut again] {
        assert_eq!(run.play(), Some(Outcome::Cancelled));
        assert_eq!(run.calls, ["/on_cancel.bye"]);
    }
}

#[test]
fn a_parallel_that_does_not_end_in_time_fails_as_a_timeout_also_where_branches_may_fail() {
    let flow = "
flow: f
steps:
  - id: gather
    timeout: 10m
    on_branch_error: continue
    parallel:
      slow: [ { id: a, wait: { for: 1h } }, { id: never, call: sys.read } ]
      done: [ { id: b, call: sys.read, with: { n: 1 } } ]
    on_error: [ { id: told, call: sys.read, with: { kind: '{{ error.kind }}', n: '{{ b.n }}' } } ]
outputs: { kind: told.kind, n: told.n }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    // The deadline is the first timer; the call answers before it is due.
    let turn = played.run.next().expect("the run can go on");
    played.journal.extend(turn.entries);
    let (timers, calls): (Vec<_>, Vec<_>) =
        turn.commands.into_iter().partition(|one| matches!(one, Command::Timer { .. }));
    played.open.extend(calls.into_iter().chain(timers));
    let outcome = played.play().expect("the run ends");
    assert_eq!(succeeded(&outcome), &json!({ "kind": "timeout", "n": 1 }));
    assert_eq!(played.calls, ["gather/done.b", "gather/on_error.told"]);
}

#[test]
fn many_iterations_beside_each_other_with_branches_and_breaks_end_as_one_would() {
    let flow = "
flow: f
steps:
  - id: all
    for_each: range(0, 500)
    as: n
    parallel: 64
    on_item_error: continue
    collect: n
    steps:
      - { if: n % 5 == 4, next: true }
      - parallel:
          left: [ { call: sys.read, with: { n: '{{ n }}' } } ]
          right: [ { call: sys.read, with: { n: '{{ n }}' } } ]
      - { if: n == 300, break: true }
outputs: { succeeded: all.succeeded, skipped: all.skipped, first: 'all.items[4]', sum: all.failed }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    let outcome = played.play().expect("the run ends");
    let outputs = succeeded(&outcome);
    assert!(outputs["succeeded"].as_u64() >= Some(200), "{outputs}");
    assert_eq!((&outputs["first"], &outputs["sum"]), (&json!(5), &json!(0)));
    let again = played.interrupted_at(played.journal.len());
    assert_eq!(again.run.outcome(), Some(&outcome));
}

// --- next and break

const LOOP: &str = "
flow: f
steps:
  - id: all
    for_each: '[1, 2, 3, 4]'
    as: item
    collect: one.n
    steps:
      - { if: item == 2, LEAVING: true }
      - { id: one, call: sys.read, with: { n: '{{ item }}' } }
outputs: { items: all.items, count: all.count, succeeded: all.succeeded, skipped: all.skipped, failed: all.failed }
";

#[test]
fn next_leaves_its_iteration_which_is_counted_as_skipped() {
    let (outcome, calls) = check(&[&LOOP.replace("LEAVING", "next")], json!({}), echo);
    let expected =
        json!({ "items": [1, 3, 4], "count": 4, "succeeded": 3, "skipped": 1, "failed": 0 });
    assert_eq!(succeeded(&outcome)["items"], expected["items"]);
    assert_eq!(succeeded(&outcome), &expected);
    assert_eq!(calls, ["all[0].one", "all[2].one", "all[3].one"]);
}

#[test]
fn break_ends_the_loop_well_and_starts_no_more_items() {
    let (outcome, calls) = check(&[&LOOP.replace("LEAVING", "break")], json!({}), echo);
    let expected = json!({ "items": [1], "count": 2, "succeeded": 1, "skipped": 0, "failed": 0 });
    assert_eq!(succeeded(&outcome), &expected);
    assert_eq!(calls, ["all[0].one"]);
}

#[test]
fn break_in_a_parallel_loop_stops_what_runs_beside_it() {
    let flow = LOOP.replace("LEAVING", "break").replace("as: item", "as: item\n    parallel: 3");
    let (outcome, calls) = check(&[&flow], json!({}), echo);
    assert_eq!(succeeded(&outcome)["failed"], json!(0));
    assert_eq!(succeeded(&outcome)["count"], json!(3));
    assert!(!calls.contains(&"all[3].one".to_owned()), "{calls:?}");
}

#[test]
fn what_an_iteration_collected_before_a_break_beside_it_is_kept() {
    let flow = "
flow: f
steps:
  - id: all
    for_each: '[1, 2]'
    as: item
    parallel: 2
    collect: item
    steps:
      - { id: one, call: sys.read, with: { n: '{{ item }}' } }
      - { if: item == 2, break: true }
outputs: { items: all.items }
";
    let (outcome, _) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "items": [1] }));
}

#[test]
fn break_inside_a_branch_leaves_the_loop_around_the_parallel() {
    let flow = "
flow: f
steps:
  - id: all
    for_each: '[1, 2, 3]'
    as: item
    steps:
      - id: both
        on_branch_error: continue
        parallel:
          left: [ { id: l, call: sys.read, with: { n: '{{ item }}' } }, { if: item == 2, break: true } ]
          right: [ { id: pause, wait: { for: 1h } }, { id: r, call: sys.read, with: { n: '{{ item }}' } } ]
      - { id: end, call: sys.read, with: { n: '{{ item }}' } }
outputs: { count: all.count, succeeded: all.succeeded }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "count": 2, "succeeded": 1 }));
    assert!(calls.contains(&"all[0].end".to_owned()));
    assert!(!calls.contains(&"all[1].end".to_owned()));
}

#[test]
fn next_inside_a_try_runs_its_finally_first() {
    let flow = "
flow: f
steps:
  - id: all
    for_each: '[1, 2]'
    as: item
    steps:
      - try:
          - { id: risky, call: sys.read, with: { fail: \"{{#if iteration.index}}conflict{{else}}not_found{{/if}}\" } }
        catch:
          - { on: [not_found], steps: [ { next: true } ] }
          - { on: [conflict], steps: [ { log: '{{ error.kind }}' } ] }
        finally:
          - { id: closed, call: sys.read, with: { n: '{{ item }}' } }
      - { id: end, call: sys.read, with: { n: '{{ item }}' } }
outputs: { skipped: all.skipped, succeeded: all.succeeded }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "skipped": 1, "succeeded": 1 }));
    let ended: Vec<_> = calls.iter().filter(|call| !call.contains("risky")).collect();
    assert_eq!(ended, ["all[0].#1/finally.closed", "all[1].#1/finally.closed", "all[1].end"]);
}

#[test]
fn next_in_the_handler_of_a_step_handles_its_failure() {
    let flow = "
flow: f
steps:
  - id: all
    for_each: \"['conflict', '']\"
    as: item
    steps:
      - { if: \"item != ''\", call: sys.read, with: { fail: '{{ item }}' }, on_error: [ { next: true } ] }
      - { id: end, call: sys.read, with: { n: 1 } }
outputs: { skipped: all.skipped, failed: all.failed, succeeded: all.succeeded }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "skipped": 1, "failed": 0, "succeeded": 1 }));
    assert_eq!(calls, ["all[0].#1", "all[1].end"]);
    let mut played = Played::begin(&[flow], json!({}), echo);
    played.play();
    assert_eq!(played.run.caught(), 1);
}

#[test]
fn next_and_break_act_on_the_nearest_loop() {
    let flow = "
flow: f
steps:
  - id: outer
    for_each: '[1, 2]'
    as: a
    steps:
      - id: inner
        repeat:
          - { if: iteration.index == 1, break: true }
          - { id: one, call: sys.read, with: { n: '{{ a }}' } }
        until: 'false'
        max: 5
      - { id: end, call: sys.read, with: { n: '{{ inner.count }}' } }
outputs: { succeeded: outer.succeeded }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "succeeded": 2 }));
    let expected =
        ["outer[0].inner[0].one", "outer[0].end", "outer[1].inner[0].one", "outer[1].end"];
    assert_eq!(calls, expected);
}

// --- decide

const ROUTE: &str = "
flow: f
inputs: { n: { type: integer, required: true } }
steps:
  - id: route
    decide:
      - { when: inputs.n > 100, result: { group: major, hours: 1 } }
      - when: inputs.n > 10
        result: { group: desk, hours: '{{ inputs.n }}' }
        steps: [ { id: told, call: sys.read, with: { n: '{{ inputs.n }}' } } ]
    default: { result: { group: backlog, hours: 40 } }
outputs: { route: route, told: told != null }
";

#[test]
fn the_first_row_that_holds_decides_and_the_default_where_none_does() {
    let decided = |n: i64| {
        let (outcome, calls) = check(&[ROUTE], json!({ "n": n }), echo);
        (succeeded(&outcome).clone(), calls)
    };
    let (outputs, calls) = decided(101);
    assert_eq!(outputs, json!({ "route": { "group": "major", "hours": 1 }, "told": false }));
    assert!(calls.is_empty());
    let (outputs, calls) = decided(11);
    assert_eq!(outputs, json!({ "route": { "group": "desk", "hours": 11 }, "told": true }));
    assert_eq!(calls, ["route/row_2.told"]);
    let (outputs, _) = decided(1);
    assert_eq!(outputs, json!({ "route": { "group": "backlog", "hours": 40 }, "told": false }));
}

#[test]
fn a_decision_without_a_default_is_null_where_no_row_holds() {
    let flow = ROUTE.replace("    default: { result: { group: backlog, hours: 40 } }\n", "");
    let (outcome, _) = check(&[&flow], json!({ "n": 1 }), echo);
    assert_eq!(succeeded(&outcome), &json!({ "route": null, "told": false }));
}

const ALL: &str = "
flow: f
inputs: { n: { type: integer, required: true } }
steps:
  - id: tags
    match: all
    decide:
      - { when: inputs.n > 1, result: small, steps: [ { id: a, call: sys.read, with: { fail: FAIL } }, { id: b, call: sys.read, with: { n: 1 } } ] }
      - { when: inputs.n > 3, result: middle, steps: [ { id: c, call: sys.read, with: { n: 2 } } ] }
      - { when: inputs.n > 2, result: [3] }
    default: { result: none, steps: [ { id: d, call: sys.read, with: { n: 3 } } ] }
outputs: { tags: tags, c: c != null }
";

#[test]
fn each_row_that_holds_decides_where_all_are_matched_one_after_the_other() {
    let flow = ALL.replace("{ fail: FAIL }", "{ n: 0 }");
    let (outcome, calls) = check(&[&flow], json!({ "n": 4 }), echo);
    assert_eq!(succeeded(&outcome), &json!({ "tags": ["small", "middle", [3]], "c": true }));
    assert_eq!(calls, ["tags/row_1.a", "tags/row_1.b", "tags/row_2.c"]);
    let (outcome, calls) = check(&[&flow], json!({ "n": 1 }), echo);
    assert_eq!(succeeded(&outcome), &json!({ "tags": ["none"], "c": false }));
    assert_eq!(calls, ["tags/default.d"]);
}

#[test]
fn a_failure_in_the_steps_of_a_row_starts_no_later_row() {
    let flow = ALL.replace("FAIL", "conflict");
    let (outcome, calls) = check(&[&flow], json!({ "n": 4 }), echo);
    assert_eq!(plain(&outcome)["at"], json!("tags/row_1.a"));
    assert_eq!(calls, ["tags/row_1.a"]);
}

#[test]
fn a_condition_that_cannot_be_read_fails_the_decision() {
    let flow = "
flow: f
inputs: { who: { type: object } }
steps:
  - { id: route, decide: [ { when: inputs.who.name == 'x', result: 1 } ] }
";
    let (outcome, _) = check(&[flow], json!({ "who": null }), echo);
    assert_eq!(plain(&outcome)["kind"], json!("invalid_input"));
    let message = plain(&outcome)["failed"].to_string();
    assert!(message.contains("when of row 1"), "{message}");
}

#[test]
fn a_row_can_leave_the_loop_around_its_decision() {
    let flow = "
flow: f
steps:
  - id: all
    for_each: '[1, 2, 3]'
    as: item
    steps:
      - decide:
          - { when: item == 1, steps: [ { next: true } ] }
          - { when: item == 3, steps: [ { break: true } ] }
      - { id: one, call: sys.read, with: { n: '{{ item }}' } }
outputs: { skipped: all.skipped, succeeded: all.succeeded, count: all.count }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "skipped": 1, "succeeded": 1, "count": 3 }));
    assert_eq!(calls, ["all[1].one"]);
}

// --- dry runs

fn unknown_inputs() -> Value {
    json!({ "n": unknown("n", "integer", "n of the upstream") })
}

#[test]
fn an_unknown_condition_gives_one_time_and_unknown_outputs() {
    let flow = POLL
        .replace("look.n >= 2", "inputs.n == 1")
        .replace("steps:\n  - id: poll", "inputs: { n: { type: integer } }\nsteps:\n  - id: poll");
    let mut played = Played::dry(&[&flow], unknown_inputs(), echo);
    let outcome = played.play().expect("the dry run ends");
    assert_eq!(played.calls, ["poll[0].look", "after"]);
    assert!(as_unknown(&succeeded(&outcome)["last"]).is_some());
}

#[test]
fn a_dry_run_does_not_poll_for_what_it_cannot_see_change() {
    let flow =
        POLL.replace("look.n >= 2", "look.n == 9").replace("max: 5", "max: 5\n    every: 1m");
    let mut played = Played::dry(&[&flow], json!({}), echo);
    played.play().expect("the dry run ends");
    assert_eq!(played.calls, ["poll[0].look", "after"]);
}

#[test]
fn each_row_that_may_hold_is_played_as_one_that_may_run() {
    let mut played = Played::dry(&[ROUTE], unknown_inputs(), echo);
    let outcome = played.play().expect("the dry run ends");
    assert_eq!(played.calls, ["route/row_2.told"]);
    assert!(as_unknown(&succeeded(&outcome)["route"]).is_some());
    let rows = played.journal.iter().find_map(|entry| match &entry.event {
        Event::Decided { decision: Decision::Rows { rows, .. }, .. } => Some(rows.clone()),
        _ => None,
    });
    let rows = rows.expect("the rows were decided");
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.may));
}

#[test]
fn a_call_whose_own_condition_is_unknown_is_played_as_one_that_may_run() {
    for kind in ["sys.read", "sys.write"] {
        let flow = format!(
            "
flow: f
inputs: {{ n: {{ type: integer }} }}
steps:
  - {{ id: x, if: inputs.n == 1, call: {kind}, with: {{ a: 1 }} }}
  - {{ id: after, call: sys.read }}
outputs: {{ x: x }}
"
        );
        let mut played = Played::dry(&[&flow], unknown_inputs(), echo);
        let outcome = played.play().expect("the dry run ends");
        assert_eq!(played.calls, ["x", "after"], "{kind}");
        assert!(as_unknown(&succeeded(&outcome)["x"]).is_some(), "{kind}");
    }
}

#[test]
fn the_steps_of_an_unknown_condition_without_else_may_run() {
    let check = |then: &str, may: &[&str]| {
        let flow = format!(
            "
flow: f
inputs: {{ n: {{ type: integer }} }}
steps:
  - if: inputs.n == 1
    then:
      - {{ id: inner, call: sys.read, with: {{ a: 1 }} }}
      - {then}
  - {{ id: after, call: sys.read }}
outputs: {{ inner: inner }}
"
        );
        let mut played = Played::dry(&[&flow], unknown_inputs(), echo);
        let outcome = played.play().expect("the dry run ends");
        assert_eq!(played.calls, ["#1/then.inner", "after"], "{then}");
        assert_eq!(played.may, may, "{then}");
        assert!(as_unknown(&succeeded(&outcome)["inner"]).is_some(), "{then}");
    };
    check("{ end: true }", &["#1/then.inner", "after"]);
    check("{ fail: no }", &["#1/then.inner", "after"]);
    check("{ log: yes }", &["#1/then.inner"]);
}

#[test]
fn what_may_be_left_ends_with_what_is_around_it() {
    let flow = "
flow: f
inputs: { n: { type: integer } }
steps:
  - id: guarded
    try:
      - { if: inputs.n == 1, fail: no }
      - { id: tried, call: sys.read }
    catch:
      - { id: caught, call: sys.read }
  - id: walk
    for_each: \"[1, 2]\"
    as: one
    steps:
      - { if: inputs.n == 1, break: true }
      - { id: inside, call: sys.read }
  - { id: after, call: sys.read }
outputs: { n: walk.succeeded }
";
    let mut played = Played::dry(&[flow], unknown_inputs(), echo);
    let outcome = played.play().expect("the dry run ends");
    let may = ["guarded/try.tried", "guarded/catch_1.caught", "walk[0].inside", "walk[1].inside"];
    assert_eq!(played.may, may);
    assert_eq!(played.calls.last().map(String::as_str), Some("after"));
    assert!(as_unknown(&succeeded(&outcome)["n"]).is_some());
}

/// Each clause that may be entered is played once; what is handled goes no further up.
#[test]
fn what_may_fail_may_be_caught() {
    let flow = "
flow: f
inputs: { n: { type: integer } }
steps:
  - try:
      - { if: inputs.n == 1, fail: { message: one, kind: conflict } }
      - for_each: \"[1, 2]\"
        as: item
        on_item_error: continue
        steps: [ { if: inputs.n == 2, fail: { message: item, kind: not_found } } ]
      - { if: inputs.n == 3, fail: { message: passed, kind: not_found }, on_error: continue }
      - try: [ { if: inputs.n == 4, fail: { message: again, kind: conflict } } ]
        catch: [ { on: timeout, steps: [ { id: inner, call: sys.read } ] } ]
      - { if: inputs.n == 5, fail: { message: last, kind: timeout } }
    catch:
      - { on: conflict, steps: [ { id: first, call: sys.read, with: { a: \"{{ error.message }}\" } } ] }
      - { on: not_found, steps: [ { id: second, call: sys.read } ] }
      - { steps: [ { id: third, call: sys.read, with: { a: \"{{ error.message }}\" } } ] }
    finally: [ { id: finally, call: sys.read } ]
  - { id: after, call: sys.read }
outputs: {}
";
    let mut played = Played::dry(&[flow], unknown_inputs(), echo);
    succeeded(&played.play().expect("the dry run ends"));
    let expected = ["#1/catch_1.first", "#1/catch_3.third", "#1/finally.finally", "after"];
    assert_eq!(played.calls, expected);
    assert_eq!(played.may, &expected[..2]);
}

#[test]
fn a_variable_that_may_have_been_set_is_unknown() {
    let flow = "
flow: f
inputs: { n: { type: integer } }
vars: { k: { type: string, default: none }, same: { type: integer, default: 1 } }
steps:
  - if: inputs.n == 1
    then: [ { set: { k: \"'one'\", same: 1 + 0 } } ]
    else: [ { set: { k: \"'other'\" } } ]
  - { id: after, if: vars.k == 'other', call: sys.read }
outputs: { k: vars.k, same: vars.same }
";
    let mut played = Played::dry(&[flow], unknown_inputs(), echo);
    let outcome = played.play().expect("the dry run ends");
    assert_eq!(played.may, ["after"]);
    let outputs = succeeded(&outcome);
    assert!(as_unknown(&outputs["k"]).is_some());
    assert_eq!(outputs["same"], 1);
}

#[test]
fn a_dry_run_repeats_what_hangs_on_nothing_outside() {
    let flow = "
flow: f
vars: { n: { type: integer, default: 0 } }
steps:
  - id: count
    repeat: [ { set: { n: vars.n + 1 } } ]
    until: vars.n >= 3
    max: 5
    every: 1m
outputs: { n: vars.n }
";
    let mut played = Played::dry(&[flow], json!({}), echo);
    let outcome = played.play().expect("the dry run ends");
    assert_eq!(succeeded(&outcome)["n"], 3);
}

#[test]
fn branches_of_a_dry_run_are_certain() {
    let flow = GATHER.replace(", fail: FAIL", "");
    let mut played = Played::dry(&[&flow], json!({}), echo);
    let outcome = played.play().expect("the dry run ends");
    assert_eq!(succeeded(&outcome)["sum"], json!(3));
}

// --- the states of what was stopped

#[test]
fn steps_behind_a_next_were_skipped() {
    let flow = "
flow: f
steps:
  - id: once
    repeat:
      - { id: a, next: true }
      - { id: b, call: sys.read }
    until: 'true'
    max: 1
outputs: { a: steps.a.status, b: steps.b.status }
";
    let (outcome, _) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "a": "succeeded", "b": "skipped" }));
}

#[test]
fn a_failed_attempt_in_a_branch_is_tried_again_beside_the_others() {
    let flow = "
flow: f
steps:
  - parallel:
      a: [ { id: one, call: sys.read, with: { n: 1 }, retry: { attempts: 2, backoff: 5s } } ]
      b: [ { id: two, call: sys.read, with: { n: 2 } } ]
outputs: { attempts: steps.one.attempts }
";
    let first_fails = |_: &str, input: &Value, attempt: u32| match (input["n"].as_i64(), attempt) {
        (Some(1), 1) => Err(ActionError::new(ErrorKind::Unavailable, "down")),
        _ => Ok(input.clone()),
    };
    let (outcome, calls) = check(&[flow], json!({}), first_fails);
    assert_eq!(succeeded(&outcome), &json!({ "attempts": 2 }));
    assert_eq!(calls, ["#1/a.one", "#1/b.two", "#1/a.one"]);
}
