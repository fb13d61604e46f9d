//! The daemon's HTTP API, the Unix socket it is served on, and the client of both; and the port
//! for webhooks, which has no other route.
//!
//! The same [`router`] answers over a socket or inside one process, so whoever uses a
//! [`Client`] does not know which: commands have one path whether a daemon runs or not.

mod api;
mod app;
mod client;
mod hooks;
mod refusal;
mod socket;

pub use api::router;
pub use app::{App, Reload};
pub use axum::Router;
pub use client::{Client, Error as ClientError, Lines};
pub use hooks::{Hooks, LARGEST as LARGEST_DELIVERY};
pub use refusal::Refusal;
pub use socket::{Error as SocketError, Listening, answers, find, serve};
