//! `trigger:`, what starts a flow by itself.

use super::flow::RETRY;
use super::{Mapping, Shape, may, need, words};
use crate::flow::{Algorithm, Encoding, End, Missed, RecordChange, Respond, RunFor, Scheme};

/// `trigger:`
pub static TRIGGER: Mapping = Mapping {
    name: "a trigger",
    keys: &[
        may("schedule", Shape::Mapping(&SCHEDULE), "At times."),
        may("webhook", Shape::Mapping(&WEBHOOK), "A request from another system."),
        may("record", Shape::Mapping(&RECORD), "A record that was made or changed."),
        may(
            "flow",
            Shape::Any(&[Shape::Word, Shape::Mapping(&FLOW_TRIGGER)]),
            "The end of a run of another flow; the name alone means that it succeeded.",
        ),
        may(
            "form",
            Shape::Any(&[Shape::Blank, Shape::Mapping(&FORM_TRIGGER)]),
            "A page for people, made from the inputs and the questions.",
        ),
    ],
    one_of: &["schedule", "webhook", "record", "flow", "form"],
};

/// `schedule:`
pub static SCHEDULE: Mapping = Mapping {
    name: "a schedule",
    keys: &[
        may(
            "cron",
            Shape::Cron,
            "When: minute, hour, day, month, weekday; seconds may stand before.",
        ),
        may(
            "every",
            Shape::Duration,
            "At even distances, counted from `start` or from the Unix epoch: `15m`.",
        ),
        may(
            "at",
            Shape::Word,
            "Once: `2026-12-24T18:00` in the zone of the schedule, or an instant with an offset.",
        ),
        may("timezone", Shape::TimeZone, "The zone that the times are in: `Europe/London`."),
        may(
            "missed",
            Shape::Choice(|| words(Missed::WORDS)),
            "What happens to times that passed while no daemon ran; `latest` when left out.",
        ),
        may("jitter", Shape::Duration, "The longest delay of a start after its time."),
        may("start", Shape::Word, "Nothing falls due before: a day, a time or an instant."),
        may("end", Shape::Word, "Nothing falls due after; a day counts whole."),
        may(
            "calendar",
            Shape::Any(&[Shape::Word, Shape::Mapping(&CALENDAR)]),
            "The business days: on other days nothing falls due. Written here, or the name of one in linchpin.yaml.",
        ),
    ],
    one_of: &["cron", "every", "at"],
};

/// `calendar:`
pub static CALENDAR: Mapping = Mapping {
    name: "a calendar",
    keys: &[
        may("days", Shape::Words, "The business days of the week; `[mon..fri]` when left out."),
        may(
            "holidays",
            Shape::Words,
            "Days that are no business days all the same: `2026-12-25`, a name may follow.",
        ),
    ],
    one_of: &[],
};

/// `webhook:`
pub static WEBHOOK: Mapping = Mapping {
    name: "a webhook",
    keys: &[
        need("path", Shape::Word, "The address of the webhook: `servicenow/incident`."),
        need(
            "auth",
            Shape::Any(&[Shape::Choice(|| vec!["none"]), Shape::Mapping(&AUTH)]),
            "How a delivery shows that it is genuine; `none` lets anybody start the flow.",
        ),
        may(
            "dedupe",
            Shape::Expression,
            "What tells deliveries apart, read from `trigger`; a second one with the same starts nothing.",
        ),
        may(
            "respond",
            Shape::Choice(|| words(Respond::WORDS)),
            "What the sender is answered: that the run is accepted, or its outputs.",
        ),
        may("payload", Shape::Types(&[]), "The fields of the body: names and types."),
    ],
    one_of: &[],
};

/// `auth:` of a webhook.
pub static AUTH: Mapping = Mapping {
    name: "`auth`",
    keys: &[
        need(
            "scheme",
            Shape::Choice(|| Scheme::WORDS.to_vec()),
            "How the secret is used: the Standard Webhooks, a signature, a token, or as a system does.",
        ),
        need(
            "secret",
            Shape::Any(&[
                Shape::Choice(|| vec!["vault"]),
                Shape::Mapping(&SECRET),
                Shape::List(&Shape::Any(&[
                    Shape::Choice(|| vec!["vault"]),
                    Shape::Mapping(&SECRET),
                ])),
            ]),
            "Where the secret is kept, never the secret; several while it is being changed.",
        ),
        may("header", Shape::Word, "The header that holds the signature."),
        may("algorithm", Shape::Choice(|| words(Algorithm::WORDS)), "The hash of the signature."),
        may(
            "encoding",
            Shape::Choice(|| words(Encoding::WORDS)),
            "How the signature is written; `hex` when left out.",
        ),
        may("prefix", Shape::Word, "What stands before the signature: `sha256=`."),
    ],
    one_of: &[],
};

/// `auth:` of a scheme that says the rest itself.
pub static PLAIN_AUTH: Mapping = Mapping {
    name: "an `auth` of this scheme",
    keys: &[
        need("scheme", Shape::Choice(|| Scheme::WORDS.to_vec()), "How the secret is used."),
        need("secret", Shape::Mapping(&SECRET), "Where the secret is kept."),
    ],
    one_of: &[],
};

/// Where a secret is kept.
pub static SECRET: Mapping = Mapping {
    name: "the place of a secret",
    keys: &[
        may("env", Shape::Word, "An environment variable."),
        may("file", Shape::Word, "A file that holds nothing else."),
        may("command", Shape::List(&Shape::Word), "A program that prints it, with its arguments."),
    ],
    one_of: &["env", "file", "command"],
};

/// `record:`
pub static RECORD: Mapping = Mapping {
    name: "a record trigger",
    keys: &[
        need(
            "call",
            Shape::Call { subflow: false },
            "The stream action that gives the records; it has a watermark.",
        ),
        may("with", Shape::Inputs, "Its inputs, without pills."),
        may("connection", Shape::Alias, "Another alias of the same spoke."),
        may("retry", Shape::Mapping(&RETRY), "When a failed look is tried again."),
        may(
            "on",
            Shape::Choice(|| words(RecordChange::WORDS)),
            "Which records start a run; `created_or_updated` when left out.",
        ),
        need("every", Shape::Duration, "How often it is looked for them: `5m`."),
        may(
            "run_for",
            Shape::Choice(|| words(RunFor::WORDS)),
            "A run for each record, or one for all that are found at a time; `each` when left out.",
        ),
    ],
    one_of: &[],
};

/// `flow:` as a trigger.
pub static FLOW_TRIGGER: Mapping = Mapping {
    name: "a flow trigger",
    keys: &[
        need("name", Shape::Word, "The other flow."),
        may(
            "on",
            Shape::Choices(|| words(End::WORDS)),
            "How its run must stand; `succeeded` when left out.",
        ),
    ],
    one_of: &[],
};

/// `form:` as a trigger.
pub static FORM_TRIGGER: Mapping = Mapping {
    name: "a form trigger",
    keys: &[may("title", Shape::Word, "The heading of the page.")],
    one_of: &[],
};
