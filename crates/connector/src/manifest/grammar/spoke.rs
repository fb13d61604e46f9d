//! The keys of `spoke.yaml`.

use super::action::REQUEST;
use super::{Form, Mapping, credential_kinds, error_kinds, key, mapping};

pub(crate) static SPOKE: Mapping = mapping(
    "spoke",
    &["spoke", "title", "connection"],
    &[
        key("spoke", Form::Word, "Its name in flows and connections; the name of its folder."),
        key("title", Form::Word, "Its name for people."),
        key("about", Form::Word, "What the system is, for people."),
        key("connection", Form::Map(&CONNECTION), "How a connection is made, and its form."),
        key("roles", Form::List(&ROLE), "Roles that its actions and flows speak of."),
        key("webhook", Form::Map(&WEBHOOK), "How the system's own calls are known to be its own."),
        key("request", Form::Map(&COMMON), "What every request has."),
        key("rate", Form::Map(&RATE), "How many calls the system allows."),
        key("read", Form::Map(&READ), "How answers are read."),
        key("paging", Form::Named(&PAGING), "Ways in which listings go on, by name."),
        key(
            "errors",
            Form::List(&ERROR),
            "What answers mean as errors; the first that matches counts.",
        ),
        key("detail", Form::Words, "Where a refusal has its own words: paths into the answer."),
        key("shapes", Form::Named(&SHAPE), "The fields that are read of rows, by name."),
    ],
);

pub(crate) static ROLE: Mapping = mapping(
    "role",
    &["name"],
    &[
        key("name", Form::Word, "Its name here."),
        key("also", Form::Words, "Other names of the same role."),
    ],
);

pub(crate) static WEBHOOK: Mapping = mapping(
    "webhook",
    &["auth"],
    &[
        key(
            "auth",
            Form::Choice(|| crate::webhook::AUTHS.to_vec()),
            "How a call is known to come from the system.",
        ),
        key(
            "algorithm",
            Form::Choice(|| crate::webhook::ALGORITHMS.to_vec()),
            "The hash of the signature.",
        ),
        key("header", Form::Word, "The header that has the signature, or the token."),
        key(
            "encoding",
            Form::Choice(|| crate::webhook::ENCODINGS.to_vec()),
            "How the signature is written; hex unless it says base64.",
        ),
        key("prefix", Form::Word, "What stands before the signature in the header: `sha256=`."),
        key(
            "time",
            Form::Word,
            "The part of the header that has the time, in a header of `t=..., v1=...`.",
        ),
        key("time_header", Form::Word, "A header of its own that has the time."),
        key("signature", Form::Word, "The part of the header that has the signature: `v1`."),
        key("signs", Form::Word, "What is signed: a text of {{ time }}, {{ id }} and {{ body }}."),
        key("id_header", Form::Word, "The header that has the id of the call."),
        key(
            "within",
            Form::Duration,
            "How far the time of a call may be from ours; five minutes unless said.",
        ),
        key(
            "dedupe",
            Form::Expression,
            "The id of a call, so that a repeated one is known: `body.id`.",
        ),
        key("reply", Form::Value, "The status of the answer; 200 unless said."),
    ],
);

pub(crate) static COMMON: Mapping = mapping(
    "common",
    &[],
    &[
        key("query", Form::Structures, "Parameters of every request."),
        key("headers", Form::Structures, "Headers of every request."),
    ],
);

pub(crate) static RATE: Mapping = mapping(
    "rate",
    &["calls", "per"],
    &[key("calls", Form::Count, "How many calls."), key("per", Form::Duration, "In which time.")],
);

pub(crate) static READ: Mapping = mapping(
    "read",
    &[],
    &[
        key(
            "dates",
            Form::Words,
            "The forms of dates: iso, wcf for /Date(ms)/, unix for seconds, unix_ms for milliseconds.",
        ),
        key("zone", Form::Word, "The zone of a date that names none; UTC unless said."),
        key(
            "dotted",
            Form::Choice(|| vec!["nest", "keep"]),
            "Whether names with dots become objects in objects.",
        ),
    ],
);

pub(crate) static CONNECTION: Mapping = mapping(
    "connection",
    &["credential"],
    &[
        key("fields", Form::List(&FIELD), "The form that a person fills in."),
        key("attributes", Form::Types, "Settings with a default that are not on the form."),
        key("button", Form::Word, "The label of the form's button."),
        key(
            "credential",
            Form::OneOrNamed(&CREDENTIAL),
            "How the system knows who calls: one, or several by name to choose from.",
        ),
        key("test", Form::Map(&REQUEST), "A request that proves a connection."),
        key("shows", Form::Texts, "Lines that are shown once the connection is active."),
    ],
);

pub(crate) static FIELD: Mapping = mapping(
    "field",
    &["name"],
    &[
        key("name", Form::Word, "Its name in connections.yaml and in pills."),
        key("label", Form::Word, "Its label."),
        key(
            "type",
            Form::Choice(|| linchpin_language::Type::NAMES.to_vec()),
            "Its type; a secret is never shown.",
        ),
        key("choices", Form::Value, "Label and value of each choice."),
        key("other", Form::Flag, "Whether another value than the choices may be given."),
        key("default", Form::Value, "Filled in beforehand."),
        key("value", Form::Value, "Fixed: shown, and not to be changed."),
        key("hint", Form::Word, "An example of what belongs here."),
        key("max", Form::Count, "The longest text that is taken."),
        key("required", Form::Flag, "Whether it must be filled in; true unless said."),
        key("for", Form::Words, "The credentials that have it, where there are several."),
    ],
);

pub(crate) static CREDENTIAL: Mapping = mapping(
    "credential",
    &["kind"],
    &[key(
        "kind",
        Form::Choice(credential_kinds),
        "Its kind; the other keys are its parts, as texts over `connection`.",
    )],
);

pub(crate) static PAGING: Mapping = mapping(
    "paging",
    &["kind"],
    &[
        key(
            "kind",
            Form::Choice(|| crate::manifest::paging::KINDS.to_vec()),
            "How the next page is asked for.",
        ),
        key("offset", Form::Word, "The parameter that has the offset."),
        key("page", Form::Word, "The parameter that has the number of the page."),
        key("first", Form::Value, "The number of the first page; 1 unless it says 0."),
        key("cursor", Form::Word, "The parameter that has the cursor."),
        key("limit", Form::Word, "The parameter that has the size of a page."),
        key("size", Form::Text, "The size of a page."),
        key("unit", Form::Text, "What an offset counts: records, or pages."),
        key("total", Form::Word, "The path to the number of all rows in the answer."),
        key(
            "stop",
            Form::Choice(|| crate::manifest::paging::STOPS.to_vec()),
            "When offsets and pages end: on an empty page, a short one, or at the total.",
        ),
        key("link", Form::Word, "The path to the next link or cursor in the answer."),
        key("next", Form::Expression, "The next link or cursor, computed."),
    ],
);

pub(crate) static ERROR: Mapping = mapping(
    "error",
    &["kind"],
    &[
        key("status", Form::Statuses, "Only on these statuses."),
        key("text", Form::Word, "Only when the answer has this text, in any case."),
        key(
            "when",
            Form::Expression,
            "Only when this holds; `answer`, `status` and `headers` can be read.",
        ),
        key("let", Form::Expressions, "Names for the message."),
        key("kind", Form::Choice(error_kinds), "What the error is."),
        key("message", Form::Text, "What it says; the system's own words unless said."),
        key("wait", Form::Duration, "How long to wait when the answer does not say."),
        key(
            "effect",
            Form::Choice(|| vec!["none", "unknown"]),
            "Whether a write may have happened all the same.",
        ),
    ],
);

pub(crate) static SHAPE: Mapping = mapping(
    "shape",
    &["fields"],
    &[
        key("keys", Form::Words, "The fields that make a row the same row."),
        key("fields", Form::Named(&SHAPE_FIELD), "The fields, each with its type."),
    ],
);

pub(crate) static SHAPE_FIELD: Mapping = Mapping {
    name: "shape_field",
    keys: &[
        key(
            "from",
            Form::Words,
            "Its names in the answer, the first that has a value; `*` is the whole row.",
        ),
        key(
            "as",
            Form::Choice(|| vec!["be_int"]),
            "Read as this: eight bytes, most significant first.",
        ),
        key("value", Form::Expression, "Computed from `row`."),
    ],
    required: &[],
    is_type: true,
};
