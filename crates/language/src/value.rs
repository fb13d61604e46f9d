//! Values: JSON, with whole numbers kept apart from fractions and maps in written order.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

pub use serde_json::{Map, Value, json};

/// The SHA-256 of the value as canonical JSON (keys sorted, no spaces), in hex.
pub fn digest(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_scalar(&Value::String(key.clone()), out);
                out.push(':');
                write_canonical(&fields[key], out);
            }
            out.push('}');
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_scalar(value: &Value, out: &mut String) {
    // Writing into a String cannot fail.
    write!(out, "{value}").unwrap_or_default();
}

/// The word for what a value is: `null`, `boolean`, `integer`, `number`, `string`, `list`, `object`.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// The same in a sentence: `an integer`, `nothing`.
pub fn a_kind(value: &Value) -> String {
    match kind(value) {
        "null" => "nothing".to_owned(),
        word if word.starts_with(['i', 'o']) => format!("an {word}"),
        word => format!("a {word}"),
    }
}

/// The value at the end of a path of field names; a name that is a number also reads a list.
pub fn get_path<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |at, name| match at {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => name.parse::<usize>().ok().and_then(|i| items.get(i)),
        _ => None,
    })
}

/// A value as it stands in a text: strings as they are, null as nothing, lists and objects as JSON.
pub fn print(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_does_not_depend_on_the_order_of_keys() {
        let one = json!({ "a": 1, "b": [true, null, { "y": "ü", "x": 1.5 }] });
        let other = json!({ "b": [true, null, { "x": 1.5, "y": "ü" }], "a": 1 });
        assert_eq!(digest(&one), digest(&other));
        assert_ne!(digest(&one), digest(&json!({ "a": 1.0, "b": [] })));
    }

    #[test]
    fn a_path_reads_objects_and_lists() {
        let value = json!({ "rows": [{ "id": 7 }] });
        let path: Vec<String> = ["rows", "0", "id"].map(String::from).to_vec();
        assert_eq!(get_path(&value, &path), Some(&json!(7)));
        assert_eq!(get_path(&value, &["none".to_owned()]), None);
    }

    #[test]
    fn whole_numbers_are_kept_apart_from_fractions() {
        assert_eq!(kind(&json!(1)), "integer");
        assert_eq!(kind(&json!(1.0)), "number");
        assert_eq!(print(&json!(["a", 1])), r#"["a",1]"#);
    }
}
