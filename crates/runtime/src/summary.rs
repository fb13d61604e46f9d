//! What lists of runs show, kept beside the journals so that a list reads no journal.
//!
//! Written in the same batch as the first and the last event of a run, so it is never wrong
//! about either; in between the run itself is asked.

use std::sync::Arc;

use jiff::Timestamp;
use linchpin_engine::event::Outcome;
use linchpin_engine::run::{Standing, StepView, Waiting};
use linchpin_engine::store::RecordWrite;
use linchpin_engine::{Run, RunId, StepPath};
use linchpin_language::Value;
use serde::{Deserialize, Serialize};

use crate::host::standing_word;

/// The collection of all summaries, by run.
pub const RUNS: &str = "runs";
/// The collection of the runs that have not ended.
pub(crate) const OPEN: &str = "open";

/// One line of a list of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run.
    pub run: RunId,
    /// Its flow.
    pub flow: String,
    /// `running`, `succeeded`, `failed`, `cancelled`; while it runs the host says more.
    pub state: String,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its key.
    pub key: Option<String>,
    /// Who started it.
    pub user: Option<Value>,
    /// What started it.
    pub trigger: Value,
    /// Handled failures.
    pub caught: u64,
    /// Why it failed, or what it needs a person for, in one sentence.
    pub error: Option<String>,
    /// What it waits for outside of itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Waits>,
    /// Its outputs.
    pub outputs: Option<Arc<Value>>,
}

/// A step that waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// The step.
    pub step: StepPath,
    /// What for: `answer`, `approval`, `signal`, `ruling`.
    pub kind: String,
    /// Whose answer or approval, which signal, why it is held.
    pub of: String,
}

impl Waits {
    /// What a step that is open waits for; none when it waits for nobody.
    pub fn of(step: &StepView) -> Option<Self> {
        let (kind, of) = match step.waiting.as_ref()? {
            Waiting::Answer { of } => ("answer", of),
            Waiting::Approval { of } => ("approval", of),
            Waiting::Signal { name } => ("signal", name),
            Waiting::Ruling(reason) => ("ruling", reason),
            Waiting::Until(_) | Waiting::Retry(_) => return None,
        };
        Some(Self { step: step.path.clone(), kind: kind.to_owned(), of: of.clone() })
    }
}

impl Summary {
    /// The summary of a run as it stands.
    pub fn of(run: &Run) -> Self {
        let accepted = run.accepted();
        let outcome = run.outcome();
        Self {
            run: accepted.run.clone(),
            flow: accepted.flow.clone(),
            state: outcome.map_or("running", word).to_owned(),
            started_at: run.started_at(),
            ended_at: outcome.map(|_| run.now()),
            key: accepted.key.clone(),
            user: accepted.user.clone(),
            trigger: accepted.trigger.clone(),
            caught: run.caught(),
            error: match outcome {
                Some(Outcome::Failed { error }) if error.step.segments().is_empty() => {
                    Some(error.message.clone())
                }
                Some(Outcome::Failed { error }) => {
                    Some(format!("{}: {}", error.step, error.message))
                }
                Some(Outcome::Succeeded { .. } | Outcome::Cancelled) | None => None,
            },
            waits: Vec::new(),
            outputs: match outcome {
                Some(Outcome::Succeeded { outputs }) => Some(Arc::clone(outputs)),
                Some(Outcome::Failed { .. } | Outcome::Cancelled) | None => None,
            },
        }
    }

    /// The summary of a run with how it stands. What waits or needs a person does so also while
    /// nobody drives it; anything else that nobody drives was interrupted.
    pub fn standing(run: &Run, is_driven: bool) -> Self {
        let mut summary = Self::of(run);
        if run.outcome().is_some() {
            return summary;
        }
        let standing = run.standing();
        let is_at_rest = match standing {
            Standing::Queued | Standing::Waiting | Standing::NeedsAttention | Standing::Paused => {
                true
            }
            Standing::Running | Standing::Cancelling => false,
        };
        let word = if is_driven || is_at_rest { standing_word(standing) } else { "interrupted" };
        word.clone_into(&mut summary.state);
        summary.waits = run.open_steps().iter().filter_map(Waits::of).collect();
        let held = summary.waits.iter().find(|waits| waits.kind == "ruling");
        summary.error = held.map(|held| format!("{}: {}", held.step, held.of));
        summary
    }

    /// The records that say so.
    pub(crate) fn records(run: &RunId, summary: Vec<u8>, has_ended: bool) -> Vec<RecordWrite> {
        let open = RecordWrite {
            collection: OPEN.to_owned(),
            key: run.to_string(),
            value: (!has_ended).then(Vec::new),
        };
        let line =
            RecordWrite { collection: RUNS.to_owned(), key: run.to_string(), value: Some(summary) };
        vec![line, open]
    }
}

/// The word for an outcome.
pub fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded { .. } => "succeeded",
        Outcome::Failed { .. } => "failed",
        Outcome::Cancelled => "cancelled",
    }
}
