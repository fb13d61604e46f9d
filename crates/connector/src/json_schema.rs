//! The JSON Schemas of a spoke's files, for editors: made from the one table of keys.

use linchpin_language::{Map, Schema, Type, Value, json};

use crate::credential;
use crate::manifest::grammar::{ACTION, CREDENTIAL, Form, Key, Mapping, SPOKE};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of `spoke.yaml`.
pub fn spoke() -> Value {
    file(&SPOKE, "A spoke")
}

/// The schema of the files under `actions/`.
pub fn action() -> Value {
    file(&ACTION, "An action of a spoke")
}

fn file(root: &'static Mapping, title: &str) -> Value {
    let mut definitions = Definitions::default();
    definitions.add(root);
    definitions.made.insert("type".to_owned(), type_schema(&[], &mut Map::new()));
    json!({ "$schema": DIALECT, "title": title, "$ref": of(root), "$defs": definitions.made })
}

#[derive(Default)]
struct Definitions {
    made: Map<String, Value>,
}

impl Definitions {
    fn add(&mut self, mapping: &'static Mapping) {
        if self.made.contains_key(mapping.name) {
            return;
        }
        // Kept free first: some mappings contain themselves.
        self.made.insert(mapping.name.to_owned(), Value::Null);
        let mut properties: Map<String, Value> =
            mapping.keys.iter().map(|key| (key.name.to_owned(), self.key(key))).collect();
        let schema = if mapping.is_type {
            type_schema(mapping.required, &mut properties)
        } else if std::ptr::eq(mapping, &CREDENTIAL) {
            let parts = credential::KEYS.iter().filter(|part| **part != "kind");
            properties.extend(parts.map(|part| {
                let schema = match *part {
                    "pkce" => json!({ "type": ["string", "boolean"] }),
                    _ => text(),
                };
                ((*part).to_owned(), schema)
            }));
            object(properties, mapping.required)
        } else {
            object(properties, mapping.required)
        };
        self.made.insert(mapping.name.to_owned(), schema);
    }

    fn key(&mut self, key: &'static Key) -> Value {
        let mut schema = self.form(&key.form);
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".to_owned(), Value::from(key.about));
        }
        schema
    }

    fn form(&mut self, form: &'static Form) -> Value {
        let or_list = |one: Value| json!({ "anyOf": [one, { "type": "array", "items": one }] });
        let status = json!({ "type": "integer", "minimum": 100, "maximum": 599 });
        let expression = json!({ "type": ["string", "number", "boolean"] });
        let map = |value: Value| json!({ "type": "object", "additionalProperties": value });
        match form {
            Form::Word | Form::Text => text(),
            Form::Words => or_list(text()),
            Form::Flag => json!({ "type": "boolean" }),
            Form::Count => json!({ "type": "integer", "minimum": 1 }),
            Form::Duration => {
                json!({ "type": "string", "pattern": r"^\s*([0-9]+(ms|[wdhms]))+\s*$" })
            }
            Form::Statuses => or_list(status),
            Form::Expression => expression,
            Form::Structure | Form::Value => json!({}),
            Form::Structures => map(json!({})),
            Form::Texts => map(text()),
            Form::Expressions => map(expression),
            Form::Types => map(json!({ "$ref": "#/$defs/type" })),
            Form::Choice(words) => json!({ "enum": words() }),
            Form::NameOr(inner) => json!({ "anyOf": [text(), self.reference(inner)] }),
            Form::Map(inner) => self.reference(inner),
            Form::List(inner) => json!({ "type": "array", "items": self.reference(inner) }),
            Form::Some(inner) => or_list(self.reference(inner)),
            Form::Named(inner) => map(self.reference(inner)),
            Form::OneOrNamed(inner) => {
                let one = self.reference(inner);
                json!({ "anyOf": [one, map(one.clone())] })
            }
        }
    }

    fn reference(&mut self, mapping: &'static Mapping) -> Value {
        self.add(mapping);
        json!({ "$ref": of(mapping) })
    }
}

fn of(mapping: &Mapping) -> String {
    format!("#/$defs/{}", mapping.name)
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn object(properties: Map<String, Value>, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A type, by its name or with its constraints, and with keys of its place.
fn type_schema(required: &[&str], more: &mut Map<String, Value>) -> Value {
    let inner = json!({ "$ref": "#/$defs/type" });
    let mut properties = Map::new();
    for (name, about) in Schema::KEYS {
        let mut schema = match name {
            "type" => json!({ "enum": Type::NAMES }),
            "items" => inner.clone(),
            "fields" => json!({ "type": "object", "additionalProperties": inner }),
            "required" | "nullable" | "personal" => json!({ "type": "boolean" }),
            "enum" => json!({ "type": "array", "minItems": 1 }),
            "min" | "max" => json!({ "type": "number" }),
            "pattern" | "about" => text(),
            _ => json!({}),
        };
        schema["description"] = Value::from(about);
        properties.insert(name.to_owned(), schema);
    }
    properties.extend(std::mem::take(more));
    json!({ "anyOf": [{ "enum": Type::NAMES }, object(properties, required)] })
}
