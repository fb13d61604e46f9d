//! Starts flows when runs of other flows end, or need a person.
//!
//! What ended is noted in the same batch as the end itself, if some flow waits for it, and the
//! note goes when the flows are started. The run key `FLOW@RUN` makes an end start each of them
//! once, however often the process dies in between. Where no daemon runs, the notes wait for it.

use std::collections::{BTreeMap, BTreeSet};

use linchpin_engine::event::{Event, Outcome};
use linchpin_engine::flow::{End, FlowTrigger, Trigger};
use linchpin_engine::store::{Error as StoreError, Expect, Record, RecordWrite};
use linchpin_engine::{Entry, Run, RunId};
use linchpin_language::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::flows::Flows;
use crate::host::{Error, Host, Start};

/// The collection of ends that flows wait for, by run.
pub(crate) const ENDS: &str = "ends";
/// How many notes are read at a time.
const PAGE: usize = 256;

/// Which ends of which flows start something.
#[derive(Debug, Default)]
pub(crate) struct Awaited(BTreeMap<String, BTreeSet<End>>);

impl Awaited {
    /// What the enabled flows wait for.
    pub(crate) fn of(flows: &Flows) -> Self {
        let mut awaited = Self::default();
        for loaded in flows.iter().filter(|loaded| loaded.flow.enabled) {
            for trigger in &loaded.flow.triggers {
                if let Trigger::Flow(other) = &trigger.value {
                    let ends = awaited.0.entry(other.flow.value.clone()).or_default();
                    ends.extend(other.on.iter().copied());
                }
            }
        }
        awaited
    }

    /// The notes that go with these entries of a run.
    pub(crate) fn notes(&self, run: &Run, entries: &[Entry]) -> Vec<RecordWrite> {
        let Some(ends) = self.0.get(&run.accepted().flow) else { return Vec::new() };
        let mut notes = Vec::new();
        if ends.contains(&End::Held) {
            // The first of these is enough: a run starts a flow once.
            notes.extend(entries.iter().find_map(|entry| held(run, &entry.event)));
        }
        match run.outcome() {
            Some(Outcome::Succeeded { outputs }) if ends.contains(&End::Succeeded) => {
                notes.push(note(run, End::Succeeded, (**outputs).clone(), Value::Null));
            }
            Some(Outcome::Failed { error }) if ends.contains(&End::Failed) => {
                notes.push(note(run, End::Failed, Value::Null, error.as_value()));
            }
            Some(_) | None => {}
        }
        notes
    }
}

fn held(run: &Run, event: &Event) -> Option<RecordWrite> {
    let Event::Held { path, reason, .. } = event else { return None };
    let error = json!({ "step": path.to_string(), "message": reason, "kind": "held" });
    Some(note(run, End::Held, Value::Null, error))
}

/// The note of an end: what `trigger` is in the runs that it starts.
fn note(run: &Run, end: End, outputs: Value, error: Value) -> RecordWrite {
    let accepted = run.accepted();
    let trigger = json!({
        "kind": "flow", "flow": accepted.flow, "run": accepted.run, "state": end.as_str(),
        "outputs": outputs, "error": error,
    });
    RecordWrite {
        collection: ENDS.to_owned(),
        key: format!("{}/{}", accepted.run, end.as_str()),
        value: Some(trigger.to_string().into_bytes()),
    }
}

/// Starts what waits for the ends of other flows.
pub struct FlowEnds {
    host: Host,
}

impl FlowEnds {
    /// Over the runs of a host.
    pub fn new(host: Host) -> Self {
        Self { host }
    }

    /// Deals with the ends there are and with those to come, until `stop` changes.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        // Watched before the notes are read, so that none is left lying.
        let mut watched = self.host.watch();
        loop {
            self.settle().await?;
            loop {
                let heard = tokio::select! {
                    heard = watched.recv() => heard,
                    _ = stop.changed() => return Ok(()),
                };
                match heard {
                    Ok((_, entry))
                        if matches!(entry.event, Event::Ended { .. } | Event::Held { .. }) =>
                    {
                        break;
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Ok(()),
                }
            }
        }
    }

    /// Deals with all notes there are.
    pub async fn settle(&self) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let page = self.host.store().list(ENDS, "", after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for record in &page {
                self.one(record).await?;
            }
        }
    }

    async fn one(&self, record: &Record) -> Result<(), Error> {
        let trigger: Value = serde_json::from_slice(&record.value).unwrap_or_default();
        let run = record.key.split('/').next().and_then(RunId::parse);
        if let Some(run) = run {
            for flow in self.waiting(&trigger) {
                self.start(flow, &run, &trigger).await?;
            }
        }
        let expect = Expect::Version(record.version);
        match self.host.store().delete(ENDS, &record.key, expect).await {
            // It was noted again meanwhile, and will be heard of again.
            Ok(()) | Err(StoreError::Changed { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The enabled flows that wait for an end.
    fn waiting(&self, trigger: &Value) -> Vec<String> {
        let is_meant = |other: &FlowTrigger| {
            trigger["flow"] == other.flow.value.as_str()
                && other.on.iter().any(|end| trigger["state"] == end.as_str())
        };
        let flows = self.host.flows();
        let enabled = flows.iter().filter(|loaded| loaded.flow.enabled);
        let waiting = enabled.filter(|loaded| {
            let mut triggers = loaded.flow.triggers.iter();
            triggers.any(|one| matches!(&one.value, Trigger::Flow(other) if is_meant(other)))
        });
        waiting.map(|loaded| loaded.flow.name.clone()).collect()
    }

    async fn start(&self, flow: String, run: &RunId, trigger: &Value) -> Result<(), Error> {
        // A run that was held and then ended starts the flow for both.
        let key = match trigger["state"] == End::Held.as_str() {
            true => format!("{flow}@{run}/held"),
            false => format!("{flow}@{run}"),
        };
        let start = Start {
            flow: flow.clone(),
            key: Some(key),
            trigger: trigger.clone(),
            ..Start::default()
        };
        match self.host.start(start).await {
            Ok(started) => {
                tracing::info!(flow, after = %run, run = %started.run, "started");
                Ok(())
            }
            Err(error @ (Error::Store(_) | Error::Append(_) | Error::Stopping)) => Err(error),
            Err(error) => {
                tracing::warn!(flow, after = %run, "not started: {error}");
                Ok(())
            }
        }
    }
}
