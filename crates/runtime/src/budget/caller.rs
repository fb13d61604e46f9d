//! In whose name something waits for its turn, and for how long.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static CALLER: Arc<Caller>;
}

/// How often a call that waits for its turn is looked at again, at the most.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Whoever makes a call.
pub(crate) struct Caller {
    /// Its run.
    pub(super) run: Arc<str>,
    waits: Mutex<Waits>,
}

/// How long it waited for its turns.
#[derive(Default)]
struct Waits {
    over: Duration,
    /// Since when somebody waits, and how many do.
    under_way: Option<(Instant, usize)>,
}

/// A wait under way.
pub(super) struct Wait(Option<Arc<Caller>>);

impl Caller {
    pub(crate) fn of(run: &str) -> Arc<Self> {
        Arc::new(Self { run: Arc::from(run), waits: Mutex::default() })
    }

    /// Who makes the present call; none outside of calls.
    pub(super) fn present() -> Option<Arc<Self>> {
        CALLER.try_with(Arc::clone).ok()
    }

    /// Does something in its name, so that the waits for turns are its own, and gives it up after
    /// `timeout`. Waiting for a turn takes none of that: nothing is sent meanwhile.
    pub(crate) async fn within<T>(
        self: &Arc<Self>,
        timeout: Option<Duration>,
        what: impl Future<Output = T>,
    ) -> Option<T> {
        let what = CALLER.scope(Arc::clone(self), what);
        let Some(timeout) = timeout else { return Some(what.await) };
        let (begin, mut left, mut what) = (Instant::now(), timeout, pin!(what));
        loop {
            if let Ok(done) = tokio::time::timeout(left, &mut what).await {
                return Some(done);
            }
            left = timeout.saturating_sub(begin.elapsed().saturating_sub(self.waited()));
            if left.is_zero() {
                return None;
            }
            left = left.max(LOOK_AGAIN);
        }
    }

    fn waited(&self) -> Duration {
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.over + waits.under_way.map_or(Duration::ZERO, |(since, _)| since.elapsed())
    }
}

impl Wait {
    pub(super) fn begin() -> Self {
        let caller = Caller::present();
        if let Some(caller) = &caller {
            let mut waits = caller.waits.lock().unwrap_or_else(PoisonError::into_inner);
            let (_, n) = waits.under_way.get_or_insert_with(|| (Instant::now(), 0));
            *n += 1;
        }
        Self(caller)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(caller) = &self.0 else { return };
        let mut waits = caller.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.under_way = match waits.under_way {
            Some((since, 0 | 1)) => {
                waits.over += since.elapsed();
                None
            }
            Some((since, n)) => Some((since, n - 1)),
            None => None,
        };
    }
}
