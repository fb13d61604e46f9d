//! What surrounds a host in a simulation: everything that it waits for is a gate here, and chance
//! opens one gate after the other. The other side's ledger of effects is kept here too.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::chance::Chance;

/// What somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// A write to the store to be on disk.
    Sync(u64),
    /// A request of a write on its way to the other side, for this key.
    Write(String),
    /// An answer, or anything that is read.
    Answer,
}

/// What becomes of a request that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done and answered.
    Done,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It never arrives, and nobody knows.
    Lost,
    /// It is refused, clearly.
    Refused,
    /// It is not taken now, clearly.
    Unavailable,
}

/// What the other side knows of one write.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// How often it took effect.
    pub(super) effects: u32,
    /// Whether a request was sent whose outcome nobody on this side knows.
    pub(super) unresolved: bool,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) chance: Chance,
    gates: BTreeMap<u64, (Gate, oneshot::Sender<()>)>,
    next: u64,
    /// Rises whenever something happens that others may follow on.
    pub(super) activity: u64,
    pub(super) now: Timestamp,
    sleepers: BTreeMap<u64, (Timestamp, oneshot::Sender<()>)>,
    pub(super) writes: BTreeMap<String, Written>,
    /// Calls and parts of calls whose success was acknowledged.
    pub(super) acknowledged: BTreeSet<String>,
    pub(super) violations: Vec<String>,
    /// What happened, for whoever has to find out why.
    pub(super) trace: Vec<String>,
    /// Whether anything still goes wrong on the other side.
    pub(super) is_calm: bool,
}

/// What surrounds a host.
#[derive(Debug)]
pub(super) struct World {
    inner: Mutex<Inner>,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<World>>> = const { RefCell::new(None) };
}

impl World {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        let inner = Inner {
            chance: Chance::named(seed, "world"),
            gates: BTreeMap::new(),
            next: 0,
            activity: 0,
            now: "2026-03-10T12:00:00Z".parse().expect("noon is an instant"),
            sleepers: BTreeMap::new(),
            writes: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            violations: Vec::new(),
            trace: Vec::new(),
            is_calm: false,
        };
        let world = Arc::new(Self { inner: Mutex::new(inner) });
        CURRENT.with(|current| *current.borrow_mut() = Some(Arc::clone(&world)));
        world
    }

    /// The world of the schedule that this thread plays.
    pub(super) fn current() -> Arc<Self> {
        let current = CURRENT.with(|current| current.borrow().clone());
        current.expect("a schedule is being played")
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits until chance opens this gate.
    pub(super) async fn pass(&self, gate: Gate) {
        let opened = self.lock().put(gate);
        // A gate that nobody opens any more belongs to a process that is gone.
        if opened.await.is_err() {
            std::future::pending::<()>().await;
        }
        self.lock().activity += 1;
    }

    /// Waits until the clock shows an instant.
    pub(super) async fn sleep_until(&self, at: Timestamp) {
        let woken = {
            let mut inner = self.lock();
            if inner.now >= at {
                return;
            }
            let (wake, woken) = oneshot::channel();
            let id = inner.id();
            inner.sleepers.insert(id, (at, wake));
            woken
        };
        if woken.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The process is gone: what was on its way arrives or does not.
    pub(super) fn crash(&self) -> Vec<u64> {
        let mut inner = self.lock();
        inner.note("crash".to_owned());
        inner.sleepers.clear();
        let gates = std::mem::take(&mut inner.gates);
        let mut syncs = Vec::new();
        for (gate, _) in gates.into_values() {
            match gate {
                Gate::Sync(batch) => syncs.push(batch),
                Gate::Write(key) if inner.chance.one_in(2) => {
                    inner.take_effect(&key);
                }
                Gate::Write(_) | Gate::Answer => {}
            }
        }
        syncs
    }
}

impl Inner {
    fn id(&mut self) -> u64 {
        self.next += 1;
        self.activity += 1;
        self.next
    }

    pub(super) fn put(&mut self, gate: Gate) -> oneshot::Receiver<()> {
        let (open, opened) = oneshot::channel();
        let id = self.id();
        self.gates.insert(id, (gate, open));
        opened
    }

    pub(super) fn note(&mut self, what: String) {
        self.trace.push(what);
    }

    pub(super) fn violates(&mut self, what: String) {
        self.note(format!("VIOLATION {what}"));
        self.violations.push(what);
    }

    /// Opens one of the gates that somebody still waits at. Returns it.
    pub(super) fn open_one(&mut self) -> Option<Gate> {
        self.gates.retain(|_, (_, open)| !open.is_closed());
        if self.gates.is_empty() {
            return None;
        }
        let at = self.chance.below(self.gates.len());
        let id = self.gates.keys().nth(at).copied()?;
        let (gate, open) = self.gates.remove(&id)?;
        self.activity += 1;
        if !matches!(gate, Gate::Sync(_)) {
            // Whoever waited may be gone just now.
            open.send(()).ok();
            return Some(gate);
        }
        // The store writes first.
        self.gates.insert(id, (gate.clone(), open));
        Some(gate)
    }

    /// Tells whoever waits that a batch is on disk.
    pub(super) fn synced(&mut self, batch: u64) {
        let id = self.gates.iter().find(|(_, (gate, _))| *gate == Gate::Sync(batch));
        if let Some((_, open)) = id.map(|(id, _)| *id).and_then(|id| self.gates.remove(&id)) {
            open.send(()).ok();
        }
        self.activity += 1;
    }

    pub(super) fn n_gates(&mut self) -> usize {
        self.gates.retain(|_, (_, open)| !open.is_closed());
        self.gates.len()
    }

    /// Moves the clock to the first instant that somebody waits for.
    pub(super) fn wake_next(&mut self) -> bool {
        self.sleepers.retain(|_, (_, wake)| !wake.is_closed());
        let Some(at) = self.sleepers.values().map(|(at, _)| *at).min() else { return false };
        self.set_clock(self.now.max(at));
        true
    }

    pub(super) fn set_clock(&mut self, now: Timestamp) {
        self.now = now;
        self.activity += 1;
        let due: Vec<u64> =
            self.sleepers.iter().filter(|(_, (at, _))| *at <= now).map(|(id, _)| *id).collect();
        for id in due {
            if let Some((_, wake)) = self.sleepers.remove(&id) {
                wake.send(()).ok();
            }
        }
    }

    /// A request is about to leave.
    pub(super) fn send(&mut self, key: &str, is_idempotent: bool) {
        self.note(format!("send {key}"));
        let write = self.writes.entry(key.to_owned()).or_default();
        let was_unresolved = std::mem::replace(&mut write.unresolved, true);
        if was_unresolved && !is_idempotent {
            self.violates(format!("{key} is sent again while nobody knows what became of it"));
        }
        if self.acknowledged.contains(key) {
            self.violates(format!("{key} was acknowledged as written and is sent again"));
        }
    }

    pub(super) fn take_effect(&mut self, key: &str) {
        self.note(format!("effect {key}"));
        self.writes.entry(key.to_owned()).or_default().effects += 1;
    }

    /// What became of a request is known on this side now.
    pub(super) fn resolve(&mut self, key: &str) {
        self.writes.entry(key.to_owned()).or_default().unresolved = false;
    }

    pub(super) fn is_written(&self, key: &str) -> bool {
        self.writes.get(key).is_some_and(|write| write.effects > 0)
    }

    pub(super) fn fate(&mut self) -> Fate {
        if self.is_calm {
            return Fate::Done;
        }
        match self.chance.below(16) {
            0 | 1 => Fate::AnswerLost,
            2 => Fate::Lost,
            3 => Fate::Refused,
            4 => Fate::Unavailable,
            _ => Fate::Done,
        }
    }
}
