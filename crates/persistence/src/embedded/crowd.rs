//! How many write at the same time, and how long the committer waits for more of them.
//!
//! A commit costs the machine about the same for one append as for fifty. When few write, each
//! waits for its own commit and a pause would only delay it. When many do, the processors are
//! what is scarce, and a short pause lets one commit serve more of them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use linchpin_engine::RunId;

/// Who wrote is counted over this long.
const WINDOW: Duration = Duration::from_millis(50);
/// With fewer writers there is no pause.
const FEW: usize = 48;
/// The pause for each writer: with 256 of them about a millisecond.
const EACH: Duration = Duration::from_micros(4);
/// The longest pause.
const MOST: Duration = Duration::from_millis(2);

/// The runs that were written lately.
pub(super) struct Crowd {
    began: Instant,
    present: HashSet<RunId>,
    before: usize,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), present: HashSet::new(), before: 0 }
    }

    /// A run is written.
    pub(super) fn count(&mut self, run: &RunId) {
        if !self.present.contains(run) {
            self.present.insert(run.clone());
        }
    }

    /// How long to wait for more before a commit; none when few write.
    pub(super) fn pause(&mut self) -> Option<Duration> {
        if self.began.elapsed() >= WINDOW {
            self.before = self.present.len();
            self.present.clear();
            self.began = Instant::now();
        }
        let writers = self.before.max(self.present.len());
        (writers >= FEW).then(|| (EACH * u32::try_from(writers).unwrap_or(u32::MAX)).min(MOST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(writers: usize) -> Option<Duration> {
        let mut crowd = Crowd::new();
        for number in 0..writers {
            let run = RunId::parse(&format!("{number:026}")).expect("26 digits");
            crowd.count(&run);
            crowd.count(&run);
        }
        crowd.pause()
    }

    #[test]
    fn few_writers_wait_for_nobody_and_many_for_a_moment() {
        assert_eq!(after(0), None);
        assert_eq!(after(FEW - 1), None);
        assert_eq!(after(100), Some(Duration::from_micros(400)));
        assert_eq!(after(100_000), Some(MOST));
    }
}
