//! A host that delivers completions in every legal order, each of them twice, and goes on from a
//! checkpoint whenever nothing is pending but timers.
//!
//! What a host may rely on is that the interpreter assumes nothing of the order, asks for each
//! thing once, and refuses what it does not wait for any more.

use std::collections::BTreeSet;

use linchpin_engine::Event;
use linchpin_engine::command::Command;
use linchpin_engine::run::{Snapshot, Waiting};
use linchpin_language::{Value, json};

use crate::played::{Played, echo, plain};

/// More orders than any flow here has.
const MANY: usize = 20_000;

/// How one order went.
struct Order {
    outcome: Value,
    calls: Vec<String>,
    /// Among how many completions was chosen, each time.
    widths: Vec<usize>,
    checkpoints: usize,
}

/// Delivers the completions of a flow in the order that the choices make.
fn deliver(flow: &str, choices: &[usize], from_checkpoints: bool) -> Order {
    let mut played = Played::begin(&[flow], json!({}), echo);
    let (mut widths, mut late) = (Vec::new(), Vec::new());
    let (mut ops, mut checkpoints) = (BTreeSet::new(), 0);
    loop {
        let turn = played.run.next().expect("the run can go on");
        played.journal.extend(turn.entries);
        for command in turn.commands {
            if let Command::Cancel { op } = command {
                let is_it = |open: &Command| open.op() == Some(op);
                late.extend(played.open.iter().find(|open| is_it(open)).cloned());
                played.open.retain(|open| !is_it(open));
            } else if command.op().is_some() {
                assert!(ops.insert(command.op()), "{command:?} has a number that was used before");
                played.open.push_back(command);
            }
        }
        // What comes after it was cancelled is dropped.
        for command in &late {
            twice(&mut played, command);
        }
        if let Some(outcome) = played.run.outcome() {
            return Order { outcome: plain(outcome), calls: played.calls, widths, checkpoints };
        }
        let is_timer = |open: &Command| matches!(open, Command::Timer { .. });
        let is_quiet = played.open.iter().all(is_timer);
        if from_checkpoints && is_quiet && !played.open.is_empty() && late.is_empty() {
            let kept = played.run.snapshot().expect("a run can be written");
            let kept = Snapshot::read(&kept).expect("it is of this version");
            played.run = kept.restore(played.program.clone()).expect("it can be read");
            checkpoints += 1;
            let turn = played.run.next().expect("the run can go on");
            // The host takes up the timers itself, under the numbers they have.
            assert!(turn.entries.is_empty(), "a checkpoint decides nothing new");
            assert!(turn.commands.is_empty(), "{:?} is under way already", turn.commands);
        }
        let command = match choose(&mut played, choices.get(widths.len()).copied()) {
            Some((command, width)) => {
                widths.push(width);
                command
            }
            None => {
                assert!(signal(&mut played), "nothing is left to do and the run has not ended");
                continue;
            }
        };
        played.perform(command.clone());
        twice(&mut played, &command);
    }
}

/// A completion that comes once more changes nothing.
fn twice(played: &mut Played, command: &Command) {
    let (entries, calls) = (played.journal.len(), played.calls.len());
    played.perform(command.clone());
    assert_eq!((played.journal.len(), played.calls.len()), (entries, calls), "{command:?}");
}

/// The chosen one of those that can complete now: any call, and the timer that is due first.
fn choose(played: &mut Played, choice: Option<usize>) -> Option<(Command, usize)> {
    let due = |open: &Command| match open {
        Command::Timer { at, .. } => Some(*at),
        _ => None,
    };
    let first = played.open.iter().filter_map(due).min();
    let can = |open: &Command| due(open).is_none() || due(open) == first;
    let able: Vec<usize> = (0..played.open.len()).filter(|at| can(&played.open[*at])).collect();
    let at = *able.get(choice.unwrap_or_default())?;
    Some((played.open.remove(at)?, able.len()))
}

/// Sends the signal that the run waits for.
fn signal(played: &mut Played) -> bool {
    let open = played.run.open_steps();
    let name = open.into_iter().find_map(|step| match step.waiting {
        Some(Waiting::Signal { name }) => Some(name),
        _ => None,
    });
    let Some(name) = name else { return false };
    let payload = std::sync::Arc::new(json!({ "n": 7 }));
    played.record(Event::Signalled { name, payload, by: "shop".to_owned() });
    true
}

/// Every order there is, the last choice that can be made otherwise first.
fn every_order(flow: &str, from_checkpoints: bool) -> Vec<Order> {
    let (mut orders, mut choices) = (Vec::new(), Vec::new());
    loop {
        let order = deliver(flow, &choices, from_checkpoints);
        choices.resize(order.widths.len(), 0);
        let next = (0..choices.len()).rev().find(|at| choices[*at] + 1 < order.widths[*at]);
        orders.push(order);
        assert!(orders.len() < MANY, "too many orders to try them all");
        let Some(at) = next else { return orders };
        choices.truncate(at + 1);
        choices[at] += 1;
    }
}

/// All orders come to the same, and each call is made once.
fn comes_to_the_same(flow: &str, least: usize) {
    let first = deliver(flow, &[], false);
    let mut calls = first.calls.clone();
    calls.sort();
    // A stream has two pages here.
    let mut once: Vec<&String> = calls.iter().filter(|call| !call.starts_with("page")).collect();
    let n_calls = once.len();
    once.dedup();
    assert_eq!(once.len(), n_calls, "each call is made once: {calls:?}");
    for from_checkpoints in [false, true] {
        let orders = every_order(flow, from_checkpoints);
        assert!(orders.len() >= least, "only {} orders", orders.len());
        for mut order in orders {
            order.calls.sort();
            assert_eq!((&order.outcome, &order.calls), (&first.outcome, &calls));
        }
    }
}

#[test]
fn branches_loops_and_waits_come_to_the_same_in_every_order_of_their_completions() {
    comes_to_the_same(
        "
flow: f
steps:
  - id: both
    parallel:
      left:
        - { id: a, call: sys.read, with: { n: 1 } }
        - { id: b, call: sys.write, with: { n: '{{ a.n }}' } }
      right:
        - { id: pause, wait: { for: 10s } }
        - { id: c, call: sys.read, with: { n: 3 } }
  - id: each
    for_each: '[1, 2, 3, 4]'
    as: item
    parallel: 2
    collect: output.n
    call: sys.read
    with: { n: '{{ item }}' }
outputs: { b: b.n, c: c.n, items: each.items }
",
        40,
    );
}

#[test]
fn steps_beside_each_other_and_a_stream_come_to_the_same_in_every_order() {
    comes_to_the_same(
        "
flow: f
steps:
  - { id: one, call: sys.read, with: { n: 1 } }
  - { id: two, after: [], call: sys.read, with: { n: 2 } }
  - id: rows
    after: []
    for_each: { call: sys.rows.stream, with: { n: 1 } }
    as: row
    parallel: 2
    collect: output.n
    call: sys.read
    with: { n: '{{ row.id }}' }
  - { id: last, after: [one, two, rows], call: sys.read, with: { n: 9 } }
outputs: { items: rows.items, last: last.n }
",
        20,
    );
}

#[test]
fn a_run_goes_on_from_a_checkpoint_wherever_nothing_but_timers_and_signals_is_pending() {
    let flow = "
flow: f
steps:
  - id: both
    parallel:
      left:
        - { id: first, wait: { for: 5s } }
        - { id: a, call: sys.read, with: { n: 1 } }
        - { id: paid, wait: { signal: paid, timeout: 1h } }
      right:
        - { id: second, wait: { for: 7s } }
        - { id: b, call: sys.read, with: { n: 2 } }
outputs: { a: a.n, b: b.n, paid: paid.n }
";
    let orders = every_order(flow, true);
    assert!(orders.iter().all(|order| order.checkpoints > 0));
    let plain = deliver(flow, &[], false);
    let ended: Vec<_> = orders.iter().filter(|order| order.outcome == plain.outcome).collect();
    assert!(!ended.is_empty(), "{}", plain.outcome);
}

#[test]
fn what_answers_after_its_branch_was_stopped_is_dropped_in_every_order() {
    let flow = "
flow: f
steps:
  - id: both
    parallel:
      left: [ { id: a, call: sys.read, with: { fail: conflict } } ]
      right:
        - { id: b, call: sys.read, with: { n: 2 } }
        - { id: c, call: sys.write, with: { n: 3 } }
    on_error: [ { id: told, call: sys.read, with: { n: 4 } } ]
";
    let orders = every_order(flow, true);
    assert!(orders.len() > 2, "only {} orders", orders.len());
    for order in orders {
        assert_eq!(order.calls.last().map(String::as_str), Some("both/on_error.told"));
        assert_eq!(order.outcome, json!({ "succeeded": {} }), "the failure is handled");
    }
}
