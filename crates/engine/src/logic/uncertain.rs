//! What may leave the steps around it, where nobody can know before the run (dry runs only): what
//! follows there is played as what may run.

use crate::error::RunError;
use crate::event::{Decision, Event};
use crate::flow::{Arm, OnBranchError, OnError, OnItemError, Step, StepKind};
use crate::path::{Segment, StepPath};
use crate::run::Run;
use crate::run::scan::Scan;

/// The step may leave what `is_left` knows: the last such thing on its path, or the run.
pub(crate) fn leave(scan: &mut Scan<'_>, how: String, is_left: impl Fn(&Segment) -> bool) {
    let mut within = scan.path.clone();
    let at = within.segments().iter().rposition(is_left).unwrap_or(0);
    while within.segments().len() > at {
        within.pop();
    }
    // Before the step is over, and what is around it with it.
    scan.events.push(Event::Decided { path: within, decision: Decision::May });
    scan.decide(Decision::MayLeave { how, is_cut: false });
}

/// The step may fail. The clause that would catch it is played as well.
pub(crate) fn fail(scan: &mut Scan<'_>, error: RunError) {
    let (within, handler) = handler(scan.run, scan.path.clone(), &error);
    let how = format!("fail: {}", error.message);
    let is_cut = matches!(handler, Recourse::Unplayed);
    let decision = match handler {
        Recourse::Clause => Decision::MayCatch(error),
        Recourse::Unplayed | Recourse::None => Decision::May,
    };
    scan.events.push(Event::Decided { path: within, decision });
    scan.decide(Decision::MayLeave { how, is_cut });
}

/// What would handle a failure.
enum Recourse {
    /// A clause of the `try` at the path.
    Clause,
    /// Steps that a dry run does not play: those of `on_error`.
    Unplayed,
    /// No steps: it is passed over, or fails the run.
    None,
}

/// Up to where a failure at a path would go, and what would handle it.
fn handler(run: &Run, mut path: StepPath, error: &RunError) -> (StepPath, Recourse) {
    let mut flow_handles = false;
    while let Some(segment) = path.segments().last().cloned() {
        if segment == Segment::Arm(Arm::OnError) {
            flow_handles = false;
        } else if segment == Segment::Arm(Arm::Flow) && flow_handles {
            return (path, Recourse::Unplayed);
        }
        if !matches!(segment, Segment::Step(_)) {
            path.pop();
        }
        let Some((frame, step, _)) = run.locate(&path) else {
            path.pop();
            continue;
        };
        match passes(step, &segment, error) {
            Some(handler) => return (path, handler),
            None if matches!(segment, Segment::Step(_)) => {
                flow_handles = frame.plan.flow.on_error.is_some();
                path.pop();
            }
            None => {}
        }
    }
    (path, if flow_handles { Recourse::Unplayed } else { Recourse::None })
}

/// Whether a step handles what fails in that part of it; `None` where it goes further up.
fn passes(step: &Step, part: &Segment, error: &RunError) -> Option<Recourse> {
    let is_over = match (part, &step.kind) {
        (Segment::Step(_), _) => match &step.on_error {
            OnError::Stop => return None,
            OnError::Steps(_) => return Some(Recourse::Unplayed),
            OnError::Continue => true,
        },
        (Segment::Arm(Arm::Try), StepKind::Try(kind)) if kind.handler(error).is_some() => {
            return Some(Recourse::Clause);
        }
        (Segment::Item(_), StepKind::ForEach(each)) => {
            matches!(each.on_item_error, OnItemError::Continue)
        }
        (Segment::Branch(_), StepKind::Parallel(parallel)) => {
            matches!(parallel.on_branch_error, OnBranchError::Continue)
        }
        _ => false,
    };
    is_over.then_some(Recourse::None)
}
