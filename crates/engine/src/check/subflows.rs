//! Flows that call flows: none calls itself, however far around, and none nests too deep.

use std::collections::{BTreeMap, BTreeSet};

use linchpin_language::codes;

use super::Checker;
use crate::catalog::{Catalog, FlowSignature};
use crate::flow::{Located, StepKind};

/// How deep subflows may nest: a flow that is called by nobody is at 1.
const MAX_DEPTH: usize = 16;

/// The calls of subflows that lead back to this flow, or too deep.
pub(super) fn nesting(checker: &mut Checker<'_>) {
    let flow = checker.flow;
    let mut calls: Vec<&Located<String>> = Vec::new();
    crate::plan::each_block(flow, &mut |block| {
        for step in &block.steps {
            if let StepKind::Subflow(call) = &step.kind {
                calls.push(&call.flow);
            }
        }
    });
    for call in calls {
        let found = if let Some(way) = way_back(checker.catalog, &call.value, &flow.name) {
            let message = match way.as_slice() {
                [_] => format!("the flow `{}` calls itself", flow.name),
                _ => format!("these flows call each other: {}", way.join(", ")),
            };
            let help = "a flow that calls itself never ends: repeat the steps in a loop instead";
            checker.error(codes::CYCLE, message, call.span).with_help(help)
        } else {
            let deepest = 1 + depth(checker.catalog, &call.value, &mut BTreeMap::new());
            if deepest <= MAX_DEPTH {
                continue;
            }
            let message = format!("subflows nest {deepest} deep here, more than {MAX_DEPTH}");
            checker.error(codes::TOO_DEEP_FLOW, message, call.span)
        };
        checker.report(found);
    }
}

fn calls<'c>(catalog: &'c Catalog, name: &str) -> &'c [String] {
    catalog.flows.get(name).map_or(&[], |signature: &FlowSignature| &signature.calls)
}

/// The flows on the shortest way from a flow that is called back to the caller, which comes
/// first.
fn way_back(catalog: &Catalog, called: &str, caller: &str) -> Option<Vec<String>> {
    let mut seen = BTreeSet::from([called.to_owned()]);
    let mut ways = std::collections::VecDeque::from([vec![called.to_owned()]]);
    while let Some(way) = ways.pop_front() {
        let last = way.last()?;
        if last == caller {
            let mut ring = vec![caller.to_owned()];
            ring.extend(way.into_iter().filter(|name| name != caller));
            return Some(ring);
        }
        for next in calls(catalog, last) {
            if seen.insert(next.clone()) {
                let mut further = way.clone();
                further.push(next.clone());
                ways.push_back(further);
            }
        }
    }
    None
}

/// How many flows stand below each other from one on. A ring, reported where it is, counts once.
fn depth<'c>(catalog: &'c Catalog, name: &'c str, known: &mut BTreeMap<&'c str, usize>) -> usize {
    if let Some(depth) = known.get(name) {
        return *depth;
    }
    known.insert(name, 0);
    let below = calls(catalog, name).iter().map(|next| depth(catalog, next, known)).max();
    let found = 1 + below.unwrap_or(0);
    known.insert(name, found);
    found
}
