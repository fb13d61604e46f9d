//! The rate budget of one credential: so many calls in a time, shared by every alias that leads to it.
//!
//! Waiting here is no attempt: nothing has been sent. Waiters are served in the order they came.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use linchpin_connector::RateRule;

use crate::clock::{Clock, after, until};

/// The calls left to one credential, and who waits for them.
pub(crate) struct Budget {
    rule: Option<RateRule>,
    clock: Arc<dyn Clock>,
    /// Held by the waiter whose turn it is; the others queue for it in order.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the calls inside the present period were let through, oldest first.
    granted: VecDeque<Timestamp>,
    pause: Option<Pause>,
    n_waiting: usize,
}

/// A stop for everybody, because the other side said "too many calls".
#[derive(Clone, Copy)]
struct Pause {
    since: Timestamp,
    until: Timestamp,
}

impl Budget {
    /// A budget under `rule`; without one only [`Budget::limited`] ever stops a call.
    pub(crate) fn new(rule: Option<RateRule>, clock: Arc<dyn Clock>) -> Self {
        let rule = rule.filter(|rule| rule.calls > 0 && !rule.per.is_zero());
        Self { rule, clock, turn: tokio::sync::Mutex::new(()), state: Mutex::default() }
    }

    /// Returns once a call may be made, and counts it.
    pub(crate) async fn acquire(&self) {
        if self.state().n_waiting == 0 && self.try_acquire().is_none() {
            return;
        }
        let _waiting = Waiting::new(self);
        let _turn = self.turn.lock().await;
        while let Some(at) = self.try_acquire() {
            self.clock.sleep_until(at).await;
        }
    }

    /// Lets nobody through for `wait` from now; a longer pause under way stands.
    pub(crate) fn limited(&self, wait: Duration) {
        let since = self.clock.now();
        let until = after(since, wait);
        let mut state = self.state();
        if state.pause.is_none_or(|pause| pause.until < until) {
            state.pause = Some(Pause { since, until });
        }
    }

    /// How long the first waiter will still wait, when somebody waits.
    pub(crate) fn waiting(&self) -> Option<Duration> {
        let now = self.clock.now();
        let mut state = self.state();
        if state.n_waiting == 0 {
            return None;
        }
        let at = self.closed_until(&mut state, now).unwrap_or(now);
        Some(until(now, at))
    }

    /// Counts a call and returns nothing, or says when to ask again.
    fn try_acquire(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut state = self.state();
        let closed = self.closed_until(&mut state, now);
        if closed.is_none() && self.rule.is_some() {
            state.granted.push_back(now);
        }
        closed
    }

    fn closed_until(&self, state: &mut State, now: Timestamp) -> Option<Timestamp> {
        // A clock set back would otherwise stretch a wait by as much.
        if state.pause.is_some_and(|pause| now >= pause.until || now < pause.since) {
            state.pause = None;
        }
        let paused = state.pause.map(|pause| pause.until);
        let Some(rule) = self.rule else { return paused };
        if state.granted.back().is_some_and(|last| *last > now) {
            state.granted.clear();
        }
        while state.granted.front().is_some_and(|first| after(*first, rule.per) <= now) {
            state.granted.pop_front();
        }
        let full = state.granted.len() >= usize::try_from(rule.calls).unwrap_or(usize::MAX);
        let spent = state.granted.front().filter(|_| full).map(|first| after(*first, rule.per));
        paused.max(spent)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a waiter as long as it lives, so that one that is dropped is not shown for ever.
struct Waiting<'a>(&'a Budget);

impl<'a> Waiting<'a> {
    fn new(budget: &'a Budget) -> Self {
        budget.state().n_waiting += 1;
        Self(budget)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().n_waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;

    const MINUTE: Duration = Duration::from_secs(60);

    fn budget(calls: u32) -> (Arc<FakeClock>, Arc<Budget>) {
        let clock = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
        let rule = (calls > 0).then_some(RateRule { calls, per: MINUTE });
        let budget = Arc::new(Budget::new(rule, clock.clone()));
        (clock, budget)
    }

    #[tokio::test]
    async fn the_call_after_the_last_waits_for_the_first_to_leave_the_period() {
        let (clock, budget) = budget(2);
        budget.acquire().await;
        clock.advance(Duration::from_secs(20));
        budget.acquire().await;
        assert_eq!(budget.waiting(), None);
        let third = tokio::spawn({
            let budget = budget.clone();
            async move { budget.acquire().await }
        });
        clock.until_asleep(1).await;
        assert_eq!(budget.waiting(), Some(Duration::from_secs(40)));
        clock.advance(Duration::from_secs(39));
        assert!(!third.is_finished());
        clock.advance(Duration::from_secs(1));
        third.await.unwrap();
        assert_eq!(budget.waiting(), None);
    }

    #[tokio::test]
    async fn no_period_ever_holds_more_calls_than_allowed() {
        let (clock, budget) = budget(3);
        let calls: Vec<_> = (0..9)
            .map(|_| {
                let (budget, clock) = (budget.clone(), clock.clone());
                tokio::spawn(async move {
                    budget.acquire().await;
                    clock.now()
                })
            })
            .collect();
        for _ in 0..2 {
            clock.until_asleep(1).await;
            clock.advance(MINUTE);
        }
        let mut times = Vec::new();
        for call in calls {
            times.push(call.await.unwrap());
        }
        times.sort();
        for (earlier, later) in times.iter().zip(&times[3..]) {
            assert!(later.duration_since(*earlier).as_secs() >= 60, "{earlier} and {later}");
        }
    }

    #[tokio::test]
    async fn a_limit_that_the_server_states_stops_everybody_also_without_a_rule() {
        let (clock, budget) = budget(0);
        budget.acquire().await;
        budget.limited(Duration::from_secs(34));
        budget.limited(Duration::from_secs(5));
        let waiter = tokio::spawn({
            let budget = budget.clone();
            async move { budget.acquire().await }
        });
        clock.until_asleep(1).await;
        assert_eq!(budget.waiting(), Some(Duration::from_secs(34)));
        clock.advance(Duration::from_secs(34));
        waiter.await.unwrap();
    }

    #[tokio::test]
    async fn a_clock_set_back_does_not_stretch_the_wait() {
        let (clock, budget) = budget(1);
        clock.advance(Duration::from_secs(3600));
        budget.acquire().await;
        budget.limited(MINUTE);
        clock.set(Timestamp::UNIX_EPOCH);
        budget.acquire().await;
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_is_not_shown() {
        let (clock, budget) = budget(1);
        budget.acquire().await;
        let waiter = tokio::spawn({
            let budget = budget.clone();
            async move { budget.acquire().await }
        });
        clock.until_asleep(1).await;
        waiter.abort();
        waiter.await.unwrap_err();
        assert_eq!(budget.waiting(), None);
    }
}
