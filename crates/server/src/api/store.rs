//! The store: what it is, whether it is whole, copies of it, what may go from it. Long work
//! answers line by line and goes on only as long as somebody listens.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use linchpin_engine::store::Upkeep;
use linchpin_runtime::host::Error;
use linchpin_runtime::retention::{self, Retention};
use linchpin_runtime::upkeep::{self, Told};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{body, run_id};
use crate::app::App;
use crate::refusal::Refusal;

pub(super) async fn status(State(app): State<App>) -> Result<Json<Value>, Refusal> {
    let store = store(&app)?;
    let about = store.about()?;
    let runs = upkeep::count(&*store).await?;
    let holds = retention::holds(&*store).await?;
    Ok(Json(json!({ "about": about, "runs": runs, "holds": holds, "pid": std::process::id() })))
}

pub(super) async fn verify(State(app): State<App>) -> Result<Response, Refusal> {
    Ok(lines(upkeep::verify(store(&app)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Copy {
    to: PathBuf,
    kind: Option<String>,
}

pub(super) async fn copy(State(app): State<App>, bytes: Bytes) -> Result<Response, Refusal> {
    let Copy { to, kind } = body(&bytes)?;
    if !to.is_absolute() {
        return Err(Refusal::invalid("the folder of a copy is an absolute path"));
    }
    Ok(lines(upkeep::copy(store(&app)?, to, kind)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prune {
    retention: Retention,
    apply: bool,
}

pub(super) async fn prune(State(app): State<App>, bytes: Bytes) -> Result<Response, Refusal> {
    let Prune { retention, apply } = body(&bytes)?;
    let (store, now) = (Arc::clone(app.host.store()), app.host.clock().now());
    Ok(lines(retention::prune(store, retention, now, apply)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    reason: Option<String>,
}

pub(super) async fn hold(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let run = run_id(&id)?;
    let Hold { reason } = body(&bytes)?;
    if !retention::hold(&**app.host.store(), &run, reason.as_deref()).await? {
        return Err(Error::UnknownRun(run.to_string()).into());
    }
    Ok(Json(json!({ "run": run, "reason": reason })))
}

pub(super) async fn release(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let run = run_id(&id)?;
    let was_held = retention::release(&**app.host.store(), &run).await?;
    Ok(Json(json!({ "run": run, "was_held": was_held })))
}

fn store(app: &App) -> Result<Arc<dyn Upkeep>, Refusal> {
    app.store.clone().ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "this process keeps its runs in memory only")
    })
}

fn lines(told: UnboundedReceiver<Told>) -> Response {
    let lines = futures::stream::unfold(told, |mut told| async move {
        let line = serde_json::to_vec(&told.recv().await?).map(|mut line| {
            line.push(b'\n');
            Bytes::from(line)
        });
        Some((line.map_err(std::io::Error::other), told))
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}
