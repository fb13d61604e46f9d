//! Moments as written to instants: what a day or a time of day means in a zone.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::flow::Moment;

/// Which end of a day is meant when only the day is written.
#[derive(Clone, Copy)]
pub(super) enum Edge {
    /// Its first moment.
    First,
    /// Its last.
    Last,
}

/// The instant of a moment; with the time as written when the clock never shows it. Such a time
/// is taken as the first valid one after the gap, and one that is shown twice as the first.
pub(super) fn resolve(
    moment: Moment,
    zone: &TimeZone,
    edge: Edge,
) -> Option<(Timestamp, Option<DateTime>)> {
    match (moment, edge) {
        (Moment::Instant(instant), _) => Some((instant, None)),
        (Moment::Local(time), _) => at(time, zone),
        (Moment::Day(day), Edge::First) => at(day.to_datetime(jiff::civil::Time::midnight()), zone),
        (Moment::Day(day), Edge::Last) => {
            let next = day.tomorrow().ok()?.to_datetime(jiff::civil::Time::midnight());
            let (next, _) = at(next, zone)?;
            Some((next.checked_sub(SignedDuration::from_nanos(1)).ok()?, None))
        }
    }
}

/// The instant at which the clock of a zone shows a time.
pub(super) fn at(time: DateTime, zone: &TimeZone) -> Option<(Timestamp, Option<DateTime>)> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            Some((ambiguous.earlier().ok()?, None))
        }
        AmbiguousOffset::Gap { .. } => {
            // Taken with the offset after the gap it is before the change, and the next change
            // after that is the gap itself.
            let before = ambiguous.earlier().ok()?;
            let change = zone.following(before).next()?;
            Some((change.timestamp(), Some(time)))
        }
    }
}
