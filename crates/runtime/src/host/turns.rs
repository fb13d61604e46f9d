//! Whose turn it is: how many runs of a flow may be active at once, and which waits for which.
//!
//! A run that waits has its first entry on disk and not yet the one that it begins. What is open
//! of each flow with `concurrency` is a record beside its journal, written with the entry that
//! changes it, so that a restart finds the same queue. The oldest run is always next.

use std::collections::{BTreeMap, BTreeSet};

use linchpin_engine::event::Control;
use linchpin_engine::flow::{Concurrency, Full};
use linchpin_engine::store::RecordWrite;
use linchpin_engine::{Event, Run, RunId};
use linchpin_language::{Map, Value};
use serde::{Deserialize, Serialize};

use super::{Error, Host, lock};
use crate::driver::Message;

/// The collection of the open runs of flows with `concurrency`, by run.
const TURNS: &str = "turns";

/// The place of a run among those of its flow and group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    flow: String,
    /// The value of `concurrency.key`.
    group: Option<String>,
    max: u32,
    is_begun: bool,
}

impl Turn {
    /// The place that the flow's `concurrency` gives a run, if there is any.
    pub(super) fn of(run: &Run) -> Option<(Self, Full)> {
        let rule = run.program().root.flow.concurrency.as_ref()?;
        let group = group(rule, &run.accepted().inputs);
        let flow = run.accepted().flow.clone();
        let turn = Self { flow, group, max: rule.max, is_begun: run.is_begun() };
        Some((turn, rule.full))
    }

    /// The record that says so.
    pub(crate) fn record(run: &Run) -> Result<Option<RecordWrite>, serde_json::Error> {
        let Some((turn, _)) = Self::of(run) else { return Ok(None) };
        let value = has_turn(run).then(|| serde_json::to_vec(&turn)).transpose()?;
        let (collection, key) = (TURNS.to_owned(), run.accepted().run.to_string());
        Ok(Some(RecordWrite { collection, key, value }))
    }

    fn is_beside(&self, other: &Self) -> bool {
        self.flow == other.flow && self.group == other.group
    }
}

/// Whether a run counts: to take back what it has changed is no turn of its flow.
fn has_turn(run: &Run) -> bool {
    run.outcome().is_none() && !run.was_reopened()
}

/// The group of a run under `concurrency.key`; a key that cannot be read groups nothing.
fn group(rule: &Concurrency, inputs: &Value) -> Option<String> {
    let names = Map::from_iter([("inputs".to_owned(), inputs.clone())]);
    rule.key.as_ref()?.eval(&names).ok().map(|value| value.to_string())
}

/// What becomes of a new run.
#[derive(Debug, PartialEq, Eq)]
enum Admission {
    Begins,
    Waits,
    /// It waits until these have ended, which are to be cancelled.
    Replaces(Vec<RunId>),
    Refused,
}

/// The open runs of flows with `concurrency`.
#[derive(Debug, Default)]
pub(super) struct Turns {
    open: BTreeMap<RunId, Turn>,
    cancelled: BTreeSet<RunId>,
}

impl Turns {
    fn admit(&mut self, run: &RunId, mut turn: Turn, full: Full) -> Admission {
        let same = self.open.iter().filter(|(_, other)| other.is_beside(&turn));
        let same: Vec<RunId> = same.map(|(run, _)| run.clone()).collect();
        let room = turn.max as usize;
        turn.is_begun = same.len() < room;
        let admission = match full {
            _ if turn.is_begun => Admission::Begins,
            Full::Skip => return Admission::Refused,
            Full::Queue => Admission::Waits,
            Full::Cancel => {
                let over = same.into_iter().rev().skip(room.saturating_sub(1));
                let mut over: Vec<_> =
                    over.filter(|run| self.cancelled.insert(run.clone())).collect();
                over.reverse();
                Admission::Replaces(over)
            }
        };
        self.open.insert(run.clone(), turn);
        admission
    }

    /// Takes in a run again that had ended, if there is room beside the others.
    fn retake(&mut self, run: &RunId, turn: Turn) -> bool {
        let others = self.open.iter().filter(|(other, _)| *other != run);
        let n_begun = others.filter(|(_, other)| other.is_beside(&turn) && other.is_begun).count();
        let has_room = n_begun < turn.max as usize;
        if has_room {
            self.open.insert(run.clone(), Turn { is_begun: true, ..turn });
        }
        has_room
    }

    /// The oldest run beside this one that waits, if there is room; it has begun then.
    fn next(&mut self, beside: &Turn) -> Option<RunId> {
        let same = |turn: &&Turn| turn.is_beside(beside);
        let n_begun = self.open.values().filter(same).filter(|turn| turn.is_begun).count();
        let waiting = |(_, turn): &(&RunId, &mut Turn)| turn.is_beside(beside) && !turn.is_begun;
        let (run, turn) = self.open.iter_mut().find(waiting)?;
        if n_begun >= turn.max as usize {
            return None;
        }
        turn.is_begun = true;
        Some(run.clone())
    }
}

impl Host {
    /// Reads the queues from disk, once.
    async fn know_turns(&self) -> Result<(), Error> {
        let read = async {
            let mut after: Option<String> = None;
            loop {
                let page = self.shared.store.list(TURNS, "", after.as_deref(), 256).await?;
                let Some(last) = page.last() else { return Ok::<_, Error>(()) };
                after = Some(last.key.clone());
                for record in &page {
                    let turn = serde_json::from_slice::<Turn>(&record.value);
                    let (Some(run), Ok(turn)) = (RunId::parse(&record.key), turn) else { continue };
                    lock(&self.state.turns).open.entry(run).or_insert(turn);
                }
            }
        };
        self.state.turns_read.get_or_try_init(|| read).await?;
        Ok(())
    }

    /// Whether a new run begins at once. Refused when it may neither begin nor wait.
    pub(super) async fn admit(&self, run: &Run) -> Result<bool, Error> {
        let Some((turn, full)) = Turn::of(run) else { return Ok(true) };
        self.know_turns().await?;
        let id = &run.accepted().run;
        let (flow, max) = (turn.flow.clone(), turn.max);
        let admission = lock(&self.state.turns).admit(id, turn, full);
        match admission {
            Admission::Begins => Ok(true),
            Admission::Waits => Ok(false),
            Admission::Refused => Err(Error::Full { flow, max }),
            Admission::Replaces(others) => {
                for other in others {
                    self.cancel_for(other, id.clone());
                }
                Ok(false)
            }
        }
    }

    /// Makes room for a run that goes on after it had ended. Refused when there is none.
    pub(super) async fn retake(&self, run: &Run) -> Result<(), Error> {
        let Some((turn, _)) = Turn::of(run) else { return Ok(()) };
        self.know_turns().await?;
        let (flow, max) = (turn.flow.clone(), turn.max);
        match lock(&self.state.turns).retake(&run.accepted().run, turn) {
            true => Ok(()),
            false => Err(Error::Full { flow, max }),
        }
    }

    /// Takes a run that is brought back into its queue, if it has one. Only then is it driven: its
    /// end takes it out again.
    pub(super) async fn line_up(&self, run: &Run) -> Result<Option<Turn>, Error> {
        let Some((turn, _)) = Turn::of(run) else { return Ok(None) };
        self.know_turns().await?;
        if has_turn(run) {
            let id = run.accepted().run.clone();
            lock(&self.state.turns).open.entry(id).or_insert_with(|| turn.clone());
        }
        Ok(Some(turn))
    }

    /// Lets a run that is brought back and has not begun do so if it is its turn: if not, the one
    /// whose turn it is begins.
    pub(super) fn continues(&self, id: &RunId, turn: Option<Turn>) {
        let Some(turn) = turn else { return self.begin(id.clone()) };
        let is_its_turn = lock(&self.state.turns).open.get(id).is_some_and(|own| own.is_begun);
        if is_its_turn {
            self.begin(id.clone());
        }
        self.promote(&turn);
    }

    /// A run is open no more: those that waited for it begin.
    pub(super) fn leave(&self, run: &RunId) {
        let left = {
            let mut turns = lock(&self.state.turns);
            turns.cancelled.remove(run);
            turns.open.remove(run)
        };
        if let Some(turn) = left {
            self.promote(&turn);
        }
    }

    fn promote(&self, beside: &Turn) {
        loop {
            let next = lock(&self.state.turns).next(beside);
            match next {
                Some(run) => self.begin(run),
                None => return,
            }
        }
    }

    /// Lets a run leave the queue, whether or not it is driven here yet.
    fn begin(&self, run: RunId) {
        if self.send(&run, Message::Begin) {
            return;
        }
        let host = self.clone();
        tokio::spawn(async move {
            match Box::pin(host.resume(&run)).await {
                Ok(()) => {
                    host.send(&run, Message::Begin);
                }
                // It was cancelled before it was told.
                Err(Error::Ended(_)) => {}
                Err(error) => {
                    tracing::warn!(%run, "it is its turn, but it does not go on: {error}")
                }
            }
        });
    }

    fn cancel_for(&self, run: RunId, newer: RunId) {
        let host = self.clone();
        tokio::spawn(async move {
            let by = format!("run {newer}, which takes its place");
            let event = Event::Controlled { control: Control::Cancel, by };
            // One that nobody drives is brought back to run its handlers; it may have ended.
            drop(Box::pin(host.tell(&run, event)).await);
        });
    }

    fn send(&self, run: &RunId, message: Message) -> bool {
        self.inbox(run).is_some_and(|inbox| inbox.send(message).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(n: u8) -> RunId {
        RunId::parse(&format!("{n:026}")).expect("26 digits")
    }

    fn turn(group: &str) -> Turn {
        let group = Some(group.to_owned());
        Turn { flow: "f".to_owned(), group, max: 2, is_begun: false }
    }

    #[test]
    fn the_oldest_that_waits_is_next_and_each_group_counts_for_itself() {
        let mut turns = Turns::default();
        let mut admit = |n, group: &str| turns.admit(&run(n), turn(group), Full::Queue);
        let all = [admit(1, "a"), admit(2, "a"), admit(3, "a"), admit(4, "a"), admit(5, "b")];
        let (begins, waits) = (|| Admission::Begins, || Admission::Waits);
        assert_eq!(all, [begins(), begins(), waits(), waits(), begins()]);
        assert_eq!(turns.next(&turn("a")), None);
        turns.open.remove(&run(2));
        assert_eq!(turns.next(&turn("a")), Some(run(3)));
        assert_eq!(turns.next(&turn("a")), None);
    }

    #[test]
    fn the_oldest_make_room_for_a_newer_one_and_are_cancelled_once() {
        let mut turns = Turns::default();
        let mut admit = |n| turns.admit(&run(n), turn("a"), Full::Cancel);
        assert_eq!((admit(1), admit(2)), (Admission::Begins, Admission::Begins));
        assert_eq!(admit(3), Admission::Replaces(vec![run(1)]));
        assert_eq!(admit(4), Admission::Replaces(vec![run(2)]));
    }

    #[test]
    fn a_run_that_had_ended_goes_on_only_where_there_is_room() {
        let mut turns = Turns::default();
        assert_eq!(turns.admit(&run(2), turn("a"), Full::Queue), Admission::Begins);
        assert!(turns.retake(&run(1), turn("a")));
        assert!(!turns.retake(&run(3), turn("a")));
        assert!(turns.retake(&run(3), turn("b")));
    }

    #[test]
    fn one_more_than_fits_is_refused_where_it_may_not_wait() {
        let mut turns = Turns::default();
        let mut admit = |n| turns.admit(&run(n), turn("a"), Full::Skip);
        assert_eq!((admit(1), admit(2)), (Admission::Begins, Admission::Begins));
        assert_eq!(admit(3), Admission::Refused);
        assert_eq!(turns.open.len(), 2);
    }
}
