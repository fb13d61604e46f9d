//! The connector-plugin API: spokes, actions, effects, connections, credentials, and the transport an action is given.
//!
//! A spoke is data: a folder with a `spoke.yaml` and one file per action, read by [`Spoke::load`].
//! The manifest interpreter (`manifest/`) turns such a file into an [`Action`]; an odd action implements
//! the trait in Rust. A spoke sees only this crate and `language` through it: never flows, runs or the journal.

pub mod action;
pub mod connection;
pub mod credential;
pub mod effect;
pub mod error;
pub mod json_schema;
mod manifest;
mod multipart;
mod openapi;
pub mod reference;
pub mod spoke;
pub mod testing;
pub mod transport;
pub mod webhook;

pub use action::{
    Action, ActionSpec, Call, Look, Overlay, Page, Simulated, SimulatedRow, StreamSpec, Undo,
    UndoSpec, Verdict, VerifyMode, Wrote,
};
pub use connection::{CREDENTIAL, Connection, ConnectionTemplate, FormField, RateRule};
pub use credential::{CredentialKind, CredentialTemplate};
pub use effect::Effect;
pub use error::{ActionError, ErrorKind, WriteState};
pub use linchpin_language::{Diagnostic, as_unknown, contains_unknown, too_deep, unknown};
pub use multipart::{Part, multipart};
pub use openapi::{Draft, DraftError, DraftedAction, Remark, draft_spoke};
pub use spoke::{CodeAction, Role, Spoke};
pub use transport::{Body, Mail, Request, Response, Sink, Transport, is_dots};
pub use webhook::{Incoming, Refused, Webhook};
