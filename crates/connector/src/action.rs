//! What an action is, and what the phases of its call exchange: look, write, verify.
//!
//! Recovery, dry run, limits and drift all use the same look, so its result is plain data that is journaled.

use std::sync::Arc;

use async_trait::async_trait;
use linchpin_language::{Fields, Map, Mismatch, Schema, Template, Value};
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::effect::Effect;
use crate::error::{ActionError, ErrorKind};
use crate::transport::Transport;

/// An input of this name means that any other input is taken as well.
pub const ANY_INPUT: &str = "*";

/// What a flow can know of an action without calling it.
#[derive(Clone)]
pub struct ActionSpec {
    /// Its name within the spoke: `courses.assign`.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// What it does in the remote system.
    pub about: Option<String>,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether the same call twice leaves the same state as once.
    pub idempotent: bool,
    /// The inputs by name; one named `*` takes any other.
    pub inputs: Fields,
    /// The outputs, an object; of a stream, one row.
    pub outputs: Schema,
    /// Set when the action is a stream, read page by page.
    pub stream: Option<StreamSpec>,
    /// How a lost answer is cleared up.
    pub verify: VerifyMode,
    /// Whether it reads before it writes.
    pub looks: bool,
    /// The action that takes it back.
    pub undo: Option<UndoSpec>,
    /// The collections its requests name, as the manifest writes them.
    pub collections: Vec<String>,
}

impl ActionSpec {
    /// The inputs read as their types, defaults filled in. All mismatches at once.
    pub fn read_inputs(&self, inputs: Value) -> Result<Value, Vec<Mismatch>> {
        let Some(any) = self.inputs.get(ANY_INPUT) else {
            return Schema::coerce_fields(&self.inputs, inputs);
        };
        let mut named = self.inputs.clone();
        named.shift_remove(ANY_INPUT);
        let Value::Object(given) = inputs else {
            return Schema::coerce_fields(&named, inputs);
        };
        let (known, more): (Map<String, Value>, Map<String, Value>) =
            given.into_iter().partition(|(name, _)| named.contains_key(name));
        let mut read = Schema::coerce_fields(&named, Value::Object(known))?;
        let mut mismatches = Vec::new();
        for (name, value) in more {
            match (any.coerce(value, &name), read.as_object_mut()) {
                (Ok(value), Some(read)) => {
                    read.insert(name, value);
                }
                (Err(mismatch), _) => mismatches.push(mismatch),
                (Ok(_), None) => {}
            }
        }
        if mismatches.is_empty() { Ok(read) } else { Err(mismatches) }
    }
}

/// What a stream gives.
#[derive(Clone, Debug)]
pub struct StreamSpec {
    /// One row.
    pub row: Schema,
    /// The field that grows with each change, for the next read.
    pub watermark: Option<String>,
    /// The input that takes the watermark of an earlier read.
    pub since: Option<String>,
    /// The field that says when a row was made, in the terms of the watermark.
    pub created: Option<String>,
    /// The field that stays the same however often a row changes.
    pub identity: Option<String>,
}

/// How it is found out whether a write of unknown outcome happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyMode {
    /// The look again: what is gone from its changes is done.
    ByLook,
    /// A request of its own.
    Request,
    /// Nothing shows it.
    None {
        /// Why not.
        reason: String,
    },
    /// The write may simply be repeated.
    NotNeeded,
}

/// The action that takes another back, with its inputs as texts.
#[derive(Clone)]
pub struct UndoSpec {
    /// An action of the same spoke.
    pub action: String,
    /// Its inputs; [`Action::undo`] renders them.
    pub with: Template,
}

/// A call that takes a write back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// An action of the same spoke.
    pub action: String,
    /// Its inputs.
    pub inputs: Value,
}

/// An operation of a spoke.
///
/// An action is stateless: everything it knows comes with the call. Which methods are used follows from its
/// effect: `read` and `none` use [`read`](Action::read), a stream uses [`page`](Action::page), a write uses the rest.
/// Only [`write`](Action::write) changes anything; a dry run never calls it.
///
/// The phases of a write: [`look`](Action::look) reads and says what would change; no chunks means done, unchanged.
/// Then one [`write`](Action::write) for each chunk. A write whose outcome is unknown is cleared up by
/// [`verify`](Action::verify). At last [`finish`](Action::finish) computes the outputs.
#[async_trait]
pub trait Action: Send + Sync {
    /// What it takes, gives and does.
    fn spec(&self) -> &ActionSpec;

    /// Reads, and gives the outputs.
    async fn read(&self, call: &Call<'_>) -> Result<Value, ActionError> {
        let _ = call;
        Err(unsupported(self.spec(), "read"))
    }

    /// Reads one page of a stream; no cursor means the first.
    async fn page(&self, call: &Call<'_>, cursor: Option<&Value>) -> Result<Page, ActionError> {
        let _ = (call, cursor);
        Err(unsupported(self.spec(), "page"))
    }

    /// Reads what there is and says what would change. An action without a look has one change: its
    /// inputs, those that are given.
    async fn look(&self, call: &Call<'_>) -> Result<Look, ActionError> {
        Ok(Look {
            found: Value::Object(Map::new()),
            changes: vec![given(call.inputs)],
            effect: self.spec().effect,
            chunks: 1,
            variant: None,
        })
    }

    /// Sends the write of one chunk, counted from 0. An error says whether the write may have happened.
    async fn write(&self, call: &Call<'_>, look: &Look, chunk: u32) -> Result<Wrote, ActionError> {
        let _ = (call, look, chunk);
        Err(unsupported(self.spec(), "write"))
    }

    /// Reads whether the write of one chunk happened.
    async fn verify(
        &self,
        call: &Call<'_>,
        look: &Look,
        chunk: u32,
    ) -> Result<Verdict, ActionError> {
        let _ = (call, look, chunk);
        Ok(Verdict::CannotTell("this action has no way to see it".to_owned()))
    }

    /// The outputs, after all writes or, with none of them, for nothing to do.
    async fn finish(
        &self,
        call: &Call<'_>,
        look: &Look,
        wrote: &[Wrote],
    ) -> Result<Arc<Value>, ActionError> {
        let _ = (call, look);
        Ok(wrote.last().map(|wrote| Arc::clone(&wrote.answer)).unwrap_or_default())
    }

    /// Whether the write would be refused before anything of it is sent.
    fn refuses(&self, call: &Call<'_>, look: &Look) -> Result<(), ActionError> {
        let _ = (call, look);
        Ok(())
    }

    /// What the writes would do, without doing them.
    fn simulate(&self, call: &Call<'_>, look: &Look) -> Result<Simulated, ActionError> {
        self.refuses(call, look)?;
        let label = format!("output of {}", self.spec().name);
        let output = self.spec().outputs.unknown(&label);
        Ok(Simulated { output, rows: Vec::new(), effect: look.effect })
    }

    /// The call that would take these writes back; none when there is no way or nothing was written.
    fn undo(
        &self,
        call: &Call<'_>,
        look: &Look,
        wrote: &[Wrote],
    ) -> Result<Option<Undo>, ActionError> {
        let _ = (call, look, wrote);
        Ok(None)
    }

    /// The request in a few words, for previews and intents: `POST /users/k7Qp/courses`.
    fn request_summary(&self, call: &Call<'_>, look: &Look, chunk: u32) -> String;
}

/// The inputs without those that are null.
fn given(inputs: &Value) -> Value {
    let Value::Object(inputs) = inputs else { return inputs.clone() };
    let given = inputs.iter().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>().into()
}

fn unsupported(spec: &ActionSpec, what: &str) -> ActionError {
    let message = format!("action {} has no {what}: its effect is {}", spec.name, spec.effect);
    ActionError::new(ErrorKind::Internal, message)
}

/// One call of an action.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The inputs, already read as their types.
    pub inputs: &'a Value,
    /// The connection it is made on.
    pub connection: &'a Connection,
    /// The way to the system.
    pub transport: &'a dyn Transport,
    /// The same for every attempt of this call; sent where a system honours such a key.
    pub key: &'a str,
    /// The only clock of a call.
    pub now: jiff::Timestamp,
    /// Given in a dry run: reads merge its rows, and nothing is ever written.
    pub overlay: Option<&'a dyn Overlay>,
}

/// What a look found, and what would have to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// The rows of each look by its id; an empty object when the action does not look.
    pub found: Value,
    /// What differs; empty means that there is nothing to do.
    pub changes: Vec<Value>,
    /// Create, update, ... as the look shows it.
    pub effect: Effect,
    /// How many writes it takes; 0 means that there is nothing to do.
    pub chunks: u32,
    /// Which of several writes applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<usize>,
}

/// One write that got a good answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wrote {
    /// The answer's body as a value; null when it was empty. In a journal it is null as well when
    /// it is the output of the call, which stands beside it.
    pub answer: Arc<Value>,
    /// The HTTP status.
    pub status: u16,
    /// What the answer shows the write to have been; `none` when somebody else had done it meanwhile.
    pub effect: Effect,
    /// What a later look found, when the write was adopted by it rather than answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// What the look found that was made again after a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<Value>,
}

impl Wrote {
    /// A write and its answer.
    pub fn new(answer: Value, status: u16, effect: Effect) -> Wrote {
        Wrote { answer: Arc::new(answer), status, effect, after: None, look: None }
    }
}

/// Whether a write of unknown outcome happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It did; what it wrote is adopted.
    Done(Wrote),
    /// It did not.
    NotDone,
    /// Some of it did; these changes are left.
    Part(Vec<Value>),
    /// The system cannot show it; says why.
    CannotTell(String),
}

/// One page of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The rows, in the order received.
    pub rows: Vec<Value>,
    /// The identity of each row, at the same place.
    pub keys: Vec<String>,
    /// Where the next page begins; none after the last.
    pub cursor: Option<Value>,
}

/// What a write would do, as far as it can be known without doing it.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// The outputs, with unknown leaves where only the real answer knows.
    pub output: Value,
    /// What later reads of this dry run must see.
    pub rows: Vec<SimulatedRow>,
    /// What the write would be. It is [`Effect::Ensure`] where only the answer shows whether it
    /// created or updated; limits count such a write as the look does.
    pub effect: Effect,
}

/// A row that a simulated write added or took away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulatedRow {
    /// What the write altered, in the words of the manifest.
    pub collection: String,
    /// The row, with unknown leaves.
    pub row: Value,
    /// Whether the row is taken away rather than added.
    pub gone: bool,
    /// The fields that make it the same row, where the read's shape names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// The simulated writes of a dry run, as a read sees them.
pub trait Overlay: Send + Sync {
    /// The rows simulated for one collection of this connection, oldest first.
    fn rows(&self, collection: &str) -> Vec<SimulatedRow>;
}
