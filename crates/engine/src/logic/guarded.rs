//! `try` / `catch` / `finally`.

use serde::{Deserialize, Serialize};

use crate::error::RunError;
use crate::flow::{Arm, Block, Step, StepKind, Try};
use crate::run::scan::{Place, Scan};
use crate::run::state::{Effects, List, Stop};

/// Goes on in the guarded steps, the clause that was entered, and `finally`.
pub(crate) fn go_on(scan: &mut Scan<'_>, place: Place<'_>, step: &Step, guarded: &Guarded) {
    let StepKind::Try(kind) = &step.kind else { return };
    let entered = guarded.entered(kind);
    let env = place.env.lists(&entered);
    let in_catch = guarded.error.as_ref().map(|error| env.error(error));
    for (arm, _, list) in &entered {
        let handler = in_catch.as_ref().unwrap_or(&env);
        let env = if *arm == Arm::Try { place.env } else { handler };
        scan.arm(Place { env, ..place }, step, *arm, list);
    }
}

/// A `try` that is running or ran.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Guarded {
    pub(crate) body: List,
    pub(crate) catch: Option<(usize, List)>,
    pub(crate) finally: Option<List>,
    /// What was caught.
    pub(crate) error: Option<RunError>,
    /// What stops the list around it once `finally` is over; meaningful only then.
    pending: Option<Stop>,
}

impl Guarded {
    pub(crate) fn new(step: &Try) -> Self {
        Self { body: List::new(&step.body), catch: None, finally: None, error: None, pending: None }
    }

    pub(crate) fn list(&self, arm: Arm) -> Option<&List> {
        if let Arm::Catch(at) = arm {
            return self.catch.as_ref().filter(|(entered, _)| *entered == at).map(|(_, list)| list);
        }
        let finally = self.finally.as_ref().filter(|_| arm == Arm::Finally);
        finally.or((arm == Arm::Try).then_some(&self.body))
    }

    pub(crate) fn list_mut(&mut self, arm: Arm) -> Option<&mut List> {
        if let Arm::Catch(at) = arm {
            return self.catch.as_mut().filter(|(entered, _)| *entered == at).map(|(_, list)| list);
        }
        let finally = self.finally.as_mut().filter(|_| arm == Arm::Finally);
        finally.or((arm == Arm::Try).then_some(&mut self.body))
    }

    /// The lists entered so far, with their blocks.
    pub(crate) fn entered<'a>(&'a self, step: &'a Try) -> Vec<(Arm, &'a Block, &'a List)> {
        let mut lists = vec![(Arm::Try, &step.body, &self.body)];
        if let Some((at, list)) = &self.catch {
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
            self.catch.as_ref().is_some_and(|(_, list)| list.is_over() && list.stop.is_none());
        if !is_handled {
            self.catch = None;
            self.error = None;
            self.body.reopen(&kind.body, effects);
        }
    }

    /// Stops the guarded steps or the handler; a `finally` runs to its end.
    pub(crate) fn halt(&mut self, step: &Step, effects: &mut Effects) {
        let StepKind::Try(kind) = &step.kind else { return };
        if self.finally.is_some() {
            return;
        }
        match &mut self.catch {
            Some((at, list)) => list.halt(&kind.catches[*at].body, Stop::Cancel, effects),
            None => self.body.halt(&kind.body, Stop::Cancel, effects),
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
                // No error is lost behind it; `check` refuses it here anyway.
                (None | Some(Stop::Next | Stop::Break), Some(pending)) => Some(pending),
                (stop, _) => stop,
            });
        }
        let stop = match &self.catch {
            Some((_, list)) => list.outcome()?,
            None => self.body.outcome()?,
        };
        let stop = match (stop, &self.catch) {
            (Some(Stop::Error(error)), None) if !is_stopping => {
                match kind.catches.iter().position(|clause| clause.catches(&error)) {
                    Some(at) => {
                        effects.caught += 1;
                        self.error = Some(*error);
                        self.catch = Some((at, List::new(&kind.catches[at].body)));
                        return self.progress(step, is_stopping, effects);
                    }
                    None => Some(Stop::Error(error)),
                }
            }
            (Some(Stop::Error(mut error)), Some(_)) => {
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
}

impl crate::flow::Catch {
    fn catches(&self, error: &RunError) -> bool {
        self.on.is_empty() || self.on.contains(&error.kind)
    }
}
