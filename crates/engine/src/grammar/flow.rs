//! The top of a flow: everything but its steps.

use linchpin_connector::{Effect, ErrorKind};

use super::triggers::TRIGGER;
use super::{Key, Mapping, Shape, may, need, words};
use crate::flow::Full;

/// A whole flow.
pub static FLOW: Mapping = Mapping {
    name: "a flow",
    keys: &[
        need("flow", Shape::Name, "The name the flow is started and called by."),
        may("description", Shape::Word, "What the flow does, for the people who run it."),
        may("owner", Shape::Word, "The team that answers for the flow."),
        may("enabled", Shape::Flag, "`false` keeps its triggers from starting it."),
        may(
            "connections",
            Shape::Aliases,
            "The aliases of the flow, each with its spoke. connections.yaml says what an alias leads to.",
        ),
        may("trigger", Shape::Mapping(&TRIGGER), "What starts the flow by itself."),
        may(
            "triggers",
            Shape::List(&Shape::Mapping(&TRIGGER)),
            "What starts the flow by itself, when there are several.",
        ),
        may(
            "concurrency",
            Shape::Mapping(&CONCURRENCY),
            "How many runs of the flow may be active at once.",
        ),
        may("run_by", Shape::Words, "The roles whose holders may start it."),
        may("inputs", Shape::Types(&[]), "What a start gives the flow: names and types."),
        may("vars", Shape::Types(&[]), "The variables of a run: names, types and first values."),
        may("defaults", Shape::Mapping(&DEFAULTS), "For the calls that say nothing themselves."),
        may(
            "limits",
            Shape::Mapping(&LIMITS),
            "How many changes one run may make. One more and the step is held before it sends.",
        ),
        may("timeout", Shape::Duration, "How long a run may take."),
        need("steps", Shape::Steps, "What the flow does, in this order."),
        may("on_error", Shape::Steps, "Steps for when the run fails."),
        may("on_cancel", Shape::Steps, "Steps for when the run is cancelled."),
        may("finally", Shape::Steps, "Steps for the end of the run, however it ends."),
        may("outputs", Shape::Expressions, "What a run gives: names and expressions."),
    ],
    one_of: &[],
};

/// `concurrency:`
pub static CONCURRENCY: Mapping = Mapping {
    name: "`concurrency`",
    keys: &[
        may("max", Shape::Count(1, 100_000), "How many runs may be active; 1 when left out."),
        may(
            "full",
            Shape::Choice(|| words(Full::WORDS)),
            "What happens to one more: it waits, does not happen, or cancels the oldest.",
        ),
        may("key", Shape::Expression, "Counts the runs with the same value of this apart."),
    ],
    one_of: &[],
};

/// `defaults:`
pub static DEFAULTS: Mapping = Mapping {
    name: "`defaults`",
    keys: &[
        may(
            "timeout",
            Shape::Duration,
            "How long one attempt of a call may take. Waiting for the rate budget of its connection does not count.",
        ),
        may("retry", Shape::Mapping(&RETRY), "When a failed call is tried again."),
    ],
    one_of: &[],
};

/// `retry:`, wherever it stands.
pub static RETRY: Mapping = Mapping {
    name: "`retry`",
    keys: &[
        may("attempts", Shape::Count(1, 1000), "How often it is tried, the first time included."),
        may(
            "backoff",
            Shape::Backoff,
            "The wait between attempts: `5s`, or `2s..60s` for one that doubles.",
        ),
        may("on", Shape::Choices(error_kinds), "The kinds of failure that are tried again."),
        may("max_elapsed", Shape::Duration, "No attempt starts later than this after the first."),
    ],
    one_of: &[],
};

/// `limits:`
pub static LIMITS: Mapping = Mapping {
    name: "`limits`",
    keys: &[
        limit(Effect::Create, "How many things one run may make."),
        limit(Effect::Update, "How many things one run may change."),
        limit(Effect::Delete, "How many things one run may remove."),
        limit(Effect::Send, "How many messages one run may send."),
    ],
    one_of: &[],
};

const fn limit(effect: Effect, about: &'static str) -> Key {
    may(effect.as_str(), Shape::Count(0, u64::MAX - 1), about)
}

/// The kinds of failure.
pub(super) fn error_kinds() -> Vec<&'static str> {
    ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect()
}
