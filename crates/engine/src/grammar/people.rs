//! The keys of what people are asked for beside a form.

use super::steps::CHOICES;
use super::{Mapping, Shape, may, need, words};
use crate::flow::{OnReject, OnTimeout};

/// `approval:`
pub static APPROVAL: Mapping = Mapping {
    name: "`approval`",
    keys: &[
        need("message", Shape::Text, "What is to be approved."),
        need(
            "from",
            Shape::Any(&[Shape::Text, Shape::List(&Shape::Text)]),
            "Who may: roles, e-mail addresses; `self` lets whoever started the run.",
        ),
        may("timeout", Shape::Duration, "How long the answer is waited for."),
        may(
            "on_timeout",
            Shape::Choice(|| words(OnTimeout::WORDS)),
            "What no answer in time counts as; `reject` when left out.",
        ),
        may(
            "on_reject",
            Shape::Choice(|| words(OnReject::WORDS)),
            "What a refusal does: the step fails, the flow ends well, or it goes on.",
        ),
        may("form", Shape::Types(&[CHOICES]), "Fields to fill in with a yes: names and types."),
    ],
    one_of: &[],
};
