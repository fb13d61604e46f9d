//! The shapes of the grammar as schemas.

use linchpin_language::{Map, Schema, Type, Value, json};

use super::{described, reference};
use crate::grammar::{FLOW, KINDS, Key, Mapping, Shape};

/// A name of the author's.
const NAME: &str = "^[a-z][a-z0-9_]{0,62}$";
/// A length of time.
const DURATION: &str = r"^\s*([0-9]+(ms|[wdhms]))+\s*$";
/// A length of time, or two of them.
const BACKOFF: &str = r"^\s*([0-9]+(ms|[wdhms]))+\s*(\.\.\s*([0-9]+(ms|[wdhms]))+\s*)?$";

/// The definitions of what stands in many places.
pub(super) fn words() -> Vec<(&'static str, Value)> {
    let plain = json!(["string", "number", "boolean"]);
    vec![
        ("name", worded(NAME, "lower-case letters, digits and _, a letter first, at most 63")),
        ("duration", worded(DURATION, "a duration such as 30s, 5m or 1h30m")),
        ("text", json!({ "type": plain })),
        (
            "expression",
            json!({
                "type": plain,
                "pattern": r"^\s*([^{\s]|\{([^{]|$))",
                "patternErrorMessage": "a bare expression, without braces",
            }),
        ),
        (
            "words",
            json!({ "type": ["string", "number", "array"],
            "items": { "type": ["string", "number"] } }),
        ),
    ]
}

fn worded(pattern: &str, message: &str) -> Value {
    json!({ "type": "string", "pattern": pattern, "patternErrorMessage": message })
}

/// The schema of a shape.
pub(super) fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Word => json!({ "type": ["string", "number"] }),
        Shape::Name => reference("name"),
        Shape::Flag => json!({ "type": "boolean" }),
        // A whole number up to the largest there is has no bound that all readers can read.
        Shape::Count(least, most) if *most > 1 << 50 => {
            json!({ "type": "integer", "minimum": least })
        }
        Shape::Count(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Duration => reference("duration"),
        Shape::Backoff => worded(BACKOFF, "a duration such as 5s, or two as in 2s..60s"),
        Shape::DurationText => {
            json!({ "anyOf": [reference("duration"), { "type": "string", "pattern": r"\{\{" }] })
        }
        Shape::Text => reference("text"),
        Shape::Expression => reference("expression"),
        Shape::Cron => json!({ "type": "string", "examples": ["0 7 * * 1-5"] }),
        Shape::TimeZone => time_zone(),
        Shape::Choice(words) => json!({ "enum": words() }),
        Shape::Choices(words) => {
            let words = json!({ "enum": words() });
            json!({ "anyOf": [words, { "type": "array", "items": words }] })
        }
        Shape::Words | Shape::StepIds => reference("words"),
        Shape::Steps => reference("steps"),
        Shape::Mapping(mapping) => reference(&definition(mapping)),
        Shape::Blank => {
            json!({ "anyOf": [{ "enum": [null, true] }, { "type": "object", "maxProperties": 0 }] })
        }
        Shape::Expressions => {
            json!({ "type": "object", "additionalProperties": reference("expression") })
        }
        Shape::Types(extra) => json!({ "type": "object", "propertyNames": reference("name"),
            "additionalProperties": reference(&type_name(extra)) }),
        Shape::Aliases => reference("aliases"),
        Shape::Rebinding => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        // Which inputs there are is said beside the call.
        Shape::Inputs => json!({ "type": "object" }),
        Shape::Value => json!({}),
        Shape::Branches => json!({ "type": "object", "minProperties": 1,
            "propertyNames": reference("name"), "additionalProperties": reference("steps") }),
        Shape::Call { subflow: true } => reference("call"),
        Shape::Call { subflow: false } => reference("call_of_action"),
        Shape::Alias => reference("text"),
        Shape::List(one) => json!({ "type": "array", "items": self::shape(one) }),
        Shape::Any(all) => {
            let all: Vec<Value> = all.iter().map(self::shape).collect();
            json!({ "anyOf": all })
        }
    }
}

/// The keys of a map as a schema.
pub(super) fn mapping(mapping: &Mapping) -> Map<String, Value> {
    let properties: Map<String, Value> =
        mapping.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> =
        mapping.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut out = Map::new();
    out.insert("type".to_owned(), json!("object"));
    out.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        out.insert("required".to_owned(), json!(required));
    }
    out.insert("additionalProperties".to_owned(), json!(false));
    if !mapping.one_of.is_empty() {
        let each = mapping.one_of.iter().map(|key| json!({ "required": [key] }));
        out.insert("oneOf".to_owned(), each.collect());
    }
    let has = |is_it: fn(&Shape) -> bool| mapping.keys.iter().find(|key| is_it(&key.value));
    let cron = has(|shape| matches!(shape, Shape::Cron));
    let zone = has(|shape| matches!(shape, Shape::TimeZone));
    if let (Some(cron), Some(zone)) = (cron, zone) {
        // The times of a pattern are those of some zone.
        out.insert("dependencies".to_owned(), json!({ cron.name: [zone.name] }));
    }
    if has(|shape| matches!(shape, Shape::Inputs)).is_some() {
        out.insert("allOf".to_owned(), json!([reference("inputs_of_call")]));
    }
    out
}

/// The value of a key, with its meaning.
pub(super) fn property(key: &Key) -> Value {
    described(key.about, shape(&key.value))
}

/// All maps below the top and all types, by the names of their definitions.
pub(super) fn parts() -> Vec<(String, Value)> {
    let mut found = Parts::default();
    let shapes = KINDS
        .iter()
        .flat_map(|kind| std::iter::once(&kind.value).chain(kind.beside().map(|key| &key.value)));
    for one in shapes.chain(FLOW.keys.iter().map(|key| &key.value)) {
        found.add(one);
    }
    let mappings = found.mappings.iter();
    let mut all: Vec<(String, Value)> =
        mappings.map(|found| (definition(found), Value::Object(mapping(found)))).collect();
    all.extend(found.types.iter().map(|extra| (type_name(extra), a_type(extra))));
    all
}

/// What is defined once, however many places have it.
#[derive(Default)]
struct Parts {
    mappings: Vec<&'static Mapping>,
    types: Vec<&'static [Key]>,
}

impl Parts {
    fn add(&mut self, shape: &'static Shape) {
        match shape {
            Shape::Mapping(mapping)
                if self.mappings.iter().all(|it| !std::ptr::eq(*it, *mapping)) =>
            {
                self.mappings.push(mapping);
                mapping.keys.iter().for_each(|key| self.add(&key.value));
            }
            Shape::List(one) => self.add(one),
            Shape::Any(all) => all.iter().for_each(|one| self.add(one)),
            Shape::Types(extra)
                if self.types.iter().all(|it| type_name(it) != type_name(extra)) =>
            {
                self.types.push(extra);
                extra.iter().for_each(|key| self.add(&key.value));
            }
            _ => {}
        }
    }
}

/// The name of the definition of a map: its words.
fn definition(mapping: &Mapping) -> String {
    mapping.name.replace('`', "").replace(' ', "_")
}

/// The name of the definition of a type that has more keys than its own.
fn type_name(extra: &[Key]) -> String {
    let more: Vec<&str> = extra.iter().map(|key| key.name).collect();
    if more.is_empty() { "type".to_owned() } else { format!("type_with_{}", more.join("_")) }
}

/// A type: its name, or a map with the name and more.
fn a_type(extra: &'static [Key]) -> Value {
    // What a type has beside its own keys it can have inside as well.
    let nested = reference(&type_name(extra));
    let mut properties = Map::new();
    for (name, about) in Schema::KEYS {
        properties.insert(name.to_owned(), described(about, type_key(name, &nested)));
    }
    for key in extra {
        properties.insert(key.name.to_owned(), property(key));
    }
    json!({
        "type": ["string", "object"],
        "anyOf": [
            { "enum": Type::NAMES },
            { "type": "object", "properties": properties, "additionalProperties": false },
        ],
    })
}

fn type_key(name: &str, nested: &Value) -> Value {
    match name {
        "type" => json!({ "enum": Type::NAMES }),
        "items" => nested.clone(),
        "fields" => json!({ "type": "object", "additionalProperties": nested }),
        "required" | "nullable" | "personal" => json!({ "type": "boolean" }),
        "enum" => json!({ "type": "array", "minItems": 1 }),
        "min" | "max" => json!({ "type": "number" }),
        "pattern" | "about" => json!({ "type": "string" }),
        _ => json!({}),
    }
}

/// The zones by name; in small letters they are known as well.
fn time_zone() -> Value {
    let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    json!({ "type": "string", "anyOf": [{ "enum": zones }, { "pattern": "^[a-z0-9_+/-]+$" }] })
}
