//! The kinds of step and their keys.

use super::flow::{RETRY, error_kinds};
use super::logic::{BREAK, DECIDE, NEXT, PARALLEL, REPEAT};
use super::people::APPROVAL;
use super::undo::UNDO;
use super::{Key, Kind, Mapping, Shape, may, need, words};
use crate::flow::{Level, OnError, OnItemError};

/// The keys of every step.
pub static COMMON: &[Key] = &[
    may("id", Shape::Name, "The name by which later steps read its output."),
    may("name", Shape::Word, "What people see in place of the id."),
    may("if", Shape::Expression, "The step runs only where this is true."),
    may(
        "after",
        Shape::StepIds,
        "The steps it waits for; it then stands beside the order of the list, in which steps without `after` wait for each other alone.",
    ),
    may(
        "timeout",
        Shape::Duration,
        "How long an attempt of a call, or the whole of a block, may take.",
    ),
    may(
        "on_error",
        Shape::Any(&[Shape::Choice(|| words(OnError::WORDS)), Shape::Steps]),
        "What a failure of the step does: it stops the run, is passed over, or steps handle it.",
    ),
    may("note", Shape::Word, "A remark for readers."),
];

/// The keys beside `call`.
const CALL_KEYS: &[Key] = &[
    may("with", Shape::Inputs, "The inputs: texts with pills."),
    may("connection", Shape::Alias, "Another alias of the same spoke."),
    may("connections", Shape::Rebinding, "The aliases of the subflow, each with one of this flow."),
    may("retry", Shape::Mapping(&RETRY), "When a failed call is tried again."),
    may(
        "undo",
        Shape::Mapping(&UNDO),
        "What takes it back, in place of what its action says itself.",
    ),
    may("detach", Shape::Flag, "`true` gives the subflow a run of its own, and goes on at once."),
];

/// The keys beside `call`.
pub static CALL: &[Key] = CALL_KEYS;

/// The keys beside `for_each` that are not those of its `call`.
const LOOP: &[Key] = &[
    may("as", Shape::Name, "The name of the item inside the loop; `item` when left out."),
    may("parallel", Shape::Count(1, 1000), "How many items are worked on at the same time."),
    may(
        "on_item_error",
        Shape::Choice(|| words(OnItemError::WORDS)),
        "What a failed item does: it stops the loop, or is counted and passed over.",
    ),
    may("collect", Shape::Expression, "What the loop keeps of each item, in `items`."),
    may("steps", Shape::Steps, "What is done for each item."),
    may("call", Shape::Call { subflow: true }, "The one call for each item, in place of `steps`."),
];

/// What a step can be. A key of one kind that is also the key of another (`for_each` with `call`)
/// belongs to the one that comes first here.
pub static KINDS: &[Kind] = &[
    Kind {
        key: "for_each",
        shown: "for_each",
        title: "For Each",
        about: "Does steps for each item of a list, or for each row of a stream.",
        value: Shape::Any(&[Shape::Expression, Shape::Mapping(&LOOP_SOURCE)]),
        beside: &[LOOP, CALL_KEYS],
    },
    Kind {
        key: "call",
        shown: "call",
        title: "Action, Subflow",
        about: "Calls an action of a spoke, `ALIAS.ACTION`, or a subflow, `flow.NAME`.",
        value: Shape::Call { subflow: true },
        beside: &[CALL_KEYS],
    },
    Kind {
        key: "then",
        shown: "if",
        title: "If, Else If, Else",
        about: "Steps that run only where `if` is true.",
        value: Shape::Steps,
        beside: &[&[
            may(
                "else_if",
                Shape::Any(&[Shape::Mapping(&ELSE_IF), Shape::List(&Shape::Mapping(&ELSE_IF))]),
                "Further conditions, each with its steps.",
            ),
            may("else", Shape::Steps, "Steps for when no condition is true."),
        ]],
    },
    REPEAT,
    PARALLEL,
    DECIDE,
    Kind {
        key: "try",
        shown: "try",
        title: "Error Handler",
        about: "Steps whose failures are handled by `catch`.",
        value: Shape::Steps,
        beside: &[&[
            may(
                "catch",
                Shape::Any(&[Shape::List(&Shape::Mapping(&CATCH)), Shape::Steps]),
                "Steps for a failure, or clauses for kinds of failure.",
            ),
            may("finally", Shape::Steps, "Steps that run afterwards in any case."),
        ]],
    },
    Kind {
        key: "wait",
        shown: "wait",
        title: "Wait for a duration",
        about: "Waits. A wait of months costs nothing and survives restarts.",
        value: Shape::Mapping(&WAIT),
        beside: &[],
    },
    Kind {
        key: "ask",
        shown: "ask",
        title: "Form",
        about: "Asks a person to fill in a form.",
        value: Shape::Mapping(&ASK),
        beside: &[],
    },
    Kind {
        key: "set",
        shown: "set",
        title: "Set Flow Variables",
        about: "Sets variables that `vars` declares: names and expressions.",
        value: Shape::Expressions,
        beside: &[],
    },
    Kind {
        key: "log",
        shown: "log",
        title: "Log",
        about: "Writes a line into the record of the run.",
        value: Shape::Any(&[Shape::Text, Shape::Mapping(&LOG)]),
        beside: &[],
    },
    NEXT,
    BREAK,
    Kind {
        key: "end",
        shown: "end",
        title: "End Flow",
        about: "Ends the run as succeeded.",
        value: Shape::Blank,
        beside: &[],
    },
    Kind {
        key: "fail",
        shown: "fail",
        title: "End Flow with an error",
        about: "Ends the run as failed.",
        value: Shape::Any(&[Shape::Text, Shape::Mapping(&FAIL)]),
        beside: &[],
    },
    Kind {
        key: "approval",
        shown: "approval",
        title: "Ask for Approval",
        about: "Asks people whether to go on.",
        value: Shape::Mapping(&APPROVAL),
        beside: &[],
    },
    Kind {
        key: "undo",
        shown: "undo",
        title: "Rollback",
        about: "Takes back what the run has changed, the newest change first.",
        value: Shape::Choice(|| vec!["all"]),
        beside: &[],
    },
];

/// A stream as what a loop goes over.
pub static LOOP_SOURCE: Mapping = Mapping {
    name: "the source of a loop",
    keys: &[
        need("call", Shape::Call { subflow: false }, "A stream action: `ALIAS.ACTION`."),
        may("with", Shape::Inputs, "The inputs: texts with pills."),
        may("connection", Shape::Alias, "Another alias of the same spoke."),
        may("retry", Shape::Mapping(&RETRY), "When a failed page is read again."),
    ],
    one_of: &[],
};

/// A clause of `else_if`.
pub static ELSE_IF: Mapping = Mapping {
    name: "`else_if`",
    keys: &[
        need("if", Shape::Expression, "The condition."),
        need("then", Shape::Steps, "Steps for when it is the first that is true."),
    ],
    one_of: &[],
};

/// A clause of `catch`.
pub static CATCH: Mapping = Mapping {
    name: "a clause of `catch`",
    keys: &[
        may("on", Shape::Choices(error_kinds), "The kinds of failure; any when left out."),
        need("steps", Shape::Steps, "What handles them."),
    ],
    one_of: &[],
};

/// `wait:`
pub static WAIT: Mapping = Mapping {
    name: "`wait`",
    keys: &[
        may("for", Shape::DurationText, "How long: `20s`, `3d`."),
        may("until", Shape::Text, "Until which instant."),
        may("signal", Shape::Word, "Until somebody or something sends this signal."),
        may("timeout", Shape::Duration, "How long it waits for the signal."),
    ],
    one_of: &["for", "until", "signal"],
};

/// `ask:`
pub static ASK: Mapping = Mapping {
    name: "`ask`",
    keys: &[
        may("of", Shape::Text, "Who is asked: `starter`, an e-mail address or a role."),
        need("form", Shape::Types(&[CHOICES]), "The fields to fill in: names and types."),
        may("message", Shape::Text, "What stands above the form."),
        may("submit", Shape::Word, "The label of the button."),
        may("timeout", Shape::Duration, "How long the answer is waited for."),
    ],
    one_of: &[],
};

pub(super) const CHOICES: Key =
    may("choices_from", Shape::Mapping(&CHOICES_FROM), "A read that lists what can be chosen.");

/// `choices_from:`
pub static CHOICES_FROM: Mapping = Mapping {
    name: "`choices_from`",
    keys: &[
        need("call", Shape::Call { subflow: false }, "The read that lists them."),
        may("with", Shape::Inputs, "The inputs: texts with pills."),
        may("connection", Shape::Alias, "Another alias of the same spoke."),
        may("retry", Shape::Mapping(&RETRY), "When a failed read is tried again."),
        need("value", Shape::Word, "The field of a row that is the answer."),
        may("columns", Shape::Words, "The fields of a row that are shown."),
        may("list", Shape::Word, "The output that holds the rows, when there are several."),
    ],
    one_of: &[],
};

/// `log:` as a map.
pub static LOG: Mapping = Mapping {
    name: "`log`",
    keys: &[
        may("level", Shape::Choice(|| words(Level::WORDS)), "How loud; `info` when left out."),
        need("message", Shape::Text, "The line."),
    ],
    one_of: &[],
};

/// `fail:` as a map.
pub static FAIL: Mapping = Mapping {
    name: "`fail`",
    keys: &[
        may("kind", Shape::Choice(error_kinds), "The kind of failure; `rejected` when left out."),
        need("message", Shape::Text, "Why."),
    ],
    one_of: &[],
};
