//! The kinds that end at once: `set`, `log`, `fail`.

use indexmap::IndexMap;
use linchpin_connector::ErrorKind;
use linchpin_language::{Expression, Map};

use crate::event::Decision;
use crate::flow::{Fail, Located, Log};
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
            Ok(value) => values.insert(name.clone(), value),
            Err(mismatch) => {
                return scan.decide_failed(ErrorKind::InvalidInput, mismatch.message);
            }
        };
    }
    scan.decide(Decision::Set(values));
}

/// Journals the line.
pub(crate) fn log(scan: &mut Scan<'_>, place: Place<'_>, log: &Log) {
    match log.message.value.render_string(place.env) {
        Ok(message) => scan.decide(Decision::Logged { level: log.level, message }),
        Err(error) => scan.decide_unreadable("log", &error),
    }
}

/// Raises the failure.
pub(crate) fn fail(scan: &mut Scan<'_>, place: Place<'_>, fail: &Fail) {
    match fail.message.value.render_string(place.env) {
        Ok(message) => scan.decide_failed(fail.kind, message),
        Err(error) => scan.decide_failed(ErrorKind::InvalidInput, error.message),
    }
}
