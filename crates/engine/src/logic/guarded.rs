//! `try` / `catch` / `finally`.

use serde::{Deserialize, Serialize};

use crate::error::RunError;
use crate::flow::{Arm, Block, Step, StepKind, Try};
use crate::run::scan::{Place, Scan};
use crate::run::state::{Effects, List, Stop};

/// Goes on in the guarded steps, the clause that was entered, and `finally`.
/// `timed_out` is the error of its own deadline.
pub(crate) fn go_on(
    scan: &mut Scan<'_>,
    place: Place<'_>,
    step: &Step,
    guarded: &Guarded,
    timed_out: Option<&RunError>,
) {
    let StepKind::Try(kind) = &step.kind else { return };
    let entered = guarded.entered(kind);
    let env = place.env.lists(&entered);
    let in_catch = guarded.error.as_ref().map(|error| env.error(error));
    let in_finally = guarded.unhandled().or(timed_out).map(|error| env.error(error));
    let before = scan.may;
    for (arm, _, list) in &entered {
        scan.may = before || guarded.may(*arm);
        let of_error = if *arm == Arm::Finally { &in_finally } else { &in_catch };
        let env = if *arm == Arm::Try { place.env } else { of_error.as_ref().unwrap_or(&env) };
        scan.arm(Place { env, ..place }, step, *arm, list);
    }
    scan.may = before;
}

/// A `try` that is running or ran.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Guarded {
    pub(crate) body: List,
    /// The clauses that were entered: one, or in a dry run each that may be.
    catches: Vec<(usize, List)>,
    pub(crate) finally: Option<List>,
    /// Clauses that may be entered once the guarded steps are over, and for what (dry runs only).
    may: Vec<(usize, RunError)>,
    /// Whether something in the guarded steps may fail (dry runs only).
    is_uncertain: bool,
    /// What was caught.
    pub(crate) error: Option<RunError>,
    /// What stops the list around it once `finally` is over; meaningful only then.
    pending: Option<Stop>,
}

impl Guarded {
    pub(crate) fn new(step: &Try) -> Self {
        Self {
            body: List::new(&step.body),
            catches: Vec::new(),
            finally: None,
            may: Vec::new(),
            is_uncertain: false,
            error: None,
            pending: None,
        }
    }

    pub(crate) fn list(&self, arm: Arm) -> Option<&List> {
        if let Arm::Catch(at) = arm {
            return self.catches.iter().find(|(entered, _)| *entered == at).map(|(_, list)| list);
        }
        let finally = self.finally.as_ref().filter(|_| arm == Arm::Finally);
        finally.or((arm == Arm::Try).then_some(&self.body))
    }

    pub(crate) fn list_mut(&mut self, arm: Arm) -> Option<&mut List> {
        if let Arm::Catch(at) = arm {
            let mut catches = self.catches.iter_mut();
            return catches.find(|(entered, _)| *entered == at).map(|(_, list)| list);
        }
        let finally = self.finally.as_mut().filter(|_| arm == Arm::Finally);
        finally.or((arm == Arm::Try).then_some(&mut self.body))
    }

    /// The lists entered so far, with their blocks.
    pub(crate) fn entered<'a>(&'a self, step: &'a Try) -> Vec<(Arm, &'a Block, &'a List)> {
        let mut lists = vec![(Arm::Try, &step.body, &self.body)];
        for (at, list) in &self.catches {
            lists.push((Arm::Catch(*at), &step.catches[*at].body, list));
        }
        if let (Some(block), Some(list)) = (&step.finally, &self.finally) {
            lists.push((Arm::Finally, block, list));
        }
        lists
    }

    /// The guarded steps go on, unless what failed in them was handled; the handlers run anew.
    pub(crate) fn reopen(&mut self, step: &Step, effects: &mut Effects) {
        let StepKind::Try(kind) = &step.kind else { return };
        self.finally = None;
        self.pending = None;
        let is_handled =
            self.catches.last().is_some_and(|(_, list)| list.is_over() && list.stop.is_none());
        if !is_handled {
            self.catches.clear();
            self.error = None;
            self.body.reopen(&kind.body, effects);
        }
    }

    /// The failure that goes up once `finally` is over.
    fn unhandled(&self) -> Option<&RunError> {
        match &self.pending {
            Some(Stop::Error(error)) => Some(error),
            Some(Stop::Cancel(_) | Stop::End | Stop::Next | Stop::Break) | None => None,
        }
    }

    /// Stops the guarded steps or the handler; a `finally` runs to its end.
    pub(crate) fn halt(&mut self, step: &Step, effects: &mut Effects) {
        let StepKind::Try(kind) = &step.kind else { return };
        if self.finally.is_some() {
            return;
        }
        match self.catches.last_mut() {
            Some((at, list)) => list.halt(&kind.catches[*at].body, Stop::cancel(), effects),
            None => self.body.halt(&kind.body, Stop::cancel(), effects),
        }
    }

    /// Moves on to the next part; `Some` when the whole is over, with what stops the list
    /// around it.
    #[expect(clippy::option_option, reason = "over or not, and stopped or not, are two questions")]
    pub(crate) fn progress(
        &mut self,
        step: &Step,
        is_stopping: bool,
        effects: &mut Effects,
    ) -> Option<Option<Stop>> {
        let StepKind::Try(kind) = &step.kind else { return None };
        if let Some(list) = &self.finally {
            return list.outcome().map(|stop| match (stop, self.pending.take()) {
                // No error is lost behind what `finally` does, also not behind an `end` in it.
                (None | Some(Stop::Next | Stop::Break), Some(pending)) => Some(pending),
                (Some(later), Some(first @ (Stop::Error(_) | Stop::Cancel(_)))) => {
                    let mut all = Some(first);
                    Stop::join(&mut all, later);
                    all
                }
                (stop, _) => stop,
            });
        }
        let stop = match self.catches.last() {
            Some((_, list)) => list.outcome()?,
            None => self.body.outcome()?,
        };
        if stop.is_none() && !is_stopping && !self.may.is_empty() {
            let (at, error) = self.may.remove(0);
            self.enter(kind, at, error);
            return self.progress(step, is_stopping, effects);
        }
        let stop = match (stop, self.catches.is_empty()) {
            (Some(Stop::Error(error)), true) if !is_stopping => match kind.handler(&error) {
                Some(at) => {
                    effects.caught += 1;
                    self.enter(kind, at, *error);
                    return self.progress(step, is_stopping, effects);
                }
                None => Some(Stop::Error(error)),
            },
            (Some(Stop::Error(mut error)), false) => {
                error.cause = self.error.clone().map(Box::new);
                Some(Stop::Error(error))
            }
            (stop, _) => stop,
        };
        let Some(block) = &kind.finally else { return Some(stop) };
        self.pending = stop;
        self.finally = Some(List::new(block));
        self.progress(step, is_stopping, effects)
    }

    fn enter(&mut self, kind: &Try, at: usize, error: RunError) {
        self.may.retain(|(noted, _)| *noted != at);
        self.error = Some(error);
        self.catches.push((at, List::new(&kind.catches[at].body)));
    }

    /// Whether it is not certain that the steps of an arm run (dry runs only).
    pub(crate) fn may(&self, arm: Arm) -> bool {
        self.is_uncertain && arm != Arm::Finally
    }

    /// The clause for a failure that is not certain is played once the guarded steps are over.
    pub(crate) fn may_catch(&mut self, step: &Step, error: &RunError) {
        let StepKind::Try(kind) = &step.kind else { return };
        let Some(at) = kind.handler(error) else { return };
        self.is_uncertain = true;
        let is_noted = self
            .may
            .iter()
            .map(|(at, _)| at)
            .chain(self.catches.iter().map(|(at, _)| at))
            .any(|noted| *noted == at);
        if !is_noted {
            self.may.push((at, error.clone()));
        }
    }
}

impl Try {
    /// The clause that a failure goes to.
    pub(crate) fn handler(&self, error: &RunError) -> Option<usize> {
        self.catches
            .iter()
            .position(|clause| clause.on.is_empty() || clause.on.contains(&error.kind))
    }
}
