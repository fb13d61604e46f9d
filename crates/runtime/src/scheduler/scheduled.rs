//! One schedule of one flow, and how far it is dealt with.

use jiff::Timestamp;
use linchpin_engine::flow::Schedule;
use linchpin_engine::schedule::Timetable;

/// A schedule under way.
pub(super) struct Scheduled {
    pub(super) flow: String,
    /// Tells apart several schedules of one flow.
    pub(super) name: String,
    pub(super) schedule: Schedule,
    pub(super) table: Timetable,
    /// The newest instant that is dealt with.
    pub(super) last: Timestamp,
    /// The one to come.
    pub(super) next: Option<Timestamp>,
}

impl Scheduled {
    /// When a run that falls due at an instant starts: later by its jitter.
    pub(super) fn starts(&self, due: Timestamp) -> Timestamp {
        let delay = self.table.delay(&self.flow, due);
        due.checked_add(delay).unwrap_or(Timestamp::MAX)
    }

    /// When the next run starts.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        self.next.map(|due| self.starts(due))
    }
}
