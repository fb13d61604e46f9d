//! Taking back what a run has changed: first time, replayed, interrupted.

use linchpin_connector::{ActionError, Effect, ErrorKind, Wrote};
use linchpin_engine::command::Command;
use linchpin_engine::event::{Control, Outcome};
use linchpin_engine::run::Standing;
use linchpin_engine::{Entry, Event, Run};
use linchpin_language::{Value, json};

use crate::played::{Played, check, echo, plain, succeeded};

const HANDLED: &str = "
flow: f
steps:
  - id: a
    call: sys.write
    with: { n: 1 }
    undo: { call: sys.write, with: { undoes: 'a{{ output.n }}' } }
  - id: each
    for_each: '[2, 3]'
    as: item
    call: sys.write
    with: { n: '{{ item }}' }
    undo: { call: sys.write, with: { undoes: '{{ item }} of {{ output.n }} at {{ iteration.index }}' } }
  - { id: silent, call: sys.write, with: { n: 4 } }
  - { id: broken, call: sys.read, with: { fail: conflict } }
on_error:
  - { id: back, undo: all }
  - { id: told, call: sys.read, with: { n: '{{ back.undone }}' } }
";

/// The inputs of the calls that took something back, in their order.
fn undone(played: &Played) -> Vec<String> {
    let input = |entry: &Entry| match &entry.event {
        Event::Succeeded(succeeded) => {
            let input = succeeded.input.as_ref()?.get("undoes")?.as_str().map(str::to_owned);
            input.filter(|_| succeeded.path.to_string().starts_with("#undo"))
        }
        _ => None,
    };
    played.journal.iter().filter_map(input).collect()
}

#[test]
fn undo_all_takes_back_every_write_newest_first_with_what_it_gave() {
    let mut played = Played::begin(&[HANDLED], json!({}), echo);
    let outcome = played.play().expect("the run ends");
    assert_eq!(plain(&outcome)["kind"], json!("conflict"));
    assert_eq!(undone(&played), ["3 of 3 at 1", "2 of 2 at 0", "a1"]);
    assert!(played.run.undo_left().is_empty());
    let (_, calls) = check(&[HANDLED], json!({}), echo);
    let after = calls.iter().skip_while(|call| *call != "broken").skip(1);
    let after: Vec<&str> = after.map(String::as_str).collect();
    assert_eq!(after, ["#undo[2].output", "#undo[1].output", "#undo[0].a", "/on_error.told"]);
}

fn stubborn(action: &str, input: &Value, attempt: u32) -> Result<Value, ActionError> {
    match input.get("undoes").and_then(Value::as_str) {
        Some("2 of 2 at 0") => Err(ActionError::new(ErrorKind::Forbidden, "it may not be undone")),
        _ => echo(action, input, attempt),
    }
}

#[test]
fn an_undo_that_fails_does_not_stop_the_others_and_is_told_as_left() {
    let mut played = Played::begin(&[HANDLED], json!({}), stubborn);
    let outcome = played.play().expect("the run ends");
    assert_eq!(undone(&played), ["3 of 3 at 1", "a1"]);
    let left = played.run.undo_left();
    let [left] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!(left.call.path.to_string(), "each[0].output");
    assert_eq!(left.error.as_deref(), Some("it may not be undone"));
    let Outcome::Failed { error } = &outcome else { panic!("{}", plain(&outcome)) };
    let also = error.others.iter().map(|error| error.message.as_str()).collect::<Vec<_>>();
    assert_eq!(
        also,
        ["1 of 3 changes could not be taken back: each[0].output: it may not be undone"]
    );
    check(&[HANDLED], json!({}), stubborn);
}

#[test]
fn a_catch_takes_back_and_the_flow_goes_on() {
    let flow = "
flow: f
steps:
  - id: safe
    try:
      - { id: a, call: sys.write, with: { n: 1 }, undo: { call: sys.write, with: { undoes: x } } }
      - { id: broken, call: sys.read, with: { fail: conflict } }
    catch:
      - { id: back, undo: all }
  - { id: after, call: sys.read, with: { n: '{{ back.undone }}' } }
outputs: { n: after.n }
";
    let (outcome, calls) = check(&[flow], json!({}), echo);
    assert_eq!(succeeded(&outcome), &json!({ "n": 1 }));
    assert_eq!(calls, ["safe/try.a", "safe/try.broken", "#undo[0].a", "after"]);
}

#[test]
fn a_cancelled_run_takes_back_what_it_did() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.write, with: { n: 1 }, undo: { call: sys.write, with: { undoes: x } } }
  - wait: { signal: go }
on_cancel: [ { undo: all } ]
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    assert_eq!(played.play(), None);
    played.record(Event::Controlled { control: Control::Cancel, by: "ana".to_owned() });
    let length = played.journal.len();
    assert_eq!(played.play(), Some(Outcome::Cancelled));
    assert_eq!(undone(&played), ["x"]);
    for length in length..=played.journal.len() {
        let mut again = played.interrupted_at(length);
        assert_eq!(again.play(), Some(Outcome::Cancelled));
        assert_eq!(undone(&again), ["x"], "interrupted after {length} entries");
    }
}

#[test]
fn what_is_left_of_a_run_that_has_ended_is_taken_back_later_and_its_outcome_stays() {
    let flow = HANDLED.replace("on_error:\n  - { id: back, undo: all }", "on_error:");
    let flow = flow.replace("n: '{{ back.undone }}'", "n: 1");
    let mut played = Played::begin(&[&flow], json!({}), stubborn);
    let outcome = played.play().expect("the run ends");
    assert_eq!(played.run.undo_left().len(), 3);
    assert!(!played.run.was_undone());
    let undo = || Event::Controlled { control: Control::Undo, by: "ana".to_owned() };
    played.record(undo());
    let length = played.journal.len();
    assert_eq!(played.play(), Some(outcome.clone()));
    assert_eq!(undone(&played), ["3 of 3 at 1", "a1"]);
    for length in length..=played.journal.len() {
        let mut again = played.interrupted_at(length);
        assert_eq!(again.play(), Some(outcome.clone()), "interrupted after {length} entries");
        assert_eq!(undone(&again), ["3 of 3 at 1", "a1"]);
    }
    played.record(undo());
    played.answer = echo;
    played.calls.clear();
    assert_eq!(played.play(), Some(outcome));
    assert_eq!(played.calls, ["#undo[1].output"]);
    assert!(played.run.undo_left().is_empty() && played.run.was_undone());
}

#[test]
fn an_undo_that_cannot_be_rendered_is_left_to_a_person() {
    let flow = HANDLED.replace("a{{ output.n }}", "a{{ output.nothing.at_all }}");
    let mut played = Played::begin(&[&flow], json!({}), echo);
    played.play().expect("the run ends");
    let left = played.run.undo_left();
    let [left] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!(left.call.path.to_string(), "a");
    assert!(left.error.as_ref().is_some_and(|why| why.starts_with("undo.with: ")), "{left:?}");
    assert_eq!(undone(&played), ["3 of 3 at 1", "2 of 2 at 0"]);
}

#[test]
fn a_run_that_goes_on_is_not_undone_from_outside() {
    let mut played = Played::begin(&[HANDLED], json!({}), echo);
    let event = Event::Controlled { control: Control::Undo, by: "ana".to_owned() };
    let entry = Entry { at: played.run.now(), event };
    assert!(played.run.apply(&entry).is_err());
    assert!(played.play().is_some());
}

/// A run that has ended and whose changes are being taken back: the first call is asked for.
fn undoing() -> (Played, Outcome) {
    let flow = HANDLED.replace("on_error:\n  - { id: back, undo: all }", "on_error:");
    let flow = flow.replace("n: '{{ back.undone }}'", "n: 1");
    let mut played = Played::begin(&[&flow], json!({}), echo);
    let outcome = played.play().expect("the run ends");
    played.record(controlled(Control::Undo));
    (played, outcome)
}

fn controlled(control: Control) -> Event {
    Event::Controlled { control, by: "ana".to_owned() }
}

#[test]
fn a_cancel_stops_what_takes_back_and_the_rest_is_left() {
    let (mut played, outcome) = undoing();
    let commands = played.run.next().expect("the run can go on").commands;
    assert!(matches!(commands.as_slice(), [Command::Run(_)]), "{commands:?}");
    played.open(commands);
    played.record(controlled(Control::Cancel));
    assert_eq!(played.play(), Some(outcome.clone()));
    assert!(undone(&played).is_empty());
    assert_eq!(played.run.undo_left().len(), 3);
    played.record(controlled(Control::Undo));
    assert_eq!(played.play(), Some(outcome));
    assert_eq!(undone(&played), ["3 of 3 at 1", "2 of 2 at 0", "a1"]);
}

#[test]
fn a_held_call_that_takes_back_does_not_keep_a_cancelled_run() {
    let (mut played, outcome) = undoing();
    let commands = played.run.next().expect("the run can go on").commands;
    let [Command::Run(call)] = commands.as_slice() else { panic!("{commands:?}") };
    let (path, reason) = (call.path.clone(), "no connection".to_owned());
    played.record(Event::Held { path, reason, limit: None, blocked: true });
    assert_eq!(played.play(), None, "the others are taken back, and it needs a person");
    assert_eq!(played.run.standing(), Standing::NeedsAttention);
    played.record(controlled(Control::Cancel));
    assert_eq!(played.play(), Some(outcome));
    assert_eq!(played.run.undo_left().len(), 1);
}

#[test]
fn a_cancelled_run_that_was_taking_back_goes_on_with_it_in_its_handler() {
    let flow = "
flow: f
steps:
  - { id: a, call: sys.write, with: { n: 1 }, undo: { call: sys.write, with: { undoes: x } } }
  - { id: b, call: sys.write, with: { n: 2 }, undo: { call: sys.write, with: { undoes: y } } }
  - try: [ { fail: no } ]
    catch: [ { undo: all } ]
on_cancel: [ { undo: all } ]
";
    let mut played = Played::begin(&[flow], json!({}), echo);
    loop {
        let commands = played.run.next().expect("the run can go on").commands;
        let is_undo = |command: &Command| match command {
            Command::Run(run) => run.path.to_string().starts_with("#undo"),
            _ => false,
        };
        let is_there = commands.iter().any(is_undo);
        played.open(commands);
        if is_there {
            break;
        }
        let next = played.open.pop_front().expect("the run goes on");
        played.perform(next);
    }
    played.record(controlled(Control::Cancel));
    assert_eq!(played.play(), Some(Outcome::Cancelled));
    assert_eq!(undone(&played), ["y", "x"]);
}

#[test]
fn writes_that_nothing_takes_back_are_known_by_their_step() {
    let mut played = Played::begin(&[HANDLED], json!({}), echo);
    played.play().expect("the run ends");
    for path in ["a", "each[0].output", "each[1].output", "silent"] {
        let at = played.journal.iter().position(
            |entry| matches!(&entry.event, Event::Succeeded(it) if it.path.to_string() == path),
        );
        let Event::Succeeded(mut succeeded) =
            played.journal[at.expect("it is there")].event.clone()
        else {
            unreachable!("it was found above")
        };
        succeeded.wrote = Some(Wrote::new(Value::Null, 1, Effect::Create));
        let at = at.expect("it is there");
        played.journal[at].event = Event::Succeeded(succeeded);
    }
    let run = Run::replay(played.program, &played.journal).expect("the journal fits");
    let lasting: Vec<_> = run.lasting().iter().map(|(at, n)| (at.to_string(), *n)).collect();
    assert_eq!(lasting, [("silent".to_owned(), 1)]);
}
