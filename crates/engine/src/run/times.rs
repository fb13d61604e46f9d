//! When a run begins, and by when all of it must have ended.

use jiff::Timestamp;
use linchpin_connector::ErrorKind;
use linchpin_language::print_duration;

use super::Run;
use super::frame::Phase;
use super::state::{Effects, Stop};
use crate::error::RunError;
use crate::path::StepPath;

impl Run {
    /// Whether it has left the queue.
    pub fn is_begun(&self) -> bool {
        self.begun_at.is_some()
    }

    /// Whether it had ended before its changes were taken back.
    pub fn was_reopened(&self) -> bool {
        self.reopened.is_some()
    }

    /// By when the steps of the flow must have ended; its handlers may take longer, and so may
    /// what is being stopped already.
    fn must_end(&self) -> Option<Timestamp> {
        let timeout = self.program.root.flow.timeout?;
        let at = self.begun_at?.checked_add(timeout).ok()?;
        let runs_on = self.root.phase == Phase::Body && self.root.body.stop.is_none();
        runs_on.then_some(at)
    }

    /// The same while no timer for it is under way.
    pub(super) fn unarmed_end(&self) -> Option<Timestamp> {
        self.must_end().filter(|_| self.armed.is_none())
    }

    /// Whether the flow's own timer is still waited for.
    pub(super) fn wants_end(&self, op: u64) -> bool {
        self.armed == Some(op) && self.must_end().is_some()
    }

    /// Stops the steps of the flow when their time is over.
    pub(super) fn timed_out(&mut self, effects: &mut Effects) {
        if self.must_end().is_none_or(|at| effects.now < at) {
            return;
        }
        let plan = std::sync::Arc::clone(&self.root.plan);
        let within = plan.flow.timeout.map(print_duration).unwrap_or_default();
        let message = format!("the run did not end within {within}, the timeout of its flow");
        let error = RunError::new(ErrorKind::Timeout, message, &StepPath::default());
        self.root.body.halt(&plan.flow.steps, Stop::Error(Box::new(error)), effects);
        self.root.progress();
    }
}
