//! What is known when a flow is checked: the spokes with their actions, the aliases of the
//! environment, the signatures of the other flows. Nothing is loaded here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;
use linchpin_connector::{ActionSpec, Effect, Spoke, VerifyMode};
use linchpin_language::{Fields, Schema};
use serde::{Deserialize, Serialize};

use crate::check;
use crate::flow::{Flow, Located, Trigger};
use crate::plan;
use crate::schedule::Calendars;

/// What the interpreter needs to know of an action; journaled with the run.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct ActionFacts {
    /// What it does to the world.
    pub effect: Effect,
    /// The same call again changes nothing more.
    pub idempotent: bool,
    /// A read can tell whether a write took effect.
    pub verifies: bool,
    /// It gives rows page after page, for `for_each` only.
    pub is_stream: bool,
}

impl ActionFacts {
    /// The facts of an action as its manifest states them.
    pub fn of(spec: &ActionSpec) -> Self {
        Self {
            effect: spec.effect,
            idempotent: spec.idempotent,
            verifies: matches!(spec.verify, VerifyMode::ByLook | VerifyMode::Request),
            is_stream: spec.stream.is_some(),
        }
    }
}

/// What a caller sees of a flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowSignature {
    /// Its inputs.
    pub inputs: Fields,
    /// Its outputs, with the types that their expressions have.
    pub outputs: Fields,
    /// Its aliases, each with its spoke.
    pub connections: BTreeMap<String, String>,
    /// The flows that it calls and waits for, each once.
    pub calls: Vec<String>,
    /// The paths of its webhooks.
    pub webhooks: Vec<String>,
    /// The flows whose ends start it.
    pub after_flows: Vec<String>,
}

impl FlowSignature {
    /// The signature of a flow as far as its own file tells: its outputs may be anything.
    /// [`Catalog::sign`] finds their types.
    pub fn of(flow: &Flow) -> Self {
        let connections = flow.connections.iter();
        let (mut webhooks, mut after_flows) = (Vec::new(), Vec::new());
        for trigger in &flow.triggers {
            match &trigger.value {
                Trigger::Webhook(webhook) => webhooks.push(webhook.path.value.clone()),
                Trigger::Flow(other) => after_flows.push(other.flow.value.clone()),
                Trigger::Schedule(_) | Trigger::Record(_) | Trigger::Form { .. } => {}
            }
        }
        Self {
            inputs: flow.inputs.clone(),
            outputs: flow.outputs.keys().map(|name| (name.clone(), Schema::any())).collect(),
            connections: connections.map(|(alias, s)| (alias.clone(), s.value.clone())).collect(),
            calls: plan::flows_called(flow),
            webhooks,
            after_flows,
        }
    }
}

/// Everything a flow can name that is not in its own file.
#[derive(Clone, Default)]
pub struct Catalog {
    /// The spokes by name.
    pub spokes: BTreeMap<String, Arc<Spoke>>,
    /// The aliases of the environment, each with its spoke.
    pub aliases: BTreeMap<String, String>,
    /// The flows of the project by name.
    pub flows: BTreeMap<String, FlowSignature>,
    /// The calendars of the project by name.
    pub calendars: Calendars,
    /// The present, to tell what has passed; without it nothing has.
    pub now: Option<Timestamp>,
}

impl Catalog {
    /// The spoke behind an alias: the one the flow declares for it, or the alias itself, since an
    /// alias that is not declared is the default alias named like its spoke.
    pub fn spoke_of<'a>(
        declared: &'a IndexMap<String, Located<String>>,
        alias: &'a str,
    ) -> &'a str {
        declared.get(alias).map_or(alias, |spoke| spoke.value.as_str())
    }

    /// Adds the signatures of flows, with the types of their outputs: each is found after those
    /// of the flows it calls. In a ring of flows, which `check` refuses, one of them is anything.
    pub fn sign<'f>(&mut self, flows: impl IntoIterator<Item = &'f Flow>) {
        let flows: BTreeMap<&str, &Flow> =
            flows.into_iter().map(|flow| (flow.name.as_str(), flow)).collect();
        for (name, flow) in &flows {
            self.flows.insert((*name).to_owned(), FlowSignature::of(flow));
        }
        let mut begun = BTreeSet::new();
        for first in flows.values() {
            let mut open = vec![(*first, false)];
            while let Some((flow, is_ready)) = open.pop() {
                if is_ready {
                    let outputs = check::outputs(flow, self);
                    if let Some(signature) = self.flows.get_mut(&flow.name) {
                        signature.outputs = outputs;
                    }
                } else if begun.insert(flow.name.as_str()) {
                    open.push((flow, true));
                    let calls = self.flows.get(&flow.name).map_or(&[][..], |own| &own.calls);
                    let called = calls.iter().filter_map(|name| flows.get(name.as_str()));
                    open.extend(called.map(|flow| (*flow, false)));
                }
            }
        }
    }

    /// The specification of an action of a spoke.
    pub fn spec(&self, spoke: &str, action: &str) -> Option<&ActionSpec> {
        Some(self.spokes.get(spoke)?.action(action)?.spec())
    }

    /// The facts of an action, named by a spoke or by an alias of the environment.
    pub fn facts(&self, alias_or_spoke: &str, action: &str) -> Option<ActionFacts> {
        let spoke = self.aliases.get(alias_or_spoke).map_or(alias_or_spoke, String::as_str);
        self.spec(spoke, action).map(ActionFacts::of)
    }

    /// The facts of all actions, under `spoke.action`: what a [`crate::plan::Program`] is given.
    pub fn all_facts(&self) -> BTreeMap<String, ActionFacts> {
        let mut facts = BTreeMap::new();
        for (name, spoke) in &self.spokes {
            for (action, code) in spoke.actions() {
                facts.insert(format!("{name}.{action}"), ActionFacts::of(code.spec()));
            }
        }
        facts
    }
}
