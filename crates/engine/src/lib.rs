//! What a flow means: parse, check, plan and the deterministic interpreter.
//!
//! Nothing here does I/O: no clock, no randomness, no network, no disk, no task. Time and
//! results come in as events. See "Invariants" in `docs/ARCHITECTURE.md`.

pub mod alias;
pub mod catalog;
pub mod check;
pub mod command;
pub mod diagram;
pub mod diff;
pub mod editor;
pub mod error;
pub mod event;
pub mod flow;
pub mod grammar;
pub mod history;
pub mod json_schema;
mod logic;
pub mod parse;
pub mod path;
pub mod plan;
pub mod print;
pub mod retry;
pub mod run;
pub mod schedule;
pub mod store;

pub use command::Command;
pub use error::RunError;
pub use event::{Entry, Event};
pub use parse::parse;
pub use path::StepPath;
pub use run::Run;
pub use store::RunId;
