//! One schedule: chance decides what happens next, until every run has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use linchpin_engine::event::{Control, Ruling};
use linchpin_engine::run::{StepState, StepView, Waiting};
use linchpin_engine::store::Store;
use linchpin_engine::{Entry, Event, RunId};
use linchpin_language::{Value, json};
use linchpin_runtime::Clock;
use linchpin_runtime::host::{Error, Host, Parts, Start};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::task::JoinHandle;

use super::cases::Case;
use super::promises::Told;
use super::store::{Mutant, SimStore};
use super::world::{Gate, World};

/// After so many events nothing goes wrong any more, so that every run ends.
const CALM: usize = 400;
/// No schedule takes so many.
const MANY: usize = 30_000;
/// So few bytes that every run of some length has snapshots.
const SNAPSHOTS_APART: u64 = 2_000;

/// How a schedule went: what was not kept, and what happened.
pub(super) struct Played {
    pub(super) violations: Vec<String>,
    pub(super) trace: Vec<String>,
}

/// The clock of a simulation.
struct SimClock(Arc<World>);

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.0.lock().now
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.sleep_until(at).await;
    }
}

/// Somebody who starts a run and says so again until it is acknowledged.
struct Client {
    key: String,
    answer: Arc<Mutex<Option<RunId>>>,
    asking: Option<JoinHandle<()>>,
}

struct Schedule<'a> {
    case: &'a Case,
    world: Arc<World>,
    store: Arc<SimStore>,
    clients: Vec<Client>,
    told: Told,
    lives: u64,
    events: usize,
}

enum Ending {
    Crashed,
    Over,
}

/// Plays the schedule of a seed.
pub(super) fn play(case: &Case, seed: u64, mutant: Option<Mutant>) -> Played {
    let world = World::new(seed);
    let store = SimStore::new(Arc::clone(&world), mutant);
    // Two of the three say the same key: they are told of one run.
    let clients = ["one", "one", "two"].map(|key| Client {
        key: key.to_owned(),
        answer: Arc::default(),
        asking: None,
    });
    let mut schedule = Schedule {
        case,
        world: Arc::clone(&world),
        store: Arc::clone(&store),
        clients: clients.into(),
        told: Told::new(mutant.is_some()),
        lives: 0,
        events: 0,
    };
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let ending = runtime.expect("a runtime").block_on(schedule.live());
        for client in &mut schedule.clients {
            client.asking = None;
        }
        match ending {
            Ending::Crashed => {
                // What is on its way to the disk, and to the other side, may still get there.
                world.crash();
                store.crash();
                schedule.lives += 1;
                schedule.told.crashed(&store.runs_on_disk(), &world);
            }
            Ending::Over => break,
        }
    }
    schedule.told.ended(&store.runs_on_disk(), &world);
    schedule.agreed();
    let mut inner = world.lock();
    let violations = std::mem::take(&mut inner.violations);
    Played { violations, trace: std::mem::take(&mut inner.trace) }
}

impl Schedule<'_> {
    /// Lives until a crash or until every run has ended.
    async fn live(&mut self) -> Ending {
        let clock = Arc::new(SimClock(Arc::clone(&self.world)));
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let (catalog, connections) =
            (Arc::clone(&self.case.catalog), Arc::clone(&self.case.connections));
        let parts = Parts { store, catalog, connections, clock };
        let host = Host::repeatable(parts, self.case.flows.clone(), self.lives * 1000);
        host.keep_snapshots(SNAPSHOTS_APART);
        let mut watch = host.watch();
        let recovery = {
            let host = host.clone();
            tokio::spawn(async move { host.recover().await })
        };
        loop {
            self.settle().await;
            self.listen(&mut watch);
            self.ask(&host);
            self.settle().await;
            self.events += 1;
            if self.events > CALM {
                self.world.lock().is_calm = true;
            }
            if self.events > MANY {
                self.world.lock().violates("the runs do not come to an end".to_owned());
                return Ending::Over;
            }
            if !self.world.lock().violations.is_empty() {
                return Ending::Over;
            }
            if recovery.is_finished() && self.is_over(&host) {
                return Ending::Over;
            }
            if self.crashes() {
                return Ending::Crashed;
            }
            self.step(&host).await;
        }
    }

    /// Lets everybody go on who can.
    async fn settle(&self) {
        let mut quiet = 0;
        while quiet < 3 {
            let before = self.world.lock().activity;
            tokio::task::yield_now().await;
            quiet = if self.world.lock().activity == before { quiet + 1 } else { 0 };
        }
    }

    fn listen(&mut self, watch: &mut Receiver<(RunId, Entry)>) {
        loop {
            match watch.try_recv() {
                Ok((run, entry)) => self.told.hear(&run, &entry, &self.world),
                Err(TryRecvError::Lagged(_)) => panic!("the watcher is too slow"),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// Those who have no answer ask again.
    fn ask(&mut self, host: &Host) {
        for client in &mut self.clients {
            let is_answered = answered(client).is_some();
            let is_asking = client.asking.as_ref().is_some_and(|asking| !asking.is_finished());
            // Whoever was sent away asks again later.
            let waits = client.asking.is_some() && !self.world.lock().chance.one_in(20);
            if is_answered || is_asking || waits {
                continue;
            }
            let start = Start { key: Some(client.key.clone()), ..self.case.start.clone() };
            let (host, answer) = (host.clone(), Arc::clone(&client.answer));
            client.asking = Some(tokio::spawn(async move {
                match host.start(start).await {
                    Ok(started) => {
                        let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
                        *answer = Some(started.run);
                    }
                    // There is no room now, or the store is gone: it is asked again later.
                    Err(
                        Error::Full { .. } | Error::Store(_) | Error::Append(_) | Error::Stopping,
                    ) => {}
                    Err(error) => panic!("no run is started: {error}"),
                }
            }));
            self.world.lock().activity += 1;
        }
    }

    fn is_over(&self, host: &Host) -> bool {
        let is_idle = |client: &Client| answered(client).is_some();
        self.clients.iter().all(is_idle)
            && host.n_active() == 0
            && !self.store.is_poisoned()
            && self.world.lock().n_gates() == 0
    }

    fn crashes(&self) -> bool {
        let mut inner = self.world.lock();
        if self.store.is_poisoned() {
            return inner.chance.one_in(4);
        }
        self.lives < 5 && !inner.is_calm && inner.chance.one_in(50)
    }

    /// One thing happens.
    async fn step(&mut self, host: &Host) {
        if self.world.lock().n_gates() > 0 {
            let gate = {
                let mut inner = self.world.lock();
                if !inner.is_calm && inner.chance.one_in(150) {
                    self.jump(&mut inner);
                }
                // Time passes also while something is under way.
                if inner.chance.one_in(12) && inner.wake_next() {
                    return;
                }
                inner.open_one()
            };
            if let Some(Gate::Sync(batch)) = gate {
                let fails = !self.world.lock().is_calm && self.world.lock().chance.one_in(300);
                if fails {
                    let is_there = self.world.lock().chance.one_in(2);
                    self.store.fail(batch, is_there);
                } else {
                    self.store.sync(batch);
                }
            }
            return;
        }
        let speaks = self.world.lock().chance.one_in(2);
        if speaks && self.say(host).await {
            return;
        }
        if self.world.lock().wake_next() || self.say(host).await {
            return;
        }
        // A queued start waits for a run to end; a poisoned store for its end.
        self.world.lock().activity += 1;
    }

    /// Somebody sets the clock.
    fn jump(&self, inner: &mut super::world::Inner) {
        let hours = i64::try_from(inner.chance.below(50)).unwrap_or_default() - 25;
        let to = inner.now + jiff::SignedDuration::from_hours(hours);
        inner.note(format!("the clock is set by {hours} h"));
        inner.set_clock(to);
    }

    /// Says what a run waits for. Returns whether anything was said.
    async fn say(&mut self, host: &Host) -> bool {
        for run in self.told.open() {
            let seen = host.look(&run, |run| (run.open_steps(), run.is_paused())).await;
            let Some((open, is_paused)) = seen else { continue };
            let event = match is_paused {
                true => Some(controlled(Control::Resume)),
                false => self.about(&run, &open),
            };
            if let Some(event) = event {
                self.world.lock().note(format!("{run} is told {event:?}"));
                let host = host.clone();
                // It is answered once it is on disk, and may be cut off before.
                tokio::spawn(async move { host.tell(&run, event).await });
                self.world.lock().activity += 1;
                return true;
            }
        }
        false
    }

    fn about(&self, run: &RunId, open: &[StepView]) -> Option<Event> {
        let mut inner = self.world.lock();
        if !inner.is_calm && inner.chance.one_in(40) {
            let cancels = self.case.is_cancelled && inner.chance.one_in(2);
            let control = if cancels { Control::Cancel } else { Control::Pause };
            return Some(controlled(control));
        }
        drop(inner);
        open.iter().find_map(|step| {
            let (path, by) = (step.path.clone(), "ana@example.test".to_owned());
            let payload = json!({ "n": 3, "name": "n", "email": "n@example.test" });
            match step.waiting.as_ref()? {
                Waiting::Answer { .. } => Some(Event::Answered { path, values: payload, by }),
                Waiting::Approval { .. } => {
                    let approved = !self.world.lock().chance.one_in(3);
                    let form = if approved { payload } else { Value::Null };
                    Some(Event::Approval { path, approved, by, note: None, form })
                }
                Waiting::Signal { name } => {
                    let (name, payload) = (name.clone(), Arc::new(payload));
                    Some(Event::Signalled { name, payload, by })
                }
                Waiting::Ruling(_) if step.state == StepState::Held => {
                    let ruling = self.ruling(run, step);
                    Some(Event::Resolved { path, ruling, by })
                }
                Waiting::Ruling(_) | Waiting::Until(_) | Waiting::Retry(_) => None,
            }
        })
    }

    /// A person looks into the other system and says what is so.
    fn ruling(&self, run: &RunId, step: &StepView) -> Ruling {
        let part = self.told.intended(run, &step.path);
        let mut inner = self.world.lock();
        let Some(part) = part else { return Ruling::GoOn };
        inner.resolve(&part);
        match inner.is_written(&part) {
            true => Ruling::Done(Arc::new(json!({ "n": 1 }))),
            false if inner.chance.one_in(4) => Ruling::Fail,
            false => Ruling::GoOn,
        }
    }

    /// Whoever said the same key was told of the same run, and no key has two runs.
    fn agreed(&self) {
        let mut by_key: BTreeMap<&str, BTreeSet<RunId>> = BTreeMap::new();
        for client in &self.clients {
            if let Some(run) = answered(client) {
                by_key.entry(&client.key).or_default().insert(run);
            }
        }
        let on_disk = self.store.runs_on_disk();
        for (key, runs) in by_key {
            let with_key = on_disk.iter().filter(|(_, entries)| {
                let Some(Entry { event: Event::Accepted(accepted), .. }) = entries.first() else {
                    return false;
                };
                accepted.key.as_deref() == Some(key)
            });
            let with_key: BTreeSet<RunId> = with_key.map(|(run, _)| run.clone()).collect();
            if runs.len() != 1 || with_key != runs {
                let what =
                    format!("the key {key} was answered with {runs:?}, there is {with_key:?}");
                self.world.lock().violates(what);
            }
        }
    }
}

fn answered(client: &Client) -> Option<RunId> {
    client.answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn controlled(control: Control) -> Event {
    Event::Controlled { control, by: "ana@example.test".to_owned() }
}
