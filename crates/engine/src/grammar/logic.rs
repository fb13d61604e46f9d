//! The kinds of step that are made of lists of steps and decide how often, whether and beside what
//! they run, and those that leave a loop.

use super::{Key, Kind, Mapping, Shape, may, need, words};
use crate::flow::{Match, OnBranchError};

/// `repeat`
pub(super) const REPEAT: Kind = Kind {
    key: "repeat",
    shown: "repeat",
    title: "Do Until",
    about: "Does steps, and again, until a condition holds. Its output has `count`, how often; its steps can be read after it as they were the last time.",
    value: Shape::Steps,
    beside: &[&[
        need("until", Shape::Expression, "The condition that ends it, read after each time."),
        need("max", Shape::Count(1, 100_000), "How often at most; then the step fails."),
        may("every", Shape::Duration, "How long it waits between two times."),
    ]],
};

/// `parallel`
pub(super) const PARALLEL: Kind = Kind {
    key: "parallel",
    shown: "parallel",
    title: "Do the Following in Parallel",
    about: "Runs branches at the same time: names, each with steps. Its output has `succeeded` and `failed`, names of branches, and `errors`; the steps can be read after it.",
    value: Shape::Branches,
    beside: &[&[may(
        "on_branch_error",
        Shape::Choice(|| words(OnBranchError::WORDS)),
        "What a failed branch does: it stops the others, or is named as failed while they go on.",
    )]],
};

/// `decide`
pub(super) const DECIDE: Kind = Kind {
    key: "decide",
    shown: "decide",
    title: "Make a Decision",
    about: "Looks an answer up in a table of conditions. All conditions are read before any step runs; the output is the `result` of the row that holds, or with `match: all` the list of the results of all that hold.",
    value: Shape::List(&Shape::Mapping(&ROW)),
    beside: &[&[
        may(
            "match",
            Shape::Choice(|| words(Match::WORDS)),
            "Which rows count: the first that holds, or all; `first` when left out.",
        ),
        may("default", Shape::Mapping(&DEFAULT), "What counts when no row holds."),
    ]],
};

/// `next`
pub(super) const NEXT: Kind = Kind {
    key: "next",
    shown: "next",
    title: "Skip Iteration",
    about: "Leaves this iteration of the nearest loop: a `for_each` counts it as `skipped`, a `repeat` reads its `until`.",
    value: Shape::Blank,
    beside: &[],
};

/// `break`
pub(super) const BREAK: Kind = Kind {
    key: "break",
    shown: "break",
    title: "Exit Loop",
    about: "Ends the nearest loop well: no further item starts, and what runs beside is stopped.",
    value: Shape::Blank,
    beside: &[],
};

const RESULT: Key = may("result", Shape::Value, "The output of the step.");
const STEPS: Key = may("steps", Shape::Steps, "Steps that run when it counts.");

/// A row of `decide`.
pub static ROW: Mapping = Mapping {
    name: "a row of a decision",
    keys: &[
        need("when", Shape::Expression, "The condition under which the row holds."),
        RESULT,
        STEPS,
    ],
    one_of: &[],
};

/// `default:` of `decide`.
pub static DEFAULT: Mapping =
    Mapping { name: "the default of a decision", keys: &[RESULT, STEPS], one_of: &[] };
