//! What an author wrote: `Flow`, `Step` and the closed set of step kinds, with positions.
//!
//! Nothing is resolved here: names of actions, aliases and flows are as written. `check` tells
//! whether they exist, `plan` orders the steps.

mod blocks;
mod people;
mod trigger;

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use linchpin_connector::{Effect, ErrorKind};
use linchpin_language::{Expression, Fields, Source, Span, Template, Text};

pub use self::blocks::Arm;
pub use self::people::{Approval, OnReject, OnTimeout, SignalWait};

use crate::retry::RetryPolicy;

pub(crate) use trigger::day_name;
pub use trigger::{
    Algorithm, Auth, Calendar, CalendarRef, Encoding, End, FlowTrigger, Missed, Moment,
    RecordChange, RecordTrigger, Respond, Rule, RunFor, Schedule, Scheme, SecretRef, Trigger,
    Webhook,
};

/// Something written at a place in a file.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// What was written.
    pub value: T,
    /// Where, in bytes of the flow's file.
    pub span: Span,
}

/// A flow or subflow.
#[derive(Clone, Debug)]
pub struct Flow {
    /// `flow:`, the name it is called and started by.
    pub name: String,
    /// `description:`
    pub description: Option<String>,
    /// `owner:`
    pub owner: Option<String>,
    /// `enabled:`; a disabled flow is not started by its triggers.
    pub enabled: bool,
    /// `connections:`, alias to spoke.
    pub connections: IndexMap<String, Located<String>>,
    /// `trigger:` or `triggers:`
    pub triggers: Vec<Located<Trigger>>,
    /// `concurrency:`
    pub concurrency: Option<Concurrency>,
    /// `run_by:`, the roles whose holders may start it.
    pub run_by: Vec<Located<String>>,
    /// `inputs:`
    pub inputs: Fields,
    /// `vars:`, with type and first value (the schema's default).
    pub vars: Fields,
    /// `defaults:`
    pub defaults: Defaults,
    /// `limits:`, how many changes of an effect one run may make.
    pub limits: IndexMap<Effect, u64>,
    /// `timeout:` of the whole run.
    pub timeout: Option<Duration>,
    /// `steps:`
    pub steps: Block,
    /// `on_error:`
    pub on_error: Option<Block>,
    /// `on_cancel:`
    pub on_cancel: Option<Block>,
    /// `finally:`
    pub finally: Option<Block>,
    /// `outputs:`
    pub outputs: IndexMap<String, Located<Expression>>,
    /// The file it was read from.
    pub source: Source,
    /// How many blocks it has: each [`Block::index`] is below it.
    pub blocks: usize,
}

/// `defaults:`, for the calls of the flow that say nothing themselves.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Bounds one attempt of a call.
    pub timeout: Option<Duration>,
    /// Merged key by key under a step's own.
    pub retry: RetryPolicy,
}

/// `concurrency:`, how many runs of the flow may be active at once.
#[derive(Clone, Debug)]
pub struct Concurrency {
    /// `max:`
    pub max: u32,
    /// `full:`, what happens to one more.
    pub full: Full,
    /// `key:`, groups runs by a value of their inputs.
    pub key: Option<Expression>,
}

/// What happens to a start when `concurrency.max` runs are active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// It waits its turn.
    Queue,
    /// It does not happen, and is recorded as skipped.
    Skip,
    /// The oldest active run is cancelled.
    Cancel,
}

/// A list of steps.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its number in the flow, in the order read; the plan's graphs are kept under it.
    pub index: usize,
    /// The steps as written.
    pub steps: Vec<Step>,
}

/// One place in a flow.
#[derive(Clone, Debug)]
pub struct Step {
    /// The name in paths: the id, or `#3` for the third step of its list without one.
    pub segment: Arc<str>,
    /// `id:`
    pub id: Option<Located<String>>,
    /// `name:`, shown in place of the id.
    pub name: Option<String>,
    /// `if:` beside another kind.
    pub guard: Option<Located<Expression>>,
    /// `after:`
    pub after: Option<Vec<Located<String>>>,
    /// `timeout:`, of one attempt of a call, of the whole for a block.
    pub timeout: Option<Duration>,
    /// `on_error:`
    pub on_error: OnError,
    /// What it is.
    pub kind: StepKind,
    /// Where the step begins.
    pub span: Span,
}

/// `on_error:` of a step.
#[derive(Clone, Debug)]
pub enum OnError {
    /// The failure goes up.
    Stop,
    /// The failure is handled; the output is null.
    Continue,
    /// These steps handle it.
    Steps(Block),
}

/// The closed set of step kinds.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// `call: ALIAS.ACTION`
    Call(Call),
    /// `call: flow.NAME`
    Subflow(Subflow),
    /// `if` + `then` / `else_if` / `else`
    If(If),
    /// `for_each`
    ForEach(ForEach),
    /// `repeat` + `until`
    Repeat(Repeat),
    /// `parallel:`
    Parallel(Parallel),
    /// `decide:`
    Decide(Decide),
    /// `try` + `catch` / `finally`
    Try(Try),
    /// `wait:`
    Wait(Wait),
    /// `ask:`
    Ask(Ask),
    /// `approval:`
    Approval(Box<Approval>),
    /// `set:`, variable to value.
    Set(IndexMap<String, Located<Expression>>),
    /// `log:`
    Log(Log),
    /// `undo: all`
    Undo,
    /// `end:`
    End,
    /// `fail:`
    Fail(Fail),
    /// `next:`
    Next,
    /// `break:`
    Break,
}

/// A call of an action.
#[derive(Clone, Debug)]
pub struct Call {
    /// The alias, before the first dot of `call:`.
    pub alias: Located<String>,
    /// The action, after it: `courses.assign`.
    pub action: Located<String>,
    /// `with:`; an empty map when absent.
    pub with: Located<Template>,
    /// `connection:`, another alias of the same spoke.
    pub connection: Option<Located<Text>>,
    /// `retry:`
    pub retry: RetryPolicy,
    /// `undo:`, the call that takes it back, in place of the one in its manifest.
    pub undo: Option<Box<Call>>,
}

/// A call of a subflow.
#[derive(Clone, Debug)]
pub struct Subflow {
    /// The flow's name, after `flow.`.
    pub flow: Located<String>,
    /// `with:`, its inputs.
    pub with: Located<Template>,
    /// `connections:`, its alias to ours.
    pub connections: IndexMap<String, Located<String>>,
    /// `detach:`, whether it gets a run of its own.
    pub detach: bool,
}

/// A condition.
#[derive(Clone, Debug)]
pub struct If {
    /// `if`/`then`, then each `else_if`/`then`.
    pub arms: Vec<(Located<Expression>, Block)>,
    /// `else`
    pub otherwise: Option<Block>,
}

/// A loop.
#[derive(Clone, Debug)]
pub struct ForEach {
    /// What it goes over.
    pub source: LoopSource,
    /// `as:`
    pub item: Located<String>,
    /// `parallel:`, from 1.
    pub parallel: u32,
    /// `on_item_error:`
    pub on_item_error: OnItemError,
    /// `collect:`
    pub collect: Option<Located<Expression>>,
    /// `steps:`, or one step with the id `output` for a `call` body.
    pub body: Block,
}

/// What a loop goes over.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each loop of a flow, never moved about")]
pub enum LoopSource {
    /// A list.
    List(Located<Expression>),
    /// The rows of a stream action.
    Stream(Call),
}

/// What a failed iteration does to its loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnItemError {
    /// The loop stops with the error.
    Stop,
    /// The iteration is counted as failed; the others go on.
    Continue,
}

/// Steps that run until a condition holds, at least once.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// `repeat:`
    pub body: Block,
    /// `until:`, read after each time.
    pub until: Located<Expression>,
    /// `max:`, how often at most.
    pub max: u64,
    /// `every:`, how long to wait between two times.
    pub every: Option<Duration>,
}

/// Lists of steps that run at the same time.
#[derive(Clone, Debug)]
pub struct Parallel {
    /// `parallel:`, in written order.
    pub branches: Vec<Branch>,
    /// `on_branch_error:`
    pub on_branch_error: OnBranchError,
}

/// A branch of a `parallel`.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its name, as it stands in paths.
    pub name: Arc<str>,
    /// The steps.
    pub body: Block,
}

/// What a failed branch does to its `parallel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBranchError {
    /// The others stop, and the error goes up.
    Stop,
    /// The branch is named as failed; the others go on.
    Continue,
}

/// A decision table.
#[derive(Clone, Debug)]
pub struct Decide {
    /// `match:`
    pub matching: Match,
    /// `decide:`, in written order.
    pub rows: Vec<Row>,
    /// `default:`, for when no row holds.
    pub default: Option<Answer>,
}

/// Which rows of a decision table count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The first that holds.
    First,
    /// Each one that holds, in written order.
    All,
}

/// A row of a decision table.
#[derive(Clone, Debug)]
pub struct Row {
    /// `when:`
    pub when: Located<Expression>,
    /// What follows when it holds.
    pub answer: Answer,
}

/// What follows from a row, or from no row.
#[derive(Clone, Debug)]
pub struct Answer {
    /// `result:`, which becomes the output of the decision.
    pub result: Option<Located<Template>>,
    /// `steps:`; empty when there are none.
    pub steps: Block,
    /// The whole row.
    pub span: Span,
}

/// An error handler around steps.
#[derive(Clone, Debug)]
pub struct Try {
    /// `try:`
    pub body: Block,
    /// `catch:`
    pub catches: Vec<Catch>,
    /// `finally:`
    pub finally: Option<Block>,
}

/// A clause of `catch:`.
#[derive(Clone, Debug)]
pub struct Catch {
    /// `on:`; empty means any kind.
    pub on: Vec<ErrorKind>,
    /// `steps:`
    pub body: Block,
}

/// A wait.
#[derive(Clone, Debug)]
pub enum Wait {
    /// `for:`, a duration as text.
    For(Located<Text>),
    /// `until:`, an instant as text.
    Until(Located<Text>),
    /// `signal:`, with its `timeout`.
    Signal(SignalWait),
}

/// A question to a person.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `of:`, `starter` or an e-mail address or role.
    pub of: Located<Text>,
    /// `form:`, the fields to fill.
    pub form: IndexMap<String, AskField>,
    /// `message:`
    pub message: Option<Located<Text>>,
    /// `submit:`, the label of the button.
    pub submit: Option<String>,
    /// `timeout:`
    pub timeout: Option<Duration>,
}

/// A field of a form.
#[derive(Clone, Debug)]
pub struct AskField {
    /// Its type and constraints.
    pub schema: linchpin_language::Schema,
    /// `choices_from:`
    pub choices: Option<ChoicesFrom>,
}

/// Choices that are read when the form opens.
#[derive(Clone, Debug)]
pub struct ChoicesFrom {
    /// The read that lists them.
    pub call: Call,
    /// `value:`, the field of a row that is the answer.
    pub value: String,
    /// `columns:`, the fields shown.
    pub columns: Vec<String>,
    /// `list:`, the output field that holds the rows; the only list there is when absent.
    pub list: Option<String>,
}

/// `log:`
#[derive(Clone, Debug)]
pub struct Log {
    /// `level:`
    pub level: Level,
    /// The message.
    pub message: Located<Text>,
}

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For the record.
    Info,
    /// A person should look some time.
    Warn,
    /// A person should look now.
    Error,
}

/// `fail:`
#[derive(Clone, Debug)]
pub struct Fail {
    /// `kind:`; `rejected` when absent.
    pub kind: ErrorKind,
    /// The message.
    pub message: Located<Text>,
}

impl Full {
    /// The words of `full:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("queue", Self::Queue), ("skip", Self::Skip), ("cancel", Self::Cancel)];
}

impl OnItemError {
    /// The words of `on_item_error:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("stop", Self::Stop), ("continue", Self::Continue)];
}

impl OnBranchError {
    /// The words of `on_branch_error:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("stop", Self::Stop), ("continue", Self::Continue)];
}

impl Match {
    /// The words of `match:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("first", Self::First), ("all", Self::All)];
}

impl OnError {
    /// The words of `on_error:` of a step, each with whether the failure is passed over.
    pub const WORDS: &'static [(&'static str, bool)] = &[("stop", false), ("continue", true)];
}

impl Level {
    /// The words of `level:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("info", Self::Info), ("warn", Self::Warn), ("error", Self::Error)];
}
