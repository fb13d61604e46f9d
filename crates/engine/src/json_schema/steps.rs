//! A step: one of the kinds, with the keys that may stand beside it.

use linchpin_language::{Map, Value, json};

use super::shapes::{property, shape};
use super::{described, reference};
use crate::grammar::{COMMON, KINDS, Key, Kind, Shape};

/// The schema of a step.
pub(super) fn step() -> Value {
    let all = keys();
    let mut properties = Map::new();
    for (name, meanings) in &all {
        let value = match meanings.as_slice() {
            [one] => one.schema.clone(),
            several => {
                let each: Vec<&Value> = several.iter().map(|one| &one.schema).collect();
                json!({ "anyOf": each })
            }
        };
        properties.insert((*name).to_owned(), value);
    }
    let mut rules: Vec<Value> = KINDS.iter().map(|kind| rule(kind, &all)).collect();
    rules.push(reference("inputs_of_call"));
    let kinds: Vec<Value> = KINDS.iter().map(|kind| json!({ "required": [kind.key] })).collect();
    json!({
        "title": "A step",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "anyOf": kinds,
        "allOf": rules,
    })
}

/// What a key means in some kinds of step.
struct Meaning {
    about: &'static str,
    schema: Value,
    /// The kinds that it has this meaning in; none for all.
    kinds: Vec<&'static str>,
}

/// Every key that a step can have, with its meanings.
fn keys() -> Vec<(&'static str, Vec<Meaning>)> {
    let mut all: Vec<(&'static str, Vec<Meaning>)> = Vec::new();
    let mut add = |name: &'static str, about, schema: Value, kind: Option<&'static str>| {
        let at = all.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
            all.push((name, Vec::new()));
            all.len() - 1
        });
        let meanings = &mut all[at].1;
        match meanings.iter_mut().find(|one| one.about == about) {
            Some(same) => same.kinds.extend(kind),
            None => meanings.push(Meaning { about, schema, kinds: kind.into_iter().collect() }),
        }
    };
    for key in COMMON {
        add(key.name, key.about, property(key), None);
    }
    for kind in KINDS {
        add(kind.key, kind.about, described(kind.about, shape(&kind.value)), Some(kind.key));
        for key in kind.beside() {
            add(key.name, key.about, property(key), Some(kind.key));
        }
    }
    all
}

/// If a step is of a kind, what else it has.
fn rule(kind: &Kind, all: &[(&'static str, Vec<Meaning>)]) -> Value {
    let is_kind = |name: &str| json!({ "required": [name] });
    let mut condition = Map::new();
    condition.insert("required".to_owned(), json!([kind.key]));
    let owners: Vec<Value> = KINDS
        .iter()
        .filter(|other| other.takes(kind.key))
        .map(|other| is_kind(other.key))
        .collect();
    if !owners.is_empty() {
        condition.insert("not".to_owned(), json!({ "anyOf": owners }));
    }
    let mut properties = Map::new();
    for (name, meanings) in all {
        let here =
            meanings.iter().find(|one| one.kinds.is_empty() || one.kinds.contains(&kind.key));
        match here {
            None => drop(properties.insert((*name).to_owned(), json!(false))),
            Some(one) if meanings.len() > 1 => {
                properties.insert((*name).to_owned(), one.schema.clone());
            }
            Some(_) => {}
        }
    }
    let mut then = Map::new();
    then.insert("properties".to_owned(), Value::Object(properties));
    let mut required: Vec<&str> =
        kind.beside().filter(|key| key.required).map(|key| key.name).collect();
    if kind.shown != kind.key {
        required.push(kind.shown);
    }
    if !required.is_empty() {
        then.insert("required".to_owned(), json!(required));
    }
    let is_body = |key: &&Key| matches!(key.value, Shape::Steps | Shape::Call { .. });
    let bodies: Vec<&str> = kind.beside().filter(is_body).map(|key| key.name).collect();
    if let [one, other] = bodies.as_slice() {
        then.insert("not".to_owned(), json!({ "required": [one, other] }));
    }
    json!({ "if": condition, "then": then })
}
