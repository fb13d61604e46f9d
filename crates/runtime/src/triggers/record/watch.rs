//! One record trigger: look, start, remember, wait, again.

use std::sync::Arc;
use std::time::Duration;

use linchpin_connector::{ActionError, ErrorKind, Page, StreamSpec};
use linchpin_engine::catalog::Catalog;
use linchpin_engine::flow::{RecordTrigger, RunFor};
use linchpin_engine::retry::Retry;
use linchpin_engine::store::Expect;
use linchpin_language::{Map, Value, digest, json};
use sha2::{Digest, Sha256};

use super::PLACES;
use super::place::{self, Batch, Change, Place, compare};
use crate::call::{Prepared, Unprepared};
use crate::clock::after;
use crate::flows::Loaded;
use crate::host::{Error, Host, Start};
use crate::triggers::Tell;

/// The most records that one run is started for.
const LARGEST_BATCH: usize = 1000;

/// A record trigger of a flow.
pub(super) struct Watch {
    host: Host,
    /// Tells apart several triggers of one flow.
    pub(super) name: String,
    flow: String,
    trigger: RecordTrigger,
    tell: Tell,
}

/// Why a look came to nothing.
enum Failed {
    /// The other side, or our way to it.
    Look(ActionError),
    /// Ours: the daemon cannot go on.
    Host(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

impl Watch {
    pub(super) fn new(
        host: Host,
        loaded: Arc<Loaded>,
        at: usize,
        trigger: &RecordTrigger,
        tell: &Tell,
    ) -> Self {
        let flow = loaded.flow.name.clone();
        let (name, tell) = (format!("{flow}/{at}"), Arc::clone(tell));
        Self { host, name, flow, trigger: trigger.clone(), tell }
    }

    /// What is looked at and how, in a word: while it is the same, the trigger goes on.
    pub(super) fn kind(&self) -> String {
        let RecordTrigger { call, every, run_for, .. } = &self.trigger;
        format!("{} {every:?} {run_for:?} {:?}", self.looked_at(), call.retry)
    }

    /// Looks until it is aborted, or the store fails.
    pub(super) async fn run(self) -> Result<(), Error> {
        let clock = Arc::clone(self.host.clock());
        let retry = Retry::merged(&[&self.trigger.call.retry]);
        let (mut n_failed, mut first_failed) = (0_u32, None);
        loop {
            let wait = match self.look().await {
                Ok(()) => {
                    if n_failed > 0 {
                        (self.tell)(format!("{}: changed records are seen again", self.flow));
                    }
                    (n_failed, first_failed) = (0, None);
                    self.trigger.every
                }
                Err(Failed::Host(error)) => return Err(error),
                Err(Failed::Look(error)) => {
                    n_failed += 1;
                    if n_failed == 1 {
                        let message = &error.message;
                        (self.tell)(format!(
                            "{}: no changed records are seen: {message}",
                            self.flow
                        ));
                    }
                    let since = *first_failed.get_or_insert(clock.now());
                    let elapsed = clock.now().duration_since(since).unsigned_abs();
                    let asked = error.retry_after_ms.map(Duration::from_millis);
                    let kind = (error.kind, false);
                    let soon = retry.next_wait(kind, (n_failed, 0), elapsed, asked, &self.name);
                    soon.unwrap_or(self.trigger.every)
                }
            };
            clock.sleep_until(after(clock.now(), wait)).await;
        }
    }

    /// One look: every change that is new starts its run, or that of its batch.
    async fn look(&self) -> Result<(), Failed> {
        let stream = self.stream()?;
        let mut place = self.place(&stream).await?;
        let before = place.clone();
        self.settle(&mut place).await?;
        let (is_blank, from) = (place.is_blank(), place.from());
        let (mut newest, mut batch) = (place.newest.clone(), Vec::new());
        let mut cursor = None;
        loop {
            let page = self.page(&stream, &from, cursor.as_ref()).await?;
            for (row, key) in page.rows.into_iter().zip(&page.keys) {
                newest = place::later(newest, stream.watermark.as_ref().and_then(|at| row.get(at)));
                let change = place.change((row, key), &stream, self.trigger.on);
                let Some(change) = change else { continue };
                place.saw(&change);
                match self.trigger.run_for {
                    _ if is_blank => {}
                    RunFor::Each => self.start_each(&change).await?,
                    RunFor::Batch => batch.push(change),
                }
                if batch.len() == LARGEST_BATCH {
                    self.start_batch(&mut place, std::mem::take(&mut batch)).await?;
                }
            }
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        self.start_batch(&mut place, batch).await?;
        place.end(newest);
        if place != before {
            self.keep(&place).await?;
        }
        Ok(())
    }

    async fn start_each(&self, change: &Change) -> Result<(), Error> {
        let trigger = json!({ "kind": "record", "record": change.row, "watermark": change.mark });
        self.start(format!("{}@{}", self.name, change.id), trigger).await
    }

    /// A batch is written down before its run is started: what comes again after a crash is then
    /// known to belong to it.
    async fn start_batch(&self, place: &mut Place, changes: Vec<Change>) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut ids = Sha256::new();
        changes.iter().for_each(|change| ids.update(format!("{}\n", change.id)));
        let key = format!("{}@{}", self.name, hex::encode(ids.finalize()));
        let newest = changes.iter().map(|change| &change.mark);
        let newest = newest.max_by(|one, other| compare(one, other)).cloned().unwrap_or_default();
        let rows = changes.into_iter().map(|change| change.row).collect();
        place.pending = Some(Batch { key, rows, newest });
        self.keep(place).await?;
        self.settle(place).await
    }

    /// Starts the batch that was written down.
    async fn settle(&self, place: &mut Place) -> Result<(), Error> {
        let Some(batch) = place.pending.take() else { return Ok(()) };
        let Batch { rows, newest, .. } = &batch;
        let trigger = json!({ "kind": "record", "records": rows, "watermark": newest });
        self.start(batch.key, trigger).await?;
        self.keep(place).await
    }

    async fn start(&self, key: String, trigger: Value) -> Result<(), Error> {
        let start = Start { flow: self.flow.clone(), key: Some(key), trigger, ..Start::default() };
        match self.host.start(start).await {
            Ok(_) => Ok(()),
            Err(error @ (Error::Store(_) | Error::Append(_) | Error::Stopping)) => Err(error),
            Err(error) => {
                (self.tell)(format!("{}: a changed record starts no run: {error}", self.flow));
                Ok(())
            }
        }
    }

    async fn place(&self, stream: &StreamSpec) -> Result<Place, Error> {
        let record = self.host.store().get(PLACES, &self.name).await?;
        let known = record.and_then(|record| serde_json::from_slice::<Place>(&record.value).ok());
        let kind = self.looked_at();
        if let Some(place) = known.filter(|place| place.kind == kind) {
            return Ok(place);
        }
        let place = Place::now(kind, stream, self.host.clock().now());
        // What changes from now on counts, even if the first look fails.
        self.keep(&place).await?;
        Ok(place)
    }

    /// What is looked at, in a word: how often and what is done with it may change.
    fn looked_at(&self) -> String {
        let RecordTrigger { call, on, .. } = &self.trigger;
        digest(&json!({
            "alias": self.alias(), "action": call.action.value, "with": self.given(),
            "on": format!("{on:?}"),
        }))
    }

    async fn keep(&self, place: &Place) -> Result<(), Error> {
        let value = serde_json::to_vec(place).unwrap_or_default();
        self.host.store().put(PLACES, &self.name, value, Expect::Anything).await?;
        Ok(())
    }

    fn alias(&self) -> &str {
        let call = &self.trigger.call;
        call.connection.as_ref().map_or(&call.alias.value, |other| other.value.source())
    }

    /// The inputs as the flow gives them; they hold no pills.
    fn given(&self) -> Value {
        self.trigger.call.with.value.render(&Map::new()).unwrap_or_default()
    }

    fn stream(&self) -> Result<StreamSpec, Failed> {
        let loaded = self.host.flows().get(&self.flow).cloned();
        let call = &self.trigger.call;
        let spoke = loaded.map_or_else(
            || call.alias.value.clone(),
            |loaded| {
                let declared = &loaded.flow.connections;
                Catalog::spoke_of(declared, &call.alias.value).to_owned()
            },
        );
        let spec = self.host.catalog().spec(&spoke, &call.action.value);
        spec.and_then(|spec| spec.stream.clone()).ok_or_else(|| {
            let message = format!("{spoke}.{} is no stream", call.action.value);
            Failed::Look(ActionError::new(ErrorKind::InvalidInput, message))
        })
    }

    async fn page(
        &self,
        stream: &StreamSpec,
        from: &Value,
        cursor: Option<&Value>,
    ) -> Result<Page, Failed> {
        let mut inputs = self.given();
        if let (Some(since), Some(inputs)) = (&stream.since, inputs.as_object_mut())
            && !from.is_null()
        {
            inputs.insert(since.clone(), from.clone());
        }
        let now = self.host.clock().now();
        let prepared = Prepared::new(
            self.host.connections(),
            self.alias(),
            &self.trigger.call.action.value,
            &inputs,
            (format!("{}@{now}", self.name), now, None),
        );
        let prepared = prepared.await.map_err(|why| match why {
            Unprepared::Hold(why) => {
                Failed::Look(ActionError::new(ErrorKind::Unauthenticated, why))
            }
            Unprepared::Failed(error) => Failed::Look(error),
        })?;
        prepared.one_page(cursor).await.map_err(Failed::Look)
    }
}
