//! Triggers: can the schedule be read, and does it ever fire.

use jiff::Timestamp;
use linchpin_language::{Diagnostic, Span, codes};

use super::Checker;
use crate::flow::{Rule, Schedule, Trigger};
use crate::schedule::{Error, next_instants, validate};

/// All triggers of the flow.
pub(super) fn triggers(checker: &mut Checker<'_>) {
    let flow = checker.flow;
    for trigger in &flow.triggers {
        match &trigger.value {
            Trigger::Schedule(schedule) => self::schedule(checker, schedule, trigger.span),
            Trigger::Form { .. } => {}
        }
    }
}

fn schedule(checker: &mut Checker<'_>, schedule: &Schedule, span: Span) {
    let place = |key: &str| {
        let inside = checker.node(span).and_then(|node| node.get(key));
        inside.map_or(span, |node| node.span())
    };
    let found = match validate(schedule) {
        Err(error @ Error::Zone(_)) => {
            let mistake =
                checker.error(codes::UNKNOWN_TIME_ZONE, error.to_string(), place("timezone"));
            suggest_zone(mistake, schedule.timezone.as_deref().unwrap_or_default())
        }
        Err(error @ Error::Cron { .. }) => checker
            .error(codes::BAD_CRON, error.to_string(), place("cron"))
            .with_help("minute hour day month weekday, such as \"0 7 * * 1-5\""),
        Err(error @ Error::Period) => {
            checker.error(codes::BAD_DURATION, error.to_string(), place("every"))
        }
        // The instant does not matter: a pattern that fires at all does so within its cycle of
        // leap years and weekdays.
        Ok(()) if next_instants(schedule, Timestamp::UNIX_EPOCH, 1).is_empty() => {
            let key = if matches!(schedule.rule, Rule::Cron(_)) { "cron" } else { "every" };
            checker.error(codes::NEVER_FIRES, "this schedule never fires", place(key))
        }
        Ok(()) => return,
    };
    checker.report(found);
}

fn suggest_zone(mistake: Diagnostic, name: &str) -> Diagnostic {
    let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    match linchpin_language::did_you_mean(name, zones.iter().map(String::as_str)) {
        Some(near) => mistake.with_help(format!("did you mean `{near}`?")),
        None => mistake.with_help("write a name such as Europe/London, America/New_York or UTC"),
    }
}
