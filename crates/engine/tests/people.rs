//! Steps that wait for somebody: signals and approvals, first time, replayed, interrupted.

use std::sync::Arc;

use linchpin_engine::run::Waiting;
use linchpin_engine::{Event, Run};
use linchpin_language::json;

use crate::played::{Played, check_with, echo, plain, succeeded};

/// Sends the signal that the first open step waits for.
fn sends(run: &Run) -> Option<Event> {
    run.open_steps().into_iter().find_map(|step| match step.waiting {
        Some(Waiting::Signal { name }) => {
            let payload = Arc::new(json!({ "for": step.path.to_string() }));
            Some(Event::Signalled { name, payload, by: "billing".to_owned() })
        }
        _ => None,
    })
}

fn signal(name: &str, n: u64) -> Event {
    let payload = Arc::new(json!(n));
    Event::Signalled { name: name.to_owned(), payload, by: "billing".to_owned() }
}

fn approves(run: &Run) -> Option<Event> {
    judges(run, true)
}

fn refuses(run: &Run) -> Option<Event> {
    judges(run, false)
}

fn judges(run: &Run, approved: bool) -> Option<Event> {
    let path = run.asks().first().filter(|ask| ask.is_approval)?.path.clone();
    let (by, note) = ("ana@example.test".to_owned(), Some("as agreed".to_owned()));
    let form = if approved { json!({ "limit": 5 }) } else { json!(null) };
    Some(Event::Approval { path, approved, by, note, form })
}

const PAID: &str = "
flow: f
steps:
  - { id: paid, wait: { signal: paid, timeout: 2h } }
  - { id: told, call: sys.read, with: { by: '{{ paid.for }}' } }
outputs: { by: told.by }
";

#[test]
fn a_wait_for_a_signal_gives_its_payload() {
    let (outcome, calls) = check_with(&[PAID], json!({}), echo, sends);
    assert_eq!(succeeded(&outcome), &json!({ "by": "paid" }));
    assert_eq!(calls, ["told"]);
}

#[test]
fn a_signal_that_does_not_come_in_time_is_a_timeout() {
    let (outcome, calls) = check_with(&[PAID], json!({}), echo, |_| None);
    assert_eq!(plain(&outcome)["kind"], json!("timeout"));
    assert_eq!(plain(&outcome)["at"], json!("paid"));
    assert!(calls.is_empty());
}

const TWICE: &str = "
flow: f
steps:
  - wait: { for: 1h }
  - { id: a, wait: { signal: paid } }
  - { id: b, after: [], wait: { signal: other } }
  - { id: c, after: [a], wait: { signal: paid } }
outputs: { a: a, b: b, c: c }
";

#[test]
fn signals_sent_before_their_waits_are_kept_and_taken_oldest_first_by_name() {
    let mut played = Played::begin(&[TWICE], json!({}), echo);
    played.record(signal("paid", 1));
    played.record(signal("other", 2));
    played.record(signal("paid", 3));
    let outcome = played.play().expect("the run ends");
    assert_eq!(succeeded(&outcome), &json!({ "a": 1, "b": 2, "c": 3 }));
    for length in 5..=played.journal.len() {
        let mut again = played.interrupted_at(length);
        let outcome_again = again.play().expect("an interrupted run ends");
        assert_eq!(plain(&outcome_again), plain(&outcome), "interrupted after {length} entries");
    }
}

#[test]
fn one_signal_is_taken_by_the_first_of_two_waits_for_it() {
    let flow = "
flow: f
steps:
  - { id: a, after: [], wait: { signal: paid } }
  - { id: b, after: [], wait: { signal: paid } }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    played.record(signal("paid", 1));
    assert_eq!(played.play(), None);
    let open: Vec<String> =
        played.run.open_steps().iter().map(|step| step.path.to_string()).collect();
    assert_eq!(open, ["b"]);
}

#[test]
fn a_run_keeps_a_hundred_signals_and_takes_none_that_no_step_waits_for() {
    let mut played = Played::begin(&[TWICE], json!({}), echo);
    for n in 0..100 {
        assert_eq!(played.run.refuses(&signal("paid", n)), None);
        played.record(signal("paid", n));
    }
    let full = played.run.refuses(&signal("paid", 100)).expect("the hundred and first");
    assert!(full.contains("100 signals"), "{full}");
    let unknown = played.run.refuses(&signal("paids", 1)).expect("a name that no step has");
    assert!(unknown.contains("did you mean paid?"), "{unknown}");
}

#[test]
fn a_cancelled_run_stops_waiting_for_its_signal() {
    use linchpin_engine::event::{Control, Outcome};
    let mut played = Played::begin(&[TWICE], json!({}), echo);
    played.record(Event::Controlled { control: Control::Cancel, by: "ana".to_owned() });
    assert_eq!(played.play(), Some(Outcome::Cancelled));
}

fn approval(more: &str) -> String {
    format!(
        "
flow: f
steps:
  - id: ok
    approval:
      message: Go?
      from: [hr_ops]
      timeout: 8h
      form: {{ limit: {{ type: integer }} }}
{more}
  - {{ id: after, call: sys.read, with: {{ by: '{{{{ ok.by }}}}', limit: '{{{{ ok.form.limit }}}}' }} }}
outputs: {{ approved: ok.approved, by: ok.by, note: ok.note, limit: after.limit }}
"
    )
}

#[test]
fn an_approval_gives_who_said_yes_and_what_they_filled_in() {
    let (outcome, calls) = check_with(&[&approval("")], json!({}), echo, approves);
    let expected =
        json!({ "approved": true, "by": "ana@example.test", "note": "as agreed", "limit": 5 });
    assert_eq!(succeeded(&outcome), &expected);
    assert_eq!(calls, ["after"]);
}

#[test]
fn a_refusal_fails_the_step_as_rejected_with_the_note() {
    let (outcome, calls) = check_with(&[&approval("")], json!({}), echo, refuses);
    assert_eq!(plain(&outcome)["kind"], json!("rejected"));
    assert_eq!(plain(&outcome)["failed"], json!("ana@example.test refused: as agreed"));
    assert!(calls.is_empty());
}

#[test]
fn a_refusal_may_end_the_flow_well_or_go_on() {
    let ends = approval("      on_reject: end");
    let (outcome, calls) = check_with(&[&ends], json!({}), echo, refuses);
    let expected = json!({
        "approved": false, "by": "ana@example.test", "note": "as agreed", "limit": null,
    });
    let outputs =
        ends.replace("limit: after.limit }", "limit: 'after == null ? null : after.limit' }");
    let (ended, _) = check_with(&[&outputs], json!({}), echo, refuses);
    assert_eq!(succeeded(&ended), &expected);
    assert!(calls.is_empty());
    // Reading a field of a step that was never reached is told as such.
    assert_eq!(plain(&outcome)["kind"], json!("invalid_input"));
    let goes_on = approval("      on_reject: continue")
        .replace(", limit: '{{ ok.form.limit }}'", "")
        .replace(", limit: after.limit }", " }");
    let (outcome, calls) = check_with(&[&goes_on], json!({}), echo, refuses);
    assert_eq!(succeeded(&outcome)["approved"], json!(false));
    assert_eq!(calls, ["after"]);
}

#[test]
fn an_approval_that_nobody_gives_in_time_counts_as_refused_or_as_given() {
    let (outcome, _) = check_with(&[&approval("")], json!({}), echo, |_| None);
    assert_eq!(plain(&outcome)["kind"], json!("rejected"));
    assert_eq!(plain(&outcome)["failed"], json!("nobody approved in time"));
    let given = approval("      on_timeout: approve").replace(
        "steps:\n  - id: ok",
        "vars: { n: { type: integer, default: 1 } }\nsteps:\n  - id: ok",
    );
    let given = given.replace(", limit: '{{ ok.form.limit }}'", "");
    let given = given.replace(", limit: after.limit }", " }");
    let given = given.replace("with: { by: '{{ ok.by }}' }", "with: { n: 1 }");
    let (outcome, calls) = check_with(&[&given], json!({}), echo, |_| None);
    let expected = json!({ "approved": true, "by": null, "note": null });
    assert_eq!(succeeded(&outcome), &expected);
    assert_eq!(calls, ["after"]);
}

#[test]
fn a_yes_is_no_answer_to_a_question_and_an_answer_no_yes() {
    let flow = "
flow: f
steps:
  - { id: choice, ask: { form: { n: { type: integer } } } }
  - { id: ok, after: [], approval: { message: Go?, from: hr_ops } }
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    assert_eq!(played.play(), None);
    let by = "ana".to_owned();
    let (choice, ok) = ("choice".parse().expect("a path"), "ok".parse().expect("a path"));
    let yes = Event::Approval {
        path: choice,
        approved: true,
        by: by.clone(),
        note: None,
        form: json!(null),
    };
    let answer = Event::Answered { path: ok, values: json!({}), by };
    for event in [yes, answer] {
        let entry = linchpin_engine::Entry { at: played.run.now(), event };
        assert!(played.run.apply(&entry).is_err());
    }
}
