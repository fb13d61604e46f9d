//! Values that a dry run cannot know: typed leaves with an identity.
//!
//! An unknown is an ordinary value, an object with the one reserved key `$unknown`, so that
//! journals and previews stay plain JSON. Two unknowns are equal only when they are the same one.

use crate::value::{Map, Value, digest, json};

const KEY: &str = "$unknown";

/// A value known only after the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its identity.
    pub id: String,
    /// The name of its type, as in a schema.
    pub ty: String,
    /// What people read in its place: "id of learner".
    pub label: String,
}

/// An unknown as a value.
pub fn unknown(id: &str, ty: &str, label: &str) -> Value {
    json!({ KEY: { "id": id, "type": ty, "label": label } })
}

/// The unknown that a value is, if it is one itself (not if it only holds one).
pub fn as_unknown(value: &Value) -> Option<Unknown> {
    let fields = value.as_object()?;
    if fields.len() != 1 {
        return None;
    }
    let inner = fields.get(KEY)?.as_object()?;
    let text = |key: &str| inner.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Unknown { id: text("id"), ty: text("type"), label: text("label") })
}

/// Whether a value is an unknown itself; cheaper than [`as_unknown`].
pub(crate) fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::Object(fields) if fields.len() == 1 && fields.contains_key(KEY))
}

/// Whether a value is an unknown or holds one at any depth.
pub fn contains_unknown(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(contains_unknown),
        Value::Object(fields) => is_unknown(value) || fields.values().any(contains_unknown),
        _ => false,
    }
}

/// The unknowns that a value is or holds, in order.
pub fn unknowns(value: &Value) -> Vec<Unknown> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<Unknown>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => match as_unknown(value) {
            Some(unknown) => found.push(unknown),
            None => fields.values().for_each(|item| collect(item, found)),
        },
        _ => {}
    }
}

/// The unknown that computing `what` from other unknowns gives: the same computation of the same
/// unknowns is the same one.
pub(crate) fn derived(what: &str, ty: &str, from: &[Unknown]) -> Value {
    let ids: Vec<&str> = from.iter().map(|unknown| unknown.id.as_str()).collect();
    let id = digest(&json!([what, ids]));
    let label = from.first().map_or("unknown", |unknown| unknown.label.as_str());
    unknown(&id[..16], ty, label)
}

/// A field of an unknown object.
pub(crate) fn field_of(of: &Unknown, field: &str) -> Value {
    unknown(&format!("{}.{field}", of.id), "any", &format!("{field} of {}", of.label))
}

/// Three-valued equality: `None` when it depends on an unknown.
pub(crate) fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (as_unknown(left), as_unknown(right)) {
        (Some(a), Some(b)) => return (a.id == b.id).then_some(true),
        (None, None) => {}
        _ => return None,
    }
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => Some(crate::cel::same_number(a, b)),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            all_equal(a.iter().zip(b).map(|(a, b)| equal(a, b)))
        }
        (Value::Object(a), Value::Object(b)) => objects_equal(a, b),
        _ => Some(left == right),
    }
}

fn objects_equal(a: &Map<String, Value>, b: &Map<String, Value>) -> Option<bool> {
    if a.len() != b.len() || a.keys().any(|key| !b.contains_key(key)) {
        return Some(false);
    }
    all_equal(a.iter().map(|(key, value)| b.get(key).map_or(Some(false), |b| equal(value, b))))
}

fn all_equal(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = true;
    let differs = parts.any(|part| {
        known &= part.is_some();
        part == Some(false)
    });
    if differs { Some(false) } else { known.then_some(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_is_equal_only_to_itself() {
        let (a, b) = (unknown("a", "string", "id of a"), unknown("b", "string", "id of b"));
        assert_eq!(equal(&a, &a), Some(true));
        assert_eq!(equal(&a, &b), None);
        assert_eq!(equal(&json!([1, a]), &json!([2, a])), Some(false));
        assert_eq!(equal(&json!({ "x": a, "y": 1 }), &json!({ "x": b, "y": 1 })), None);
        assert_eq!(equal(&json!({ "x": a }), &Value::Null), Some(false));
    }

    #[test]
    fn an_unknown_is_found_at_any_depth() {
        let value = json!({ "rows": [{ "id": unknown("a", "string", "id of a") }] });
        assert!(contains_unknown(&value));
        assert_eq!(unknowns(&value)[0].label, "id of a");
        assert!(as_unknown(&value).is_none());
    }
}
