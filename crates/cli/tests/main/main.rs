//! The `linchpin` command as a process: what it prints, how it ends, and that processes share a
//! store without ever meeting its lock.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod authoring;
mod daemon;
mod environments;
mod fmt;
mod people;
mod project;
mod reload;
mod resolve;
mod retry;
mod runs;
mod schedule;
mod spokes;
mod tools;
mod webhooks;
