//! What the interpreter asks of its host. See `docs/ARCHITECTURE.md`, "Life of a run".

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use linchpin_connector::{Look, Wrote};
use linchpin_language::Value;
use serde::{Deserialize, Serialize};

use crate::path::StepPath;

/// A request to the host. Commands come in a fixed order and are started in it.
#[derive(Clone, Debug)]
pub enum Command {
    /// Perform an attempt of a call.
    Run(Box<RunAction>),
    /// Read the next page of a stream.
    ReadPage(Box<ReadPage>),
    /// Start a run of a flow. A second time with the same path finds the first run.
    Start(Box<StartRun>),
    /// Tell with `Woke` when the instant has come; at once when it is past.
    Timer {
        /// Dense and never reused within a run.
        op: u64,
        /// The step that waits.
        path: StepPath,
        /// The instant.
        at: Timestamp,
    },
    /// What this command asked for is not wanted any more. A late answer is legal.
    Cancel {
        /// The command.
        op: u64,
    },
    /// The run has ended.
    Finish,
}

/// An attempt of a call.
#[derive(Clone, Debug)]
pub struct RunAction {
    /// Dense and never reused within a run.
    pub op: u64,
    /// The step.
    pub path: StepPath,
    /// The alias of the environment.
    pub alias: String,
    /// The action of its spoke.
    pub action: String,
    /// The rendered inputs.
    pub input: Arc<Value>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Bounds this attempt.
    pub timeout: Option<Duration>,
    /// A write that was intended and whose outcome is not known.
    pub intent: Option<OpenIntent>,
    /// The answers of the chunks that are done.
    pub wrote: Vec<Wrote>,
    /// Not certain to run (dry runs only).
    pub may: bool,
}

/// A run of its own for a flow that a step calls.
#[derive(Clone, Debug)]
pub struct StartRun {
    /// Dense and never reused within a run.
    pub op: u64,
    /// The step.
    pub path: StepPath,
    /// The flow.
    pub flow: String,
    /// Its inputs, read as their types.
    pub inputs: Arc<Value>,
    /// Its aliases, each to the alias of the environment.
    pub aliases: BTreeMap<String, String>,
    /// Not certain to run (dry runs only).
    pub may: bool,
}

/// A write that was intended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenIntent {
    /// Which chunk, from 0.
    pub chunk: u32,
    /// What the look found before it.
    pub look: Arc<Look>,
    /// Whether it may have been sent. False after a read-back said that it is not done.
    pub unsettled: bool,
}

/// The next page of a stream.
#[derive(Clone, Debug)]
pub struct ReadPage {
    /// Dense and never reused within a run.
    pub op: u64,
    /// The loop.
    pub path: StepPath,
    /// The alias of the environment.
    pub alias: String,
    /// The stream action of its spoke.
    pub action: String,
    /// The rendered inputs.
    pub input: Arc<Value>,
    /// Where the page begins; none for the first.
    pub cursor: Option<Value>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Bounds this attempt.
    pub timeout: Option<Duration>,
    /// Not certain to run (dry runs only).
    pub may: bool,
}

impl Command {
    /// The number of the command; none for `Finish`.
    pub fn op(&self) -> Option<u64> {
        match self {
            Self::Run(run) => Some(run.op),
            Self::Start(start) => Some(start.op),
            Self::ReadPage(page) => Some(page.op),
            Self::Timer { op, .. } | Self::Cancel { op } => Some(*op),
            Self::Finish => None,
        }
    }
}
