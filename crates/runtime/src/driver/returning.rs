//! After a restart many runs go on at once. Each waits for its turn before it calls, so that what
//! another system gets is a row of calls and not all of them in the same moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::{Driver, Halt, Message};

/// How long a run keeps its place when no answer comes: a system that hangs does not keep the runs
/// of others from going on.
const LONGEST: Duration = Duration::from_secs(2);

/// The place of a run that was brought back, until its first answer.
pub(super) struct Returning {
    _place: OwnedSemaphorePermit,
    until: Instant,
}

impl Driver {
    /// Waits for a place. Whatever comes meanwhile is taken in.
    pub(super) async fn returns(&mut self) -> Result<(), Halt> {
        let place = Arc::clone(&self.shared.returning).acquire_owned();
        tokio::pin!(place);
        while !self.is_stopping {
            tokio::select! {
                biased;
                // Nobody closes it.
                place = &mut place => {
                    let until = Instant::now() + LONGEST;
                    self.returning = place.ok().map(|place| Returning { _place: place, until });
                    return Ok(());
                }
                message = self.inbox.recv() => match message {
                    Some(message) => self.receive(message).await?,
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// The next message; the first one, or its absence for long, gives the place to another run.
    pub(super) async fn first_message(&mut self) -> Option<Message> {
        if let Some(returning) = &self.returning {
            let until = returning.until;
            let message = tokio::time::timeout_at(until, self.message()).await;
            self.returning = None;
            if let Ok(message) = message {
                return message;
            }
        }
        self.message().await
    }
}
