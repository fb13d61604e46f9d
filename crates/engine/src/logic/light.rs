//! The kinds that end at once: `set`, `log`, `fail`, `end`, `next`, `break`.

use indexmap::IndexMap;
use linchpin_connector::ErrorKind;
use linchpin_language::{
    EvalError, Expression, Map, Schema, Text, Value, as_unknown, print, unknown, worded,
};

use super::uncertain;
use crate::error::RunError;
use crate::event::Decision;
use crate::flow::{Arm, Fail, Located, Log};
use crate::path::Segment;
use crate::run::scan::{Place, Scan};

/// Reads the new values as the types of their variables.
pub(crate) fn set(
    scan: &mut Scan<'_>,
    place: Place<'_>,
    variables: &IndexMap<String, Located<Expression>>,
) {
    let mut values = Map::new();
    for (name, expression) in variables {
        let value = match expression.value.eval(place.env) {
            Ok(value) => value,
            Err(error) => return scan.decide_unreadable(&format!("set.{name}"), &error),
        };
        let schema = place.frame.plan.flow.vars.get(name);
        let read = schema.map_or(Ok(value.clone()), |schema| schema.coerce(value, name));
        match read {
            Ok(value) if scan.may => values.insert(name.clone(), may_set(scan, place, name, value)),
            Ok(value) => values.insert(name.clone(), value),
            Err(mismatch) => {
                return scan.decide_failed(ErrorKind::InvalidInput, mismatch.message);
            }
        };
    }
    scan.decide(Decision::Set(values));
}

/// A variable after a step of which it is not known whether it runs (dry runs only).
fn may_set(scan: &Scan<'_>, place: Place<'_>, name: &str, value: Value) -> Value {
    if place.frame.vars.get(name) == Some(&value) {
        return value;
    }
    let ty = place.frame.plan.flow.vars.get(name).map_or("any".to_owned(), Schema::type_name);
    unknown(&format!("{name} at {}", scan.path), &ty, &format!("vars.{name}"))
}

/// Journals the line.
pub(crate) fn log(scan: &mut Scan<'_>, place: Place<'_>, log: &Log) {
    match words(scan, place, &log.message.value) {
        Ok(message) => scan.decide(Decision::Logged { level: log.level, message }),
        Err(error) => scan.decide_unreadable("log", &error),
    }
}

/// Raises the failure. Where it is not certain (dry runs only) it is noted, and the steps after
/// it are played as well.
pub(crate) fn fail(scan: &mut Scan<'_>, place: Place<'_>, fail: &Fail) {
    match words(scan, place, &fail.message.value) {
        Ok(message) if scan.is_uncertain() => {
            let error = RunError::new(fail.kind, message, &scan.path);
            uncertain::fail(scan, error);
        }
        Ok(message) => scan.decide_failed(fail.kind, message),
        Err(error) => scan.decide_failed(ErrorKind::InvalidInput, error.message),
    }
}

/// Ends the flow. Where that is not certain (dry runs only) the steps after it are played.
pub(crate) fn end(scan: &mut Scan<'_>) {
    if scan.is_uncertain() {
        uncertain::leave(scan, "end".to_owned(), |at| matches!(at, Segment::Arm(Arm::Flow)));
    } else {
        scan.decide(Decision::End);
    }
}

/// Ends the iteration or the loop around, and the same holds.
pub(crate) fn leave(scan: &mut Scan<'_>, decision: Decision, word: &str) {
    if scan.is_uncertain() {
        uncertain::leave(scan, word.to_owned(), |at| matches!(at, Segment::Item(_)));
    } else {
        scan.decide(decision);
    }
}

/// A line for people. In a dry run what is not known yet stands in it as such.
pub(crate) fn words(scan: &Scan<'_>, place: Place<'_>, text: &Text) -> Result<String, EvalError> {
    if !scan.run.accepted().dry_run {
        return text.render_string(place.env);
    }
    let value = text.render(place.env)?;
    Ok(match as_unknown(&value) {
        Some(unknown) => format!("{} (known after run)", unknown.label),
        None => print(&worded(&value)),
    })
}
