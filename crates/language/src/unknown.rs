//! Values that a dry run cannot know: typed leaves with an identity.
//!
//! An unknown is an ordinary value, an object with the one reserved key `$unknown`, so that
//! journals and previews stay plain JSON. Two unknowns are equal only when they are the same one.
//! An object that holds that key beside others is open: what it lacks is unknown.

use crate::value::{Map, Value, digest, json};

const KEY: &str = "$unknown";

/// The identity of everything that a dry run's own writes would create begins so.
pub const CREATED: &str = "new:";
/// And of what is computed from such values alone.
const COMPUTED: &str = "new:=";

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

impl Unknown {
    /// Its label inside of a longer text: in braces, unless it is a text with such places itself.
    pub fn in_text(&self) -> String {
        let label = &self.label;
        if label.contains('{') { label.clone() } else { format!("{{{label}}}") }
    }

    /// Whether it belongs to something that this dry run would create, and nothing else can hold it.
    pub fn is_created(&self) -> bool {
        self.id.starts_with(CREATED) && !self.is_computed()
    }

    /// What stands at a path in it.
    pub(crate) fn at(&self, path: &[String]) -> Value {
        let (mut id, mut label) = (self.id.clone(), self.label.clone());
        for name in path {
            id = format!("{id}.{name}");
            label = format!("{name} of {label}");
        }
        unknown(&id, "any", &label)
    }

    /// Whether it is computed from such values alone, as a query that names an id is.
    pub fn is_computed(&self) -> bool {
        self.id.starts_with(COMPUTED)
    }
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

/// Makes an object open: each field that it does not have is an unknown of this identity.
pub fn leave_open(object: &mut Map<String, Value>, id: &str, label: &str) {
    let rest = unknown(id, "object", label);
    object.extend(rest.as_object().cloned().unwrap_or_default());
}

/// What an open object lacks.
pub(crate) fn rest_of(object: &Map<String, Value>) -> Option<Unknown> {
    let rest = object.get(KEY)?.clone();
    as_unknown(&Value::Object(Map::from_iter([(KEY.to_owned(), rest)])))
}

/// Closes an object: gives what it lacked as long as it was open.
pub fn take_rest(object: &mut Map<String, Value>) -> Option<Unknown> {
    let rest = rest_of(object);
    object.shift_remove(KEY);
    rest
}

/// Whether a value is an unknown, or an object of which not all fields are known.
pub(crate) fn is_open(value: &Value) -> bool {
    matches!(value, Value::Object(fields) if fields.contains_key(KEY))
}

/// Whether a value is an unknown itself; cheaper than [`as_unknown`].
pub(crate) fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::Object(fields) if fields.len() == 1 && fields.contains_key(KEY))
}

/// Whether a value is an unknown or holds one at any depth.
pub fn contains_unknown(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(contains_unknown),
        Value::Object(fields) => is_open(value) || fields.values().any(contains_unknown),
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
            None => {
                fields.values().for_each(|item| collect(item, found));
                found.extend(rest_of(fields));
            }
        },
        _ => {}
    }
}

/// The unknown that computing `what` from other unknowns gives: the same computation of the same
/// unknowns is the same one.
pub(crate) fn derived(what: &str, ty: &str, from: &[Unknown]) -> Value {
    let ids: Vec<&str> = from.iter().map(|unknown| unknown.id.as_str()).collect();
    let digest = digest(&json!([what, ids]));
    let is_own = !ids.is_empty() && ids.iter().all(|id| id.starts_with(CREATED));
    let id = format!("{}{}", if is_own { COMPUTED } else { "" }, &digest[..16]);
    let label = from.first().map_or("unknown", |unknown| unknown.label.as_str());
    unknown(&id, ty, label)
}

/// A value with each unknown in words, for people.
pub fn worded(value: &Value) -> Value {
    if let Some(unknown) = as_unknown(value) {
        return Value::String(format!("({}: known after run)", unknown.label));
    }
    match value {
        Value::Array(items) => items.iter().map(worded).collect(),
        Value::Object(fields) => {
            let mut fields = fields.clone();
            let is_open = take_rest(&mut fields).is_some();
            let known = fields.iter().map(|(name, field)| (name.clone(), worded(field)));
            let more = is_open.then(|| ("…".to_owned(), Value::from("(more: known after run)")));
            known.chain(more).collect()
        }
        other => other.clone(),
    }
}

/// The same unknown under another name.
pub(crate) fn relabelled(value: Value, label: &str) -> Value {
    match as_unknown(&value) {
        Some(it) => unknown(&it.id, &it.ty, label),
        None => value,
    }
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
        if !a.contains_key(KEY) && !b.contains_key(KEY) {
            return Some(false);
        }
        let both = a.iter().filter_map(|(key, value)| Some((value, b.get(key)?)));
        let shared = all_equal(both.map(|(a, b)| equal(a, b)));
        return if shared == Some(false) { shared } else { None };
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
    fn an_open_object_lacks_nothing_for_sure() {
        let mut row = Map::from_iter([("title".to_owned(), json!("VPN"))]);
        assert_eq!(rest_of(&row), None);
        leave_open(&mut row, "new:1", "record");
        let number = rest_of(&row).unwrap().at(&["number".to_owned()]);
        assert_eq!(as_unknown(&number).unwrap().label, "number of record");
        let open = Value::Object(row);
        assert!(contains_unknown(&open) && as_unknown(&open).is_none());
        assert_eq!(unknowns(&open)[0].id, "new:1");
        assert_eq!(equal(&open, &open), Some(true));
        assert_eq!(equal(&open, &json!({ "title": "VPN", "number": "1" })), None);
        assert_eq!(equal(&open, &json!({ "title": "SAP" })), Some(false));
    }

    #[test]
    fn what_is_computed_from_created_things_alone_shows_it() {
        let created = Unknown { id: "new:1.id".into(), ty: "string".into(), label: "id".into() };
        let other = Unknown { id: "answer".into(), ..created.clone() };
        let of = |from: &[Unknown]| as_unknown(&derived("quote", "string", from)).unwrap();
        assert!(created.is_created() && !created.is_computed());
        let query = of(std::slice::from_ref(&created));
        assert!(query.is_computed() && !query.is_created());
        assert!(of(&[query]).is_computed());
        assert!(!of(&[created, other]).is_computed());
    }

    #[test]
    fn an_unknown_is_found_at_any_depth() {
        let value = json!({ "rows": [{ "id": unknown("a", "string", "id of a") }] });
        assert!(contains_unknown(&value));
        assert_eq!(unknowns(&value)[0].label, "id of a");
        assert!(as_unknown(&value).is_none());
    }
}
