//! Schedules: what became of what fell due.

use axum::Json;
use axum::extract::{Query, State};
use jiff::Timestamp;
use linchpin_runtime::scheduler::accounts;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::refusal::Refusal;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// Of this flow only.
    flow: Option<String>,
    /// That fell due at this instant or later.
    since: Timestamp,
}

pub(super) async fn due(
    State(app): State<App>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Refusal> {
    let found = accounts(&**app.host.store(), asked.flow.as_deref(), asked.since).await?;
    Ok(Json(json!({ "due": found })))
}
