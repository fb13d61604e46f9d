//! Why an alias does not resolve, and why a connection cannot be configured.

use linchpin_connector::{ActionError, ErrorKind};

use crate::vault;

/// Why an alias does not resolve to a connection. Each says what to mend, none holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// There is no such alias.
    #[error("there is no connection {alias}{}: add it to connections.yaml", suggestion(.near))]
    UnknownAlias {
        /// The alias.
        alias: String,
        /// An alias that was probably meant.
        near: Option<String>,
    },
    /// The alias belongs to a spoke that is not there.
    #[error("connection {alias} is for spoke {spoke}, which does not exist")]
    UnknownSpoke {
        /// The alias.
        alias: String,
        /// The spoke.
        spoke: String,
    },
    /// The sandbox has nothing in place of the spoke's system.
    #[error("the sandbox has no stand-in for the spoke {spoke}: run without --sandbox")]
    NoStandIn {
        /// The alias.
        alias: String,
        /// The spoke.
        spoke: String,
    },
    /// A field has no value.
    #[error("connection {alias} has no {field}: {remedy}")]
    Missing {
        /// The alias.
        alias: String,
        /// The field.
        field: String,
        /// What to do.
        remedy: String,
    },
    /// A field has a value that it cannot have.
    #[error("{field} of connection {alias} cannot be used: {detail}")]
    Field {
        /// The alias.
        alias: String,
        /// The field.
        field: String,
        /// What is wrong; the value itself only when it is no secret.
        detail: String,
    },
    /// The spoke's credential cannot be made.
    #[error("the credential of connection {alias} cannot be made: {detail}")]
    Credential {
        /// The alias.
        alias: String,
        /// What is wrong.
        detail: String,
    },
    /// The alias does not say which of its connections is meant, or none is in service.
    #[error("{detail}")]
    Choice {
        /// The alias.
        alias: String,
        /// What to do.
        detail: String,
    },
    /// A person has to agree in a browser first.
    #[error("{detail}")]
    Unauthorized {
        /// The alias.
        alias: String,
        /// Why, and the command that helps.
        detail: String,
    },
    /// An authorisation cannot be begun or ended.
    #[error("{detail}")]
    Authorization {
        /// The alias.
        alias: String,
        /// Why.
        detail: String,
    },
    /// The HTTP client cannot be made.
    #[error("no HTTP client for connection {alias}: {detail}")]
    Client {
        /// The alias.
        alias: String,
        /// What is wrong.
        detail: String,
    },
    /// The vault refused.
    #[error("the vault does not give the secrets of connection {alias}")]
    Vault {
        /// The alias.
        alias: String,
        /// The refusal.
        #[source]
        source: vault::Error,
    },
}

fn suggestion(near: &Option<String>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

impl From<ConnectionError> for ActionError {
    fn from(error: ConnectionError) -> Self {
        let mut message = error.to_string();
        let kind = match &error {
            ConnectionError::UnknownAlias { .. }
            | ConnectionError::UnknownSpoke { .. }
            | ConnectionError::Choice { .. }
            | ConnectionError::Field { .. } => ErrorKind::InvalidInput,
            ConnectionError::NoStandIn { .. }
            | ConnectionError::Missing { .. }
            | ConnectionError::Credential { .. }
            | ConnectionError::Unauthorized { .. }
            | ConnectionError::Authorization { .. } => ErrorKind::Unauthenticated,
            ConnectionError::Client { .. } => ErrorKind::Internal,
            ConnectionError::Vault { source, .. } => {
                message.push_str(": ");
                message.push_str(&source.to_string());
                ErrorKind::Unauthenticated
            }
        };
        ActionError::new(kind, message)
    }
}

/// Why a connection was not configured. Nothing was stored, unless the vault stopped half way.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// The values do not make a connection.
    #[error(transparent)]
    Values(#[from] ConnectionError),
    /// The test that must succeed before a connection is active did not.
    #[error("the test of connection {alias} failed: {error}")]
    Test {
        /// The alias.
        alias: String,
        /// What the system said.
        error: ActionError,
    },
}
