//! What a flow means: parse, check, plan and the deterministic interpreter.
//!
//! Nothing here does I/O: no clock, no randomness, no network, no disk, no task. Time and
//! results come in as events. See "Invariants" in `docs/ARCHITECTURE.md`.

pub mod catalog;
pub mod check;
pub mod flow;
pub mod parse;
pub mod plan;
pub mod retry;
pub mod schedule;
pub mod store;

pub use store::RunId;
