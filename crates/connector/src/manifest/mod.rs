//! The manifest interpreter: a spoke written as data becomes actions.
//!
//! `parse` reads the files (all mistakes at once), `protocol` holds what all actions of a spoke share, `action`
//! runs the phases of a call (with `look` and `source`), `exchange` sends requests and collects pages. Below them: `build` (a request from
//! its text), `answer` (a value from a body), `errors` (a kind from an answer), `shape` (rows from a value),
//! `paging` and `overlay` (the dry run).

mod action;
mod answer;
mod body;
mod build;
mod dates;
mod errors;
mod exchange;
pub(crate) mod grammar;
mod look;
mod names;
mod outputs;
mod overlay;
mod paging;
mod parse;
mod protocol;
mod reading;
mod request;
mod shape;
mod simulate;
mod source;
mod verify;

pub(crate) use action::ManifestAction;
pub(crate) use exchange::Exchange;
pub(crate) use names::Names;
pub(crate) use parse::{ParsedAction, parse_action};
pub(crate) use protocol::{Protocol, parse_protocol};
pub(crate) use reading::Reading;
pub(crate) use request::{RequestSpec, What, parse_request};
