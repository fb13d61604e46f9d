//! `/api/now/stats/{table}`: counts and sums, as one figure or by groups.
//!
//! No fact page describes this one; its form is common knowledge, and marked so in docs/sandbox.md.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::Refusal;
use super::display::value_at;
use super::schema::Schema;
use super::table::matching;
use crate::call::{Call, Reply};
use crate::world::World;

type Figure = fn(&[f64]) -> f64;

/// The parameter of each figure, its name in the answer, and how it is made.
const FIGURES: [(&str, &str, Figure); 2] = [
    ("sysparm_sum_fields", "sum", |all| all.iter().sum()),
    ("sysparm_avg_fields", "avg", |all| {
        all.iter().sum::<f64>() / f64::from(u32::try_from(all.len()).unwrap_or(1).max(1))
    }),
];

fn fields<'c>(call: &'c Call, name: &str) -> Vec<&'c str> {
    let named = call.query(name).unwrap_or_default().split(',').map(str::trim);
    named.filter(|field| !field.is_empty()).collect()
}

pub(super) fn read(world: &World, call: &Call, table: &str) -> Result<Reply, Refusal> {
    if call.method != Method::GET {
        return Err(Refusal::new(405, "Method not supported", None));
    }
    let unknown = || Refusal::new(400, &format!("Invalid table {table}"), None);
    let schema = Schema::of(table).ok_or_else(unknown)?;
    let found = matching(world, call, schema)?;
    let by = fields(call, "sysparm_group_by");
    if by.is_empty() {
        let result = json!({ "stats": stats(world, call, schema, &found) });
        return Ok(Reply::json(200, &json!({ "result": result })));
    }
    let mut groups: Vec<(Vec<String>, Vec<&Value>)> = Vec::new();
    for row in found {
        let at = |path: &&str| value_at(world, schema, row, path).unwrap_or_default();
        let key: Vec<String> = by.iter().map(at).collect();
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    groups.sort_by(|(a, _), (b, _)| a.cmp(b));
    let shown = groups.iter().map(|(key, rows)| {
        let pairs = by.iter().zip(key);
        let named: Vec<Value> =
            pairs.map(|(field, value)| json!({ "field": field, "value": value })).collect();
        json!({ "stats": stats(world, call, schema, rows), "groupby_fields": named })
    });
    Ok(Reply::json(200, &json!({ "result": shown.collect::<Vec<_>>() })))
}

/// The figures of some rows, as text.
fn stats(world: &World, call: &Call, schema: &Schema, rows: &[&Value]) -> Value {
    let mut stats = Map::new();
    if call.query("sysparm_count") == Some("true") {
        stats.insert("count".to_owned(), json!(rows.len().to_string()));
    }
    let values = |field: &str| -> Vec<String> {
        let all = rows.iter().filter_map(|row| value_at(world, schema, row, field));
        all.filter(|value| !value.is_empty()).collect()
    };
    for (parameter, name, figure) in FIGURES {
        let mut own = Map::new();
        for field in fields(call, parameter) {
            let numbers: Vec<f64> =
                values(field).iter().filter_map(|value| value.parse().ok()).collect();
            let text =
                if numbers.is_empty() { String::new() } else { figure(&numbers).to_string() };
            own.insert(field.to_owned(), json!(text));
        }
        if !own.is_empty() {
            stats.insert(name.to_owned(), Value::Object(own));
        }
    }
    for (parameter, name) in [("sysparm_min_fields", "min"), ("sysparm_max_fields", "max")] {
        let mut own = Map::new();
        for field in fields(call, parameter) {
            let all = values(field);
            let found = if name == "min" { all.iter().min() } else { all.iter().max() };
            own.insert(field.to_owned(), json!(found.cloned().unwrap_or_default()));
        }
        if !own.is_empty() {
            stats.insert(name.to_owned(), Value::Object(own));
        }
    }
    Value::Object(stats)
}
