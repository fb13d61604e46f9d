//! The rate budget of one credential: so many calls in a time, shared by every alias that leads to it.
//!
//! Waiting here is no attempt: nothing has been sent. Runs take turns: one that has a thousand calls
//! to make does not keep another one's single call from its turn. The budget shrinks when the server
//! says "too many calls", and grows back while it does not.

mod caller;
mod queue;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use linchpin_connector::RateRule;
use serde::Serialize;

use crate::clock::{Clock, after, until};
pub(crate) use caller::Caller;
use caller::Wait;
use queue::Queue;

/// Nobody is stopped longer than this, whatever a server asks for: the call itself is told.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// The share of the rule that is used at least, in percent.
const LEAST: u32 = 10;
/// How much it grows back at a time, in percent, and how long after it last changed.
const GROWTH: u32 = 10;
const GROWS_AFTER: Duration = Duration::from_secs(60);
/// Answers that come together count as one.
const TOGETHER: Duration = Duration::from_secs(2);

/// The calls left to one credential, and who waits for them.
pub(crate) struct Budget {
    rule: Option<RateRule>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    /// When the calls inside the present period were let through, oldest first.
    granted: VecDeque<Timestamp>,
    pause: Option<Pause>,
    queue: Queue,
    /// How much of the rule is used, in percent, and since when.
    share: u32,
    changed: Timestamp,
    /// What the server says is left.
    left: Option<Left>,
}

/// A stop for everybody, because the other side said "too many calls".
#[derive(Clone, Copy)]
struct Pause {
    since: Timestamp,
    until: Timestamp,
}

#[derive(Clone, Copy)]
struct Left {
    calls: u64,
    since: Timestamp,
    until: Timestamp,
}

/// How a budget stands, for people.
#[derive(Clone, Debug, Serialize)]
pub struct RateStatus {
    /// Calls allowed in `per_s` seconds, when the spoke says.
    pub calls: Option<u32>,
    /// See `calls`.
    pub per_s: Option<u64>,
    /// How much of that is used, in percent: less after the server said "too many calls".
    pub share: u32,
    /// Calls made in the present period.
    pub used: usize,
    /// Calls that wait for their turn.
    pub waiting: usize,
    /// Until when nobody calls.
    pub paused_until: Option<Timestamp>,
    /// How many calls the server says are left.
    pub left: Option<u64>,
}

impl Budget {
    /// A budget under `rule`; without one only what the server says ever stops a call.
    pub(crate) fn new(rule: Option<RateRule>, clock: Arc<dyn Clock>) -> Self {
        let rule = rule.filter(|rule| rule.calls > 0 && !rule.per.is_zero());
        let state = State {
            granted: VecDeque::new(),
            pause: None,
            queue: Queue::default(),
            share: 100,
            changed: clock.now(),
            left: None,
        };
        Self { rule, clock, state: Mutex::new(state) }
    }

    /// Returns once a call may be made, and counts it.
    pub(crate) async fn acquire(&self) {
        let waiting = {
            let mut state = self.state();
            if state.queue.is_empty() && self.try_acquire(&mut state).is_none() {
                return;
            }
            Waiting { budget: self, place: state.queue.join(), _wait: Wait::begin() }
        };
        let turn = waiting.place.turn.clone();
        loop {
            let at = {
                let mut state = self.state();
                if state.queue.is_first(&waiting.place) {
                    match self.try_acquire(&mut state) {
                        None => return,
                        Some(at) => Some(at),
                    }
                } else {
                    None
                }
            };
            match at {
                // Somebody whose turn comes earlier may join meanwhile: then it is not ours.
                Some(at) => self.clock.sleep_until(at).await,
                None => turn.notified().await,
            }
        }
    }

    /// Lets nobody through for `wait` from now; a longer pause under way stands.
    pub(crate) fn limited(&self, wait: Duration) {
        let since = self.clock.now();
        let until = after(since, wait.min(LONGEST_PAUSE));
        let mut state = self.state();
        if state.pause.is_none_or(|pause| pause.until < until) {
            state.pause = Some(Pause { since, until });
        }
        if state.share == 100 || self::until(state.changed, since) >= TOGETHER {
            state.share = (state.share / 2).max(LEAST);
            state.changed = since;
        }
    }

    /// The server says that `calls` are left for the time to come.
    pub(crate) fn told(&self, calls: u64, reset: Duration) {
        let since = self.clock.now();
        let until = after(since, reset.min(LONGEST_PAUSE));
        let mut state = self.state();
        // Answers overtake each other: within one period the smaller number is the newer one.
        let calls = match state.left {
            Some(left) if left.until > since && self::until(left.until, until) < TOGETHER => {
                left.calls.min(calls)
            }
            _ => calls,
        };
        state.left = Some(Left { calls, since, until });
    }

    /// How long the first waiter will still wait, when somebody waits.
    pub(crate) fn waiting(&self) -> Option<Duration> {
        let now = self.clock.now();
        let mut state = self.state();
        if state.queue.is_empty() {
            return None;
        }
        let at = self.closed_until(&mut state, now).unwrap_or(now);
        Some(until(now, at))
    }

    /// How it stands.
    pub(crate) fn status(&self) -> RateStatus {
        let now = self.clock.now();
        let mut state = self.state();
        self.closed_until(&mut state, now);
        RateStatus {
            calls: self.rule.map(|rule| rule.calls),
            per_s: self.rule.map(|rule| rule.per.as_secs()),
            share: state.share,
            used: state.granted.len(),
            waiting: state.queue.len(),
            paused_until: state.pause.map(|pause| pause.until),
            left: state.left.map(|left| left.calls),
        }
    }

    /// Counts a call and returns nothing, or says when to ask again.
    fn try_acquire(&self, state: &mut State) -> Option<Timestamp> {
        let now = self.clock.now();
        let closed = self.closed_until(state, now);
        if closed.is_none() {
            if self.rule.is_some() {
                state.granted.push_back(now);
            }
            if let Some(left) = &mut state.left {
                left.calls = left.calls.saturating_sub(1);
            }
        }
        closed
    }

    fn closed_until(&self, state: &mut State, now: Timestamp) -> Option<Timestamp> {
        // A clock set back would otherwise stretch a wait by as much.
        if state.pause.is_some_and(|pause| now >= pause.until || now < pause.since) {
            state.pause = None;
        }
        if state.left.is_some_and(|left| now >= left.until || now < left.since) {
            state.left = None;
        }
        if state.share < 100 && until(state.changed, now) >= GROWS_AFTER {
            state.share = (state.share + GROWTH).min(100);
            state.changed = now;
        }
        let paused = state.pause.map(|pause| pause.until);
        let used_up = state.left.filter(|left| left.calls == 0).map(|left| left.until);
        let paused = paused.max(used_up);
        let Some(rule) = self.rule else { return paused };
        if state.granted.back().is_some_and(|last| *last > now) {
            state.granted.clear();
        }
        while state.granted.front().is_some_and(|first| after(*first, rule.per) <= now) {
            state.granted.pop_front();
        }
        let calls = usize::try_from(u64::from(rule.calls) * u64::from(state.share) / 100);
        let calls = calls.unwrap_or(usize::MAX).max(1);
        // The call that must leave the period before another one fits in.
        let over = state.granted.len().checked_sub(calls);
        let spent = over.and_then(|at| state.granted.get(at)).map(|call| after(*call, rule.per));
        paused.max(spent)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a place in the queue as long as it lives, and wakes whoever is first after it.
struct Waiting<'a> {
    budget: &'a Budget,
    place: queue::Place,
    _wait: Wait,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.budget.state().queue.quit(&self.place);
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

    /// A timeout is for what the other side does with a call, and it has none of it yet.
    #[tokio::test]
    async fn a_wait_for_a_turn_takes_nothing_of_a_timeout() {
        const TIMEOUT: Duration = Duration::from_millis(500);
        let (clock, budget) = budget(1);
        budget.acquire().await;
        let (begin, caller) = (std::time::Instant::now(), Caller::of("run"));
        let passes = async {
            while begin.elapsed() < TIMEOUT + TIMEOUT / 4 {
                tokio::task::yield_now().await;
            }
            clock.advance(MINUTE);
        };
        let (in_time, ()) = tokio::join!(caller.within(Some(TIMEOUT), budget.acquire()), passes);
        assert_eq!(in_time, Some(()));
        let never = caller.within(Some(Duration::from_millis(1)), std::future::pending::<()>());
        assert_eq!(never.await, None);
    }

    #[tokio::test]
    async fn a_run_with_many_calls_does_not_keep_another_one_waiting() {
        let (clock, budget) = budget(1);
        budget.acquire().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let ask = |run: &'static str| {
            let (budget, order) = (budget.clone(), order.clone());
            tokio::spawn(async move {
                Caller::of(run).within(None, budget.acquire()).await;
                order.lock().unwrap().push(run);
            })
        };
        let mut calls: Vec<_> = (0..6).map(|_| ask("big")).collect();
        while budget.status().waiting < 6 {
            tokio::task::yield_now().await;
        }
        calls.push(ask("small"));
        while budget.status().waiting < 7 {
            tokio::task::yield_now().await;
        }
        for n in 1..=7 {
            clock.until_asleep(1).await;
            clock.advance(MINUTE);
            while order.lock().unwrap().len() < n {
                tokio::task::yield_now().await;
            }
        }
        for call in calls {
            call.await.unwrap();
        }
        let order = order.lock().unwrap();
        let place = order.iter().position(|run| *run == "small").unwrap();
        assert!(place <= 2, "{order:?}");
    }

    #[tokio::test]
    async fn too_many_calls_shrink_the_budget_and_it_grows_back() {
        let (clock, budget) = budget(100);
        budget.limited(Duration::from_secs(5));
        budget.limited(Duration::from_secs(5));
        assert_eq!(budget.status().share, 50, "answers that come together count once");
        clock.advance(Duration::from_secs(10));
        budget.limited(Duration::from_secs(5));
        assert_eq!(budget.status().share, 25);
        for n in 1..=8 {
            clock.advance(MINUTE);
            assert_eq!(budget.status().share, (25 + 10 * n).min(100));
        }
    }

    #[tokio::test]
    async fn what_the_server_says_is_left_is_not_exceeded() {
        let (clock, budget) = budget(0);
        budget.told(2, Duration::from_secs(30));
        // An answer that was overtaken.
        budget.told(5, Duration::from_secs(30));
        budget.acquire().await;
        budget.acquire().await;
        let third = tokio::spawn({
            let budget = budget.clone();
            async move { budget.acquire().await }
        });
        clock.until_asleep(1).await;
        assert_eq!(budget.waiting(), Some(Duration::from_secs(30)));
        clock.advance(Duration::from_secs(30));
        third.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_is_stopped_for_a_year() {
        let (_, budget) = budget(0);
        budget.limited(Duration::from_secs(365 * 24 * 3600));
        let until = budget.status().paused_until.unwrap();
        assert_eq!(until.duration_since(Timestamp::UNIX_EPOCH).as_secs(), 3600);
    }
}
