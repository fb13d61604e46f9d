//! The journal of a run as lines of JSON, also while it grows.
//!
//! What is sent is always read from the store: an entry that was announced is on disk, and one
//! that was missed in a burst of announcements is there too.

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use linchpin_engine::{Entry, RunId};
use linchpin_runtime::host::Host;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// How many entries are read at once.
const ENTRIES: usize = 512;

use super::run_id;
use crate::app::App;
use crate::refusal::Refusal;

#[derive(Deserialize)]
pub(super) struct Window {
    #[serde(default)]
    from: u64,
    #[serde(default)]
    follow: bool,
}

pub(super) async fn stream(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(window): Query<Window>,
) -> Result<Response, Refusal> {
    let run = run_id(&id)?;
    // Watched before the first read, so that nothing falls between the two.
    let watch = app.host.watch();
    app.host.find_run(&run).await?;
    let reader = Reader {
        host: app.host,
        run,
        next: window.from,
        watch,
        follow: window.follow,
        is_last: false,
    };
    let lines = futures::stream::unfold(reader, |mut reader| async move {
        let chunk = reader.chunk().await?;
        Some((chunk, reader))
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

struct Reader {
    host: Host,
    run: RunId,
    next: u64,
    watch: Receiver<(RunId, Entry)>,
    follow: bool,
    is_last: bool,
}

impl Reader {
    /// The next lines; `None` when there is nothing more to come.
    async fn chunk(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        loop {
            let read = self.host.store().read(&self.run, self.next, ENTRIES).await;
            let entries = match read {
                Ok(entries) => entries,
                Err(error) => return Some(Err(std::io::Error::other(error.to_string()))),
            };
            if !entries.is_empty() {
                let lines = self.lines(&entries);
                self.next += entries.len() as u64;
                return Some(lines.map(Bytes::from).map_err(std::io::Error::other));
            }
            if self.is_last || !self.follow {
                return None;
            }
            self.news().await;
        }
    }

    fn lines(&self, entries: &[Vec<u8>]) -> Result<Vec<u8>, serde_json::Error> {
        let mut lines = Vec::new();
        for (position, entry) in (self.next..).zip(entries) {
            let mut line = Map::new();
            line.insert("position".to_owned(), position.into());
            line.extend(serde_json::from_slice::<Map<String, Value>>(entry)?);
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        Ok(lines)
    }

    /// Waits until the journal has grown, or nobody writes to it any more.
    async fn news(&mut self) {
        let ended = self.host.wait(&self.run);
        let grown = async {
            loop {
                match self.watch.recv().await {
                    Ok((run, _)) if run == self.run => return true,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        tokio::select! {
            _ = ended => self.is_last = true,
            is_grown = grown => self.is_last = !is_grown,
        }
    }
}
