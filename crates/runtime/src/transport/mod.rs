//! HTTP and mail to the systems behind connections: the only place that names reqwest and lettre, and
//! the only one that sees a credential on its way out.
//!
//! `address` judges where a connection may lead, `wire` sends one request and reads its bounded answer,
//! `wave` how many at the same time, `failure` says what a missing answer means, `bound` is the transport a spoke is given,
//! `offline` the one of a spoke without a system, `repeated` cleans answers of secrets that they repeat,
//! `asked` reads what an answer asks of its caller, `health` how the other side does, `signing` signs with a private key. `mail` is the transport of a
//! connection to a mail server.

mod address;
mod asked;
mod bound;
mod failure;
mod health;
mod mail;
mod offline;
mod repeated;
mod signing;
mod wave;
mod wire;

pub(crate) use asked::retry_after;
pub(crate) use bound::{Binding, Bound, Credential};
pub(crate) use health::Health;
pub use health::HealthStatus;
pub(crate) use mail::{Login, MailServer, Mailer};
pub(crate) use offline::Offline;
pub(crate) use signing::Signer;
pub(crate) use wire::{Outgoing, Policy, Wire};
