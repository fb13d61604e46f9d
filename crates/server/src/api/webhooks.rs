//! Webhooks: which there are, and the secrets that the vault keeps for them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use linchpin_runtime::Secret;
use linchpin_runtime::triggers::webhook::Served;
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
    let Some(one) = served.iter().find(|one| one.path == kept.path) else {
        let message = format!("no flow has a webhook {}", kept.path);
        return Err(Refusal::new(StatusCode::NOT_FOUND, message)
            .help("`linchpin webhooks list` shows them"));
    };
    if kept.secret.is_some() && !one.secrets.iter().any(|place| place == "vault") {
        return Err(unused(one));
    }
    let secret = kept.secret.map(Secret::new);
    app.webhooks
        .keep_secret(&kept.path, secret.as_ref())
        .await
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let served = app.webhooks.served().await.into_iter().find(|one| one.path == kept.path);
    Ok(Json(json!({ "webhook": served })))
}

/// A secret in the vault would be of no use: the flow takes it from elsewhere, or asks for none.
fn unused(webhook: &Served) -> Refusal {
    let (flow, path) = (&webhook.flow, &webhook.path);
    match webhook.secrets.as_slice() {
        [] => Refusal::invalid(format!("webhook {path} needs no secret: the flow {flow} says so"))
            .help("write how its deliveries are signed under `auth:` first"),
        places => {
            let places = places.join(" and ");
            let message =
                format!("the secret of webhook {path} is not in the vault but in {places}");
            Refusal::invalid(message).help("change it there, or write `secret: vault` in the flow")
        }
    }
}
