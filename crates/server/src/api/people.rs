//! What people do to runs: answer, approve, signal, rule, pause, cancel.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use linchpin_engine::StepPath;
use linchpin_engine::event::{Control, Ruling};
use linchpin_runtime::people::Judgement;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{body, run_id};
use crate::app::App;
use crate::refusal::Refusal;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reader {
    #[serde(default)]
    by: String,
}

/// The questions that wait, with their choices as they are now.
pub(super) async fn asks(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(Reader { by }): Query<Reader>,
) -> Result<Json<Value>, Refusal> {
    let questions = app.host.questions(&run_id(&id)?, &by).await?;
    Ok(Json(json!({ "asks": questions })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    step: Option<String>,
    values: Map<String, Value>,
    by: String,
}

pub(super) async fn answer(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let id = run_id(&id)?;
    let Answer { step, values, by } = body(&bytes)?;
    let step = step.as_deref().map(step_path).transpose()?;
    let step = app.host.answer(&id, step.as_ref(), values, &by).await?;
    Ok(Json(json!({ "run": id, "step": step })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    name: String,
    #[serde(default)]
    payload: Value,
    by: String,
}

pub(super) async fn signal(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let id = run_id(&id)?;
    let Sent { name, payload, by } = body(&bytes)?;
    app.host.signal(&id, &name, payload, &by).await?;
    Ok(Json(json!({ "run": id, "signal": name })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    step: Option<String>,
    approved: bool,
    note: Option<String>,
    #[serde(default)]
    values: Map<String, Value>,
    by: String,
}

/// A yes or no to an approval.
pub(super) async fn judge(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let id = run_id(&id)?;
    let Judged { step, approved, note, values, by } = body(&bytes)?;
    let step = step.as_deref().map(step_path).transpose()?;
    let judgement = Judgement { approved, note, values };
    let step = app.host.judge(&id, step.as_ref(), judgement, &by).await?;
    Ok(Json(json!({ "run": id, "step": step, "approved": approved })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    control: Control,
    by: String,
}

pub(super) async fn control(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let id = run_id(&id)?;
    let Wish { control, by } = body(&bytes)?;
    app.host.control(&id, control, &by).await?;
    Ok(Json(json!({ "run": id })))
}

/// What is known of each held step, and what would be sent next.
pub(super) async fn held(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let held = app.host.held(&run_id(&id)?).await?;
    Ok(Json(json!({ "held": held })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ruled {
    step: String,
    ruling: Word,
    by: String,
}

/// A ruling as JSON: `"not_done"`, `"fail"` or `{"done": OUTPUT}`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    NotDone,
    Fail,
    Done(Value),
}

pub(super) async fn resolve(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let id = run_id(&id)?;
    let Ruled { step, ruling, by } = body(&bytes)?;
    let step = step_path(&step)?;
    let ruling = match ruling {
        Word::NotDone => Ruling::GoOn,
        Word::Fail => Ruling::Fail,
        Word::Done(output) => Ruling::Done(Arc::new(output)),
    };
    app.host.resolve(&id, step, ruling, &by).await?;
    Ok(Json(json!({ "run": id })))
}

fn step_path(text: &str) -> Result<StepPath, Refusal> {
    text.parse().map_err(|error: linchpin_engine::path::NotAPath| {
        Refusal::invalid(error.to_string()).help("`linchpin runs show RUN` lists the steps")
    })
}

/// What would take back the changes of a run.
pub(super) async fn undo_preview(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let (left, lasting) = app.host.undo_preview(&run_id(&id)?).await?;
    Ok(Json(json!({ "left": left, "lasting": super::runs::lasting(&lasting) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct By {
    by: String,
}

/// Where a run that failed or was cancelled would go on.
pub(super) async fn retry_preview(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!(app.host.retry_preview(&run_id(&id)?).await?)))
}

/// Goes on with it.
pub(super) async fn retry(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let id = run_id(&id)?;
    let By { by } = body(&bytes)?;
    app.host.retry(&id, &by).await?;
    Ok(Json(json!({ "run": id })))
}

/// Takes them back.
pub(super) async fn undo(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let id = run_id(&id)?;
    let By { by } = body(&bytes)?;
    app.host.undo(&id, &by).await?;
    Ok(Json(json!({ "run": id })))
}
