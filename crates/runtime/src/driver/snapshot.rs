//! When a run is long, a snapshot of it is made beside it and written with what comes next.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Driver, Message};
use crate::snapshots;

impl Driver {
    /// Begins to make a snapshot of what is on disk, when one is due.
    pub(super) fn keep_snapshot(&mut self) {
        let apart = self.shared.snapshots_apart.load(Ordering::Relaxed);
        if self.is_stopping || self.run.outcome().is_some() || !self.growth.begins(apart) {
            return;
        }
        let (shared, sender) = (Arc::clone(&self.shared), self.sender.clone());
        let (id, program, end) = (self.id.clone(), self.run.shared_program(), self.saved);
        let task = tokio::spawn(async move {
            let made = snapshots::make(&*shared.store, &id, program, end).await;
            // The run may have ended meanwhile.
            drop(sender.send(Message::Snapshot { made }));
        });
        self.snapshot = Some(task.abort_handle());
    }
}
