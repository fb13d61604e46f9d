//! Which finished runs are kept: by age and by count, for each flow, with holds.
//!
//! A run that has not ended, that somebody holds, or that a flow still waits for is never
//! removed. What goes is the journal, the line in the list of runs and the run's key, all in
//! one batch; the texts of flows stay. What became of due instants goes by age alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use linchpin_engine::RunId;
use linchpin_engine::store::{Condition, Error, Expect, Record, RecordWrite, Store, Tally};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::host::KEYS;
use crate::scheduler::forget;
use crate::summary::RUNS;
use crate::triggers::flow::ENDS;
use crate::upkeep::{Told, end};

/// The collection of runs that somebody holds, each with the reason.
const HOLDS: &str = "holds";
/// How many lines of the list of runs are looked at in one go.
const PAGE: usize = 512;

/// How long and how many finished runs are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// A run goes when it ended longer ago.
    pub age: Option<Duration>,
    /// A run goes when so many of its flow that have ended are newer.
    pub count: Option<u64>,
}

/// The limits of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Those of flows that have none of their own.
    pub all: Limits,
    /// Those of some flows, in place of the others.
    pub flows: BTreeMap<String, Limits>,
}

/// A line of the list of runs, as far as it counts here.
#[derive(Deserialize)]
struct Line {
    run: RunId,
    flow: String,
    ended_at: Option<Timestamp>,
    key: Option<String>,
    /// Of the line itself.
    #[serde(skip)]
    version: u64,
}

impl Line {
    fn of(record: &Record) -> Option<Self> {
        let line = serde_json::from_slice(&record.value).ok()?;
        Some(Self { version: record.version, ..line })
    }
}

impl Retention {
    /// Whether nothing is ever removed.
    pub fn keeps_all(&self) -> bool {
        let mut limits = self.flows.values().chain([&self.all]);
        limits.all(|limits| *limits == Limits::default())
    }

    fn of(&self, flow: &str) -> Limits {
        self.flows.get(flow).copied().unwrap_or(self.all)
    }

    fn counts(&self) -> bool {
        self.flows.values().chain([&self.all]).any(|limits| limits.count.is_some())
    }
}

impl Limits {
    /// Which limit a run is over, in words; `newer` of its flow have ended as well.
    fn exceeded(&self, ended_at: Timestamp, newer: u64, now: Timestamp) -> Option<String> {
        let age = Duration::try_from(now.duration_since(ended_at)).unwrap_or_default();
        if let Some(most) = self.age.filter(|most| age > *most) {
            return Some(format!("older than {}", linchpin_language::print_duration(most)));
        }
        let most = self.count.filter(|most| newer >= *most)?;
        Some(format!("more than the newest {most} of its flow"))
    }
}

/// Holds a run: it is kept until it is released. `false` when there is no such run. Without a
/// reason the one that was given before stands.
pub async fn hold(store: &dyn Store, run: &RunId, reason: Option<&str>) -> Result<bool, Error> {
    let expect = if reason.is_some() { Expect::Anything } else { Expect::Absent };
    let reason = reason.unwrap_or("no reason was given").as_bytes().to_vec();
    // Held first and looked for afterwards: a run that is there now is not removed any more.
    match store.put(HOLDS, run.as_str(), reason, expect).await {
        Ok(_) | Err(Error::Changed { .. }) => {}
        Err(error) => return Err(error),
    }
    let is_there = !store.read(run, 0, 1).await?.is_empty();
    if !is_there {
        store.delete(HOLDS, run.as_str(), Expect::Anything).await?;
    }
    Ok(is_there)
}

/// Releases a run; `false` when nobody held it.
pub async fn release(store: &dyn Store, run: &RunId) -> Result<bool, Error> {
    let was_held = store.get(HOLDS, run.as_str()).await?.is_some();
    store.delete(HOLDS, run.as_str(), Expect::Anything).await?;
    Ok(was_held)
}

/// The runs that are held, each with the reason.
pub async fn holds(store: &dyn Store) -> Result<BTreeMap<RunId, String>, Error> {
    let mut holds = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list(HOLDS, "", after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(holds) };
        after = Some(last.key.clone());
        for record in &page {
            let Some(run) = RunId::parse(&record.key) else { continue };
            holds.insert(run, String::from_utf8_lossy(&record.value).into_owned());
        }
    }
}

/// Removes what is over the limits, or only tells what would go.
pub fn prune(
    store: Arc<dyn Store>,
    retention: Retention,
    now: Timestamp,
    apply: bool,
) -> UnboundedReceiver<Told> {
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        let pruning = Pruning { store, retention, now, apply, sender };
        let ended = pruning.run().await;
        end(&pruning.sender, ended);
    });
    receiver
}

struct Pruning {
    store: Arc<dyn Store>,
    retention: Retention,
    now: Timestamp,
    apply: bool,
    sender: UnboundedSender<Told>,
}

impl Pruning {
    /// The runs that were removed, or would be.
    async fn run(&self) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        if self.retention.keeps_all() {
            return Ok(tally);
        }
        let holds = holds(&*self.store).await?;
        let mut left = self.finished().await?;
        let mut after: Option<String> = None;
        while let Some(page) = self.page(&mut after).await? {
            let mut due = Vec::new();
            for line in page {
                let Some(ended_at) = line.ended_at else { continue };
                let newer = left.get_mut(&line.flow).map_or(0, |left| {
                    *left = left.saturating_sub(1);
                    *left
                });
                let limits = self.retention.of(&line.flow);
                let Some(why) = limits.exceeded(ended_at, newer, self.now) else { continue };
                match self.kept(&line, &holds).await? {
                    Some(why) => self.tell(Told::Kept { run: line.run, why }),
                    None => due.push((line, why)),
                }
            }
            let removals = due.iter().map(|(line, _)| self.remove(line));
            let removed = join_all(removals).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            for ((Line { run, flow, .. }, why), removed) in due.into_iter().zip(removed) {
                tally.runs += u64::from(removed);
                self.tell(match removed {
                    true => Told::Removed { run, flow, why },
                    false => Told::Kept { run, why: "it was changed meanwhile".to_owned() },
                });
            }
            if self.sender.is_closed() {
                break;
            }
            tokio::task::yield_now().await;
        }
        if self.apply {
            let since = |flow: &str| self.now.checked_sub(self.retention.of(flow).age?).ok();
            forget(&*self.store, since).await?;
        }
        Ok(tally)
    }

    fn tell(&self, told: Told) {
        // Whoever has gone is noticed at the end of the page.
        self.sender.send(told).ok();
    }

    /// The next lines of the list of runs, oldest first; `None` after the last. A line that
    /// cannot be read is passed: `store verify` names it.
    async fn page(&self, after: &mut Option<String>) -> Result<Option<Vec<Line>>, Error> {
        let page = self.store.list(RUNS, "", after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        *after = Some(last.key.clone());
        Ok(Some(page.iter().filter_map(Line::of).collect()))
    }

    /// How many runs of each flow have ended; nothing where no flow has a count.
    async fn finished(&self) -> Result<BTreeMap<String, u64>, Error> {
        let mut finished = BTreeMap::new();
        if !self.retention.counts() {
            return Ok(finished);
        }
        let mut after: Option<String> = None;
        while let Some(page) = self.page(&mut after).await? {
            for line in page.into_iter().filter(|line| line.ended_at.is_some()) {
                *finished.entry(line.flow).or_default() += 1;
            }
            tokio::task::yield_now().await;
        }
        Ok(finished)
    }

    /// Why a run stays though it is over a limit.
    async fn kept(
        &self,
        line: &Line,
        holds: &BTreeMap<RunId, String>,
    ) -> Result<Option<String>, Error> {
        if let Some(reason) = holds.get(&line.run) {
            return Ok(Some(format!("it is held: {reason}")));
        }
        let notes = self.store.list(ENDS, &format!("{}/", line.run), None, 1).await?;
        Ok((!notes.is_empty()).then(|| "a flow is still to be started by its end".to_owned()))
    }

    /// Removes a run unless it was opened again or held since its line was read; `false` then.
    async fn remove(&self, line: &Line) -> Result<bool, Error> {
        if !self.apply {
            return Ok(true);
        }
        let delete = |collection: &str, key: String| RecordWrite {
            collection: collection.to_owned(),
            key,
            value: None,
        };
        let mut records = vec![delete(RUNS, line.run.to_string())];
        if let Some(key) = line.key.as_ref().map(|key| format!("{}/{key}", line.flow)) {
            let holder = self.store.get(KEYS, &key).await?;
            if holder.is_some_and(|holder| holder.value == line.run.as_str().as_bytes()) {
                records.push(delete(KEYS, key));
            }
        }
        let still = |collection: &str, expect| Condition {
            collection: collection.to_owned(),
            key: line.run.to_string(),
            expect,
        };
        let only_if =
            vec![still(RUNS, Expect::Version(line.version)), still(HOLDS, Expect::Absent)];
        match self.store.remove(&line.run, only_if, records).await {
            Ok(()) => Ok(true),
            Err(Error::Changed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The flows that limits are written for and that are not among those there are.
pub fn unknown_flows<'a>(
    retention: &'a Retention,
    known: impl Iterator<Item = &'a str>,
) -> BTreeSet<&'a str> {
    let known: BTreeSet<_> = known.collect();
    let named = retention.flows.keys().map(String::as_str);
    named.filter(|name| !known.contains(name)).collect()
}
