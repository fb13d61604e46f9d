//! The intent of a write. Where the one change that a look says is the inputs themselves, the
//! journal holds them once.

use std::borrow::Cow;
use std::sync::Arc;

use linchpin_connector::{Effect, Look};
use linchpin_language::Value;
use serde::{Deserialize, Serialize, Serializer};

use crate::path::StepPath;

/// A write that is about to leave.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Kept<'static>")]
pub struct Intended {
    /// The step.
    pub path: StepPath,
    /// The number of the command.
    pub op: u64,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Which chunk, from 0.
    pub chunk: u32,
    /// The rendered inputs of the call.
    pub input: Arc<Value>,
    /// What the look found and what it says would change.
    pub look: Arc<Look>,
    /// The request in words: `POST /users/k7Qp/courses`.
    pub request: String,
}

/// An intent as the journal keeps it.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    path: Cow<'a, StepPath>,
    op: u64,
    attempt: u32,
    chunk: u32,
    input: Cow<'a, Arc<Value>>,
    look: KeptLook<'a>,
    request: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct KeptLook<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Cow<'a, Value>>,
    /// Left out, it is the inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<Cow<'a, [Value]>>,
    effect: Effect,
    chunks: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<usize>,
}

impl Serialize for Intended {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { path, op, attempt, chunk, input, look, request } = self;
        let Look { found, changes, effect, chunks, variant } = &**look;
        let has_found = found.as_object().is_none_or(|found| !found.is_empty());
        let is_input = matches!(changes.as_slice(), [one] if *one == **input);
        let look = KeptLook {
            found: has_found.then_some(Cow::Borrowed(found)),
            changes: (!is_input).then_some(Cow::Borrowed(changes)),
            effect: *effect,
            chunks: *chunks,
            variant: *variant,
        };
        let (path, input, request) = (Cow::Borrowed(path), Cow::Borrowed(input), request.into());
        Kept { path, op: *op, attempt: *attempt, chunk: *chunk, input, look, request }
            .serialize(serializer)
    }
}

impl From<Kept<'_>> for Intended {
    fn from(kept: Kept<'_>) -> Self {
        let Kept { path, op, attempt, chunk, input, look, request } = kept;
        let KeptLook { found, changes, effect, chunks, variant } = look;
        let input = input.into_owned();
        let found = found.map_or_else(|| Value::Object(Default::default()), Cow::into_owned);
        let changes = changes.map_or_else(|| vec![(*input).clone()], Cow::into_owned);
        let look = Arc::new(Look { found, changes, effect, chunks, variant });
        let (path, request) = (path.into_owned(), request.into_owned());
        Self { path, op, attempt, chunk, input, look, request }
    }
}

#[cfg(test)]
mod tests {
    use linchpin_language::json;

    use super::*;

    fn there_and_back(changes: Vec<Value>, found: Value) -> String {
        let look = Look { found, changes, effect: Effect::Send, chunks: 1, variant: None };
        let intended = Intended {
            path: "step".parse().expect("it is a path"),
            op: 1,
            attempt: 1,
            chunk: 0,
            input: Arc::new(json!({ "path": "/orders" })),
            look: Arc::new(look),
            request: "POST /orders".to_owned(),
        };
        let text = serde_json::to_string(&intended).expect("it is written");
        assert_eq!(serde_json::from_str::<Intended>(&text).expect("it is read"), intended);
        text
    }

    #[test]
    fn a_change_that_is_the_inputs_is_kept_once() {
        let text = there_and_back(vec![json!({ "path": "/orders" })], json!({}));
        assert_eq!(text.matches("/orders").count(), 2, "in the inputs and in the request: {text}");
        for changes in [vec![], vec![json!(1)], vec![json!({ "path": "/orders" }); 2]] {
            assert!(there_and_back(changes, json!({ "user": [1] })).contains("changes"));
        }
    }

    #[test]
    fn an_intent_of_an_older_journal_is_read() {
        let older = json!({
            "path": "step", "op": 1, "attempt": 1, "chunk": 0, "input": { "a": 1 },
            "look": { "found": {}, "changes": [{ "a": 1, "b": null }], "effect": "send", "chunks": 1 },
            "request": "POST /",
        });
        let read: Intended = serde_json::from_value(older).expect("it is read");
        assert_eq!(read.look.changes, [json!({ "a": 1, "b": null })]);
        assert_eq!(read.look.found, json!({}));
    }
}
