//! What is known when a flow is checked: the spokes with their actions, the aliases of the
//! environment, the signatures of the other flows. Look-ups only; nothing is loaded here.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use linchpin_connector::{ActionSpec, Effect, Spoke, VerifyMode};
use linchpin_language::Fields;
use serde::{Deserialize, Serialize};

use crate::flow::{Flow, Located};

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
    /// The names of its outputs.
    pub outputs: Vec<String>,
    /// Its aliases, each with its spoke.
    pub connections: BTreeMap<String, String>,
}

impl FlowSignature {
    /// The signature of a flow.
    pub fn of(flow: &Flow) -> Self {
        let connections = flow.connections.iter();
        Self {
            inputs: flow.inputs.clone(),
            outputs: flow.outputs.keys().cloned().collect(),
            connections: connections.map(|(alias, s)| (alias.clone(), s.value.clone())).collect(),
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
