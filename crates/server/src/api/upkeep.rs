//! What keeps connections usable: finding what will end, moving them, replacing the vault's key.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use linchpin_engine::flow::Trigger;
use linchpin_engine::schedule::Timetable;
use linchpin_runtime::connections::Finding;
use linchpin_runtime::vault::{Rotated, VaultStatus};
use serde_json::{Map, Value, json};

use super::body;
use crate::app::App;
use crate::refusal::Refusal;

pub(super) async fn examine(State(app): State<App>) -> Result<Json<Value>, Refusal> {
    let connections = app.host.connections();
    let due = due(&app);
    let (mut findings, mut aliases) = (Vec::<Finding>::new(), Vec::new());
    for status in connections.list().await? {
        // A spoke that nobody has configured is no connection yet.
        let next = due.get(&status.alias).map(|(at, flow)| (*at, flow.as_str()));
        findings.extend(connections.examine(&status.alias, next).await);
        aliases.push(status.alias);
    }
    for hook in app.webhooks.served().await.into_iter().filter(|hook| hook.enabled) {
        let name = format!("webhook {}", hook.path);
        findings.extend(hook.problems.into_iter().map(|why| Finding::error(&name, why)));
        aliases.push(name);
    }
    Ok(Json(json!({ "aliases": aliases, "findings": findings })))
}

/// When each alias is needed next by a schedule, and by which flow.
fn due(app: &App) -> BTreeMap<String, (Timestamp, String)> {
    let now = app.host.clock().now();
    let calendars = &app.host.catalog().calendars;
    let connections = app.host.connections();
    let mut due: BTreeMap<String, (Timestamp, String)> = BTreeMap::new();
    let flows = app.host.flows();
    for loaded in flows.iter().filter(|loaded| loaded.flow.enabled) {
        let schedules = loaded.flow.triggers.iter().filter_map(|trigger| match &trigger.value {
            Trigger::Schedule(written) => Timetable::new(written, calendars).ok(),
            Trigger::Webhook(_) | Trigger::Record(_) | Trigger::Flow(_) | Trigger::Form { .. } => {
                None
            }
        });
        let next = schedules.filter_map(|table| table.next(now, 1).first().copied()).min();
        let Some(next) = next else { continue };
        let needed = flows.aliases(&loaded.flow.name);
        for alias in needed.iter().flat_map(|alias| connections.meant(alias)) {
            let place = due.entry(alias).or_insert((next, loaded.flow.name.clone()));
            if next < place.0 {
                *place = (next, loaded.flow.name.clone());
            }
        }
    }
    due
}

pub(super) async fn export(State(app): State<App>) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!({ "connections": app.host.connections().export().await? })))
}

pub(super) async fn import(State(app): State<App>, bytes: Bytes) -> Result<Json<Value>, Refusal> {
    let all: BTreeMap<String, Map<String, Value>> = body(&bytes)
        .map_err(|_| Refusal::invalid("what is imported is no map of aliases to their settings"))?;
    Ok(Json(json!({ "imported": app.host.connections().import(all).await? })))
}

pub(super) async fn vault(State(app): State<App>) -> Result<Json<VaultStatus>, Refusal> {
    Ok(Json(app.host.connections().vault().status().await.map_err(refused)?))
}

pub(super) async fn rotate_key(State(app): State<App>) -> Result<Json<Rotated>, Refusal> {
    Ok(Json(app.host.connections().vault().rotate().await.map_err(refused)?))
}

fn refused(error: linchpin_runtime::vault::Error) -> Refusal {
    let mut message = error.to_string();
    if let Some(source) = std::error::Error::source(&error) {
        message = format!("{message}: {source}");
    }
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}
