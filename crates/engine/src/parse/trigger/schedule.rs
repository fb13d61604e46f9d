//! `schedule:`

use std::time::Duration;

use linchpin_language::{Node, codes};

use super::calendar;
use crate::flow::{Missed, Moment, Rule, Schedule};
use crate::grammar;
use crate::parse::reader::Reader;

/// A schedule; `None` when it has no rule.
pub(super) fn schedule(reader: &mut Reader, node: &Node<'_>) -> Option<Schedule> {
    if !reader.keys(node, &grammar::SCHEDULE) {
        return None;
    }
    let rule = rule(reader, node)?;
    let timezone = reader.optional_word(node, "timezone");
    if timezone.is_none() {
        zone_needed(reader, node, &rule);
    }
    if matches!(rule, Rule::At(_)) {
        for key in ["start", "end", "calendar"] {
            if let Some(other) = node.get(key) {
                let message = format!("`{key}` means nothing beside `at`, which is one moment");
                let mistake = other.error_at_key(codes::CONFLICTING_KEYS, message);
                reader.report(mistake.with_help("take it away, or write `cron` or `every`"));
            }
        }
    }
    let missed = node.get("missed").and_then(|node| reader.choice(&node, Missed::WORDS));
    let bound = |reader: &mut Reader, key| node.get(key).and_then(|node| moment(reader, &node));
    Some(Schedule {
        missed: missed.unwrap_or(Missed::Latest),
        jitter: jitter(reader, node, &rule),
        start: bound(reader, "start"),
        end: bound(reader, "end"),
        calendar: node.get("calendar").map(|node| calendar::reference(reader, &node)),
        rule,
        timezone,
    })
}

fn rule(reader: &mut Reader, node: &Node<'_>) -> Option<Rule> {
    let found: Vec<_> =
        ["cron", "every", "at"].into_iter().filter_map(|key| Some((key, node.get(key)?))).collect();
    match found.as_slice() {
        [("cron", cron)] => Some(Rule::Cron(reader.word(cron))),
        [("every", every)] => Some(Rule::Every(period(reader, every))),
        [(_, at)] => moment(reader, at).map(Rule::At),
        [] => {
            let mistake =
                node.error(codes::MISSING_KEY, "a schedule needs `cron`, `every` or `at`");
            let help = "write cron: \"0 7 * * 1-5\", every: 15m or at: 2026-12-24T18:00";
            reader.report(mistake.with_help(help));
            None
        }
        [_, (_, second), ..] => {
            let message = "a schedule has only one of `cron`, `every` and `at`";
            let help = "write several schedules as a list under `triggers`";
            reader.report(second.error_at_key(codes::CONFLICTING_KEYS, message).with_help(help));
            None
        }
    }
}

/// Whatever is told in times of day needs a zone that says where.
fn zone_needed(reader: &mut Reader, node: &Node<'_>, rule: &Rule) {
    let what = match rule {
        Rule::Cron(_) => "`cron`",
        Rule::At(Moment::Day(_) | Moment::Local(_)) => "`at`",
        Rule::At(Moment::Instant(_)) | Rule::Every(_) => return,
    };
    let mistake = node.error(codes::MISSING_KEY, format!("a schedule by {what} needs `timezone`"));
    let help = "add timezone: UTC, or where people live: Europe/London";
    reader.report(mistake.with_help(help));
}

fn jitter(reader: &mut Reader, node: &Node<'_>, rule: &Rule) -> Option<Duration> {
    let node = node.get("jitter")?;
    let jitter = reader.duration(&node);
    if let Rule::Every(period) = rule
        && jitter >= *period
        && !period.is_zero()
    {
        let message = "a jitter as long as the period would put its times out of order";
        let help = "write a jitter shorter than `every`";
        reader.report(node.error(codes::BAD_DURATION, message).with_help(help));
    }
    Some(jitter)
}

/// A day, a time of day, or an instant.
fn moment(reader: &mut Reader, node: &Node<'_>) -> Option<Moment> {
    let Some(text) = node.as_str() else {
        reader.wrong_type(node, "a moment such as 2026-12-24T18:00");
        return None;
    };
    let found = Moment::parse(text);
    if found.is_none() {
        let mistake = node.error(codes::BAD_VALUE, format!("`{text}` is no moment"));
        let help = "write a day 2026-12-24, a time in the schedule's zone 2026-12-24T18:00, \
                    or an instant 2026-12-24T18:00:00Z";
        reader.report(mistake.with_help(help));
    }
    found
}

/// The length of `every:`. Shorter than a second is nothing a host keeps up with.
pub(super) fn period(reader: &mut Reader, node: &Node<'_>) -> Duration {
    let before = reader.mistakes.len();
    let period = reader.duration(node);
    if period < Duration::from_secs(1) && reader.mistakes.len() == before {
        let message = "a schedule cannot fire more often than each second";
        reader.report(node.error(codes::BAD_DURATION, message));
    }
    period
}
