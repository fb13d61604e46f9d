//! What calls and systems have said to each other, where somebody wants to know.

use serde::{Deserialize, Serialize};

use crate::path::StepPath;

/// What a stage of a call and a system have said to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    /// The step.
    pub path: StepPath,
    /// The number of the command.
    pub op: u64,
    /// In their order.
    pub exchanges: Vec<Exchange>,
}

/// A request and its answer, without headers and without what is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// `GET`, `POST` ...
    pub method: String,
    /// The path below the connection's address, with its query.
    pub path: String,
    /// The body of the request, cut if it is large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// The status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The body of the answer, cut if it is large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
