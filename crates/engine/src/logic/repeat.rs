//! `repeat` with `until`: its steps run at least once, then until the condition holds.

use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::ErrorKind;
use linchpin_language::{Truth, Value, json};
use serde::{Deserialize, Serialize};

use crate::event::Decision;
use crate::flow::{Arm, Block, Repeat, Step, StepKind};
use crate::run::scan::{Place, Scan};
use crate::run::state::{Effects, List, Over, Stop};

/// A repeat that is running or ran. Of the times before the last nothing is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Repeating {
    /// Which time this is, from 0.
    pub(crate) index: u64,
    /// The steps, this time.
    pub(crate) list: List,
    /// The instant of the next time, while it is waited for, and the timer once asked for.
    pub(crate) pause: Option<(Timestamp, Option<u64>)>,
    /// How many times do not count any more towards `max`, since the run was retried.
    forgiven: u64,
    /// It ended without knowing whether `until` holds (dry runs only).
    pub(crate) is_unknown: bool,
    stop: Option<Stop>,
}

/// Goes on in the steps; where they are over, reads `until`.
pub(crate) fn go_on(scan: &mut Scan<'_>, place: Place<'_>, step: &Step, repeating: &Repeating) {
    let StepKind::Repeat(repeat) = &step.kind else { return };
    if let Some((at, armed)) = repeating.pause {
        if armed.is_none() {
            scan.timer(at);
        }
        return;
    }
    let env = place.env.index(repeating.index);
    if repeating.has_ended_once() {
        let env = env.list(&repeat.body, &repeating.list);
        read_until(scan, Place { env: &env, ..place }, repeat, repeating);
    } else {
        let place = Place { env: &env, ..place };
        scan.iteration(place, step, repeating.index, &repeating.list);
    }
}

fn read_until(scan: &mut Scan<'_>, place: Place<'_>, repeat: &Repeat, repeating: &Repeating) {
    let count = repeating.index + 1;
    let holds = match repeat.until.value.eval_bool(place.env) {
        Ok(holds) => holds,
        Err(error) => return scan.decide_unreadable("until", &error),
    };
    // What a repeat with `every` waits for happens outside, where a dry run changes nothing.
    let never_changes =
        scan.run.accepted().dry_run && repeat.every.is_some() && asks_outside(&repeat.body);
    match holds {
        Truth::True => scan.decide(Decision::Enough { count, unknown: false }),
        Truth::Unknown => scan.decide(Decision::Enough { count, unknown: true }),
        Truth::False if never_changes => scan.decide(Decision::Enough { count, unknown: true }),
        Truth::False if count >= repeat.max + repeating.forgiven => {
            let until = repeat.until.value.source();
            let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
            let message = format!("ran {times}, and `{until}` does not hold yet");
            scan.decide_failed(ErrorKind::LimitExceeded, message);
        }
        Truth::False => {
            let now = scan.run.now;
            let next = repeat.every.and_then(|every| now.checked_add(every).ok());
            scan.decide(Decision::Again(next.unwrap_or(now)));
        }
    }
}

/// Whether anything in these steps may learn something from outside.
fn asks_outside(body: &Block) -> bool {
    let asks = |step: &Step| match &step.kind {
        StepKind::Set(_) | StepKind::Log(_) | StepKind::Break | StepKind::Next => false,
        StepKind::If(_) | StepKind::Decide(_) | StepKind::Try(_) | StepKind::Parallel(_) => {
            step.blocks().iter().any(|(_, block)| asks_outside(block))
        }
        StepKind::Call(_)
        | StepKind::Subflow(_)
        | StepKind::ForEach(_)
        | StepKind::Repeat(_)
        | StepKind::Wait(_)
        | StepKind::Ask(_)
        | StepKind::Approval(_)
        | StepKind::Undo
        | StepKind::End
        | StepKind::Fail(_) => true,
    };
    body.steps.iter().any(asks)
}

impl Repeating {
    pub(crate) fn new(repeat: &Repeat) -> Self {
        let list = List::new(&repeat.body);
        Self { index: 0, list, pause: None, forgiven: 0, is_unknown: false, stop: None }
    }

    /// Whether the steps are over this time, so that `until` is to be read.
    fn has_ended_once(&self) -> bool {
        let outcome = self.list.outcome();
        self.stop.is_none() && matches!(outcome, Some(None | Some(Stop::Next)))
    }

    /// Begins once more, or waits until it is time.
    pub(crate) fn again(&mut self, step: &Step, at: Timestamp, now: Timestamp) {
        if at > now {
            self.pause = Some((at, None));
        } else {
            self.begin(step);
        }
    }

    /// The time has come. Returns false when it was not waited for.
    pub(crate) fn woke(&mut self, step: &Step) -> bool {
        let was_waiting = self.pause.take().is_some();
        if was_waiting {
            self.begin(step);
        }
        was_waiting
    }

    fn begin(&mut self, step: &Step) {
        if let Some(body) = step.block(Arm::Body) {
            self.index += 1;
            self.list = List::new(body);
        }
    }

    /// Goes on in what ended badly, and may run as often again as its `max` says.
    pub(crate) fn reopen(&mut self, step: &Step, effects: &mut Effects) {
        self.stop = None;
        self.forgiven = self.index + 1;
        if let Some((_, armed)) = &mut self.pause {
            *armed = None;
        }
        if let Some(body) = step.block(Arm::Body) {
            self.list.reopen(body, effects);
        }
    }

    pub(crate) fn halt(&mut self, step: &Step, effects: &mut Effects) {
        self.stop.get_or_insert(Stop::cancel());
        if let Some((_, armed)) = self.pause.take() {
            effects.cancels.extend(armed);
        }
        if let Some(body) = step.block(Arm::Body) {
            self.list.halt(body, Stop::cancel(), effects);
        }
    }

    /// What stops the list around it, and the output, once it is over. That `until` holds is an
    /// event, so here it is over only when something stopped it.
    pub(crate) fn outcome(&mut self) -> Option<Over> {
        let stop = self.list.outcome()?;
        match (self.stop.take(), stop) {
            (Some(stop), inner) => {
                let mut stop = Some(stop);
                inner.into_iter().for_each(|inner| Stop::join(&mut stop, inner));
                Some((stop, None))
            }
            (None, Some(Stop::Break)) => Some((None, Some(Self::output(self.index + 1)))),
            (None, None | Some(Stop::Next)) => None,
            (None, Some(stop)) => Some((Some(stop), None)),
        }
    }

    /// The output of a repeat that ran so often.
    pub(crate) fn output(count: u64) -> Arc<Value> {
        Arc::new(json!({ "count": count }))
    }
}
