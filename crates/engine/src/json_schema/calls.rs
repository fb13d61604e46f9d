//! What a call can name, and the inputs of each.
//!
//! A flow binds aliases of its own, which a schema cannot follow. The aliases of the environment
//! and those named like a spoke are exact; of any other one only the name of the action is.

use std::collections::{BTreeMap, BTreeSet};

use linchpin_connector::{ActionSpec, Spoke};
use linchpin_language::{Map, Value, json};

use super::{literal, reference, values};
use crate::catalog::{Catalog, FlowSignature};

/// The definitions that depend on what is installed.
pub(super) fn definitions(catalog: &Catalog) -> Vec<(String, Value)> {
    let known = Known::of(catalog);
    let mut all = vec![
        ("aliases".to_owned(), aliases(catalog)),
        ("call".to_owned(), known.call(true)),
        ("call_of_action".to_owned(), known.call(false)),
        ("inputs_of_call".to_owned(), json!({ "allOf": known.rules() })),
    ];
    for (spoke, action, spec) in known.actions() {
        let mut schema = Map::new();
        schema.insert("title".to_owned(), json!(spec.title));
        if let Some(about) = &spec.about {
            schema.insert("description".to_owned(), json!(about));
        }
        schema.extend(values::inputs(&spec.inputs));
        all.push((format!("inputs:{spoke}.{action}"), Value::Object(schema)));
    }
    for (name, signature) in &catalog.flows {
        let schema = values::inputs(&signature.inputs);
        all.push((format!("inputs:flow.{name}"), Value::Object(schema)));
    }
    all
}

/// `connections:` of a flow.
fn aliases(catalog: &Catalog) -> Value {
    let titles: Vec<&str> = catalog.spokes.values().map(|spoke| spoke.title.as_str()).collect();
    let spokes: Vec<&String> = catalog.spokes.keys().collect();
    json!({
        "type": "object",
        "propertyNames": { "allOf": [reference("name"), { "not": { "const": "flow" } }] },
        "additionalProperties": { "enum": spokes, "enumDescriptions": titles },
    })
}

/// The aliases whose spoke is known, and what there is.
struct Known<'c> {
    catalog: &'c Catalog,
    /// Alias to spoke.
    aliases: BTreeMap<&'c str, &'c Spoke>,
}

impl<'c> Known<'c> {
    fn of(catalog: &'c Catalog) -> Self {
        let spokes = catalog.spokes.iter().map(|(name, spoke)| (name.as_str(), &**spoke));
        let mut aliases: BTreeMap<&str, &Spoke> = spokes.collect();
        for (alias, spoke) in &catalog.aliases {
            if let Some(spoke) = catalog.spokes.get(spoke) {
                aliases.insert(alias, spoke);
            }
        }
        Self { catalog, aliases }
    }

    /// Every action with its spoke.
    fn actions(&self) -> impl Iterator<Item = (&'c str, &'c str, &'c ActionSpec)> {
        self.catalog.spokes.iter().flat_map(|(name, spoke)| {
            spoke.actions().map(move |(action, code)| (name.as_str(), action, code.spec()))
        })
    }

    /// The names of the actions, whatever their spokes.
    fn names(&self) -> BTreeSet<&'c str> {
        self.actions().map(|(_, action, _)| action).collect()
    }

    /// What may stand after `call:`.
    fn call(&self, with_flows: bool) -> Value {
        let mut words = Vec::new();
        let mut meanings = Vec::new();
        for (alias, spoke) in &self.aliases {
            for (action, code) in spoke.actions() {
                let spec = code.spec();
                words.push(format!("{alias}.{action}"));
                meanings.push(meaning(spoke, spec));
            }
        }
        if with_flows {
            words.extend(self.catalog.flows.keys().map(|name| format!("flow.{name}")));
            meanings.extend(self.catalog.flows.keys().map(|_| "A subflow.".to_owned()));
        }
        let others: Vec<String> = self.names().into_iter().map(literal).collect();
        let others = json!({
            "allOf": [
                { "pattern": format!(r"^[a-z][a-z0-9_]{{0,62}}\.({})$", others.join("|")) },
                { "not": { "pattern": self.any_known() } },
            ],
        });
        json!({
            "type": "string",
            "anyOf": [{ "enum": words, "enumDescriptions": meanings }, others],
        })
    }

    /// Begins like a call of an alias that is known.
    fn any_known(&self) -> String {
        let aliases: Vec<&str> = self.aliases.keys().copied().chain(["flow"]).collect();
        format!(r"^({})\.", aliases.join("|"))
    }

    /// For each call, what stands under `with`.
    fn rules(&self) -> Vec<Value> {
        let mut rules = Vec::new();
        for (spoke, action, spec) in self.actions() {
            let aliases: Vec<&str> = self
                .aliases
                .iter()
                .filter(|(_, other)| other.name == spoke)
                .map(|(alias, _)| *alias)
                .collect();
            if aliases.is_empty() {
                continue;
            }
            let is_it =
                json!({ "pattern": format!("^({})\\.{}$", aliases.join("|"), literal(action)) });
            let is_needed = spec.inputs.values().any(values::is_needed);
            rules.push(rule(is_it, reference(&format!("inputs:{spoke}.{action}")), is_needed));
        }
        for action in self.names() {
            let all: Vec<(&str, &ActionSpec)> = self
                .actions()
                .filter(|(_, other, _)| *other == action)
                .map(|(spoke, _, spec)| (spoke, spec))
                .collect();
            let is_it = json!({ "allOf": [
                { "pattern": format!(r"^[^.]+\.{}$", literal(action)) },
                { "not": { "pattern": self.any_known() } },
            ] });
            let each: Vec<Value> = all
                .iter()
                .map(|(spoke, _)| reference(&format!("inputs:{spoke}.{action}")))
                .collect();
            let inputs = match each.as_slice() {
                [one] => one.clone(),
                several => json!({ "anyOf": several }),
            };
            let is_needed = all.iter().all(|(_, spec)| spec.inputs.values().any(values::is_needed));
            rules.push(rule(is_it, inputs, is_needed));
        }
        rules.extend(self.catalog.flows.iter().map(|(name, signature)| subflow(name, signature)));
        rules
    }
}

fn rule(call: Value, inputs: Value, is_needed: bool) -> Value {
    let mut then = Map::new();
    then.insert("properties".to_owned(), json!({ "with": inputs }));
    if is_needed {
        then.insert("required".to_owned(), json!(["with"]));
    }
    json!({ "if": { "required": ["call"], "properties": { "call": call } }, "then": then })
}

fn subflow(name: &str, signature: &FlowSignature) -> Value {
    let is_needed = signature.inputs.values().any(values::is_needed);
    let inputs = reference(&format!("inputs:flow.{name}"));
    let mut rule = rule(json!({ "const": format!("flow.{name}") }), inputs, is_needed);
    let aliases: Map<String, Value> = signature
        .connections
        .iter()
        .map(|(alias, spoke)| {
            (
                alias.clone(),
                json!({ "type": "string", "description": format!("An alias of {spoke}.") }),
            )
        })
        .collect();
    rule["then"]["properties"]["connections"] =
        json!({ "type": "object", "properties": aliases, "additionalProperties": false });
    rule
}

fn meaning(spoke: &Spoke, spec: &ActionSpec) -> String {
    match &spec.about {
        Some(about) => format!("{}, {} ({}). {about}", spec.title, spoke.title, spec.effect),
        None => format!("{}, {} ({}).", spec.title, spoke.title, spec.effect),
    }
}
