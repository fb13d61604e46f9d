//! `call: ALIAS.ACTION`: the input is rendered once, for all attempts.

use std::sync::Arc;
use std::time::Duration;

use linchpin_language::Value;

use crate::command::{Command, RunAction};
use crate::flow::{Call, Step};
use crate::run::frame::Frame;
use crate::run::scan::{Place, Scan, is_idle};
use crate::run::state::{Calling, Slot, StepState};

/// Renders the input and asks for the first attempt.
pub(crate) fn start(scan: &mut Scan<'_>, place: Place<'_>, step: &Step, call: &Call) {
    let input = match call.with.value.render(place.env) {
        Ok(input) => Arc::new(input),
        Err(error) => return scan.decide_unreadable("with", &error),
    };
    if let Some(alias) = alias(scan, place, call) {
        let fresh = Calling { may: scan.may, ..Calling::default() };
        run(scan, place, step, call, (alias, input, 1), &fresh);
    }
}

/// Asks again for what is due: after a replay, a retry, a ruling.
pub(crate) fn go_on(
    scan: &mut Scan<'_>,
    place: Place<'_>,
    step: &Step,
    slot: &Slot,
    call: &Call,
    calling: &Calling,
) {
    if slot.state == StepState::Held || !is_idle(calling) {
        return;
    }
    if let Some(at) = calling.retry_at {
        if calling.armed.is_none() {
            scan.timer(at);
        }
        return;
    }
    if scan.run.is_paused {
        return;
    }
    let Some(input) = calling.input.clone() else { return };
    if let Some(alias) = alias(scan, place, call) {
        run(scan, place, step, call, (alias, input, slot.attempts + 1), calling);
    }
}

fn run(
    scan: &mut Scan<'_>,
    place: Place<'_>,
    step: &Step,
    call: &Call,
    (alias, input, attempt): (String, Arc<Value>, u32),
    calling: &Calling,
) {
    let op = scan.op();
    scan.commands.push(Command::Run(Box::new(RunAction {
        op,
        path: scan.path.clone(),
        alias,
        action: call.action.value.clone(),
        input,
        attempt,
        timeout: timeout(place.frame, step),
        intent: calling.intent.clone(),
        wrote: calling.wrote.clone(),
        may: scan.is_uncertain(),
    })));
}

/// What bounds one attempt.
pub(crate) fn timeout(frame: &Frame, step: &Step) -> Option<Duration> {
    step.timeout.or(frame.plan.flow.defaults.timeout)
}

/// The alias of the environment that a call goes through; `None` after a decision to fail.
pub(crate) fn alias(scan: &mut Scan<'_>, place: Place<'_>, call: &Call) -> Option<String> {
    let Some(connection) = &call.connection else {
        return Some(resolve(place.frame, &call.alias.value));
    };
    match connection.value.render_string(place.env) {
        Ok(name) => Some(resolve(place.frame, &name)),
        Err(error) => {
            scan.decide_unreadable("connection", &error);
            None
        }
    }
}

/// What an alias of a flow is called in the environment.
pub(crate) fn resolve(frame: &Frame, alias: &str) -> String {
    crate::alias::resolve(&frame.aliases, alias)
}
