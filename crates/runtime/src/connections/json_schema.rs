//! The JSON Schema of `connections.yaml`, draft 07: the aliases, each with the form of its spoke.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_connector::{FormField, Spoke};
use linchpin_engine::json_schema::{DIALECT, given};
use linchpin_language::{Map, Schema, Value, json};

use super::file::OWN_KEYS;
use super::settings::is_secret;

/// The schema of a connections file.
pub fn json_schema(spokes: &BTreeMap<String, Arc<Spoke>>) -> Value {
    let names: Vec<&String> = spokes.keys().collect();
    let titles: Vec<&str> = spokes.values().map(|spoke| spoke.title.as_str()).collect();
    let mut own: Map<String, Value> =
        OWN_KEYS.iter().map(|(name, about)| ((*name).to_owned(), own_key(name, about))).collect();
    own["spoke"]["enum"] = json!(names);
    own["spoke"]["enumDescriptions"] = json!(titles);
    let rules: Vec<Value> = spokes.values().map(|spoke| rule(spoke, &own)).collect();
    json!({
        "$schema": DIALECT,
        "title": "Connections",
        "description": "The aliases of flows, and what each leads to.",
        "type": ["object", "null"],
        "propertyNames": { "pattern": "^[A-Za-z][A-Za-z0-9_]*$" },
        "additionalProperties": { "$ref": "#/definitions/connection" },
        "definitions": {
            "source": source(),
            "connection": {
                "type": "object",
                "properties": own,
                "anyOf": [{ "required": ["spoke"] }, { "required": ["parent"] }],
                "allOf": rules,
            },
        },
    })
}

fn own_key(name: &str, about: &str) -> Value {
    let mut schema = match name {
        "allow_private" | "allow_insecure" | "active" => json!({ "type": "boolean" }),
        "attributes" | "retry" | "tls" => json!({ "type": "object" }),
        "connections" => {
            json!({ "type": "object", "additionalProperties": { "type": "object" } })
        }
        "proxy" => json!({ "type": ["string", "object"] }),
        "timeout" => json!({ "type": "string", "pattern": "^[0-9]" }),
        "about" => json!({}),
        _ => json!({ "type": "string" }),
    };
    schema["description"] = json!(about);
    schema
}

/// Where a value is kept that is not in the file.
fn source() -> Value {
    let word = json!({ "type": "string", "minLength": 1 });
    let words = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    json!({
        "type": "object",
        "properties": { "env": word, "file": word, "command": words },
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    })
}

/// If an alias is of this spoke, what else it has.
fn rule(spoke: &Spoke, own: &Map<String, Value>) -> Value {
    let template = &spoke.connection;
    let mut properties: Map<String, Value> =
        template.fields.iter().map(|field| (field.name.clone(), self::field(field))).collect();
    properties.extend(own.keys().map(|name| (name.clone(), json!({}))));
    let attributes: Map<String, Value> =
        template.attributes.iter().map(|(name, schema)| (name.clone(), given(schema))).collect();
    properties.insert(
        "attributes".to_owned(),
        json!({ "type": "object", "properties": attributes, "additionalProperties": false }),
    );
    json!({
        "if": { "required": ["spoke"], "properties": { "spoke": { "const": spoke.name } } },
        "then": { "properties": properties, "additionalProperties": false },
    })
}

fn field(field: &FormField) -> Value {
    let source = json!({ "$ref": "#/definitions/source" });
    let about = match &field.hint {
        Some(hint) => format!("{}, such as {hint}", field.label),
        None => field.label.clone(),
    };
    let plain = match is_secret(field) {
        true => json!({ "const": "vault" }),
        false if !field.choices.is_empty() && !field.other => {
            let values = field.choices.iter().flat_map(|(label, value)| [value, label]);
            json!({ "enum": values.chain([&"vault".to_owned()]).collect::<Vec<_>>() })
        }
        false => given(&Schema::of(field.ty.clone())),
    };
    json!({ "description": about, "anyOf": [plain, source] })
}
