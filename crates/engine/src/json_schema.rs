//! The JSON Schema of a flow's file, draft 07, for editors that know YAML and nothing of Linchpin.
//!
//! It is made from the [`grammar`](crate::grammar) and from what is installed: the actions of the
//! spokes with their inputs, the flows of the project, the aliases of the environment. It accepts
//! whatever `check` accepts, and refuses of the rest what a JSON Schema can tell.

mod calls;
mod shapes;
mod steps;
mod values;

use linchpin_language::{Map, Value, json};

use crate::catalog::Catalog;
use crate::grammar::FLOW;

pub use values::given;

/// The dialect that all schemas here are written in.
pub const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of a flow's file.
pub fn flow(catalog: &Catalog) -> Value {
    let mut definitions = Map::new();
    let mut define = |name: &str, schema: Value| {
        definitions.insert(name.to_owned(), schema);
    };
    define("steps", json!({ "type": "array", "minItems": 1, "items": reference("step") }));
    define("step", steps::step());
    for (name, schema) in shapes::words() {
        define(name, schema);
    }
    for (name, schema) in calls::definitions(catalog) {
        define(&name, schema);
    }
    for (name, schema) in shapes::parts() {
        define(&name, schema);
    }
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!(DIALECT));
    schema.insert("title".to_owned(), json!("A flow"));
    schema.extend(shapes::mapping(&FLOW));
    let several = json!({ "not": { "required": ["trigger", "triggers"] } });
    schema.insert("allOf".to_owned(), json!([several]));
    schema.insert("definitions".to_owned(), Value::Object(definitions));
    Value::Object(schema)
}

/// A reference to a definition.
fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

/// A reference with a description: beside a bare one nothing is read in this dialect.
fn described(about: &str, schema: Value) -> Value {
    match schema {
        Value::Object(fields) if !fields.contains_key("$ref") => {
            let mut all = Map::new();
            all.insert("description".to_owned(), json!(about));
            all.extend(fields);
            Value::Object(all)
        }
        reference => json!({ "description": about, "allOf": [reference] }),
    }
}

/// A text as a part of a pattern that means only itself.
fn literal(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() && c != '_' && c != '-' {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
