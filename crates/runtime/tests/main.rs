//! The runtime against small servers on this machine.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

mod authorization;
mod connections;
mod deep;
mod flow_ends;
mod gated;
mod journal;
mod mail;
mod oauth;
mod people;
mod records;
mod rest;
mod retention;
mod returning;
mod scheduler;
mod snapshots;
mod support;
mod transfer;
mod transport;
mod turns;
mod vault;
mod webhooks;
