//! Time as the runtime sees it: the present moment and waiting for a later one.
//!
//! Everything that waits or stamps asks a [`Clock`], so that a test can move time itself.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

/// The longest single sleep. The wall clock may be set while we sleep, so it is asked again this often.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// The present moment, and waiting for a later one.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Returns once the clock shows `at` or later; at once when it already does.
    async fn sleep_until(&self, at: Timestamp);
}

/// How long it is from `now` to `at`; nothing when `at` has passed.
pub(crate) fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// The moment `wait` after `now`; the end of time when it cannot be expressed.
pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = until(self.now(), at);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_NAP)).await;
        }
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct FakeClock {
    state: watch::Sender<Faked>,
}

#[derive(Debug)]
struct Faked {
    now: Timestamp,
    sleepers: BTreeMap<u64, Timestamp>,
    next: u64,
}

impl FakeClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { state: watch::Sender::new(Faked { now, sleepers: BTreeMap::new(), next: 0 }) }
    }

    /// Moves the clock forward and wakes whoever waited for a moment passed by it.
    pub fn advance(&self, by: Duration) {
        self.state.send_modify(|state| state.now = after(state.now, by));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.state.send_modify(|state| state.now = now);
    }

    /// The earliest moment that somebody waits for.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.state.borrow().sleepers.values().min().copied()
    }

    /// Returns once at least `n_sleepers` wait on this clock for a moment still to come.
    pub async fn until_asleep(&self, n_sleepers: usize) {
        let mut watcher = self.state.subscribe();
        let asleep = |state: &Faked| state.sleepers.values().filter(|at| **at > state.now).count();
        // The sender is `self`, so the channel outlives this wait.
        drop(watcher.wait_for(|state| asleep(state) >= n_sleepers).await);
    }
}

/// Takes a sleeper off the list, also when its wait is dropped half way.
struct Asleep<'a> {
    clock: &'a FakeClock,
    id: u64,
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.clock.state.send_modify(|state| {
            state.sleepers.remove(&self.id);
        });
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.state.borrow().now
    }

    async fn sleep_until(&self, at: Timestamp) {
        if self.now() >= at {
            return;
        }
        let mut watcher = self.state.subscribe();
        let mut id = 0;
        self.state.send_modify(|state| {
            id = state.next;
            state.next += 1;
            state.sleepers.insert(id, at);
        });
        let _asleep = Asleep { clock: self, id };
        drop(watcher.wait_for(|state| state.now >= at).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_moment_is_passed_and_not_before() {
        let clock = FakeClock::new(Timestamp::UNIX_EPOCH);
        let at = after(clock.now(), Duration::from_secs(10));
        let sleeper = clock.sleep_until(at);
        tokio::pin!(sleeper);
        assert!(futures::poll!(sleeper.as_mut()).is_pending());
        assert_eq!(clock.next_wake(), Some(at));
        clock.advance(Duration::from_secs(9));
        assert!(futures::poll!(sleeper.as_mut()).is_pending());
        clock.advance(Duration::from_secs(1));
        sleeper.await;
        assert_eq!(clock.next_wake(), None);
    }

    #[tokio::test]
    async fn a_dropped_sleeper_is_forgotten() {
        let clock = FakeClock::new(Timestamp::UNIX_EPOCH);
        {
            let sleeper = clock.sleep_until(Timestamp::MAX);
            tokio::pin!(sleeper);
            assert!(futures::poll!(sleeper.as_mut()).is_pending());
            clock.until_asleep(1).await;
        }
        assert_eq!(clock.next_wake(), None);
    }
}
