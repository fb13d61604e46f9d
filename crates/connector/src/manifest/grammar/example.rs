//! The keys of an example and of its recorded replies.

use super::{Form, Mapping, key, mapping};

pub(crate) static EXAMPLE: Mapping = mapping(
    "example",
    &[],
    &[
        key("about", Form::Word, "What it shows."),
        key("inputs", Form::Value, "The inputs, as a flow gives them."),
        key("connection", Form::Value, "Values of the connection that differ from the defaults."),
        key("key", Form::Word, "The key of the call."),
        key("now", Form::Word, "The instant of the call."),
        key("replies", Form::List(&REPLY), "The requests in their order, and their answers."),
        key("expect", Form::Value, "Part of the outputs; of a stream, the rows."),
        key("fails", Form::Value, "Part of the error, when it is to fail."),
    ],
);

pub(crate) static REPLY: Mapping = mapping(
    "reply",
    &[],
    &[
        key("get", Form::Word, "Asked with GET for this path."),
        key("post", Form::Word, "Asked with POST for this path."),
        key("put", Form::Word, "Asked with PUT for this path."),
        key("patch", Form::Word, "Asked with PATCH for this path."),
        key("delete", Form::Word, "Asked with DELETE for this path."),
        key("head", Form::Word, "Asked with HEAD for this path."),
        key("options", Form::Word, "Asked with OPTIONS for this path."),
        key("mail", Form::Word, "Asked to send a mail to these, one after the other with a comma."),
        key("query", Form::Value, "Parameters that must be there."),
        key(
            "sent",
            Form::Value,
            "The whole body that must be sent, whatever its form; the parts of the mail.",
        ),
        key("status", Form::Statuses, "The status of the answer; 200 unless said."),
        key("body", Form::Value, "The answer, as JSON."),
        key("text", Form::Value, "The answer, as text."),
        key("headers", Form::Value, "Headers of the answer."),
        key("reason", Form::Word, "The reason phrase of the answer."),
        key("silence", Form::Flag, "No answer comes."),
    ],
);
