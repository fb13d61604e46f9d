//! The language server: the Language Server Protocol 3.17 over the standard streams, as far as
//! flows need it. What is offered, explained or renamed is the engine's; this is the protocol.
//!
//! `wire` reads and writes messages, `server` keeps their order, `answers` knows the requests,
//! `documents` the open texts, `projects` what their flows can name, `text` positions.

mod answers;
mod documents;
mod projects;
mod server;
mod text;
mod wire;

pub(crate) use server::serve;
