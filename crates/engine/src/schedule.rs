//! When a schedule falls due. Pure: instants in, instants out; croner is named here only.
//!
//! Cron fields are read as wall-clock time of the schedule's zone. Where the clock goes forward, a
//! fixed time inside the gap runs at the first valid minute; where it goes back, a fixed time runs
//! once, the first time round. A pattern with `*` or `/` among its time fields goes by elapsed time.

mod moment;
mod pattern;
mod preview;
mod walk;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::flow::{Calendar, CalendarRef, Moment, Rule, Schedule};

pub use preview::{Line, Mark};

use moment::{Edge, resolve};
use pattern::{Fixed, parse_cron};

/// The `calendars:` of a project by name.
pub type Calendars = BTreeMap<String, Calendar>;

/// Why a schedule cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The pattern is no cron pattern of 5 or 6 fields.
    #[error("cannot read {pattern:?} as a cron pattern: {detail}")]
    Cron {
        /// What was written.
        pattern: String,
        /// What the reader of patterns says.
        detail: String,
    },
    /// The zone is not in the time zone database.
    #[error("there is no time zone {0:?}")]
    Zone(String),
    /// `every:` of no length.
    #[error("a period must be longer than nothing")]
    Period,
    /// A time of day without a zone that says where.
    #[error("`{0}` needs a `timezone`: nothing else says where this time is meant")]
    NoZone(&'static str),
    /// No such calendar in the project.
    #[error("there is no calendar {0:?} in linchpin.yaml")]
    Calendar(String),
    /// The end is before the start.
    #[error("the schedule ends before it starts")]
    Reversed,
    /// A moment that no clock can show.
    #[error("`{0}` is out of the range of times")]
    Range(&'static str),
}

/// A schedule that can be computed.
#[derive(Clone, Debug)]
pub struct Timetable {
    rule: Due,
    zone: TimeZone,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    calendar: Option<Calendar>,
    jitter: Duration,
}

/// The rule of a timetable.
#[derive(Clone, Debug)]
enum Due {
    /// Whole periods since an instant, in nanoseconds.
    Every { period: i128, origin: i128 },
    /// The patterns to merge.
    Cron(Vec<Fixed>),
    /// Once; with the time as written when that time does not exist.
    At(Timestamp, Option<jiff::civil::DateTime>),
}

impl Timetable {
    /// The timetable of a schedule, or everything that is wrong with it.
    pub fn new(schedule: &Schedule, calendars: &Calendars) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let named = schedule.timezone.as_deref();
        let zone = TimeZone::get(named.unwrap_or("UTC")).unwrap_or_else(|_| {
            errors.push(Error::Zone(named.unwrap_or_default().to_owned()));
            TimeZone::UTC
        });
        let mut bound = |key, moment: Option<Moment>, edge| {
            let moment = moment?;
            if named.is_none() && !matches!(moment, Moment::Instant(_)) {
                errors.push(Error::NoZone(key));
            }
            let found = resolve(moment, &zone, edge);
            if found.is_none() {
                errors.push(Error::Range(key));
            }
            Some(found?.0)
        };
        let start = bound("start", schedule.start, Edge::First);
        let end = bound("end", schedule.end, Edge::Last);
        if let Rule::At(moment) = schedule.rule {
            bound("at", Some(moment), Edge::First);
        }
        if matches!((start, end), (Some(start), Some(end)) if end < start) {
            errors.push(Error::Reversed);
        }
        let calendar = calendar(schedule, calendars).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let rule = Due::new(&schedule.rule, &zone, start).unwrap_or_else(|error| {
            errors.push(error);
            Due::Cron(Vec::new())
        });
        let jitter = schedule.jitter.unwrap_or(Duration::ZERO);
        if errors.is_empty() {
            Ok(Self { rule, zone, start, end, calendar, jitter })
        } else {
            errors.dedup();
            Err(errors)
        }
    }

    /// The next `count` instants strictly after `after`, ascending; fewer when the schedule ends.
    pub fn next(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        self.due(after).take(count).collect()
    }

    /// The first instant at which it falls due at all. A pattern that fires does so within its
    /// cycle of leap years and weekdays, so that the instant asked from does not matter.
    pub fn first(&self) -> Option<Timestamp> {
        self.due(Timestamp::UNIX_EPOCH).next()
    }

    /// The instant after which nothing falls due, if there is one.
    pub fn last(&self) -> Option<Timestamp> {
        match &self.rule {
            Due::At(at, _) => Some(self.end.map_or(*at, |end| end.min(*at))),
            Due::Every { .. } | Due::Cron(_) => self.end,
        }
    }

    /// The instant of a moment as its zone tells it.
    pub fn instant(&self, moment: Moment) -> Option<Timestamp> {
        resolve(moment, &self.zone, Edge::First).map(|(instant, _)| instant)
    }

    /// The zone in which its days and times are meant.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether it goes by elapsed time, and so twice through an hour that comes twice.
    fn goes_by_elapsed_time(&self) -> bool {
        match &self.rule {
            Due::Every { .. } => true,
            Due::Cron(patterns) => patterns.iter().all(|pattern| pattern.time.is_none()),
            Due::At(..) => false,
        }
    }

    /// How much later than `due` a run starts: up to `jitter`, the same whenever it is asked, and
    /// different from one flow to the next.
    pub fn delay(&self, flow: &str, due: Timestamp) -> SignedDuration {
        let most = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        let digest = Sha256::digest(format!("{flow}@{due}"));
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        let delay = u64::from_be_bytes(bytes).checked_rem(most.saturating_add(1)).unwrap_or(0);
        SignedDuration::from_millis(i64::try_from(delay).unwrap_or(0))
    }
}

impl Due {
    fn new(rule: &Rule, zone: &TimeZone, start: Option<Timestamp>) -> Result<Self, Error> {
        Ok(match rule {
            Rule::Every(period) if period.is_zero() => return Err(Error::Period),
            Rule::Every(period) => Self::Every {
                period: i128::try_from(period.as_nanos()).unwrap_or(i128::MAX),
                origin: start.map_or(0, Timestamp::as_nanosecond),
            },
            Rule::Cron(pattern) => Self::Cron(parse_cron(pattern)?),
            Rule::At(moment) => {
                let found = resolve(*moment, zone, Edge::First).ok_or(Error::Range("at"))?;
                Self::At(found.0, found.1)
            }
        })
    }
}

fn calendar(schedule: &Schedule, calendars: &Calendars) -> Result<Option<Calendar>, Error> {
    let calendar = match &schedule.calendar {
        None => return Ok(None),
        Some(CalendarRef::Own(calendar)) => calendar,
        Some(CalendarRef::Named(name)) => {
            calendars.get(name).ok_or_else(|| Error::Calendar(name.clone()))?
        }
    };
    match schedule.timezone {
        Some(_) => Ok(Some(calendar.clone())),
        None => Err(Error::NoZone("calendar")),
    }
}
