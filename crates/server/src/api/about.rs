//! What the process is and how it does.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;

pub(super) async fn version(State(app): State<App>) -> Json<Value> {
    Json(json!({ "name": "linchpin", "version": app.version, "api": "v1" }))
}

pub(super) async fn health(State(app): State<App>) -> Json<Value> {
    let waiting: Vec<_> = app
        .host
        .connections()
        .waiting()
        .into_iter()
        .map(|(alias, wait)| json!({ "alias": alias, "seconds": wait.as_secs() }))
        .collect();
    Json(json!({
        "status": "ok",
        "pid": std::process::id(),
        "environment": app.environment,
        "active_runs": app.host.n_active(),
        "flows": app.host.flows().iter().count(),
        "rate_budget_waits": waiting,
    }))
}
