//! What can go wrong with an action: a closed set of kinds, the same for every spoke.
//!
//! The spoke classifies, the engine decides, the runtime waits. An error is journaled, so it serialises;
//! it never holds a credential.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an action failed. The list is closed: flows name these words in `on:` and `catch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The call's own values are wrong; sending them again cannot help.
    InvalidInput,
    /// The credential was missing, wrong or expired.
    Unauthenticated,
    /// The credential is good but may not do this.
    Forbidden,
    /// What the call names does not exist.
    NotFound,
    /// It clashes with something that exists or has changed meanwhile.
    Conflict,
    /// Too many calls; trying later helps.
    RateLimited,
    /// The other side is down or overloaded.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// No connection could be made: nothing was sent.
    ConnectionFailed,
    /// An answer came that cannot be understood.
    BadResponse,
    /// The other side, or a person, said no.
    Rejected,
    /// Stopped on request.
    Cancelled,
    /// A bound of ours was reached, such as the rows of one listing.
    LimitExceeded,
    /// A mistake in Linchpin or in a spoke.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: &'static [ErrorKind] = &[
        ErrorKind::InvalidInput,
        ErrorKind::Unauthenticated,
        ErrorKind::Forbidden,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::RateLimited,
        ErrorKind::Unavailable,
        ErrorKind::Timeout,
        ErrorKind::ConnectionFailed,
        ErrorKind::BadResponse,
        ErrorKind::Rejected,
        ErrorKind::Cancelled,
        ErrorKind::LimitExceeded,
        ErrorKind::Internal,
    ];

    /// The word used in flows, manifests and journals.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::InvalidInput => "invalid_input",
            ErrorKind::Unauthenticated => "unauthenticated",
            ErrorKind::Forbidden => "forbidden",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::RateLimited => "rate_limited",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Timeout => "timeout",
            ErrorKind::ConnectionFailed => "connection_failed",
            ErrorKind::BadResponse => "bad_response",
            ErrorKind::Rejected => "rejected",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::LimitExceeded => "limit_exceeded",
            ErrorKind::Internal => "internal",
        }
    }

    /// The kind an HTTP status means when nothing says otherwise.
    pub fn of_status(status: u16) -> ErrorKind {
        match status {
            400 | 422 => ErrorKind::InvalidInput,
            401 => ErrorKind::Unauthenticated,
            403 => ErrorKind::Forbidden,
            404 | 410 => ErrorKind::NotFound,
            409 => ErrorKind::Conflict,
            429 => ErrorKind::RateLimited,
            500..=599 => ErrorKind::Unavailable,
            _ => ErrorKind::BadResponse,
        }
    }

    /// Whether an answer of this kind leaves a write in doubt: refusals do not.
    pub(crate) fn usual_write_state(self) -> WriteState {
        match self {
            ErrorKind::InvalidInput
            | ErrorKind::Unauthenticated
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::RateLimited
            | ErrorKind::ConnectionFailed
            | ErrorKind::Rejected => WriteState::None,
            ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::BadResponse
            | ErrorKind::Cancelled
            | ErrorKind::LimitExceeded
            | ErrorKind::Internal => WriteState::Unknown,
        }
    }

    /// The kind of that word, if it is one.
    pub fn parse(word: &str) -> Option<ErrorKind> {
        ErrorKind::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the write of a failed call may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteState {
    /// Never sent, or refused: it surely did not happen.
    None,
    /// Sent, without a clear answer.
    Unknown,
}

/// A failed action call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    /// The kind a flow can name.
    pub kind: ErrorKind,
    /// A lowercase fragment that says which thing failed, with the other side's own words when it gave any.
    pub message: String,
    /// The other side's own code, when it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long the other side asked us to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Whether a write may have happened.
    pub write: WriteState,
}

impl ActionError {
    /// An error that certainly wrote nothing.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> ActionError {
        ActionError {
            kind,
            message: message.into(),
            code: None,
            status: None,
            retry_after_ms: None,
            write: WriteState::None,
        }
    }

    /// The error an HTTP status means when nothing says otherwise: a 4xx is a refusal, after anything else
    /// a write is in doubt.
    pub fn from_status(status: u16, message: impl Into<String>) -> ActionError {
        let refused = (400..500).contains(&status);
        let write = if refused { WriteState::None } else { WriteState::Unknown };
        let error = ActionError::new(ErrorKind::of_status(status), message);
        error.with_status(status).with_write(write)
    }

    /// The same error with the other side's own code.
    pub fn with_code(mut self, code: impl Into<String>) -> ActionError {
        self.code = Some(code.into());
        self
    }

    /// The same error with the HTTP status of the answer.
    pub fn with_status(mut self, status: u16) -> ActionError {
        self.status = Some(status);
        self
    }

    /// The same error with the wait the other side asked for.
    pub fn with_retry_after(mut self, wait: std::time::Duration) -> ActionError {
        self.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The same error, saying whether a write may have happened.
    pub fn with_write(mut self, write: WriteState) -> ActionError {
        self.write = write;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_word() {
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::parse(kind.as_str()), Some(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(ErrorKind::parse("sad"), None);
    }

    #[test]
    fn an_error_survives_the_journal() {
        let error = ActionError::new(ErrorKind::RateLimited, "slow down")
            .with_status(503)
            .with_retry_after(std::time::Duration::from_secs(60))
            .with_write(WriteState::Unknown);
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<ActionError>(&text).unwrap(), error);
    }
}
