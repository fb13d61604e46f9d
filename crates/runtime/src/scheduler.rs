//! Starts runs when their schedules say so, and accounts for every due instant: fired, caught
//! up, or skipped and why.
//!
//! The run key `FLOW@INSTANT` makes a due instant fire once, however often the process dies
//! between starting the run and noting that it did. A flow that changes while the scheduler runs
//! goes by its new schedule from then on.

mod accounts;
mod scheduled;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_engine::flow::{Missed, Trigger};
use linchpin_engine::schedule::Timetable;
use linchpin_engine::store::Expect;
use linchpin_language::json;
use tokio::sync::watch;

use crate::host::{Error, Host, Start};
use crate::triggers::Tell;

pub(crate) use accounts::forget;
pub use accounts::{Account, Accounted, DUE, accounts};
use scheduled::Scheduled;

/// The collection of the newest instant of each schedule that is accounted for.
const WATERMARKS: &str = "schedules";
/// How many due instants are computed at a time.
const PAGE: usize = 1000;
/// How late a running daemon may be for an instant and still fire it as if in time, in seconds.
/// Anything later was missed, as after a suspend or a change of the clock.
const IN_TIME_S: i64 = 60;

/// The schedules of the enabled flows of a host.
pub struct Scheduler {
    host: Host,
    schedules: Vec<Scheduled>,
    changed: watch::Receiver<u64>,
    tell: Tell,
}

impl Scheduler {
    /// The schedules of the host's enabled flows. Deals with what was missed while no daemon
    /// ran, as each flow says; a schedule that was never seen begins now. What is skipped is told.
    pub async fn open(host: Host, tell: Tell) -> Result<Self, Error> {
        let changed = host.flow_changes();
        let schedules = wanted(&host);
        let mut scheduler = Self { host, schedules, changed, tell };
        if scheduler.host.flows().are_all() {
            scheduler.forget_others().await?;
        }
        let now = scheduler.host.clock().now();
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
            let soonest = self.schedules.iter().filter_map(Scheduled::wake).min();
            let due = async {
                match soonest {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                changed = self.changed.changed() => {
                    // The host holds the sender, and this holds the host.
                    if changed.is_ok() {
                        self.refresh().await?;
                    }
                }
                _ = stop.changed() => return Ok(()),
            }
            let now = clock.now();
            for at in 0..self.schedules.len() {
                if self.schedules[at].wake().is_some_and(|wake| wake <= now) {
                    self.settle(at, now, IN_TIME_S).await?;
                }
            }
        }
    }

    /// Takes over the schedules of flows that have changed, are new or are gone. What the old
    /// ones left undone is accounted for; the new ones begin now.
    async fn refresh(&mut self) -> Result<(), Error> {
        let now = self.host.clock().now();
        let mut old: BTreeMap<String, Scheduled> = std::mem::take(&mut self.schedules)
            .into_iter()
            .map(|scheduled| (scheduled.name.clone(), scheduled))
            .collect();
        for new in wanted(&self.host) {
            match old.remove(&new.name) {
                Some(same) if same.schedule == new.schedule => self.schedules.push(same),
                known => {
                    tracing::info!(flow = new.flow, "schedule taken over");
                    self.schedules.push(new);
                    let at = self.schedules.len() - 1;
                    match &known {
                        Some(known) => {
                            self.give_up(known, now).await?;
                            self.begin(at, now).await?;
                        }
                        // It may be known from before its file could not be read.
                        None => self.catch_up(at, now).await?,
                    }
                }
            }
        }
        for gone in old.values() {
            self.give_up(gone, now).await?;
            tracing::info!(flow = gone.flow, "schedule given up");
            self.host.store().delete(WATERMARKS, &gone.name, Expect::Anything).await?;
        }
        Ok(())
    }

    /// Accounts for what fell due and waited for its delay to be over.
    async fn give_up(&self, old: &Scheduled, now: Timestamp) -> Result<(), Error> {
        let pending = old.table.next(old.last, PAGE).into_iter().take_while(|due| *due <= now);
        for due in pending {
            let why = "the schedule was changed before its delay was over";
            self.account(&old.flow, due, &Account::Skipped(why.to_owned())).await?;
            self.tell_skipped(&old.flow, &[due], why);
        }
        Ok(())
    }

    /// Forgets the schedules that are there no more: one that comes back begins anew.
    async fn forget_others(&self) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let page = self.host.store().list(WATERMARKS, "", after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for record in &page {
                if !self.schedules.iter().any(|scheduled| scheduled.name == record.key) {
                    self.host.store().delete(WATERMARKS, &record.key, Expect::Anything).await?;
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
        match last {
            Some(last) => {
                self.schedules[at].last = last;
                self.settle(at, now, 0).await
            }
            None => self.begin(at, now).await,
        }
    }

    /// A schedule that was never seen begins now.
    async fn begin(&mut self, at: usize, now: Timestamp) -> Result<(), Error> {
        self.mark(at, now).await?;
        self.schedules[at].last = now;
        self.settle(at, now, 0).await
    }

    /// Deals with every instant that has come since the last one dealt with: fires what is in
    /// time, and what was missed as the flow says.
    async fn settle(&mut self, at: usize, now: Timestamp, in_time_s: i64) -> Result<(), Error> {
        let policy = self.schedules[at].schedule.missed;
        let word = if policy == Missed::None { "none" } else { "latest" };
        let why = format!("no daemon could start it when it fell due, and missed is {word}");
        let mut skipped = Vec::new();
        loop {
            let scheduled = &self.schedules[at];
            let next = scheduled.table.next(scheduled.last, PAGE + 1);
            let has_come = |due: &&Timestamp| scheduled.starts(**due) <= now;
            let due: Vec<Timestamp> = next.iter().take_while(has_come).copied().collect();
            for (position, instant) in due.iter().take(PAGE).enumerate() {
                let is_newest = position + 1 == due.len();
                let late = now.as_second() - self.schedules[at].starts(*instant).as_second();
                let is_late = late > in_time_s || in_time_s == 0;
                if !is_late || policy == Missed::All || (policy == Missed::Latest && is_newest) {
                    self.fire(at, *instant, is_late).await?;
                } else {
                    let account = Account::Skipped(why.clone());
                    self.account(&self.schedules[at].flow, *instant, &account).await?;
                    skipped.push(*instant);
                }
                self.schedules[at].last = *instant;
            }
            let Some(last) = due.iter().take(PAGE).next_back() else {
                self.schedules[at].next = next.first().copied();
                self.tell_skipped(&self.schedules[at].flow, &skipped, &why);
                return Ok(());
            };
            self.mark(at, *last).await?;
        }
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
            Account::Skipped(why) => self.tell_skipped(&scheduled.flow, &[due], why),
        }
        self.account(&scheduled.flow, due, &account).await?;
        self.mark(at, due).await
    }

    async fn account(&self, flow: &str, due: Timestamp, account: &Account) -> Result<(), Error> {
        Ok(accounts::keep(&**self.host.store(), flow, due, account).await?)
    }

    fn tell_skipped(&self, flow: &str, due: &[Timestamp], why: &str) {
        match due {
            [] => {}
            [due] => (self.tell)(format!("{flow} was due at {due} and is not started: {why}")),
            [first, .., last] => (self.tell)(format!(
                "{flow} was due {} times from {first} to {last} and is not started for them: {why}",
                due.len()
            )),
        }
    }

    async fn mark(&self, at: usize, due: Timestamp) -> Result<(), Error> {
        let (name, value) = (&self.schedules[at].name, due.to_string().into_bytes());
        self.host.store().put(WATERMARKS, name, value, Expect::Anything).await?;
        Ok(())
    }
}

/// The schedules of the enabled flows as they are now. One that cannot be computed was reported
/// when its flow was checked.
fn wanted(host: &Host) -> Vec<Scheduled> {
    let now = host.clock().now();
    let calendars = &host.catalog().calendars;
    let mut schedules = Vec::new();
    for loaded in host.flows().iter().filter(|loaded| loaded.flow.enabled) {
        for (at, trigger) in loaded.flow.triggers.iter().enumerate() {
            let Trigger::Schedule(schedule) = &trigger.value else { continue };
            let flow = loaded.flow.name.clone();
            match Timetable::new(schedule, calendars) {
                Ok(table) => schedules.push(Scheduled {
                    name: format!("{flow}/{at}"),
                    flow,
                    schedule: schedule.clone(),
                    table,
                    last: now,
                    next: None,
                }),
                Err(errors) => {
                    let why: Vec<String> = errors.iter().map(ToString::to_string).collect();
                    tracing::error!(flow, why = why.join("; "), "schedule left out");
                }
            }
        }
    }
    schedules
}
