//! What people do to runs: answer, rule, pause, cancel.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use linchpin_engine::StepPath;
use linchpin_engine::event::{Control, Ruling};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{body, run_id};
use crate::app::App;
use crate::refusal::Refusal;

/// The questions that wait, with their choices as they are now.
pub(super) async fn asks(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let questions = app.host.questions(&run_id(&id)?).await?;
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ruled {
    step: String,
    ruling: Word,
    by: String,
}

/// A ruling as JSON: `"go_on"`, `"fail"` or `{"done": OUTPUT}`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    GoOn,
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
        Word::GoOn => Ruling::GoOn,
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
