//! Which connections a flow goes through, as far as its text tells.

use std::collections::{BTreeMap, BTreeSet};

use linchpin_engine::alias::resolve;
use linchpin_engine::flow::{Call, Flow, LoopSource, StepKind};

use super::{Flows, for_each_step};

impl Flows {
    /// The aliases of the environment that a flow and its subflows may call. `lms.*` stands for any
    /// connection of `lms`, where only the run knows which one.
    pub fn aliases(&self, name: &str) -> BTreeSet<String> {
        let (mut needed, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![(name.to_owned(), BTreeMap::new())];
        while let Some((name, bound)) = open.pop() {
            let Some(loaded) = self.flows.get(&name) else { continue };
            if !seen.insert((name, bound.clone())) {
                continue;
            }
            let flow = &loaded.flow;
            needed.extend(flow.connections.keys().map(|alias| resolve(&bound, alias)));
            for_each_step(flow, &mut |kind| {
                let call = match kind {
                    StepKind::Call(call) => call,
                    StepKind::ForEach(each) => match &each.source {
                        LoopSource::Stream(call) => call,
                        LoopSource::List(_) => return,
                    },
                    StepKind::Subflow(call) => {
                        let theirs = call.connections.iter();
                        let theirs =
                            theirs.map(|(its, ours)| (its.clone(), resolve(&bound, &ours.value)));
                        open.push((call.flow.value.clone(), theirs.collect()));
                        return;
                    }
                    _ => return,
                };
                needed.extend(picked(flow, call).iter().map(|alias| resolve(&bound, alias)));
            });
        }
        needed
    }
}

/// The aliases that a call may go through, as the flow names them.
fn picked(flow: &Flow, call: &Call) -> Vec<String> {
    let Some(connection) = &call.connection else { return vec![call.alias.value.clone()] };
    let text = connection.value.source();
    if connection.value.is_literal() {
        return vec![text.to_owned()];
    }
    let whole = text.split_once('.').map(|(whole, _)| whole);
    match whole.filter(|whole| flow.connections.contains_key(*whole)) {
        Some(whole) => vec![format!("{whole}.*")],
        None => {
            let spoke = flow.connections.get(&call.alias.value).map(|spoke| &spoke.value);
            let same = flow.connections.iter().filter(|(_, other)| Some(&other.value) == spoke);
            same.map(|(alias, _)| format!("{alias}.*")).collect()
        }
    }
}
