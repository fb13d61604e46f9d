//! Which steps can be read from where: a step sees those that have surely ended before it.

use crate::flow::{Arm, Block, OnBranchError, OnError, Step, StepKind};
use crate::plan::Ancestors;

/// One level of the way from the top of a flow to a step.
#[derive(Clone, Copy)]
pub(super) struct Hop<'f> {
    /// As what the list stands in the step around it.
    pub(super) arm: Arm,
    /// The list.
    pub(super) block: &'f Block,
    /// The position in it; one past the last for what is read when the list has ended.
    pub(super) at: usize,
}

/// The way from the top of a flow to a step.
pub(super) type Trail<'f> = Vec<Hop<'f>>;

impl<'f> Hop<'f> {
    /// The step; none past the end of the list.
    pub(super) fn step(&self) -> Option<&'f Step> {
        self.block.steps.get(self.at)
    }

    pub(super) fn is_same(&self, other: &Hop<'_>) -> bool {
        self.block.index == other.block.index && self.at == other.at
    }
}

/// What a place can see of a step.
pub(super) enum Sight {
    /// Its output is there, or null where `nullable` says so.
    Seen {
        /// The place can be reached without the step having given an output.
        nullable: bool,
    },
    /// It is the step itself.
    Itself,
    /// It is a block around the place.
    Around,
    /// It starts after the place.
    Later,
    /// Nothing makes the place wait for it: the step that should name it in `after`, if that
    /// is one of the same list, and the name.
    NotAncestor {
        /// The id of the step of the list to wait for.
        wait_for: Option<String>,
    },
    /// It is in another branch, or in a handler.
    OtherBranch,
    /// It is inside a loop that the place is not in.
    InLoop,
}

/// What the place `from` can see of the step at `to`.
pub(super) fn sight(ancestors: &[Ancestors], from: &[Hop<'_>], to: &[Hop<'_>]) -> Sight {
    let common = from.iter().zip(to).take_while(|(a, b)| a.is_same(b)).count();
    let Some(there) = to.get(common) else {
        return match from.get(common) {
            None => Sight::Itself,
            Some(inside) if inside.arm == Arm::OnError => Sight::Seen { nullable: true },
            Some(_) => Sight::Around,
        };
    };
    let Some(here) = from.get(common) else {
        return Sight::Later;
    };
    let mut nullable = false;
    if here.block.index == there.block.index {
        if let Some(hidden) = hidden_in_list(ancestors, here, there) {
            return hidden;
        }
    } else {
        if !guards(here.arm, there.arm) {
            return Sight::OtherBranch;
        }
        if there.arm == Arm::Body && !is_repeat(&to[common - 1]) {
            return Sight::InLoop;
        }
        nullable = true;
    }
    // What reads a whole list of a repeat, as `until` does, may come after a `next`.
    let is_whole = here.at >= here.block.steps.len() && here.arm == Arm::Body;
    if is_whole && common > 0 && is_repeat(&from[common - 1]) {
        nullable |= may_be_left(ancestors, there, to.len() > common + 1, false);
    }
    for (outer, inner) in to[common..].iter().zip(&to[common + 1..]) {
        let is_deeper = to.last().is_some_and(|last| !last.is_same(inner));
        match inner.arm {
            Arm::Body if is_repeat(outer) => {
                nullable |= may_be_left(ancestors, inner, is_deeper, true);
            }
            Arm::Body => return Sight::InLoop,
            Arm::Catch(_) | Arm::Finally | Arm::OnCancel | Arm::Flow => return Sight::OtherBranch,
            Arm::Branch(_) => nullable |= goes_on_without_a_branch(outer),
            Arm::Then(_) | Arm::Else | Arm::Try | Arm::OnError | Arm::Row(_) | Arm::Default => {
                nullable = true;
            }
        }
    }
    nullable |= to.last().and_then(Hop::step).is_some_and(may_give_nothing);
    Sight::Seen { nullable }
}

/// Why a step of the same list has not surely ended; `None` when it has.
fn hidden_in_list(ancestors: &[Ancestors], here: &Hop<'_>, there: &Hop<'_>) -> Option<Sight> {
    let before = &ancestors[here.block.index];
    if here.at >= here.block.steps.len() || before.contains(here.at, there.at) {
        return None;
    }
    if before.contains(there.at, here.at) {
        return Some(Sight::Later);
    }
    let step = there.step()?;
    Some(Sight::NotAncestor { wait_for: step.id.as_ref().map(|id| id.value.clone()) })
}

/// Whether the steps of one arm handle those of another arm of the same step or flow.
fn guards(handler: Arm, guarded: Arm) -> bool {
    match handler {
        Arm::Catch(_) => guarded == Arm::Try,
        Arm::Finally => matches!(guarded, Arm::Try | Arm::Flow),
        Arm::OnError => {
            !matches!(guarded, Arm::Catch(_) | Arm::Finally | Arm::OnError | Arm::OnCancel)
        }
        Arm::OnCancel => guarded == Arm::Flow,
        Arm::Body
        | Arm::Then(_)
        | Arm::Else
        | Arm::Try
        | Arm::Flow
        | Arm::Branch(_)
        | Arm::Row(_)
        | Arm::Default => false,
    }
}

fn is_repeat(hop: &Hop<'_>) -> bool {
    hop.step().is_some_and(|step| matches!(step.kind, StepKind::Repeat(_)))
}

/// Whether a `parallel` can be behind a place though one of its branches failed.
fn goes_on_without_a_branch(hop: &Hop<'_>) -> bool {
    hop.step().is_some_and(|step| {
        matches!(&step.kind, StepKind::Parallel(parallel)
            if parallel.on_branch_error == OnBranchError::Continue)
    })
}

/// Whether the body of a repeat can be left by `next` (or `break`) before one of its steps has
/// ended; `is_inside` when what is read stands deeper in that step.
fn may_be_left(ancestors: &[Ancestors], hop: &Hop<'_>, is_inside: bool, by_break: bool) -> bool {
    let before = &ancestors[hop.block.index];
    hop.block.steps.iter().enumerate().any(|(at, step)| {
        let comes_later = before.contains(at, hop.at) || (at == hop.at && !is_inside);
        !comes_later && leaves(step, by_break)
    })
}

/// Whether a step can leave the loop that its list is the body of.
fn leaves(step: &Step, by_break: bool) -> bool {
    let own = match step.kind {
        StepKind::Next => true,
        StepKind::Break => by_break,
        _ => false,
    };
    let inner = step.blocks().into_iter().filter(|(arm, _)| *arm != Arm::Body);
    own || inner.flat_map(|(_, block)| &block.steps).any(|step| leaves(step, by_break))
}

/// Whether a step can be behind a place without an output: skipped, or failed and handled.
fn may_give_nothing(step: &Step) -> bool {
    step.guard.is_some()
        || match &step.on_error {
            OnError::Stop => false,
            OnError::Continue | OnError::Steps(_) => true,
        }
}
