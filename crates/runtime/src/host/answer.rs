//! The answer of a run to what was put into its inbox.

use tokio::sync::{mpsc, oneshot};

/// Waits for the answer; `None` when the run ended without one.
///
/// A message that is put into a channel in the moment in which its reader goes may stay in it as
/// long as somebody can write to it, and the place for its answer with it. So the end of the
/// reader is watched for too.
pub(super) async fn answered<M, T>(
    inbox: &mpsc::UnboundedSender<M>,
    mut answer: oneshot::Receiver<T>,
) -> Option<T> {
    tokio::select! {
        biased;
        given = &mut answer => given.ok(),
        // It may have been given just before.
        () = inbox.closed() => answer.try_recv().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_that_is_lost_at_the_end_of_a_run_is_not_waited_for() {
        let (inbox, reader) = mpsc::unbounded_channel::<()>();
        let (given, answer) = oneshot::channel::<u32>();
        drop(reader);
        assert_eq!(answered(&inbox, answer).await, None);
        drop(given);
    }

    #[tokio::test]
    async fn an_answer_that_a_run_gave_before_it_ended_is_had() {
        let (inbox, reader) = mpsc::unbounded_channel::<()>();
        let (given, answer) = oneshot::channel();
        given.send(7).unwrap();
        drop(reader);
        assert_eq!(answered(&inbox, answer).await, Some(7));
    }
}
