//! The lists of steps inside a step, and how a path names each of them.

use super::{Block, OnError, Step, StepKind};
use crate::path::Segment;

/// Which block of a step or flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arm {
    /// `steps` of a loop; iterations are told apart by their number.
    Body,
    /// `then`, and the `then` of the n-th `else_if` from 1.
    Then(usize),
    /// `else`
    Else,
    /// `try`
    Try,
    /// The n-th clause of `catch`, from 0.
    Catch(usize),
    /// `finally`
    Finally,
    /// `on_error`
    OnError,
    /// `on_cancel`
    OnCancel,
    /// The steps of a subflow.
    Flow,
    /// The n-th branch of a `parallel`, from 0; paths have its name.
    Branch(usize),
    /// The n-th row of a `decide`, from 0.
    Row(usize),
    /// `default` of a `decide`
    Default,
}

impl Step {
    /// The blocks directly inside this step, each with its label in paths.
    pub fn blocks(&self) -> Vec<(Arm, &Block)> {
        let mut blocks = match &self.kind {
            StepKind::If(branch) => {
                let arms = branch.arms.iter().enumerate();
                let mut all: Vec<_> = arms.map(|(at, (_, block))| (Arm::Then(at), block)).collect();
                all.extend(branch.otherwise.iter().map(|block| (Arm::Else, block)));
                all
            }
            StepKind::ForEach(each) => vec![(Arm::Body, &each.body)],
            StepKind::Repeat(repeat) => vec![(Arm::Body, &repeat.body)],
            StepKind::Parallel(parallel) => {
                let branches = parallel.branches.iter().enumerate();
                branches.map(|(at, branch)| (Arm::Branch(at), &branch.body)).collect()
            }
            StepKind::Decide(decide) => {
                let rows = decide.rows.iter().enumerate();
                let rows = rows.map(|(at, row)| (Arm::Row(at), &row.answer.steps));
                let default = decide.default.iter().map(|answer| (Arm::Default, &answer.steps));
                rows.chain(default).collect()
            }
            StepKind::Try(guarded) => {
                let mut all = vec![(Arm::Try, &guarded.body)];
                let catches = guarded.catches.iter().enumerate();
                all.extend(catches.map(|(at, clause)| (Arm::Catch(at), &clause.body)));
                all.extend(guarded.finally.iter().map(|block| (Arm::Finally, block)));
                all
            }
            StepKind::Call(_)
            | StepKind::Subflow(_)
            | StepKind::Wait(_)
            | StepKind::Ask(_)
            | StepKind::Approval(_)
            | StepKind::Set(_)
            | StepKind::Log(_)
            | StepKind::Undo
            | StepKind::End
            | StepKind::Fail(_)
            | StepKind::Next
            | StepKind::Break => Vec::new(),
        };
        if let OnError::Steps(block) = &self.on_error {
            blocks.push((Arm::OnError, block));
        }
        blocks
    }

    /// The block that an arm names, without a look at the others.
    pub fn block(&self, arm: Arm) -> Option<&Block> {
        match (&self.kind, arm) {
            (_, Arm::OnError) => match &self.on_error {
                OnError::Steps(block) => Some(block),
                OnError::Stop | OnError::Continue => None,
            },
            (StepKind::If(branch), Arm::Then(at)) => branch.arms.get(at).map(|(_, block)| block),
            (StepKind::If(branch), Arm::Else) => branch.otherwise.as_ref(),
            (StepKind::ForEach(each), Arm::Body) => Some(&each.body),
            (StepKind::Repeat(repeat), Arm::Body) => Some(&repeat.body),
            (StepKind::Parallel(parallel), Arm::Branch(at)) => {
                parallel.branches.get(at).map(|branch| &branch.body)
            }
            (StepKind::Decide(decide), Arm::Row(at)) => {
                decide.rows.get(at).map(|row| &row.answer.steps)
            }
            (StepKind::Decide(decide), Arm::Default) => {
                decide.default.as_ref().map(|answer| &answer.steps)
            }
            (StepKind::Try(guarded), Arm::Try) => Some(&guarded.body),
            (StepKind::Try(guarded), Arm::Catch(at)) => {
                guarded.catches.get(at).map(|clause| &clause.body)
            }
            (StepKind::Try(guarded), Arm::Finally) => guarded.finally.as_ref(),
            _ => None,
        }
    }

    /// The block that the next segment of a path leads into.
    pub fn arm_of(&self, segment: &Segment) -> Option<Arm> {
        match (segment, &self.kind) {
            (Segment::Arm(arm), _) => Some(*arm),
            (Segment::Item(_), _) => Some(Arm::Body),
            (Segment::Branch(name), StepKind::Parallel(parallel)) => {
                parallel.branches.iter().position(|branch| branch.name == *name).map(Arm::Branch)
            }
            _ => None,
        }
    }

    /// The segment of a path that leads into a block of this step.
    pub fn segment_of(&self, arm: Arm) -> Segment {
        match (arm, &self.kind) {
            (Arm::Branch(at), StepKind::Parallel(parallel)) if at < parallel.branches.len() => {
                Segment::Branch(parallel.branches[at].name.clone())
            }
            _ => Segment::Arm(arm),
        }
    }
}
