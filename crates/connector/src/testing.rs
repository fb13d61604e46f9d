//! Runs the examples of a spoke's actions against recorded replies, without any network.
//!
//! Every request must be the one the example names next; outputs are compared field by field with `expect`.

mod compare;
mod transport;

use std::sync::Arc;

use linchpin_language::{Diagnostic, Map, Node, Severity, Source, Span, Value, codes};

use crate::action::{Action, Call, Look, Verdict, Wrote};
use crate::error::{ActionError, WriteState};
use crate::manifest::{Reading, grammar};
use crate::spoke::Spoke;

pub use transport::{FakeTransport, Reply};

const NOW: &str = "2026-02-01T12:00:00Z";
const MAX_PAGES: usize = 100;

/// One example of an action's file.
#[derive(Clone, Debug)]
pub struct Example {
    /// The inputs, as a flow would give them.
    pub inputs: Value,
    /// Values of the connection that differ from the defaults.
    pub connection: Map<String, Value>,
    /// The key of the call.
    pub key: String,
    /// The instant of the call.
    pub now: jiff::Timestamp,
    /// What is asked and answered, in order.
    pub replies: Vec<Reply>,
    /// Part of the outputs; of a stream, the rows.
    pub expect: Option<Value>,
    /// Part of the error, when the call is to fail.
    pub fails: Option<Value>,
    source: Source,
    span: Span,
}

impl Example {
    /// Reads one example.
    pub(crate) fn parse(reading: &mut Reading, node: &Node<'_>) -> Option<Example> {
        if !reading.mapping(node, &grammar::EXAMPLE) {
            return None;
        }
        let mut replies = Vec::new();
        for item in node.get("replies").map(|node| node.items()).unwrap_or_default() {
            replies.extend(Reply::parse(reading, &item));
        }
        let now = reading.string_at(node, "now").unwrap_or_else(|| NOW.to_owned());
        let now = now.parse().unwrap_or_else(|_| {
            reading.error(
                node,
                codes::BAD_VALUE,
                "`now` is no instant such as 2026-02-01T12:00:00Z",
            );
            jiff::Timestamp::UNIX_EPOCH
        });
        let plain = |key: &str| node.get(key).map(|node| node.value().clone());
        if plain("expect").is_some() == plain("fails").is_some() {
            reading.error(node, codes::MISSING_KEY, "an example has either `expect` or `fails`");
        }
        let connection = plain("connection").and_then(|value| value.as_object().cloned());
        Some(Example {
            inputs: plain("inputs").unwrap_or_else(|| Value::Object(Map::new())),
            connection: connection.unwrap_or_default(),
            key: reading.string_at(node, "key").unwrap_or_else(|| "example-key".to_owned()),
            now,
            replies,
            expect: plain("expect"),
            fails: plain("fails"),
            source: node.source().clone(),
            span: node.span(),
        })
    }

    fn failure(&self, action: &str, message: &str) -> Diagnostic {
        Diagnostic::new(
            Severity::Error,
            codes::FAILED_EXAMPLE,
            format!("example of {action}: {message}"),
            self.source.clone(),
            self.span,
        )
    }
}

/// What came of the examples of one action.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The action's name within its spoke.
    pub action: String,
    /// How many examples it has.
    pub n_examples: usize,
    /// What did not come out as written.
    pub failures: Vec<Diagnostic>,
}

/// Runs every example of a spoke; each that does not come out as written is a diagnostic.
pub async fn run_examples(spoke: &Spoke) -> Vec<Diagnostic> {
    let tested = test_examples(spoke, None).await;
    tested.into_iter().flat_map(|tested| tested.failures).collect()
}

/// Runs the examples of each action of a spoke, or of one of them.
pub async fn test_examples(spoke: &Spoke, only: Option<&str>) -> Vec<Tested> {
    let mut all = Vec::new();
    for (name, examples) in spoke.examples() {
        let Some(action) = spoke.action(name) else { continue };
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let mut failures = Vec::new();
        for example in examples {
            for message in run_example(spoke, action, example).await {
                failures.push(example.failure(name, &message));
            }
        }
        all.push(Tested { action: name.to_owned(), n_examples: examples.len(), failures });
    }
    all
}

async fn run_example(spoke: &Spoke, action: &Arc<dyn Action>, example: &Example) -> Vec<String> {
    let inputs = match action.spec().read_inputs(example.inputs.clone()) {
        Ok(inputs) => inputs,
        Err(mismatches) => return mismatches.into_iter().map(|wrong| wrong.message).collect(),
    };
    let mut connection = spoke.example_connection();
    connection.values.extend(example.connection.clone());
    let transport = FakeTransport::new(example.replies.clone());
    let call = Call {
        inputs: &inputs,
        connection: &connection,
        transport: &transport,
        key: &example.key,
        now: example.now,
        overlay: None,
    };
    let outcome = perform(action.as_ref(), &call).await;
    let mut failures = transport.mistakes();
    match (outcome, &example.expect, &example.fails) {
        (Ok(output), Some(expect), _) => {
            failures.extend(compare::subset(expect, &output, ""));
        }
        (Err(error), None, Some(fails)) => {
            let error = serde_json::to_value(&error).unwrap_or_default();
            failures.extend(compare::subset(fails, &error, ""));
        }
        (Ok(output), None, _) => failures.push(format!("it was to fail and gave {output}")),
        (Err(error), _, _) if failures.is_empty() => {
            failures.push(format!("it failed with {}: {error}", error.kind));
        }
        (Err(_), _, _) => {}
    }
    failures
}

/// One whole call, as the engine would make it: all pages of a stream, all phases of a write.
pub async fn perform(action: &dyn Action, call: &Call<'_>) -> Result<Value, ActionError> {
    let spec = action.spec();
    if spec.stream.is_some() {
        return pages(action, call).await.map(Value::Array);
    }
    if !spec.effect.is_write() {
        return action.read(call).await;
    }
    let look = action.look(call).await?;
    let mut wrote = Vec::new();
    for chunk in 0..look.chunks {
        wrote.push(write(action, call, &look, chunk).await?);
    }
    action.finish(call, &look, &wrote).await.map(Arc::unwrap_or_clone)
}

async fn pages(action: &dyn Action, call: &Call<'_>) -> Result<Vec<Value>, ActionError> {
    let mut rows = Vec::new();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let page = action.page(call, cursor.as_ref()).await?;
        rows.extend(page.rows);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(rows)
}

/// A lost answer is cleared up by verifying, and a write that did not happen is made once more.
async fn write(
    action: &dyn Action,
    call: &Call<'_>,
    look: &Look,
    chunk: u32,
) -> Result<Wrote, ActionError> {
    let error = match action.write(call, look, chunk).await {
        Ok(wrote) => return Ok(wrote),
        Err(error) if error.write == WriteState::None => return Err(error),
        Err(error) => error,
    };
    match action.verify(call, look, chunk).await? {
        Verdict::Done(wrote) => Ok(wrote),
        Verdict::NotDone => action.write(call, look, chunk).await,
        Verdict::Part(_) | Verdict::CannotTell(_) => Err(error),
    }
}
