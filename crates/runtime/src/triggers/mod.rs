//! The ways of starting a run that are not the clock: one file each.

use std::sync::Arc;

pub mod flow;
pub mod record;
pub mod webhook;

/// Is told, in a sentence, what whoever looks after the daemon should know.
pub type Tell = Arc<dyn Fn(String) + Send + Sync>;
