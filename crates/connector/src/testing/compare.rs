//! Comparing what came with what an example names.

use linchpin_language::{Value, kind};

/// Differences: an expected object lists only the fields to compare, a list is compared item by item.
pub(crate) fn subset(expected: &Value, found: &Value, at: &str) -> Vec<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .flat_map(|(key, expected)| {
                let inner = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                match found.get(key) {
                    Some(found) => subset(expected, found, &inner),
                    None => vec![format!("`{inner}` is missing")],
                }
            })
            .collect(),
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                let name = name(at);
                return vec![format!(
                    "{name}: expected {} items, found {}",
                    expected.len(),
                    found.len()
                )];
            }
            let pairs = expected.iter().zip(found).enumerate();
            pairs.flat_map(|(i, (e, f))| subset(e, f, &format!("{at}[{i}]"))).collect()
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => Vec::new(),
        _ if expected == found => Vec::new(),
        _ => vec![format!("{}: expected {expected}, found {}", name(at), short(found))],
    }
}

/// Whether two values are the same, numbers by their size.
pub(crate) fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => expected == found,
    }
}

fn name(at: &str) -> String {
    if at.is_empty() { "the output".to_owned() } else { format!("`{at}`") }
}

fn short(found: &Value) -> String {
    let text = found.to_string();
    if text.chars().count() <= 200 { text } else { format!("a {}", kind(found)) }
}

#[cfg(test)]
mod tests {
    use linchpin_language::json;

    use super::*;

    #[test]
    fn an_expected_object_names_only_what_is_compared() {
        let found = json!({ "a": [{ "id": 1, "x": 2 }], "b": null });
        assert!(subset(&json!({ "a": [{ "id": 1.0 }], "b": null }), &found, "").is_empty());
        assert_eq!(subset(&json!({ "c": 1 }), &found, ""), ["`c` is missing"]);
        assert_eq!(subset(&json!({ "a": [] }), &found, ""), ["`a`: expected 0 items, found 1"]);
        assert_eq!(
            subset(&json!({ "a": [{ "x": 3 }] }), &found, ""),
            ["`a[0].x`: expected 3, found 2"]
        );
    }
}
