//! Schedules: can they be read, do they ever fire, and have they not fired for the last time.

use linchpin_language::{Diagnostic, Severity, Span, codes};

use super::{Checker, suggest};
use crate::flow::{CalendarRef, Rule, Schedule};
use crate::schedule::{Error, Timetable};

/// A schedule at its place.
pub(super) fn schedule(checker: &mut Checker<'_>, schedule: &Schedule, span: Span) {
    let table = match Timetable::new(schedule, &checker.catalog.calendars) {
        Ok(table) => table,
        Err(errors) => {
            for error in errors {
                if let Some(found) = mistake(checker, schedule, &error, span) {
                    checker.report(found);
                }
            }
            return;
        }
    };
    let key = key(&schedule.rule);
    let found = match (table.first(), table.last(), checker.catalog.now) {
        (None, ..) => {
            let why = match &schedule.calendar {
                Some(_) => ": none of its times is on a business day of the calendar",
                None => "",
            };
            let message = format!("this schedule never fires{why}");
            checker
                .error(codes::NEVER_FIRES, message, place(checker, span, key))
                .with_help("`linchpin schedule preview FLOW` shows what a schedule does")
        }
        (Some(_), Some(last), Some(now)) if last < now => {
            let (key, message) = match schedule.rule {
                Rule::At(_) => ("at", "this moment has passed: it does not fire any more"),
                Rule::Cron(_) | Rule::Every(_) => {
                    ("end", "this schedule has ended: it does not fire any more")
                }
            };
            let place = place(checker, span, key);
            let hint = checker.at(Severity::Hint, codes::PAST_INSTANT, message, place);
            hint.with_help("write a later one, or take the trigger away")
        }
        _ => return,
    };
    checker.report(found);
}

fn key(rule: &Rule) -> &'static str {
    match rule {
        Rule::Cron(_) => "cron",
        Rule::Every(_) => "every",
        Rule::At(_) => "at",
    }
}

fn place(checker: &Checker<'_>, span: Span, key: &str) -> Span {
    let inside = checker.node(span).and_then(|node| node.get(key));
    inside.map_or(span, |node| node.span())
}

/// The diagnostic of an error; none for what was reported when the flow was parsed.
fn mistake(
    checker: &Checker<'_>,
    schedule: &Schedule,
    error: &Error,
    span: Span,
) -> Option<Diagnostic> {
    let at = |code, key| checker.error(code, error.to_string(), place(checker, span, key));
    Some(match error {
        Error::Zone(name) => suggest_zone(at(codes::UNKNOWN_TIME_ZONE, "timezone"), name),
        Error::Cron { .. } => at(codes::BAD_CRON, "cron")
            .with_help("minute hour day month weekday, such as \"0 7 * * 1-5\""),
        Error::Period | Error::NoZone("at") => return None,
        Error::NoZone(key) => at(codes::MISSING_KEY, key)
            .with_help("add timezone: UTC, or where people live: Europe/London"),
        Error::Calendar(name) => {
            let known = checker.catalog.calendars.keys().map(String::as_str);
            let found = at(codes::UNKNOWN_CALENDAR, "calendar");
            let found = suggest(found, name, known);
            match (&found.help, &schedule.calendar) {
                (None, Some(CalendarRef::Named(name))) => found.with_help(format!(
                    "add it to linchpin.yaml: calendars: {{ {name}: {{ days: [mon..fri] }} }}"
                )),
                _ => found,
            }
        }
        Error::Reversed => {
            at(codes::NEVER_FIRES, "end").with_help("write an `end` after the `start`")
        }
        Error::Range(key) => at(codes::BAD_VALUE, key).with_help("write a year up to 9999"),
    })
}

fn suggest_zone(mistake: Diagnostic, name: &str) -> Diagnostic {
    let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    match linchpin_language::did_you_mean(name, zones.iter().map(String::as_str)) {
        Some(near) => mistake.with_help(format!("did you mean `{near}`?")),
        None => mistake.with_help("write a name such as Europe/London, America/New_York or UTC"),
    }
}
