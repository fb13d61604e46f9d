//! Connections: shown without their secrets, configured, authorised, tested, removed.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use linchpin_runtime::Secret;
use linchpin_runtime::connections::{Answered, Asking, ConnectionStatus};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body;
use crate::app::App;
use crate::refusal::Refusal;

pub(super) async fn list(State(app): State<App>) -> Result<Json<Value>, Refusal> {
    let connections = app.host.connections().list().await?;
    Ok(Json(json!({ "connections": connections })))
}

pub(super) async fn show(
    State(app): State<App>,
    Path(alias): Path<String>,
) -> Result<Json<ConnectionStatus>, Refusal> {
    Ok(Json(app.host.connections().show(&alias).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    values: Map<String, Value>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

pub(super) async fn configure(
    State(app): State<App>,
    Path(alias): Path<String>,
    bytes: Bytes,
) -> Result<Json<ConnectionStatus>, Refusal> {
    // A refused body could hold a secret: its text is not repeated.
    let form: Form = body(&bytes)
        .map_err(|_| Refusal::invalid("the form is not `values` and `secrets` by field"))?;
    let secrets = form.secrets.into_iter().map(|(field, text)| (field, Secret::new(text)));
    let connections = app.host.connections();
    connections.configure(&alias, form.values, secrets.collect()).await?;
    Ok(Json(connections.show(&alias).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Return {
    #[serde(default)]
    redirect_uri: Option<String>,
}

pub(super) async fn authorize(
    State(app): State<App>,
    Path(alias): Path<String>,
    bytes: Bytes,
) -> Result<Json<Asking>, Refusal> {
    let wish: Return = body(&bytes)?;
    Ok(Json(app.host.connections().ask(&alias, wish.redirect_uri.as_deref()).await?))
}

pub(super) async fn authorized(
    State(app): State<App>,
    Path(alias): Path<String>,
    bytes: Bytes,
) -> Result<Json<ConnectionStatus>, Refusal> {
    // A refused body could hold the code: its text is not repeated.
    let answered: Answered = body(&bytes)
        .map_err(|_| Refusal::invalid("the answer is not `state` with `code` or `error`"))?;
    let connections = app.host.connections();
    connections.answer(&alias, answered).await?;
    Ok(Json(connections.show(&alias).await?))
}

pub(super) async fn test(
    State(app): State<App>,
    Path(alias): Path<String>,
) -> Result<Json<ConnectionStatus>, Refusal> {
    let connections = app.host.connections();
    connections.resolve(&alias).await?;
    if let Err(error) = connections.test(&alias).await {
        let message = format!("the test of connection {alias} failed: {}", error.message);
        let help = match error.kind.as_str() {
            "unauthenticated" | "forbidden" => match elsewhere(&connections.show(&alias).await?) {
                Some(places) => format!("change it where it is kept: {places}"),
                None => format!("`linchpin connections configure {alias}` sets it anew"),
            },
            _ => format!("`linchpin connections show {alias}` shows where it leads"),
        };
        return Err(Refusal::new(StatusCode::BAD_GATEWAY, message).help(help));
    }
    Ok(Json(connections.show(&alias).await?))
}

pub(super) async fn remove(
    State(app): State<App>,
    Path(alias): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let connections = app.host.connections();
    let revoked = connections.revoke(&alias).await;
    connections.remove(&alias).await?;
    let (host, problem) = match revoked {
        Ok(host) => (host, None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(Json(json!({ "alias": alias, "revoked_at": host, "problem": problem })))
}

/// Where the secrets of a connection are, when none of them is in the vault.
fn elsewhere(status: &ConnectionStatus) -> Option<String> {
    let secrets = status.fields.iter().filter(|field| field.used && field.secret);
    let places: Vec<&str> = secrets.filter_map(|field| field.source.as_deref()).collect();
    let is_ours = places.is_empty() || places.contains(&"vault");
    (!is_ours).then(|| places.join(", "))
}
