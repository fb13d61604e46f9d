//! What the phases of an action call exchange: look, write, verify.
//!
//! Recovery, dry run, limits and drift all use the same look, so its result is plain data that is journaled.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connection::Connection;
use crate::effect::Effect;
use crate::transport::Transport;

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
    /// The answer's body as a value; null when it was empty.
    pub answer: Value,
    /// The HTTP status.
    pub status: u16,
    /// What the answer shows the write to have been.
    pub effect: Effect,
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
    /// The effect it counts as.
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
}

/// The simulated writes of a dry run, as a read sees them.
pub trait Overlay: Send + Sync {
    /// The rows simulated for one collection of this connection, oldest first.
    fn rows(&self, collection: &str) -> Vec<SimulatedRow>;
}
