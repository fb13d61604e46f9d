//! The routes. One file per resource; each handler reads, asks the host, answers.

mod about;
mod connections;
mod journal;
mod people;
mod runs;
mod schedules;
mod store;
mod upkeep;
mod webhooks;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::{get, post};
use linchpin_engine::RunId;

use crate::app::App;
use crate::refusal::Refusal;

/// The largest request body, in bytes.
pub(crate) const BODY_LIMIT: usize = 4 << 20;

/// All routes of the API.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/v1/version", get(about::version))
        .route("/v1/health", get(about::health))
        .route("/v1/dry-runs", post(runs::preview))
        .route("/v1/runs", get(runs::list).post(runs::start))
        .route("/v1/runs/{id}", get(runs::show))
        .route("/v1/runs/{id}/journal", get(journal::stream))
        .route("/v1/runs/{id}/resume", post(runs::resume))
        .route("/v1/runs/{id}/control", post(people::control))
        .route("/v1/runs/{id}/held", get(people::held))
        .route("/v1/runs/{id}/resolve", post(people::resolve))
        .route("/v1/runs/{id}/asks", get(people::asks))
        .route("/v1/runs/{id}/answer", post(people::answer))
        .route("/v1/runs/{id}/signal", post(people::signal))
        .route("/v1/runs/{id}/judge", post(people::judge))
        .route("/v1/runs/{id}/texts", get(runs::texts))
        .route("/v1/runs/{id}/retry", get(people::retry_preview).post(people::retry))
        .route("/v1/runs/{id}/undo", get(people::undo_preview).post(people::undo))
        .route("/v1/connections", get(connections::list))
        .route("/v1/connection-findings", post(upkeep::examine))
        .route("/v1/connection-forms", get(upkeep::export).post(upkeep::import))
        .route("/v1/vault", get(upkeep::vault))
        .route("/v1/vault/rotate-key", post(upkeep::rotate_key))
        .route("/v1/connections/{alias}", get(connections::show))
        .route("/v1/connections/{alias}/configure", post(connections::configure))
        .route("/v1/connections/{alias}/authorize", post(connections::authorize))
        .route("/v1/connections/{alias}/authorized", post(connections::authorized))
        .route("/v1/connections/{alias}/test", post(connections::test))
        .route("/v1/connections/{alias}/remove", post(connections::remove))
        .route("/v1/due", get(schedules::due))
        .route("/v1/webhooks", get(webhooks::list))
        .route("/v1/webhooks/secret", post(webhooks::keep))
        .route("/v1/store", get(store::status))
        .route("/v1/store/verify", get(store::verify))
        .route("/v1/store/copy", post(store::copy))
        .route("/v1/store/prune", post(store::prune))
        .route("/v1/store/holds/{id}", post(store::hold).delete(store::release))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(app)
}

async fn unknown(method: Method, uri: Uri) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is no {method} {}", uri.path()))
}

/// Reads the identity of a run from a path.
fn run_id(text: &str) -> Result<RunId, Refusal> {
    RunId::parse(text).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, format!("there is no run {text:?}"))
            .help("`linchpin runs list` shows the runs there are")
    })
}

/// Reads a JSON body; what is wrong with it is said in one sentence.
fn body<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes)
        .map_err(|error| Refusal::invalid(format!("the request cannot be read: {error}")))
}
