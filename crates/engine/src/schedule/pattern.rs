//! Cron patterns, as croner reads them, taken apart into one for each fixed time of day.

use std::collections::BTreeSet;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::Time;
use jiff::{SignedDuration, Zoned};

use super::Error;

/// The most fixed times of day that are computed one by one.
const MOST_FIXED_TIMES: usize = 288;

/// A pattern and the time of day that it stands for; none when it goes by elapsed time.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    cron: Cron,
    pub(super) time: Option<Time>,
}

impl Fixed {
    /// The next instant of the pattern that is truly later. The search may answer with an instant
    /// of its own second again after a gap, so it is moved on until it is past.
    pub(super) fn next(&self, after: &Zoned) -> Option<Zoned> {
        let mut from = after.clone();
        for _ in 0..4 {
            let found = self.cron.find_next_occurrence(&from, false).ok()?;
            if found.timestamp() > after.timestamp() {
                return Some(found);
            }
            from = from.checked_add(SignedDuration::from_secs(1)).ok()?;
        }
        None
    }
}

/// The patterns to merge: one for each fixed time of day, or the whole when it is interval-like.
/// A single pattern such as `0 7,19 * * *` would be taken for an interval otherwise, and so run
/// twice in an overlap and not at all in a gap.
pub(super) fn parse_cron(pattern: &str) -> Result<Vec<Fixed>, Error> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    let read = |text: &str| {
        parser.parse(text).map_err(|error| Error::Cron {
            pattern: pattern.to_owned(),
            detail: error.to_string().trim_end_matches('.').to_lowercase(),
        })
    };
    let whole = read(pattern)?;
    match fixed_times(pattern) {
        Some(patterns) => patterns
            .into_iter()
            .map(|(text, time)| Ok(Fixed { cron: read(&text)?, time }))
            .collect(),
        None => Ok(vec![Fixed { cron: whole, time: None }]),
    }
}

/// A pattern with lists or ranges as one pattern for each time of day; `None` when it goes by
/// elapsed time or has too many of them.
fn fixed_times(pattern: &str) -> Option<Vec<(String, Option<Time>)>> {
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    let (times, days) = fields.split_at_checked(fields.len().checked_sub(3)?)?;
    if !(2..=3).contains(&times.len()) {
        return None;
    }
    let mut all: Vec<Vec<u8>> = vec![Vec::new()];
    for field in times {
        let values = listed(field)?;
        all = all
            .iter()
            .flat_map(|before| {
                values.iter().map(move |value| before.iter().copied().chain([*value]).collect())
            })
            .take(MOST_FIXED_TIMES + 1)
            .collect();
    }
    if all.len() > MOST_FIXED_TIMES {
        return None;
    }
    let days = days.join(" ");
    Some(all.into_iter().map(|values| (one(&values, &days), time_of(&values))).collect())
}

fn one(values: &[u8], days: &str) -> String {
    values.iter().map(|value| format!("{value} ")).collect::<String>() + days
}

/// The time of `minute hour` or `second minute hour`.
fn time_of(values: &[u8]) -> Option<Time> {
    let part =
        |at: usize| values.iter().rev().nth(at).map_or(Some(0), |value| (*value).try_into().ok());
    Time::new(part(0)?, part(1)?, part(2)?, 0).ok()
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
