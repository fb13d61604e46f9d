//! How many requests of a client are sent at the same time.
//!
//! With hundreds of runs under way, each is turned to again only after all of the others, and
//! the processor has nothing of it at hand any more. Few at a time are answered sooner, and use
//! fewer connections. Nobody waits for another side that is slow: a request that is not answered
//! at once makes room as well.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How many requests wait for their answers in the time in which one comes at once.
const PLACES: usize = 32;
/// How long a request keeps its place. With 32 of them 4,000 requests a second begin even if
/// none is answered.
const AT_ONCE: Duration = Duration::from_millis(8);

/// The requests that were sent a moment ago.
pub(super) struct Wave {
    places: Semaphore,
}

impl Wave {
    pub(super) fn new() -> Self {
        Self { places: Semaphore::new(PLACES) }
    }

    /// Sends when there is room, in the order in which they came.
    pub(super) async fn during<T>(&self, sent: impl Future<Output = T>) -> T {
        let place = self.places.acquire().await;
        let mut sent = pin!(sent);
        match timeout(AT_ONCE, &mut sent).await {
            Ok(answer) => answer,
            Err(_) => {
                drop(place);
                sent.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::future::join_all;
    use futures::poll;
    use tokio::sync::{Barrier, oneshot};

    use super::*;

    #[tokio::test]
    async fn so_many_are_sent_at_once_and_an_answer_makes_room() {
        let (wave, n_sent) = (Wave::new(), Cell::new(0));
        let (mut answers, mut requests) = (Vec::new(), Vec::new());
        for _ in 0..PLACES + 2 {
            let (answer, answered) = oneshot::channel::<()>();
            answers.push(answer);
            requests.push(Box::pin(wave.during(async {
                n_sent.set(n_sent.get() + 1);
                answered.await
            })));
        }
        for request in &mut requests {
            assert!(poll!(request).is_pending());
        }
        assert_eq!(n_sent.get(), PLACES);
        answers.remove(0).send(()).unwrap();
        assert!(poll!(&mut requests[0]).is_ready());
        assert!(poll!(&mut requests[PLACES + 1]).is_pending(), "the other came before it");
        assert!(poll!(&mut requests[PLACES]).is_pending());
        assert_eq!(n_sent.get(), PLACES + 1);
    }

    #[tokio::test]
    async fn nobody_waits_for_another_side_that_is_slow() {
        let (wave, all) = (Wave::new(), Barrier::new(3 * PLACES));
        // None is answered before all are sent.
        let sent = join_all((0..3 * PLACES).map(|_| wave.during(all.wait())));
        timeout(Duration::from_secs(60), sent).await.expect("all are sent");
    }
}
