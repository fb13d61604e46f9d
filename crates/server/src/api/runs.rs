//! Runs: started, previewed, listed, shown, continued.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use linchpin_engine::run::{StepView, Waiting};
use linchpin_engine::{Run, RunId, StepPath};
use linchpin_runtime::dry_run::dry_run;
use linchpin_runtime::host::Start;
use linchpin_runtime::summary::Summary;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{body, run_id};
use crate::app::App;
use crate::refusal::Refusal;

/// How many runs a list shows unless it is told, and at most.
const LIST: (usize, usize) = (20, 1000);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    flow: String,
    #[serde(default)]
    inputs: Map<String, Value>,
    key: Option<String>,
    trigger: Option<Value>,
    user: Option<Value>,
}

impl From<Wish> for Start {
    fn from(wish: Wish) -> Self {
        let trigger = wish.trigger.unwrap_or_else(|| json!({ "kind": "manual" }));
        let (key, user) = (wish.key, wish.user);
        Self { flow: wish.flow, inputs: wish.inputs, key, trigger, user, ..Self::default() }
    }
}

pub(super) async fn start(
    State(app): State<App>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let wish: Wish = body(&bytes)?;
    app.refresh(&wish.flow)?;
    let inputs = wish.inputs.clone();
    let started = app.host.start(wish.into()).await?;
    let status = if started.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let differs = !started.is_new && !app.host.has_inputs(&started.run, &inputs).await?;
    let answer =
        json!({ "run": started.run, "is_new": started.is_new, "has_other_inputs": differs });
    Ok((status, Json(answer)))
}

pub(super) async fn preview(State(app): State<App>, bytes: Bytes) -> Result<Json<Value>, Refusal> {
    let wish: Wish = body(&bytes)?;
    app.refresh(&wish.flow)?;
    let (flows, host) = (app.host.flows(), &app.host);
    let now = host.clock().now();
    let preview =
        Box::pin(dry_run(&flows, host.catalog(), host.connections(), wish.into(), now)).await?;
    let exit_code = preview.exit_code();
    let mut answer = serde_json::to_value(preview).map_err(|error| unwritable(&error))?;
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("exit_code".to_owned(), exit_code.into());
    }
    Ok(Json(answer))
}

#[derive(Deserialize)]
pub(super) struct Filter {
    limit: Option<usize>,
    before: Option<String>,
    flow: Option<String>,
    state: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Inputs that the run must have, as JSON.
    inputs: Option<String>,
}

/// The newest runs first. With a filter the journal of runs is searched until enough are found.
pub(super) async fn list(
    State(app): State<App>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, Refusal> {
    let limit = filter.limit.unwrap_or(LIST.0).clamp(1, LIST.1);
    let mut before = filter.before.as_deref().map(run_id).transpose()?;
    let inputs = filter.inputs.as_deref().map(|inputs| body(inputs.as_bytes())).transpose()?;
    let inputs: Map<String, Value> = inputs.unwrap_or_default();
    let mut found: Vec<Summary> = Vec::new();
    loop {
        let page = app.host.list(before.as_ref(), limit).await?;
        let oldest = page.last();
        let is_last = page.len() < limit
            || oldest.is_some_and(|run| filter.since.is_some_and(|since| run.started_at < since));
        before = oldest.map(|summary| summary.run.clone());
        for run in page.into_iter().filter(|run| filter.takes(run)) {
            if inputs.is_empty() || app.host.has_inputs(&run.run, &inputs).await? {
                found.push(run);
            }
        }
        if is_last || found.len() >= limit {
            found.truncate(limit);
            return Ok(Json(json!({ "runs": found })));
        }
    }
}

impl Filter {
    fn takes(&self, run: &Summary) -> bool {
        self.flow.as_ref().is_none_or(|flow| *flow == run.flow)
            && self.state.as_ref().is_none_or(|state| *state == run.state)
            && self.since.is_none_or(|since| run.started_at >= since)
            && self.until.is_none_or(|until| run.started_at < until)
    }
}

/// How a run stands, with the steps that are open.
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let id = run_id(&id)?;
    if let Some(shown) = app.host.look(&id, |run| detail(run, true)).await {
        return Ok(Json(shown?));
    }
    let entries = app.host.entries(&id).await?;
    let run = app.host.replay(&id, &entries).await?;
    Ok(Json(detail(&run, false)?))
}

fn detail(run: &Run, is_active: bool) -> Result<Value, Refusal> {
    let summary = Summary::standing(run, is_active);
    let mut shown = serde_json::to_value(summary).map_err(|error| unwritable(&error))?;
    let open = if run.outcome().is_some() { Vec::new() } else { run.open_steps() };
    let changes: Map<String, Value> =
        run.changes().iter().map(|(effect, n)| (effect.to_string(), (*n).into())).collect();
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("is_active".to_owned(), is_active.into());
        shown.insert("is_paused".to_owned(), run.is_paused().into());
        shown.insert("inputs".to_owned(), (*run.accepted().inputs).clone());
        shown.insert("entries".to_owned(), run.position().into());
        shown.insert("changes".to_owned(), changes.into());
        if run.was_undone() {
            let left = run.undo_left().into_iter().map(|left| {
                let call = format!("{}.{}", left.call.alias, left.call.action);
                json!({ "step": left.call.path, "call": call, "why": left.error })
            });
            shown.insert("undo_left".to_owned(), left.collect());
        }
        if run.outcome().is_some() {
            shown.insert("can_retry".to_owned(), run.refuses_retry().is_none().into());
        }
        shown.insert("lasting".to_owned(), lasting(run.lasting()));
        let blocked = run.blocked();
        let open = open.iter().map(|step| open_step(step, blocked.contains(&step.path)));
        shown.insert("open".to_owned(), open.collect());
    }
    Ok(shown)
}

/// The writes that nothing takes back, by step.
pub(super) fn lasting(lasting: &BTreeMap<StepPath, u64>) -> Value {
    lasting.iter().map(|(step, writes)| json!({ "step": step, "writes": writes })).collect()
}

/// `is_blocked`: it is held for something that is missing, and may simply try again.
fn open_step(step: &StepView, is_blocked: bool) -> Value {
    let waiting = step.waiting.as_ref().map(|waiting| match waiting {
        Waiting::Until(at) => json!({ "kind": "until", "at": at }),
        Waiting::Retry(at) => json!({ "kind": "retry", "at": at }),
        Waiting::Answer { of } => json!({ "kind": "answer", "of": of }),
        Waiting::Approval { of } => json!({ "kind": "approval", "of": of }),
        Waiting::Signal { name } => json!({ "kind": "signal", "of": name }),
        Waiting::Ruling(reason) => {
            json!({ "kind": "ruling", "reason": reason, "blocked": is_blocked })
        }
    });
    json!({ "step": step.path, "state": step.state.as_str(), "waiting": waiting })
}

/// The texts that a run started with, its own flow first.
pub(super) async fn texts(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let texts = app.host.texts(&run_id(&id)?).await?;
    let texts = texts.into_iter().map(|(flow, text)| json!({ "flow": flow, "text": text }));
    Ok(Json(json!({ "texts": texts.collect::<Vec<_>>() })))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resumed {
    /// Who lets steps try again that are held because something was not there.
    by: Option<String>,
}

/// Continues a run that nobody drives; nothing is changed when somebody does.
pub(super) async fn resume(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let id: RunId = run_id(&id)?;
    let Resumed { by } = if bytes.is_empty() { Resumed::default() } else { body(&bytes)? };
    app.host.resume(&id).await?;
    if let Some(by) = by {
        app.host.release(&id, &by).await?;
    }
    Ok(Json(json!({ "run": id })))
}

fn unwritable(error: &serde_json::Error) -> Refusal {
    let message = format!("the answer cannot be written as JSON: {error}");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}
