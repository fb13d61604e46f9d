//! What the journal can say. The journal is the only truth about a run: replaying its events
//! rebuilds the run, and evaluates nothing, because whatever was evaluated is in an event.

mod captured;
mod intended;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::{Effect, Look, Wrote};
use linchpin_language::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::catalog::ActionFacts;
use crate::error::RunError;
use crate::flow::{Arm, Level, OnReject, OnTimeout};
use crate::path::StepPath;
use crate::store::RunId;

pub use captured::{Captured, Exchange};
pub use intended::Intended;

/// The version of the interpreter, in the first event of each run.
pub const VERSION: u32 = 1;

/// One entry of a journal. Times never go back within a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened to a run. A closed set: each event is matched by name everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run exists: always the first event.
    Accepted(Arc<Accepted>),
    /// It left the queue.
    Begun,
    /// An expression, a text or a guard decided something.
    Decided {
        /// The step it was decided for.
        path: StepPath,
        /// What.
        decision: Decision,
    },
    /// A write is about to be sent. On disk before it leaves.
    Intended(Box<Intended>),
    /// A call succeeded, or one chunk of a write of several.
    Succeeded(Box<Succeeded>),
    /// An attempt of a call failed.
    Failed(Box<Failed>),
    /// The read-back of an open intent told what became of it.
    Verified {
        /// The step.
        path: StepPath,
        /// What was found.
        verdict: Found,
    },
    /// A page of a stream arrived.
    Page {
        /// The loop that reads the stream.
        path: StepPath,
        /// The rows that were not seen before, in order.
        rows: Vec<Arc<Value>>,
        /// A digest of the key of each row.
        keys: Vec<String>,
        /// Where the next page begins; none after the last.
        cursor: Option<Value>,
    },
    /// What was said between us and a system during a stage of a call: kept only when it is asked
    /// for, and changes nothing about the run.
    Captured(Box<Captured>),
    /// A timer fell due.
    Woke {
        /// The step that waited.
        path: StepPath,
    },
    /// A person answered a question.
    Answered {
        /// The step that asked.
        path: StepPath,
        /// The fields of its form.
        values: Value,
        /// Who.
        by: String,
    },
    /// A person approved or refused.
    Approval {
        /// The step that asked.
        path: StepPath,
        /// Whether it was yes.
        approved: bool,
        /// Who.
        by: String,
        /// What they wrote beside it.
        note: Option<String>,
        /// The fields of its form; null with a refusal.
        form: Value,
    },
    /// A signal came to the run. It is kept until a step waits for it.
    Signalled {
        /// Its name.
        name: String,
        /// What came with it.
        payload: Arc<Value>,
        /// Who sent it.
        by: String,
    },
    /// It is known what takes a write back. Just before the entry that says what was written.
    Undoable(Box<Undoable>),
    /// A step waits for a person's ruling.
    Held {
        /// The step.
        path: StepPath,
        /// Why, in words for the person.
        reason: String,
        /// The limit that would be passed, if that is why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<Effect>,
        /// Something that it needs is not there, such as its connection. A ruling to go on says
        /// nothing then of a write that was sent before.
        #[serde(default, skip_serializing_if = "is_false")]
        blocked: bool,
    },
    /// A person ruled on a held step.
    Resolved {
        /// The step.
        path: StepPath,
        /// How.
        ruling: Ruling,
        /// Who.
        by: String,
    },
    /// An operator acted on the whole run.
    Controlled {
        /// How.
        control: Control,
        /// Who.
        by: String,
    },
    /// The run is over: always the last event, unless it is retried.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// The first event of a run: everything that its replay needs besides the flow texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// The interpreter's version.
    pub version: u32,
    /// The run.
    pub run: RunId,
    /// The flow's name.
    pub flow: String,
    /// Content hash of the text of the flow and of each subflow it can reach, by name. The
    /// texts are stored once per hash.
    pub texts: BTreeMap<String, String>,
    /// What the interpreter must know of each action that they call.
    pub actions: BTreeMap<String, ActionFacts>,
    /// The inputs, already read as their types.
    pub inputs: Arc<Value>,
    /// The key under which a second start finds this run.
    pub key: Option<String>,
    /// What started it.
    pub trigger: Value,
    /// Who started it; none when no person did.
    pub user: Option<Value>,
    /// The aliases of the flow that whoever started it rebound, each to one of the environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    /// Whether this is a dry run: it is in the scope of every flow as `run.dry_run`.
    pub dry_run: bool,
}

/// What was decided for a step. Carries every value that the decision was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The guard was false.
    Skipped,
    /// This arm of a condition is taken; none when nothing held and there is no `else`.
    Arm(Option<Arm>),
    /// The condition is unknown (dry runs only): each of these arms may run.
    Arms(Vec<Arm>),
    /// A loop begins over these items.
    Items {
        /// The items, in order.
        items: Vec<Arc<Value>>,
        /// One item that stands for an unknown number of them (dry runs only).
        symbolic: bool,
    },
    /// A loop begins over a stream that is read with this input.
    Stream {
        /// The rendered input of the stream action.
        input: Arc<Value>,
    },
    /// The guarded steps begin.
    Try,
    /// The steps of a repeat begin, the first time.
    Repeat,
    /// `until` does not hold: the steps begin once more at this instant, or now if it has passed.
    Again(Timestamp),
    /// `until` holds: the repeat is over.
    Enough {
        /// How often its steps ran.
        count: u64,
        /// Whether it holds is unknown (dry runs only): the steps may run more often.
        #[serde(default, skip_serializing_if = "is_false")]
        unknown: bool,
    },
    /// The branches of a parallel begin.
    Branches,
    /// The rows of a decision table that hold.
    Rows {
        /// In written order; `default` when no other does.
        rows: Vec<HeldRow>,
        /// What they result in: the output.
        result: Arc<Value>,
    },
    /// `next:` was reached.
    Next,
    /// `break:` was reached.
    Break,
    /// A subflow begins.
    Subflow {
        /// Its inputs, read as their types.
        inputs: Arc<Value>,
        /// Its aliases, each to the alias of the environment.
        aliases: BTreeMap<String, String>,
    },
    /// A run of its own begins for a flow.
    Detached {
        /// Its inputs, read as their types.
        inputs: Arc<Value>,
    },
    /// A wait ends at this instant.
    Until(Timestamp),
    /// A step waits for a signal of this name.
    Listening(String),
    /// The oldest signal of this name that is kept goes to the step that waits for it.
    Received {
        /// The signal's name.
        name: String,
        /// What came with it.
        payload: Arc<Value>,
    },
    /// A person is asked.
    Asked {
        /// Who: `starter`, an address or a role; for an approval all of `from`, with commas.
        of: String,
        /// The question.
        message: Option<String>,
        /// The rendered inputs of each `choices_from`, by field.
        choices: BTreeMap<String, Value>,
        /// What follows from no answer and from no, when it is an approval.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<Terms>,
    },
    /// Flow variables change.
    Set(Map<String, Value>),
    /// All that the run has changed is taken back.
    Undo,
    /// A line for people.
    Logged {
        /// How loud.
        level: Level,
        /// The line.
        message: String,
    },
    /// The value that an iteration adds to its loop's `items`.
    Collected {
        /// The iteration.
        index: u64,
        /// The value.
        value: Arc<Value>,
    },
    /// The outputs of a subflow that reached its end.
    Outputs(Arc<Value>),
    /// `end:` was reached.
    End,
    /// The step cannot go on: `fail:` was reached, or an expression could not be read.
    Failed(RunError),
    /// The step has until this instant.
    Deadline(Timestamp),
    /// The guard is unknown (dry runs only): the step may run.
    May,
    /// Whether this step ends what is around it is unknown (dry runs only): the steps after it are
    /// played.
    MayLeave {
        /// What it would do: `end`, `fail: no such course`.
        how: String,
        /// Whether steps that would handle it are not played.
        is_cut: bool,
    },
    /// Whether this failure of a guarded step happens is unknown (dry runs only): the clause that
    /// would catch it is played.
    MayCatch(RunError),
}

/// What follows when an approval is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// When it is refused.
    pub on_reject: OnReject,
    /// When nobody says anything in time.
    pub on_timeout: OnTimeout,
}

/// A row of a decision table that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRow {
    /// Which.
    pub row: Arm,
    /// Whether it has steps, which run now.
    #[serde(default, skip_serializing_if = "is_false")]
    pub steps: bool,
    /// Whether it holds is unknown (dry runs only): its steps may run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// An answer of a call, or of one chunk of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Succeeded {
    /// The step.
    pub path: StepPath,
    /// The number of the command.
    pub op: u64,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The rendered inputs of the call, when no intent has them already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Arc<Value>>,
    /// The answer of one write; the call goes on when `output` is none.
    pub wrote: Option<Wrote>,
    /// The output of the whole call, when this ends it.
    pub output: Option<Arc<Value>>,
    /// What it did to the other side.
    pub effect: Effect,
    /// How many things it changed there.
    pub changes: u64,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The step.
    pub path: StepPath,
    /// The number of the command.
    pub op: u64,
    /// The rendered inputs of the call, when no intent has them already.
    pub input: Option<Arc<Value>>,
    /// The failure.
    pub error: RunError,
    /// When the next attempt starts; none when this was the last.
    pub next: Option<Timestamp>,
}

/// How a write can be taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undoable {
    /// The step that wrote.
    pub path: StepPath,
    /// Which part of its writes; what comes later for the same part takes its place.
    pub part: u32,
    /// The alias of the environment.
    pub alias: String,
    /// Its spoke.
    pub spoke: String,
    /// The action.
    pub action: String,
    /// Its rendered inputs.
    pub input: Arc<Value>,
    /// Why the inputs could not be rendered, so that only a person can take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What a read-back found out about an open intent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The write took effect; its answer is adopted.
    Done(Wrote),
    /// It did not: it may be sent.
    NotDone,
    /// Part of it did; the look shows what is left.
    Part(Arc<Look>),
}

/// How a person ruled on a held step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It is done, and this is its output.
    Done(Arc<Value>),
    /// Go on: send it.
    GoOn,
    /// It has failed.
    Fail,
}

/// What an operator did to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Nothing new starts.
    Pause,
    /// Goes on after a pause.
    Resume,
    /// Stops, with handlers.
    Cancel,
    /// Stops at once, without handlers.
    ForceCancel,
    /// Takes back what a run that has ended changed.
    Undo,
    /// Tries again what failed or was cancelled in a run that has ended.
    Retry,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It reached its end.
    Succeeded {
        /// The flow's outputs.
        outputs: Arc<Value>,
    },
    /// A failure reached the flow.
    Failed {
        /// The first one.
        error: RunError,
    },
    /// It was cancelled.
    Cancelled,
}

impl Control {
    /// The word for what it did to the run.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Cancel => "cancelled",
            Self::ForceCancel => "cancelled by force",
            Self::Undo => "undone",
            Self::Retry => "retried",
        }
    }
}

impl Event {
    /// The step that the event is about.
    pub fn path(&self) -> Option<&StepPath> {
        match self {
            Self::Accepted(_)
            | Self::Begun
            | Self::Signalled { .. }
            | Self::Undoable(_)
            | Self::Controlled { .. }
            | Self::Ended { .. } => None,
            Self::Captured(captured) => Some(&captured.path),
            Self::Decided { path, .. }
            | Self::Verified { path, .. }
            | Self::Page { path, .. }
            | Self::Woke { path }
            | Self::Answered { path, .. }
            | Self::Approval { path, .. }
            | Self::Held { path, .. }
            | Self::Resolved { path, .. } => Some(path),
            Self::Intended(intended) => Some(&intended.path),
            Self::Succeeded(succeeded) => Some(&succeeded.path),
            Self::Failed(failed) => Some(&failed.path),
        }
    }
}
