//! Why a host could not do what was asked of it: each a sentence for people.

use std::sync::Arc;

use linchpin_engine::RunId;
use linchpin_engine::store::Error as StoreError;
use linchpin_language::Diagnostic;

/// Why something could not be done to a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such flow.
    #[error("there is no flow {name:?}{}", near.as_ref().map(|near| format!("; did you mean {near:?}?")).unwrap_or_default())]
    UnknownFlow {
        /// As it was given.
        name: String,
        /// The nearest name there is.
        near: Option<String>,
    },
    /// The flow's text has mistakes.
    #[error("the flow {0} has mistakes; `linchpin check` shows them")]
    Broken(String, Vec<Diagnostic>),
    /// The inputs cannot be read.
    #[error("cannot start {flow}: {}", problems.join("; "))]
    Inputs {
        /// The flow.
        flow: String,
        /// One sentence each.
        problems: Vec<String>,
    },
    /// As many runs as the flow allows are active.
    #[error("{flow} is running already, and its concurrency is {max}")]
    Full {
        /// The flow.
        flow: String,
        /// The limit.
        max: u32,
    },
    /// No such run.
    #[error("there is no run {0}")]
    UnknownRun(String),
    /// The run has ended.
    #[error("run {0} has ended")]
    Ended(RunId),
    /// The run has no place for what was asked of it.
    #[error("run {run}: {why}")]
    Refused {
        /// The run.
        run: RunId,
        /// Why.
        why: String,
    },
    /// The host is shutting down.
    #[error("the daemon is shutting down")]
    Stopping,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store refused while others waited on the same append.
    #[error("{0}")]
    Append(Arc<StoreError>),
    /// What is in the journal cannot be read.
    #[error("the journal of run {run} cannot be read: {why}")]
    Journal {
        /// The run.
        run: RunId,
        /// Why.
        why: String,
    },
}
