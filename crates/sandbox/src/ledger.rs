//! What was asked, and what took effect.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Older requests are forgotten beyond this many, so that a benchmark does not fill the memory.
const KEPT_REQUESTS: usize = 20_000;

/// One request and the status it got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Its place in the order of arrival, from 1.
    pub n: u64,
    /// When it arrived, by the sandbox's clock.
    pub at: String,
    /// `litmos`, `servicenow`, `sumtotal` or `notify`.
    pub system: String,
    /// `GET`, `POST` ...
    pub method: String,
    /// As it was sent, without the query.
    pub path: String,
    /// Name and value, decoded; values of secrets are replaced by `***`.
    pub query: Vec<(String, String)>,
    /// The status that was decided; 0 when the connection was cut before any.
    pub status: u16,
    /// SHA-256 of the body, for writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<String>,
    /// The fault that struck, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Numbers of the effects that it had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<u64>,
}

/// One change of a system's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Its place in the order of effects, from 1.
    pub n: u64,
    /// When, by the sandbox's clock.
    pub at: String,
    /// `litmos`, `servicenow`, `sumtotal` or `notify`.
    pub system: String,
    /// `create`, `update`, `delete` or `assign`.
    pub kind: String,
    /// What kind of thing: `user`, `incident`, `course` ...
    pub object: String,
    /// Its key in that system.
    pub key: String,
    /// What a person would call it: an address, a number, a code.
    pub identity: String,
    /// What was written, without secrets.
    pub body: Value,
    /// SHA-256 of `body`.
    pub digest: String,
    /// The number of the request that did it.
    pub request: u64,
}

/// Both lists, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) requests: VecDeque<Request>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) last_request: u64,
}

impl Ledger {
    pub(crate) fn record(&mut self, request: Request) {
        self.last_request = self.last_request.max(request.n);
        if self.requests.len() == KEPT_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }
}

/// The query with the values of secrets blotted out.
pub(crate) fn without_secrets(query: &[(String, String)]) -> Vec<(String, String)> {
    const SECRET: [&str; 9] = [
        "apikey",
        "client_secret",
        "access_token",
        "refresh_token",
        "token",
        "password",
        "code",
        "x-sn-apikey",
        "sig",
    ];
    let blot = |(name, value): &(String, String)| {
        let secret = SECRET.iter().any(|word| name.eq_ignore_ascii_case(word));
        (name.clone(), if secret { "***".to_owned() } else { value.clone() })
    };
    query.iter().map(blot).collect()
}
