//! An example for a drafted action: made-up inputs, a made-up answer, and what comes of it.
//!
//! It shows how an example is written, and that the action's texts and types go together.

use linchpin_language::{Map, Value, json};

use super::schema::{named, parsed};

/// A value of a type, as a manifest writes types; none when nothing simple fits its constraints.
pub(super) fn value(ty: &Value) -> Option<Value> {
    let ty = match ty {
        Value::String(name) => named(name),
        Value::Object(ty) => ty.clone(),
        _ => return None,
    };
    let schema = parsed(&ty)?;
    let mut tried: Vec<Value> = Vec::new();
    tried.extend(schema.default.clone());
    tried.extend(schema.choices.first().cloned());
    tried.extend(plain(&ty));
    tried.into_iter().find(|value| schema.coerce(value.clone(), "example").is_ok())
}

/// The plainest value of a type.
fn plain(ty: &Map<String, Value>) -> Option<Value> {
    let bound = |key: &str| ty.get(key).and_then(Value::as_f64);
    Some(match ty.get("type").and_then(Value::as_str).unwrap_or("any") {
        "integer" => {
            let least = bound("min").unwrap_or(1.0).max(1.0);
            json!(least.ceil().min(bound("max").unwrap_or(least.ceil())).trunc() as i64)
        }
        "number" => {
            json!(bound("min").unwrap_or(1.5).max(1.5).min(bound("max").unwrap_or(f64::MAX)))
        }
        "boolean" => json!(true),
        "date" => json!("2026-01-31"),
        "datetime" => json!("2026-01-31T09:00:00Z"),
        "email" => json!("ana@example.test"),
        "url" => json!("https://example.test/1"),
        "list" => match ty.get("items") {
            Some(items) => json!([value(items)?]),
            None => json!([]),
        },
        "object" => Value::Object(fields(ty.get("fields").and_then(Value::as_object))?),
        _ => text(bound("min"), bound("max")),
    })
}

fn text(least: Option<f64>, most: Option<f64>) -> Value {
    let length =
        |bound: Option<f64>, otherwise: usize| bound.map_or(otherwise, |bound| bound as usize);
    let mut text = "a1".to_owned();
    while text.len() < length(least, 0).min(64) {
        text.push('a');
    }
    text.truncate(length(most, usize::MAX));
    json!(text)
}

/// A value of each field.
pub(super) fn fields(all: Option<&Map<String, Value>>) -> Option<Map<String, Value>> {
    let each = all.into_iter().flatten();
    each.map(|(name, ty)| Some((name.clone(), value(ty)?))).collect()
}

/// What an answer's row looks like on the wire: fields by the names that the system has for them.
pub(super) fn row(shape: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut row = Map::new();
    for (name, ty) in shape {
        let mut ty = ty.as_object().cloned().unwrap_or_default();
        let from = ty.shift_remove("from");
        let wire = from.as_ref().and_then(Value::as_str).unwrap_or(name);
        row.insert(wire.to_owned(), value(&Value::Object(ty))?);
    }
    Some(row)
}

/// The part of a row that an example names: what is read as it came.
pub(super) fn expected(shape: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut expected = Map::new();
    for (name, ty) in shape {
        let kind = ty.get("type").and_then(Value::as_str).unwrap_or_default();
        if matches!(kind, "string" | "integer" | "boolean") && expected.len() < 4 {
            let mut ty = ty.as_object().cloned().unwrap_or_default();
            ty.shift_remove("from");
            expected.insert(name.clone(), value(&Value::Object(ty))?);
        }
    }
    Some(expected)
}
