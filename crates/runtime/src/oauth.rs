//! OAuth 2.0: one token for everybody who uses a credential.
//!
//! `client` is who asks, `assertion` how it proves that with a signature, `endpoint` one request to a
//! token endpoint and its answer, `authorize` the way through a browser, `kept` what of it outlives the
//! process, `source` the token itself: renewed in time, by one request however many wait for it.

mod assertion;
mod authorize;
mod client;
mod endpoint;
mod kept;
mod source;

pub(crate) use authorize::Pending;
pub(crate) use client::{Client, ClientAuth, Grant, Proof};
pub(crate) use endpoint::Endpoint;
pub(crate) use kept::Keeper;
pub(crate) use source::TokenSource;
