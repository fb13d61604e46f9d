//! Starts runs when their schedules say so, and accounts for every due instant: fired, caught
//! up, or skipped and why.
//!
//! The run key `FLOW@INSTANT` makes a due instant fire once, however often the process dies
//! between starting the run and noting that it did.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_engine::RunId;
use linchpin_engine::flow::{Missed, Schedule, Trigger};
use linchpin_engine::schedule::next_instants;
use linchpin_engine::store::{Error as StoreError, Expect};
use linchpin_language::json;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::host::{Error, Host, Start};

/// The collection of what became of each due instant, by flow and instant.
pub const DUE: &str = "due";
/// The collection of the newest instant of each schedule that is accounted for.
const WATERMARKS: &str = "schedules";
/// How many missed instants `missed: all` makes up for at one start.
const CAUGHT_UP: usize = 1000;

/// What became of a due instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// A run was started when it fell due.
    Fired(RunId),
    /// A run was started later, because no daemon ran then.
    CaughtUp(RunId),
    /// No run was started.
    Skipped(String),
}

/// The schedules of the enabled flows of a host.
pub struct Scheduler {
    host: Host,
    schedules: Vec<Scheduled>,
}

struct Scheduled {
    flow: String,
    /// Tells apart several schedules of one flow.
    name: String,
    schedule: Schedule,
    next: Option<Timestamp>,
}

impl Scheduler {
    /// The schedules of the host's enabled flows. Deals with what was missed while no daemon
    /// ran, as each flow says; a schedule that was never seen begins now.
    pub async fn open(host: Host) -> Result<Self, Error> {
        let mut schedules = Vec::new();
        let now = host.clock().now();
        for loaded in host.flows().iter().filter(|loaded| loaded.flow.enabled) {
            for (at, trigger) in loaded.flow.triggers.iter().enumerate() {
                let Trigger::Schedule(schedule) = &trigger.value else { continue };
                let flow = loaded.flow.name.clone();
                let name = format!("{flow}/{at}");
                let (schedule, next) = (schedule.clone(), None);
                schedules.push(Scheduled { flow, name, schedule, next });
            }
        }
        let mut scheduler = Self { host, schedules };
        for at in 0..scheduler.schedules.len() {
            scheduler.catch_up(at, now).await?;
        }
        Ok(scheduler)
    }

    /// When each schedule falls due next, by flow.
    pub fn next_due(&self) -> BTreeMap<String, Timestamp> {
        let mut due = BTreeMap::new();
        for scheduled in &self.schedules {
            if let Some(next) = scheduled.next {
                let soonest = due.entry(scheduled.flow.clone()).or_insert(next);
                *soonest = next.min(*soonest);
            }
        }
        due
    }

    /// Fires what falls due, until `stop` changes.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        let clock = Arc::clone(self.host.clock());
        loop {
            let soonest = self.schedules.iter().filter_map(|scheduled| scheduled.next).min();
            let due = async {
                match soonest {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                _ = stop.changed() => return Ok(()),
            }
            let now = clock.now();
            for at in 0..self.schedules.len() {
                while let Some(due) = self.schedules[at].next.filter(|next| *next <= now) {
                    self.fire(at, due, false).await?;
                    self.advance(at, due);
                }
            }
        }
    }

    async fn catch_up(&mut self, at: usize, now: Timestamp) -> Result<(), Error> {
        let scheduled = &self.schedules[at];
        let store = Arc::clone(self.host.store());
        let record = store.get(WATERMARKS, &scheduled.name).await?;
        let last = record.and_then(|record| {
            std::str::from_utf8(&record.value).ok().and_then(|text| text.parse().ok())
        });
        let Some(last) = last else {
            self.mark(at, now).await?;
            self.advance(at, now);
            return Ok(());
        };
        let missed: Vec<Timestamp> = next_instants(&scheduled.schedule, last, CAUGHT_UP)
            .into_iter()
            .take_while(|due| *due <= now)
            .collect();
        let policy = scheduled.schedule.missed;
        for (position, due) in missed.iter().enumerate() {
            let is_newest = position + 1 == missed.len();
            if policy == Missed::All || (policy == Missed::Latest && is_newest) {
                self.fire(at, *due, true).await?;
            } else {
                let word = if policy == Missed::None { "none" } else { "latest" };
                let why = format!("no daemon ran when it fell due, and missed is {word}");
                self.account(at, *due, &Account::Skipped(why)).await?;
                self.mark(at, *due).await?;
            }
        }
        self.advance(at, missed.last().copied().unwrap_or(last).max(last));
        Ok(())
    }

    async fn fire(&mut self, at: usize, due: Timestamp, is_late: bool) -> Result<(), Error> {
        let scheduled = &self.schedules[at];
        let start = Start {
            flow: scheduled.flow.clone(),
            key: Some(format!("{}@{due}", scheduled.flow)),
            trigger: json!({ "kind": "schedule", "due": due.to_string() }),
            ..Start::default()
        };
        let account = match self.host.start(start).await {
            Ok(started) if is_late => Account::CaughtUp(started.run),
            Ok(started) => Account::Fired(started.run),
            Err(error @ (Error::Store(_) | Error::Append(_) | Error::Stopping)) => {
                return Err(error);
            }
            Err(error) => Account::Skipped(error.to_string()),
        };
        match &account {
            Account::Fired(run) | Account::CaughtUp(run) => {
                tracing::info!(flow = scheduled.flow, %due, %run, "started");
            }
            Account::Skipped(why) => {
                tracing::warn!(flow = scheduled.flow, %due, why, "skipped");
            }
        }
        self.account(at, due, &account).await?;
        self.mark(at, due).await
    }

    async fn account(&self, at: usize, due: Timestamp, account: &Account) -> Result<(), Error> {
        let key = format!("{}/{due}", self.schedules[at].flow);
        let value = serde_json::to_vec(account).unwrap_or_default();
        match self.host.store().put(DUE, &key, value, Expect::Absent).await {
            // It was accounted for before the process died.
            Ok(_) | Err(StoreError::Changed { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn mark(&self, at: usize, due: Timestamp) -> Result<(), Error> {
        let (name, value) = (&self.schedules[at].name, due.to_string().into_bytes());
        self.host.store().put(WATERMARKS, name, value, Expect::Anything).await?;
        Ok(())
    }

    fn advance(&mut self, at: usize, after: Timestamp) {
        let scheduled = &mut self.schedules[at];
        scheduled.next = next_instants(&scheduled.schedule, after, 1).first().copied();
    }
}
