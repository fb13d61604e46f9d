//! What may be shown of a connection: everything but its secrets.

use jiff::Timestamp;
use linchpin_language::{Map, Value};
use serde::{Deserialize, Serialize};

pub use crate::budget::RateStatus;
use crate::secret::Secret;
pub use crate::transport::HealthStatus;

/// A connection as lists, forms and the API show it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConnectionStatus {
    /// The alias.
    pub alias: String,
    /// Its spoke.
    pub spoke: String,
    /// The spoke's title.
    pub title: String,
    /// The alias it inherits from.
    pub parent: Option<String>,
    /// The fields of its form, in the form's order.
    pub fields: Vec<FieldStatus>,
    /// Its attributes, defaults included.
    pub attributes: Map<String, Value>,
    /// Whether its test has succeeded with the present values.
    pub active: bool,
    /// When that was.
    pub tested_at: Option<Timestamp>,
    /// Whether its test sends nothing, since its spoke names nothing to read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub untestable: bool,
    /// What keeps it from being used, in one sentence.
    pub problem: Option<String>,
    /// Addresses that follow from its values; only of an active connection.
    pub endpoints: Vec<(String, String)>,
    /// The kind of its credential: `api_key`, `oauth2_client_credentials`.
    pub credential: String,
    /// What a person has agreed to in a browser, where the credential asks for that.
    pub authorization: Option<Authorization>,
    /// When the present OAuth token ends, when there is one.
    pub token_expires_at: Option<Timestamp>,
    /// How many seconds calls wait for the rate budget now.
    pub waiting_s: Option<u64>,
    /// The words on the form's button.
    pub button: Option<String>,
    /// How its rate budget stands, once it was used in this process.
    pub rate: Option<RateStatus>,
    /// How its other side does, as far as this process knows.
    pub health: Option<HealthStatus>,
    /// Whether nothing leads to it any more: what its form said is left of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub left_over: bool,
}

/// Something that is wrong with a connection, or soon will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The alias.
    pub alias: String,
    /// Whether it cannot be used as it is; else it still can.
    pub is_error: bool,
    /// One sentence, with what helps.
    pub message: String,
}

impl Finding {
    /// It cannot be used as it is.
    pub fn error(alias: &str, message: String) -> Self {
        Self { alias: alias.to_owned(), is_error: true, message }
    }

    /// It can still be used.
    pub fn warning(alias: &str, message: String) -> Self {
        Self { alias: alias.to_owned(), is_error: false, message }
    }
}

/// What a person has agreed to in a browser.
#[derive(Clone, Debug, Serialize)]
pub struct Authorization {
    /// When they agreed.
    pub since: Option<Timestamp>,
    /// Whether it renews itself.
    pub renews: bool,
    /// When it ends for good, when the server has said so or nothing renews it.
    pub ends_at: Option<Timestamp>,
}

/// Where a person has to agree, and until when.
#[derive(Clone, Debug, Serialize)]
pub struct Asking {
    /// The address for the browser.
    pub url: String,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// Until when the answer is waited for.
    pub until: Timestamp,
}

/// What came back from the browser.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The state that was sent along.
    pub state: Secret,
    /// The code, when they agreed.
    #[serde(default)]
    pub code: Option<Secret>,
    /// The error, when they did not.
    #[serde(default)]
    pub error: Option<String>,
    /// More on the error.
    #[serde(default)]
    pub error_description: Option<String>,
    /// The server that says so.
    #[serde(default)]
    pub iss: Option<String>,
}

/// One field of a connection's form.
#[derive(Clone, Debug, Serialize)]
pub struct FieldStatus {
    /// Its name in files.
    pub name: String,
    /// Its label on forms.
    pub label: String,
    /// Its value; never that of a secret.
    pub value: Option<Value>,
    /// Whether it is a secret.
    pub secret: bool,
    /// Whether it has a value.
    pub set: bool,
    /// Whether it must have one.
    pub required: bool,
    /// Where a secret is kept: `vault`, `env NAME`.
    pub source: Option<String>,
    /// Whether its value is fixed: shown, and not asked for.
    pub fixed: bool,
    /// Whether the connections file gives its value: shown, and not asked for.
    pub written: bool,
    /// Label and value of each choice.
    pub choices: Vec<(String, String)>,
    /// Whether another value than the choices may be given.
    pub other: bool,
    /// An example of what belongs here.
    pub hint: Option<String>,
    /// The credentials that have the field; empty means all.
    pub only_for: Vec<String>,
    /// Whether the chosen credential has it.
    pub used: bool,
}
