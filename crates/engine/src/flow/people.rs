//! What waits for somebody outside of the flow: a signal, a person's approval.

use std::time::Duration;

use indexmap::IndexMap;
use linchpin_language::Text;
use serde::{Deserialize, Serialize};

use super::{AskField, Located};

/// A wait for a signal.
#[derive(Clone, Debug)]
pub struct SignalWait {
    /// `signal:`, its name.
    pub name: Located<String>,
    /// `timeout:`; one that passes is an error of the kind `timeout`.
    pub timeout: Option<Duration>,
}

/// A question to a person that is answered with yes or no.
#[derive(Clone, Debug)]
pub struct Approval {
    /// `message:`
    pub message: Located<Text>,
    /// `from:`, roles and e-mail addresses; `self` lets whoever started the run approve it.
    pub from: Vec<Located<Text>>,
    /// `form:`, what is filled in beside the yes.
    pub form: IndexMap<String, AskField>,
    /// `timeout:`
    pub timeout: Option<Duration>,
    /// `on_timeout:`
    pub on_timeout: OnTimeout,
    /// `on_reject:`
    pub on_reject: OnReject,
}

/// What an approval comes to that nobody gave in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// It counts as refused.
    Reject,
    /// It counts as given, by nobody.
    Approve,
}

/// What a refusal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReject {
    /// The step fails with the kind `rejected`.
    Fail,
    /// The flow ends as succeeded.
    End,
    /// The step succeeds with `approved: false`.
    Continue,
}

impl OnTimeout {
    /// The words of `on_timeout:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("reject", Self::Reject), ("approve", Self::Approve)];
}

impl OnReject {
    /// The words of `on_reject:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("fail", Self::Fail), ("end", Self::End), ("continue", Self::Continue)];
}
