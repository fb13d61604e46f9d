//! Search, sort and paging of lists.

use serde_json::Value;

use super::format::Window;
use crate::call::Call;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// Whether one of the fields contains what `search` asks for.
pub(super) fn is_found(call: &Call, row: &Value, fields: &[&str]) -> bool {
    let Some(wanted) = call.query("search").filter(|text| !text.is_empty()) else { return true };
    let wanted = wanted.to_lowercase();
    let contains = |field: &str| {
        row.get(field).and_then(Value::as_str).is_some_and(|t| t.to_lowercase().contains(&wanted))
    };
    fields.iter().any(|field| contains(field))
}

/// Orders by `sort` and `dir`.
pub(super) fn sort(call: &Call, rows: &mut [Value]) {
    let Some(field) = call.query("sort").filter(|field| !field.is_empty()) else { return };
    let text = |row: &Value| match row.get(field) {
        Some(Value::String(text)) => text.to_lowercase(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    rows.sort_by_cached_key(text);
    if call.query("dir").is_some_and(|dir| dir.eq_ignore_ascii_case("desc")) {
        rows.reverse();
    }
}

/// The part that `start` and `limit` ask for.
pub(super) fn page(call: &Call, rows: Vec<Value>) -> (Vec<Value>, Window) {
    let number = |name: &str| call.query_any_case(name).and_then(|n| n.parse::<usize>().ok());
    let start = number("start").unwrap_or(0);
    let limit = number("limit").filter(|n| *n > 0).unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let total = rows.len();
    (rows.into_iter().skip(start).take(limit).collect(), Window { start, limit, total })
}
