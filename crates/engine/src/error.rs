//! A failure as a run knows it: journaled, shown to people, read by handlers as `error`.

use linchpin_connector::{ActionError, ErrorKind, WriteState};
use linchpin_language::{Value, json};
use serde::{Deserialize, Serialize};

use crate::path::StepPath;

/// Why a step, and perhaps its run, failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunError {
    /// One of the closed set.
    pub kind: ErrorKind,
    /// One sentence, without a full stop.
    pub message: String,
    /// The step that failed.
    pub step: StepPath,
    /// The attempt, from 1; 0 when nothing was attempted.
    pub attempt: u32,
    /// The other side's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether a write may have happened.
    pub write: WriteState,
    /// What failed first, when this is the failure of a handler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<RunError>>,
    /// Failures after the first, in the order of the journal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<RunError>,
}

impl RunError {
    /// A failure in which nothing was sent.
    pub fn new(kind: ErrorKind, message: impl Into<String>, step: &StepPath) -> Self {
        Self {
            kind,
            message: message.into(),
            step: step.clone(),
            attempt: 0,
            code: None,
            status: None,
            write: WriteState::None,
            cause: None,
            others: Vec::new(),
        }
    }

    /// The failure of an attempt.
    pub fn of_attempt(error: &ActionError, step: &StepPath, attempt: u32) -> Self {
        Self {
            attempt,
            code: error.code.clone(),
            status: error.status,
            write: error.write,
            ..Self::new(error.kind, error.message.clone(), step)
        }
    }

    /// What an author reads as `error`.
    pub fn as_value(&self) -> Value {
        json!({
            "kind": self.kind.as_str(),
            "message": self.message,
            "step": self.step.to_string(),
            "attempt": self.attempt,
            "code": self.code,
            "status": self.status,
            "write_may_have_happened": self.write == WriteState::Unknown,
            "cause": self.cause.as_ref().map(|cause| cause.as_value()),
            "others": self.others.iter().map(Self::as_value).collect::<Vec<_>>(),
        })
    }
}
