//! Creating and changing records, with the rules that an incident brings along.

use serde_json::{Map, Value, json};

use super::admission::User;
use super::display::View;
use super::schema::{Kind, SYSTEM_FIELDS, Schema};
use super::{Refusal, journal, rows_of, text};
use crate::call::{Call, Reply};
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

/// The next incident after those that are seeded.
const FIRST_NUMBER: u64 = 10_042;

pub(super) fn create(
    world: &mut World,
    call: &Call,
    schema: &'static Schema,
    user: &User,
) -> Result<Reply, Refusal> {
    let given = body(call)?;
    let (n, counter) = world.next(&format!("servicenow.{}", schema.name), 0);
    let id = world.identity.hex32(&format!("servicenow.{}.created", schema.name), n);
    let now = clock::plain(world.now());
    let mut row = json!({
        "sys_id": id,
        "sys_created_on": now,
        "sys_created_by": user.user_name,
        "sys_updated_on": now,
        "sys_updated_by": user.user_name,
        "sys_mod_count": "0",
    });
    let mut changes = vec![counter];
    if schema.name == "incident" {
        let (number, counter) = world.next("servicenow.number", FIRST_NUMBER);
        changes.push(counter);
        begin_incident(&mut row, number, user, &now);
    }
    let by_display = call.query("sysparm_input_display_value") == Some("true");
    changes.extend(apply(world, schema, &mut row, &given, user, by_display));
    derive(world, schema, &mut row, None, user)?;
    let rows = rows_of(schema.name);
    changes.push(Change::put(&rows, &id, row.clone()));
    let deed = Deed {
        system: "servicenow",
        kind: "create",
        object: schema.name,
        key: &id,
        identity: text(&row, schema.display),
        body: Value::Object(given),
    };
    world.commit(deed, changes)?;
    let result = View::of(call).show(world, schema, &row);
    let location = format!("{}/api/now/table/{}/{id}", call.origin(), schema.name);
    Ok(Reply::json(201, &json!({ "result": result })).with_header("location", location))
}

pub(super) fn update(
    world: &mut World,
    call: &Call,
    schema: &'static Schema,
    user: &User,
    id: &str,
) -> Result<Reply, Refusal> {
    let rows = rows_of(schema.name);
    let before = world.row(&rows, id).ok_or_else(Refusal::no_record)?.clone();
    let given = body(call)?;
    let mut row = before.clone();
    let by_display = call.query("sysparm_input_display_value") == Some("true");
    let mut changes = apply(world, schema, &mut row, &given, user, by_display);
    derive(world, schema, &mut row, Some(&before), user)?;
    // What changes nothing is no update: no new modification count, no effect.
    if row != before || !changes.is_empty() {
        let count: u64 = text(&before, "sys_mod_count").parse().unwrap_or_default();
        row["sys_mod_count"] = json!((count + 1).to_string());
        row["sys_updated_on"] = json!(clock::plain(world.now()));
        row["sys_updated_by"] = json!(user.user_name);
        changes.push(Change::put(&rows, id, row.clone()));
        let deed = Deed {
            system: "servicenow",
            kind: "update",
            object: schema.name,
            key: id,
            identity: text(&row, schema.display),
            body: Value::Object(given),
        };
        world.commit(deed, changes)?;
    }
    let result = View::of(call).show(world, schema, &row);
    Ok(Reply::json(200, &json!({ "result": result })))
}

pub(super) fn body(call: &Call) -> Result<Map<String, Value>, Refusal> {
    let kind = call.content_type();
    if kind.is_empty() {
        return Err(Refusal::new(400, "Content-Type is missing", None));
    }
    if !kind.contains("json") {
        return Err(Refusal::new(415, "Unsupported media type", Some("Only JSON is taken")));
    }
    let bad = || {
        let detail = Some("The payload is not valid JSON");
        Refusal::new(400, "Exception while reading request", detail)
    };
    match serde_json::from_slice(&call.body).map_err(|_| bad())? {
        Value::Object(fields) => Ok(fields),
        // Only the first record of a list counts.
        Value::Array(list) => match list.into_iter().next() {
            Some(Value::Object(fields)) => Ok(fields),
            _ => Err(bad()),
        },
        _ => Err(bad()),
    }
}

fn begin_incident(row: &mut Value, number: u64, user: &User, now: &str) {
    let defaults = [
        ("number", format!("INC{number:07}")),
        ("state", "1".to_owned()),
        ("active", "true".to_owned()),
        ("opened_by", user.sys_id.clone()),
        ("opened_at", now.to_owned()),
        ("impact", "3".to_owned()),
        ("urgency", "3".to_owned()),
        ("severity", "3".to_owned()),
        ("reopen_count", "0".to_owned()),
        ("sys_class_name", "incident".to_owned()),
        ("sys_domain", "global".to_owned()),
    ];
    for (field, value) in defaults {
        row[field] = json!(value);
    }
}

/// Writes the given fields into the row; gives the journal entries that come with them.
fn apply(
    world: &World,
    schema: &Schema,
    row: &mut Value,
    given: &Map<String, Value>,
    user: &User,
    by_display: bool,
) -> Vec<Change> {
    let mut entries = Vec::new();
    for (field, value) in given {
        let is_system = SYSTEM_FIELDS.iter().any(|(name, _)| name == field);
        let Some(kind) = schema.kind(field).filter(|_| !is_system) else { continue };
        let value = plain(value);
        match kind {
            Kind::Journal => {
                let known = journal::JOURNALS.iter().any(|(name, _)| name == field);
                if known && !value.is_empty() {
                    let id = text(row, "sys_id").to_owned();
                    entries.push(journal::entry(world, schema.name, &id, field, &value, user));
                }
            }
            Kind::Ref(table) => row[field.as_str()] = json!(reference(world, table, &value)),
            // An empty value clears a field, but a choice keeps what it has.
            Kind::Choice(_) if value.is_empty() => {}
            Kind::Choice(choices) if by_display => {
                let named = choices.iter().find(|(_, label)| *label == value);
                row[field.as_str()] = json!(named.map_or(value.as_str(), |(known, _)| *known));
            }
            _ => row[field.as_str()] = json!(value),
        }
    }
    entries
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(fields) => fields.get("value").map(plain).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// A reference is given by `sys_id`, or by the display value of exactly one record.
fn reference(world: &World, table: &str, value: &str) -> String {
    let rows = world.rows(&rows_of(table));
    let Some(schema) = Schema::of(table).filter(|_| !rows.contains_key(value)) else {
        return value.to_owned();
    };
    let mut named = rows.values().filter(|row| text(row, schema.display) == value);
    match (named.next(), named.next()) {
        (Some(row), None) => text(row, "sys_id").to_owned(),
        _ => value.to_owned(),
    }
}

/// Fields that follow from others.
fn derive(
    world: &World,
    schema: &Schema,
    row: &mut Value,
    before: Option<&Value>,
    user: &User,
) -> Result<(), Refusal> {
    match schema.name {
        "sys_user" => {
            let name = format!("{} {}", text(row, "first_name"), text(row, "last_name"));
            row["name"] = json!(name.trim());
            if row.get("active").is_none() {
                row["active"] = json!("true");
            }
        }
        "incident" => incident(world, row, before, user)?,
        "sys_user_has_role" if before.is_none() => {
            row["inherited"] = json!("false");
            row["state"] = json!("active");
        }
        _ => {}
    }
    Ok(())
}

fn incident(
    world: &World,
    row: &mut Value,
    before: Option<&Value>,
    user: &User,
) -> Result<(), Refusal> {
    let level = |field: &str| text(row, field).parse::<u64>().unwrap_or(3).clamp(1, 3);
    row["priority"] = json!((level("impact") + level("urgency") - 1).to_string());
    let state = text(row, "state").to_owned();
    row["incident_state"] = json!(state);
    if before.is_some_and(|before| text(before, "state") == state) {
        return Ok(());
    }
    let now = clock::plain(world.now());
    if matches!(state.as_str(), "6" | "7")
        && before.is_none_or(|b| text(b, "resolved_at").is_empty())
    {
        if text(row, "close_code").is_empty() || text(row, "close_notes").is_empty() {
            let detail = "Data Policy Exception: the following fields are mandatory: \
                          Resolution code, Resolution notes";
            return Err(Refusal::new(403, "Operation Failed", Some(detail)));
        }
        row["resolved_at"] = json!(now);
        row["resolved_by"] = json!(user.sys_id);
    }
    let ended = matches!(state.as_str(), "7" | "8");
    row["active"] = json!(if ended { "false" } else { "true" });
    if ended {
        row["closed_at"] = json!(now);
        row["closed_by"] = json!(user.sys_id);
    }
    Ok(())
}
