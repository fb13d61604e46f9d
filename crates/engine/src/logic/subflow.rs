//! `call: flow.NAME`: a block with its own scope, inside the journal of its caller; detached, a
//! run of its own that is only started.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_connector::ErrorKind;
use linchpin_language::Schema;

use super::call::resolve;
use crate::command::{Command, StartRun};
use crate::event::Decision;
use crate::flow::Subflow;
use crate::path::Segment;
use crate::run::scan::{Place, Scan, is_idle};
use crate::run::state::Calling;

/// How deep subflows may call each other.
const DEPTH: usize = 16;

pub(crate) fn start(scan: &mut Scan<'_>, place: Place<'_>, call: &Subflow) {
    let name = &call.flow.value;
    let Some(plan) = scan.run.program.flows.get(name) else {
        return scan.decide_failed(ErrorKind::Internal, format!("flow {name} is not in this run"));
    };
    let is_flow = |segment: &&Segment| matches!(segment, Segment::Arm(crate::flow::Arm::Flow));
    if scan.path.segments().iter().filter(is_flow).count() >= DEPTH {
        let message = format!("subflows are nested more than {DEPTH} deep");
        return scan.decide_failed(ErrorKind::LimitExceeded, message);
    }
    let given = match call.with.value.render(place.env) {
        Ok(given) => given,
        Err(error) => return scan.decide_unreadable("with", &error),
    };
    let inputs = match Schema::coerce_fields(&plan.flow.inputs, given) {
        Ok(inputs) => inputs,
        Err(mismatches) => {
            let all: Vec<_> = mismatches.iter().map(|mismatch| mismatch.message.clone()).collect();
            return scan.decide_failed(ErrorKind::InvalidInput, all.join("; "));
        }
    };
    let inputs = Arc::new(inputs);
    scan.decide(match call.detach {
        true => Decision::Detached { inputs },
        false => Decision::Subflow { inputs, aliases: aliases(place, call) },
    });
}

/// Asks for the run of its own: again after a replay, since the host knows it by its key.
pub(crate) fn go_on(scan: &mut Scan<'_>, place: Place<'_>, call: &Subflow, calling: &Calling) {
    let (Some(inputs), true, false) = (calling.input.clone(), is_idle(calling), scan.run.is_paused)
    else {
        return;
    };
    let start = StartRun {
        op: scan.op(),
        path: scan.path.clone(),
        flow: call.flow.value.clone(),
        inputs,
        aliases: aliases(place, call),
        may: scan.is_uncertain(),
    };
    scan.commands.push(Command::Start(Box::new(start)));
}

/// The aliases that the call rebinds, each to one of the environment.
fn aliases(place: Place<'_>, call: &Subflow) -> BTreeMap<String, String> {
    let bound = call.connections.iter();
    bound.map(|(its, ours)| (its.clone(), resolve(place.frame, &ours.value))).collect()
}
