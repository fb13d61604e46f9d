//! Webhooks: which there are, and the secrets that the vault keeps for them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use linchpin_runtime::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body;
use crate::app::App;
use crate::refusal::Refusal;

pub(super) async fn list(State(app): State<App>) -> Json<Value> {
    Json(json!({ "webhooks": app.webhooks.served().await }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    path: String,
    /// None takes the secret away.
    secret: Option<String>,
}

pub(super) async fn keep(State(app): State<App>, bytes: Bytes) -> Result<Json<Value>, Refusal> {
    // A refused body could hold a secret: its text is not repeated.
    let kept: Kept =
        body(&bytes).map_err(|_| Refusal::invalid("what is kept is not `path` with `secret`"))?;
    let served = app.webhooks.served().await;
    if !served.iter().any(|one| one.path == kept.path) {
        let message = format!("no flow has a webhook {}", kept.path);
        return Err(Refusal::new(StatusCode::NOT_FOUND, message)
            .help("`linchpin webhooks list` shows them"));
    }
    let secret = kept.secret.map(Secret::new);
    app.webhooks
        .keep_secret(&kept.path, secret.as_ref())
        .await
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let served = app.webhooks.served().await.into_iter().find(|one| one.path == kept.path);
    Ok(Json(json!({ "webhook": served })))
}
