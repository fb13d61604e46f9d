//! The connector-plugin API: spokes, actions, effects, connections, credentials, and the transport an action is given.
//!
//! A spoke is data: a folder with a `spoke.yaml` and one file per action, read by `Spoke::load`.
//! The manifest interpreter (`manifest`) turns such a file into an `Action`; an odd action implements
//! the trait in Rust. A spoke sees only this crate and `language` through it: never flows, runs or the journal.

pub mod action;
pub mod connection;
pub mod credential;
pub mod effect;
pub mod error;
pub mod transport;

pub use action::{Call, Look, Overlay, Page, Simulated, SimulatedRow, Verdict, Wrote};
pub use connection::{Connection, RateRule};
pub use credential::CredentialKind;
pub use effect::Effect;
pub use error::{ActionError, ErrorKind, WriteState};
pub use transport::{Body, Request, Response, Transport};
