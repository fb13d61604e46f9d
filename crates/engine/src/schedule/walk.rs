//! Goes from one due instant to the next, within the bounds and over the business days.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp, Zoned};

use super::moment::{Edge, resolve};
use super::pattern::Fixed;
use super::{Due, Timetable};
use crate::flow::{Calendar, Moment};

/// How many times in a row it goes on to another business day before it is given up.
const MOST_JUMPS: usize = 60;
/// How many days in a row may be no business days.
const MOST_DAYS_OFF: usize = 3660;

/// A due instant.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) at: Timestamp,
    /// The time of day as written: that of the pattern, or of `at`.
    pub(super) wanted: Option<jiff::civil::Time>,
}

/// The due instants of a timetable's rule within its bounds, ascending.
pub(super) struct Walk<'t> {
    table: &'t Timetable,
    after: Timestamp,
    /// The next instant of each pattern.
    slots: Vec<Option<Zoned>>,
}

impl Timetable {
    /// The due instants strictly after `after`.
    pub(super) fn due(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let mut walk = Walk::new(self, after);
        let mut jumps = 0;
        std::iter::from_fn(move || {
            loop {
                let at = walk.next()?.at;
                let Some(calendar) = &self.calendar else { return Some(at) };
                let day = at.to_zoned(self.zone.clone()).date();
                if calendar.excludes(day).is_none() {
                    jumps = 0;
                    return Some(at);
                }
                jumps += 1;
                if jumps > MOST_JUMPS {
                    return None;
                }
                walk.go_to(business_day_after(calendar, day)?)?;
            }
        })
    }
}

/// The first business day after a day.
fn business_day_after(calendar: &Calendar, day: Date) -> Option<Date> {
    let days = std::iter::successors(day.tomorrow().ok(), |day| day.tomorrow().ok());
    days.take(MOST_DAYS_OFF).find(|day| calendar.excludes(*day).is_none())
}

impl<'t> Walk<'t> {
    pub(super) fn new(table: &'t Timetable, after: Timestamp) -> Self {
        let before_start = table.start.and_then(just_before);
        let after = before_start.map_or(after, |start| start.max(after));
        let mut walk = Self { table, after, slots: Vec::new() };
        walk.fill();
        walk
    }

    fn fill(&mut self) {
        if let Due::Cron(patterns) = &self.table.rule {
            let after = self.after.to_zoned(self.table.zone.clone());
            self.slots = patterns.iter().map(|pattern| pattern.next(&after)).collect();
        }
    }

    /// The offset of the zone where it stands.
    pub(super) fn offset(&self) -> jiff::tz::Offset {
        self.table.zone.to_offset(self.after)
    }

    /// Goes on from the first moment of a day.
    pub(super) fn go_to(&mut self, day: Date) -> Option<()> {
        let (first, _) = resolve(Moment::Day(day), &self.table.zone, Edge::First)?;
        self.after = self.after.max(just_before(first)?);
        self.fill();
        Some(())
    }

    pub(super) fn next(&mut self) -> Option<Found> {
        let found = match &self.table.rule {
            Due::Every { period, origin } => self.of_period(*period, *origin),
            Due::Cron(patterns) => self.of_patterns(patterns),
            Due::At(at, wanted) => {
                (*at > self.after).then_some(Found { at: *at, wanted: wanted.map(DateTime::time) })
            }
        }?;
        self.after = found.at;
        self.table.end.is_none_or(|end| found.at <= end).then_some(found)
    }

    fn of_period(&self, period: i128, origin: i128) -> Option<Found> {
        let since = self.after.as_nanosecond().checked_sub(origin)?;
        let step = since.div_euclid(period).checked_add(1)?;
        let at = step.checked_mul(period)?.checked_add(origin)?;
        Some(Found { at: Timestamp::from_nanosecond(at).ok()?, wanted: None })
    }

    /// The earliest of all patterns; equal instants count once.
    fn of_patterns(&mut self, patterns: &[Fixed]) -> Option<Found> {
        let at = self.slots.iter().flatten().map(Zoned::timestamp).min()?;
        let mut wanted = None;
        for (pattern, slot) in patterns.iter().zip(&mut self.slots) {
            if let Some(found) = slot.as_ref().filter(|found| found.timestamp() == at) {
                wanted = wanted.or(pattern.time);
                *slot = pattern.next(found);
            }
        }
        Some(Found { at, wanted })
    }
}

fn just_before(at: Timestamp) -> Option<Timestamp> {
    at.checked_sub(SignedDuration::from_nanos(1)).ok()
}
