//! What a connection is to a spoke: its alias and its values that are not secret.

use std::time::Duration;

use serde_json::{Map, Value};

/// A resolved connection, as a spoke may see it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The alias the flow used.
    pub alias: String,
    /// The spoke it belongs to.
    pub spoke: String,
    /// Its fields and attributes that are not secret, `url` among them.
    pub values: Map<String, Value>,
}

/// How many calls a system allows in a time; belongs to the credential, whichever aliases lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateRule {
    /// Calls allowed.
    pub calls: u32,
    /// In this time.
    pub per: Duration,
}
