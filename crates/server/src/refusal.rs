//! How the API says no: a status, one sentence, and what helps.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use linchpin_engine::store::Error as StoreError;
use linchpin_runtime::connections::{ConfigureError, ConnectionError};
use linchpin_runtime::host::Error as HostError;
use linchpin_runtime::questions::Error as AnswerError;
use serde_json::json;

/// A request that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// One sentence: what was not done and why.
    pub message: String,
    /// What a person can do about it.
    pub help: Option<String>,
}

impl Refusal {
    /// A refusal with this status.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), help: None }
    }

    /// What the caller sent cannot be used.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// With what a person can do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "message": self.message, "help": self.help } });
        (self.status, Json(body)).into_response()
    }
}

/// An error and its sources in one sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !sentence.contains(&cause_text) {
            sentence.push_str(": ");
            sentence.push_str(&cause_text);
        }
        source = cause.source();
    }
    sentence
}

impl From<HostError> for Refusal {
    fn from(error: HostError) -> Self {
        let message = sentence(&error);
        match error {
            HostError::UnknownFlow { .. } => Self::new(StatusCode::NOT_FOUND, message)
                .help("a flow is named by its `flow:` line; `linchpin check` lists the files read"),
            HostError::UnknownRun(_) => Self::new(StatusCode::NOT_FOUND, message)
                .help("`linchpin runs list` shows the runs there are"),
            HostError::Broken(..) | HostError::Inputs { .. } => Self::invalid(message),
            HostError::Full { .. } => Self::new(StatusCode::CONFLICT, message)
                .help("wait for it to end, or cancel it with `linchpin runs cancel RUN`"),
            HostError::Ended(_) => Self::new(StatusCode::CONFLICT, message)
                .help("`linchpin runs show RUN` shows how it ended"),
            HostError::Refused { .. } => Self::new(StatusCode::CONFLICT, message),
            HostError::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
                .help("try again when it is up again"),
            HostError::Store(error) => (&error).into(),
            HostError::Append(error) => error.as_ref().into(),
            HostError::Journal { .. } => Self::new(StatusCode::INTERNAL_SERVER_ERROR, message),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        (&error).into()
    }
}

impl From<&StoreError> for Refusal {
    fn from(error: &StoreError) -> Self {
        let status = match error {
            StoreError::Conflict { .. } | StoreError::Changed { .. } => StatusCode::CONFLICT,
            StoreError::Poisoned { .. }
            | StoreError::Damaged { .. }
            | StoreError::Foreign { .. }
            | StoreError::Locked { .. }
            | StoreError::Newer { .. }
            | StoreError::Io { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, sentence(error))
    }
}

impl From<ConnectionError> for Refusal {
    fn from(error: ConnectionError) -> Self {
        let message = sentence(&error);
        let status = match error {
            ConnectionError::UnknownAlias { .. } => StatusCode::NOT_FOUND,
            ConnectionError::Field { .. } | ConnectionError::Choice { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ConnectionError::UnknownSpoke { .. }
            | ConnectionError::NoStandIn { .. }
            | ConnectionError::Missing { .. }
            | ConnectionError::Unauthorized { .. }
            | ConnectionError::Authorization { .. }
            | ConnectionError::Credential { .. } => StatusCode::FAILED_DEPENDENCY,
            ConnectionError::Client { .. } | ConnectionError::Vault { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::new(status, message)
    }
}

impl From<ConfigureError> for Refusal {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::Values(error) => error.into(),
            error @ ConfigureError::Test { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, sentence(&error))
                    .help("nothing was saved; correct the values and configure it again")
            }
        }
    }
}

impl From<AnswerError> for Refusal {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Host(error) => error.into(),
            AnswerError::NoQuestion { .. } => Self::new(StatusCode::CONFLICT, sentence(&error)),
            AnswerError::NotTheirs { .. } => Self::new(StatusCode::FORBIDDEN, sentence(&error))
                .help("`--as ADDRESS` says who answers; `of` and `from` in the flow say who may"),
            AnswerError::Unfit { .. } => Self::invalid(sentence(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_cause_once() {
        let source = std::io::Error::other("disk is gone");
        let error = StoreError::Io { action: "open", path: "/store".into(), source };
        let refusal = Refusal::from(error);
        assert_eq!(refusal.message, "cannot open /store: disk is gone");
        assert_eq!(refusal.status, StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn an_unknown_flow_is_not_found_and_the_nearest_is_named() {
        let error =
            HostError::UnknownFlow { name: "asign".to_owned(), near: Some("assign".to_owned()) };
        let refusal = Refusal::from(error);
        assert_eq!(refusal.status, StatusCode::NOT_FOUND);
        assert!(refusal.message.contains("did you mean \"assign\"?"), "{}", refusal.message);
    }
}
