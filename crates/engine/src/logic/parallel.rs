//! `parallel:`, named lists of steps that run at the same time.

use std::sync::Arc;

use linchpin_language::{Value, json};
use serde::{Deserialize, Serialize};

use crate::flow::{Arm, OnBranchError, Parallel, Step, StepKind};
use crate::run::scan::{Place, Scan};
use crate::run::state::{Effects, List, Over, Stop};

/// A parallel that is running or ran.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Branches {
    /// In written order.
    pub(crate) lists: Vec<List>,
    stop: Option<Stop>,
}

/// Goes on in each branch.
pub(crate) fn go_on(scan: &mut Scan<'_>, place: Place<'_>, step: &Step, branches: &Branches) {
    for (at, list) in branches.lists.iter().enumerate() {
        scan.arm(place, step, Arm::Branch(at), list);
    }
}

impl Branches {
    pub(crate) fn new(parallel: &Parallel) -> Self {
        let lists = parallel.branches.iter().map(|branch| List::new(&branch.body));
        Self { lists: lists.collect(), stop: None }
    }

    /// After something happened in a branch: whether it is over, and what that does to the others.
    pub(crate) fn settle(&mut self, step: &Step, at: usize, effects: &mut Effects) {
        let StepKind::Parallel(parallel) = &step.kind else { return };
        let outcome = self.lists.get(at).and_then(List::outcome);
        match outcome.flatten() {
            None => {}
            Some(later @ Stop::Cancel(_)) => Stop::join(&mut self.stop, later),
            Some(Stop::Error(_)) if parallel.on_branch_error == OnBranchError::Continue => {
                effects.caught += 1;
            }
            Some(stop) => self.halt_others(parallel, stop, effects),
        }
    }

    pub(crate) fn halt(&mut self, step: &Step, effects: &mut Effects) {
        if let StepKind::Parallel(parallel) = &step.kind {
            self.halt_others(parallel, Stop::cancel(), effects);
        }
    }

    /// Opens again what ended badly in the branches.
    pub(crate) fn reopen(&mut self, step: &Step, effects: &mut Effects) {
        let StepKind::Parallel(parallel) = &step.kind else { return };
        self.stop = None;
        for (list, branch) in self.lists.iter_mut().zip(&parallel.branches) {
            list.reopen(&branch.body, effects);
        }
    }

    /// Stops the branches that are not over.
    fn halt_others(&mut self, parallel: &Parallel, stop: Stop, effects: &mut Effects) {
        Stop::join(&mut self.stop, stop);
        for (list, branch) in self.lists.iter_mut().zip(&parallel.branches) {
            if !list.is_over() {
                list.halt(&branch.body, Stop::cancel(), effects);
            }
        }
    }

    /// What stops the list around it, and the output, once all branches are over.
    pub(crate) fn outcome(&mut self, step: &Step) -> Option<Over> {
        let StepKind::Parallel(parallel) = &step.kind else { return None };
        let outcomes: Vec<Option<Stop>> =
            self.lists.iter().map(List::outcome).collect::<Option<_>>()?;
        Some(match self.stop.take() {
            None => (None, Some(Arc::new(output(parallel, outcomes)))),
            stop => (stop, None),
        })
    }
}

fn output(parallel: &Parallel, outcomes: Vec<Option<Stop>>) -> Value {
    let (mut succeeded, mut failed, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (branch, outcome) in parallel.branches.iter().zip(outcomes) {
        let name = &*branch.name;
        match outcome {
            Some(Stop::Error(error)) => {
                failed.push(name);
                errors.push(json!({ "branch": name, "error": error.as_value() }));
            }
            None | Some(Stop::Cancel(_) | Stop::End | Stop::Next | Stop::Break) => {
                succeeded.push(name);
            }
        }
    }
    json!({ "succeeded": succeeded, "failed": failed, "errors": errors })
}
