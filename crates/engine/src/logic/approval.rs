//! `approval:`, a question to a person that is answered with yes or no.

use crate::event::{Decision, Terms};
use crate::flow::Approval;
use crate::run::scan::{Place, Scan};

/// Journals who may answer, the question, and the inputs of the reads that list the choices.
pub(crate) fn start(scan: &mut Scan<'_>, place: Place<'_>, approval: &Approval) {
    let mut from = Vec::new();
    for text in &approval.from {
        match text.value.render_string(place.env) {
            Ok(one) => from.push(one),
            Err(error) => return scan.decide_unreadable("approval.from", &error),
        }
    }
    let message = match super::light::words(scan, place, &approval.message.value) {
        Ok(message) => Some(message),
        Err(error) => return scan.decide_unreadable("approval.message", &error),
    };
    let Some(choices) = super::ask::choices(scan, place, ("approval.form", &approval.form)) else {
        return;
    };
    let terms = Terms { on_reject: approval.on_reject, on_timeout: approval.on_timeout };
    let (of, approval) = (from.join(", "), Some(terms));
    scan.decide(Decision::Asked { of, message, choices, approval });
}
