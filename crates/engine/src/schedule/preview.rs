//! What a schedule will do, for people: each due time, what the change of the clock does to it,
//! and the days that a calendar leaves out.

use jiff::civil::Time;
use jiff::tz::AmbiguousOffset;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::Timetable;
use super::walk::Walk;

/// The most days left out that are shown.
const MOST_LEFT_OUT: usize = 1000;
/// The most instants that are looked at.
const MOST_LOOKS: usize = 500_000;

/// One line of a preview.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// It falls due.
    Due {
        /// When, in the zone of the schedule.
        at: Zoned,
        /// What is special about the time.
        mark: Option<Mark>,
        /// By how much the clock was set since the line before.
        change: Option<SignedDuration>,
    },
    /// A day on which the calendar lets nothing fall due.
    LeftOut {
        /// The first time of the day at which it would have.
        at: Zoned,
        /// How many there are on that day.
        count: u64,
        /// Why the day is left out.
        why: String,
    },
}

/// What is special about a due time on a day when the clock is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The time that is written does not exist on that day.
    Missing(Time),
    /// The time comes twice on that day: a fixed time runs the first time round only.
    Once,
    /// The time comes twice, and by elapsed time this is the first.
    FirstRound,
    /// The time comes twice, and by elapsed time this is the second.
    SecondRound,
}

impl Mark {
    /// The mark in words.
    pub fn words(self, at: &Zoned) -> String {
        let time = clock(at.time());
        match self {
            Self::Missing(wanted) => format!(
                "{} does not exist on this day; it runs at the first valid minute",
                clock(wanted)
            ),
            Self::Once => format!("{time} comes twice on this day; it runs the first time only"),
            Self::FirstRound => format!("{time} comes twice on this day: the first"),
            Self::SecondRound => format!("{time} comes twice on this day: the second"),
        }
    }

    /// The mark as a word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Once => "once",
            Self::FirstRound => "first_round",
            Self::SecondRound => "second_round",
        }
    }
}

/// A time of day without its seconds where there are none.
pub(super) fn clock(time: Time) -> String {
    if time.second() == 0 {
        time.strftime("%H:%M").to_string()
    } else {
        time.strftime("%T").to_string()
    }
}

impl Timetable {
    /// The next `count` due times strictly after `after`, with the days left out between them.
    pub fn preview(&self, after: Timestamp, count: usize) -> Vec<Line> {
        let mut walk = Walk::new(self, after);
        let mut lines = Vec::new();
        let mut offset = walk.offset();
        let mut n_due = 0;
        for _ in 0..MOST_LOOKS {
            if n_due == count || lines.len() - n_due > MOST_LEFT_OUT {
                break;
            }
            let Some(found) = walk.next() else { break };
            let at = found.at.to_zoned(self.zone.clone());
            let why = self.calendar.as_ref().and_then(|calendar| calendar.excludes(at.date()));
            if let Some(why) = why {
                match lines.last_mut() {
                    Some(Line::LeftOut { at: first, count, .. }) if first.date() == at.date() => {
                        *count += 1;
                    }
                    _ => lines.push(Line::LeftOut { at, count: 1, why }),
                }
                continue;
            }
            let now = at.offset();
            let change = SignedDuration::from_secs((now.seconds() - offset.seconds()).into());
            offset = now;
            let mark = mark(&at, found.wanted, self.goes_by_elapsed_time());
            lines.push(Line::Due { at, mark, change: (!change.is_zero()).then_some(change) });
            n_due += 1;
        }
        lines
    }
}

fn mark(at: &Zoned, wanted: Option<Time>, by_elapsed_time: bool) -> Option<Mark> {
    if let Some(wanted) = wanted.filter(|wanted| *wanted != at.time()) {
        return Some(Mark::Missing(wanted));
    }
    match at.time_zone().to_ambiguous_timestamp(at.datetime()).offset() {
        AmbiguousOffset::Fold { .. } if !by_elapsed_time => Some(Mark::Once),
        AmbiguousOffset::Fold { before, .. } if before == at.offset() => Some(Mark::FirstRound),
        AmbiguousOffset::Fold { .. } => Some(Mark::SecondRound),
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => None,
    }
}
