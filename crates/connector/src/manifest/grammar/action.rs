//! The keys of an action's file.

use super::example::EXAMPLE;
use super::spoke::{ERROR, PAGING};
use super::{Form, Mapping, effects, error_kinds, key, mapping};

pub(crate) static ACTION: Mapping = mapping(
    "action",
    &["action", "title", "effect"],
    &[
        key("action", Form::Word, "Its name, that of its file: collection, dot, verb."),
        key("title", Form::Word, "Its name for people."),
        key("does", Form::Word, "What it does in the other system."),
        key("effect", Form::Choice(effects), "What it does to the other system, in one word."),
        key("idempotent", Form::Flag, "Whether the same call twice leaves the same as once."),
        key("inputs", Form::Types, "What it takes; one named `*` takes any other."),
        key(
            "outputs",
            Form::Named(&OUTPUT),
            "What it gives; one named `*` gives all fields of its value.",
        ),
        key("look", Form::Some(&REQUEST), "Reads what is there."),
        key("let", Form::Expressions, "Named values, for what comes after."),
        key(
            "changes",
            Form::Expression,
            "What the write would alter; nothing to do when it is empty.",
        ),
        key("write", Form::Some(&REQUEST), "Does it; of several the first whose `when` holds."),
        key("verify", Form::Map(&VERIFY), "How a lost answer is cleared up."),
        key("overlay", Form::Map(&OVERLAY), "What a dry run shows to later reads."),
        key("undo", Form::Map(&UNDO), "The action that takes it back."),
        key(
            "read_from",
            Form::Some(&REQUEST),
            "Where rows come from: the first whose `when` holds.",
        ),
        key("keep", Form::Expression, "Only rows for which this holds; `row` can be read."),
        key("stream", Form::Map(&STREAM), "Rows are given page by page."),
        key("code", Form::Word, "The action in Rust that stands in for requests."),
        key(
            "examples",
            Form::List(&EXAMPLE),
            "What is sent, what comes back, and what comes of it.",
        ),
    ],
);

pub(crate) static OUTPUT: Mapping = Mapping {
    name: "output",
    keys: &[
        key("value", Form::Expression, "Its value."),
        key("shape", Form::Word, "The shape of the object, or of each item of the list."),
    ],
    required: &[],
    is_type: true,
};

pub(crate) static REQUEST: Mapping = mapping(
    "request",
    &[],
    &[
        key("id", Form::Word, "The name its rows have: `look.NAME`."),
        key("when", Form::Expression, "Only when this holds."),
        key("let", Form::Expressions, "Names of its own."),
        key("get", Form::Text, "Reads this path."),
        key("post", Form::Text, "Posts to this path."),
        key("put", Form::Text, "Puts to this path."),
        key("patch", Form::Text, "Patches this path."),
        key("delete", Form::Text, "Deletes this path."),
        key("fail", Form::Map(&FAIL), "Ends the call with an error, in place of a request."),
        key("query", Form::Structures, "Parameters; null leaves one out, a list repeats it."),
        key("headers", Form::Structures, "Headers; null leaves one out."),
        key("json", Form::Structure, "The body, sent as JSON."),
        key(
            "xml",
            Form::Structure,
            "The body, sent as XML: its one key is the root; beside `json` the connection's `wire` chooses.",
        ),
        key("form", Form::Structure, "The body, sent as the fields of a form."),
        key(
            "bytes",
            Form::Structure,
            "The body, sent byte by byte: `content` in Base64, and its media `type`.",
        ),
        key(
            "text",
            Form::Structure,
            "The body, sent as a text; `content` and its media `type` when that is not text/plain.",
        ),
        key(
            "multipart",
            Form::Structure,
            "The body, sent as a form with files: a field each; a file has `content` in Base64 or `text`, a name under `file`, and its media `type`.",
        ),
        key("key", Form::Text, "Sent as Idempotency-Key."),
        key("timeout", Form::Duration, "How long to wait for the answer."),
        key("status", Form::Statuses, "The good statuses; any 2xx unless said."),
        key(
            "answer",
            Form::Choice(|| crate::manifest::answer::FORMS.to_vec()),
            "How the answer is read, whatever its content type says.",
        ),
        key("list", Form::Word, "The path to the rows in the answer."),
        key("shape", Form::Word, "What is read of each row."),
        key("paging", Form::NameOr(&PAGING), "How the listing goes on."),
        key("max", Form::Text, "No more rows than this."),
        key("empty_on", Form::Statuses, "Statuses that mean: no rows."),
        key("errors", Form::List(&ERROR), "Before those of the spoke."),
        key("set", Form::Structures, "Fields that each row gets."),
        key("collection", Form::Text, "What it reads, for the dry run."),
        key("where", Form::Expression, "Which simulated rows it would find; `row` can be read."),
        key("one", Form::Map(&ONE), "Picks the one row that is meant."),
        key("chunks_of", Form::Count, "How many changes go into one request."),
        key("effect_is", Form::Expression, "What the answer shows the write to have been."),
        key("found", Form::Expression, "Whether the write happened, or the record itself."),
    ],
);

pub(crate) static FAIL: Mapping = mapping(
    "fail",
    &["kind"],
    &[
        key("kind", Form::Choice(error_kinds), "What the error is."),
        key("message", Form::Text, "What it says."),
    ],
);

pub(crate) static ONE: Mapping = mapping(
    "one",
    &[],
    &[
        key("rows", Form::Expression, "Those that are meant, of all that were found."),
        key("none", Form::Value, "What no row is: null, or the error not_found."),
        key(
            "many",
            Form::Choice(|| vec!["conflict"]),
            "What several rows are: the error conflict.",
        ),
        key("message", Form::Text, "What the error says."),
    ],
);

pub(crate) static VERIFY: Mapping = mapping(
    "verify",
    &[],
    &[
        key("by", Form::Choice(|| vec!["look", "none"]), "By looking again, or by nothing."),
        key("always", Form::Flag, "After good answers too."),
        key("settle", Form::Duration, "How long to wait before looking a second time."),
        key("missing", Form::Map(&FAIL), "The error of what is still missing then."),
        key("request", Form::Map(&REQUEST), "A request of its own, with `found`."),
        key("reason", Form::Word, "Why nothing can show it."),
        key("none", Form::Word, "The same as `by: none` with this reason."),
    ],
);

pub(crate) static OVERLAY: Mapping = mapping(
    "overlay",
    &["collection"],
    &[
        key("collection", Form::Text, "What the write alters."),
        key("row", Form::Structure, "The row it adds or takes away."),
        key("gone", Form::Flag, "Whether the row is taken away."),
        key("keys", Form::Words, "The fields that make it the same row."),
    ],
);

pub(crate) static UNDO: Mapping = mapping(
    "undo",
    &["action", "with"],
    &[
        key("action", Form::Word, "An action of the same spoke."),
        key("with", Form::Structure, "Its inputs."),
    ],
);

pub(crate) static STREAM: Mapping = mapping(
    "stream",
    &[],
    &[
        key("row", Form::Word, "The shape of a row."),
        key("watermark", Form::Word, "The field that grows with each change."),
        key("since", Form::Word, "The input that takes the watermark of an earlier read."),
        key(
            "created",
            Form::Word,
            "The field that says when a row was made, in the terms of the watermark.",
        ),
        key("identity", Form::Word, "The field that stays the same however often a row changes."),
        key("max", Form::Text, "No more rows than this."),
    ],
);
