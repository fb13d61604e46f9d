//! `call: flow.NAME`: a block with its own scope, inside the journal of its caller.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_connector::ErrorKind;
use linchpin_language::Schema;

use super::call::resolve;
use crate::event::Decision;
use crate::flow::Subflow;
use crate::path::Segment;
use crate::run::scan::{Place, Scan};

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
    let aliases: BTreeMap<String, String> = call
        .connections
        .iter()
        .map(|(its, ours)| (its.clone(), resolve(place.frame, &ours.value)))
        .collect();
    scan.decide(Decision::Subflow { inputs: Arc::new(inputs), aliases });
}
