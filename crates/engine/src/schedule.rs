//! When a schedule falls due. Pure: instants in, instants out; croner is named here only.
//!
//! Cron fields are read as wall-clock time of the schedule's zone. Where the clock goes forward, a
//! fixed time inside the gap runs at the first valid minute; where it goes back, a fixed time runs
//! once, the first time round. A pattern with `*` or `/` among its time fields goes by elapsed time.

use std::collections::BTreeSet;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::flow::{Rule, Schedule};

/// The most fixed times of day that are computed one by one.
const MOST_FIXED_TIMES: usize = 288;

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
}

/// The next `count` instants strictly after `after`, ascending; fewer when the schedule ends, none
/// when it cannot be read (`check` says why).
pub fn next_instants(schedule: &Schedule, after: Timestamp, count: usize) -> Vec<Timestamp> {
    match &schedule.rule {
        Rule::Every(period) => next_of_period(*period, after, count),
        Rule::Cron(pattern) => {
            let zone = zone(schedule.timezone.as_deref().unwrap_or("UTC"));
            match (parse_cron(pattern), zone) {
                (Ok(crons), Ok(zone)) => next_of_crons(&crons, &after.to_zoned(zone), count),
                _ => Vec::new(),
            }
        }
    }
}

/// Says why [`next_instants`] can compute nothing, if so.
pub fn validate(schedule: &Schedule) -> Result<(), Error> {
    if let Some(name) = &schedule.timezone {
        zone(name)?;
    }
    match &schedule.rule {
        Rule::Every(period) if period.is_zero() => Err(Error::Period),
        Rule::Every(_) => Ok(()),
        Rule::Cron(pattern) => parse_cron(pattern).map(|_| ()),
    }
}

/// The time zone of a name in the database.
fn zone(name: &str) -> Result<TimeZone, Error> {
    TimeZone::get(name).map_err(|_| Error::Zone(name.to_owned()))
}

/// Multiples of the period since the Unix epoch, so that neither a restart nor an edit elsewhere
/// in the flow moves them.
fn next_of_period(period: Duration, after: Timestamp, count: usize) -> Vec<Timestamp> {
    let period = i128::try_from(period.as_nanos()).unwrap_or(i128::MAX);
    if period == 0 {
        return Vec::new();
    }
    let first = after.as_nanosecond().div_euclid(period).saturating_add(1);
    (0..i128::try_from(count).unwrap_or(i128::MAX))
        .map_while(|step| first.checked_add(step)?.checked_mul(period))
        .map_while(|instant| Timestamp::from_nanosecond(instant).ok())
        .collect()
}

/// The patterns to merge: one for each fixed time of day, or the whole when it is interval-like.
/// A single pattern such as `0 7,19 * * *` would be taken for an interval otherwise, and so run
/// twice in an overlap and not at all in a gap.
fn parse_cron(pattern: &str) -> Result<Vec<Cron>, Error> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    let read = |text: &str| {
        parser.parse(text).map_err(|error| Error::Cron {
            pattern: pattern.to_owned(),
            detail: error.to_string().trim_end_matches('.').to_lowercase(),
        })
    };
    let whole = read(pattern)?;
    match fixed_times(pattern) {
        Some(patterns) => patterns.iter().map(|text| read(text)).collect(),
        None => Ok(vec![whole]),
    }
}

/// A pattern with lists or ranges as one pattern for each time of day; `None` when it goes by
/// elapsed time or has too many of them.
fn fixed_times(pattern: &str) -> Option<Vec<String>> {
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    let (times, days) = fields.split_at_checked(fields.len().checked_sub(3)?)?;
    if !(2..=3).contains(&times.len()) {
        return None;
    }
    let mut patterns = vec![String::new()];
    for field in times {
        let values = listed(field)?;
        patterns = patterns
            .iter()
            .flat_map(|before| values.iter().map(move |value| format!("{before}{value} ")))
            .take(MOST_FIXED_TIMES + 1)
            .collect();
    }
    if patterns.len() > MOST_FIXED_TIMES {
        return None;
    }
    let days = days.join(" ");
    Some(patterns.into_iter().map(|time| time + &days).collect())
}

/// The values of a field that is a list of numbers and ranges; `None` for any other.
fn listed(field: &str) -> Option<BTreeSet<u8>> {
    let mut values = BTreeSet::new();
    for part in field.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                values.extend(first.parse::<u8>().ok()?..=last.parse::<u8>().ok()?);
            }
            None => {
                values.insert(part.parse().ok()?);
            }
        }
    }
    (!values.is_empty()).then_some(values)
}

/// Merges the next instants of several patterns; equal ones count once.
fn next_of_crons(crons: &[Cron], after: &Zoned, count: usize) -> Vec<Timestamp> {
    let mut due: Vec<Option<Zoned>> = crons.iter().map(|cron| next_of(cron, after)).collect();
    let mut instants = Vec::new();
    while instants.len() < count {
        let Some(earliest) = due.iter().flatten().map(Zoned::timestamp).min() else {
            break;
        };
        instants.push(earliest);
        for (cron, slot) in crons.iter().zip(&mut due) {
            if let Some(at) = slot.as_ref().filter(|at| at.timestamp() == earliest) {
                *slot = next_of(cron, at);
            }
        }
    }
    instants
}

/// The next instant of one pattern that is truly later. The search may answer with an instant of
/// its own second again after a gap, so it is moved on until it is past.
fn next_of(cron: &Cron, after: &Zoned) -> Option<Zoned> {
    let mut from = after.clone();
    for _ in 0..4 {
        let found = cron.find_next_occurrence(&from, false).ok()?;
        if found.timestamp() > after.timestamp() {
            return Some(found);
        }
        from = from.checked_add(SignedDuration::from_secs(1)).ok()?;
    }
    None
}
