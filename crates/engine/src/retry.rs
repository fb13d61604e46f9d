//! Pure back-off arithmetic: whether a failed attempt is tried again, and when.

use std::time::Duration;

use linchpin_connector::ErrorKind;
use sha2::{Digest, Sha256};

/// `retry:` as written, each key optional so that the layers merge key by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryPolicy {
    /// `attempts:`, the first try included.
    pub attempts: Option<u32>,
    /// `backoff:`
    pub backoff: Option<Backoff>,
    /// `on:`
    pub on: Option<Vec<ErrorKind>>,
    /// `max_elapsed:`, from the first failure on.
    pub max_elapsed: Option<Duration>,
}

/// How long to wait before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// The same time each try.
    Fixed(Duration),
    /// Doubling from the first to the last, with jitter.
    Exponential {
        /// Before the second attempt.
        first: Duration,
        /// Never longer than this.
        longest: Duration,
    },
}

/// A policy with every key known.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// How many attempts, the first included.
    pub attempts: u32,
    /// The wait between them.
    pub backoff: Backoff,
    /// The kinds that are tried again.
    pub on: Vec<ErrorKind>,
    /// From the first failure on.
    pub max_elapsed: Duration,
}

impl Retry {
    /// The policy that holds where nothing else is written.
    pub fn built_in() -> Self {
        Self {
            attempts: 4,
            backoff: Backoff::Exponential {
                first: Duration::from_secs(1),
                longest: Duration::from_secs(60),
            },
            on: vec![
                ErrorKind::Timeout,
                ErrorKind::RateLimited,
                ErrorKind::Unavailable,
                ErrorKind::ConnectionFailed,
            ],
            max_elapsed: Duration::from_secs(3600),
        }
    }

    /// Merges layers key by key over the built-in policy; the earlier layer wins.
    pub fn merged(layers: &[&RetryPolicy]) -> Self {
        let mut retry = Self::built_in();
        for layer in layers.iter().rev() {
            if let Some(attempts) = layer.attempts {
                retry.attempts = attempts;
            }
            if let Some(backoff) = layer.backoff {
                retry.backoff = backoff;
            }
            if let Some(on) = &layer.on {
                retry.on.clone_from(on);
            }
            if let Some(max_elapsed) = layer.max_elapsed {
                retry.max_elapsed = max_elapsed;
            }
        }
        retry
    }

    /// The wait before the next attempt, or `None` when there is none. `attempt` is the number
    /// of the one that failed, from 1, and `limited` how many before it were refused for their
    /// rate; `elapsed` the time since the first failure; `asked` what the other side asked for.
    /// Any kind is tried again when that `settles` an open write. Rate limits use up `max_elapsed`
    /// only, never attempts.
    pub fn next_wait(
        &self,
        (kind, settles): (ErrorKind, bool),
        (attempt, limited): (u32, u32),
        elapsed: Duration,
        asked: Option<Duration>,
        seed: &str,
    ) -> Option<Duration> {
        let is_limited = kind == ErrorKind::RateLimited;
        let is_last = !is_limited && attempt.saturating_sub(limited) >= self.attempts;
        if !(settles || self.on.contains(&kind)) || is_last {
            return None;
        }
        let wait = asked.unwrap_or(Duration::ZERO).max(self.backoff.wait(attempt, seed));
        (elapsed + wait <= self.max_elapsed).then_some(wait)
    }
}

impl Backoff {
    /// The wait after attempt `attempt` (from 1). The jitter takes up to half of it away and
    /// depends on `seed` alone, so that a replay and a second host compute the same.
    fn wait(self, attempt: u32, seed: &str) -> Duration {
        match self {
            Self::Fixed(wait) => wait,
            Self::Exponential { first, longest } => {
                let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(20));
                let full = doubled.min(longest);
                let digest = Sha256::digest(format!("{seed}/{attempt}"));
                full - full.mul_f64(f64::from(digest[0]) / 512.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_layer_wins_key_by_key() {
        let step = RetryPolicy { attempts: Some(2), ..RetryPolicy::default() };
        let flow = RetryPolicy {
            attempts: Some(9),
            max_elapsed: Some(Duration::from_secs(5)),
            ..RetryPolicy::default()
        };
        let merged = Retry::merged(&[&step, &flow]);
        assert_eq!(merged.attempts, 2);
        assert_eq!(merged.max_elapsed, Duration::from_secs(5));
        assert_eq!(merged.backoff, Retry::built_in().backoff);
    }

    #[test]
    fn the_wait_doubles_is_bounded_and_is_the_same_each_time_it_is_asked() {
        let retry = Retry::built_in();
        let wait = |attempt| {
            retry.next_wait(
                (ErrorKind::Timeout, false),
                (attempt, 0),
                Duration::ZERO,
                None,
                "run/step",
            )
        };
        assert_eq!(wait(1), wait(1));
        assert!(wait(3) > wait(1));
        assert_eq!(wait(4), None);
        let limited = retry.next_wait(
            (ErrorKind::RateLimited, false),
            (50, 0),
            Duration::ZERO,
            None,
            "run/step",
        );
        assert!(limited.is_some_and(|wait| wait <= Duration::from_secs(60)));
        let after_limits =
            retry.next_wait((ErrorKind::Timeout, false), (6, 3), Duration::ZERO, None, "run/step");
        assert!(after_limits.is_some(), "three of the six were refused for their rate");
    }

    #[test]
    fn the_other_side_is_never_asked_again_sooner_than_it_said() {
        let asked = Duration::from_secs(90);
        let wait = Retry::built_in().next_wait(
            (ErrorKind::RateLimited, false),
            (1, 0),
            Duration::ZERO,
            Some(asked),
            "s",
        );
        assert!(wait.is_some_and(|wait| wait >= asked));
    }

    #[test]
    fn a_kind_that_is_not_named_is_not_tried_again() {
        let retry = Retry::built_in();
        assert_eq!(
            retry.next_wait((ErrorKind::Forbidden, false), (1, 0), Duration::ZERO, None, "s"),
            None
        );
    }
}
