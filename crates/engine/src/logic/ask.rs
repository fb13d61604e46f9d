//! `ask:`, a question to a person.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use linchpin_language::Value;

use crate::event::Decision;
use crate::flow::{Ask, AskField};
use crate::run::scan::{Place, Scan};

/// Journals who is asked, and the inputs of the reads that list the choices.
pub(crate) fn start(scan: &mut Scan<'_>, place: Place<'_>, ask: &Ask) {
    let of = match ask.of.value.render_string(place.env) {
        Ok(of) => of,
        Err(error) => return scan.decide_unreadable("ask.of", &error),
    };
    let message = ask.message.as_ref().map(|text| text.value.render_string(place.env)).transpose();
    let message = match message {
        Ok(message) => message,
        Err(error) => return scan.decide_unreadable("ask.message", &error),
    };
    let Some(choices) = choices(scan, place, ("ask.form", &ask.form)) else { return };
    scan.decide(Decision::Asked { of, message, choices, approval: None });
}

/// The inputs of the reads that list the choices of a form; `None` after a decision to fail.
pub(super) fn choices(
    scan: &mut Scan<'_>,
    place: Place<'_>,
    (key, form): (&str, &IndexMap<String, AskField>),
) -> Option<BTreeMap<String, Value>> {
    let mut choices = BTreeMap::new();
    for (name, field) in form {
        let Some(from) = &field.choices else { continue };
        match from.call.with.value.render(place.env) {
            Ok(input) => choices.insert(name.clone(), input),
            Err(error) => {
                scan.decide_unreadable(key, &error);
                return None;
            }
        };
    }
    Some(choices)
}
