//! `/api/now/import/{staging table}`: a row goes in, and the transform map runs at once.
//!
//! One staging table with one map: `imp_user` makes and changes `sys_user` by `user_name`.

use axum::http::Method;
use serde_json::{Value, json};

use super::admission::User;
use super::schema::Schema;
use super::{Refusal, insert, rows_of, text};
use crate::call::{Call, Reply};
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

const STAGING: &str = "imp_user";
const TARGET: &str = "sys_user";

/// Columns of the staging table and the fields they become.
const MAP: [(&str, &str); 6] = [
    ("u_user_name", "user_name"),
    ("u_email", "email"),
    ("u_first_name", "first_name"),
    ("u_last_name", "last_name"),
    ("u_title", "title"),
    ("u_employee_number", "employee_number"),
];

pub(super) fn route(
    world: &mut World,
    call: &Call,
    table: &str,
    rest: &[&str],
    user: &User,
) -> Result<Reply, Refusal> {
    if table != STAGING {
        return Err(Refusal::new(400, &format!("Invalid staging table {table}"), None));
    }
    match (rest, &call.method) {
        ([], &Method::POST) => insert(world, call, user),
        ([id], &Method::GET) => {
            let row = world.row(&rows_of(STAGING), id).ok_or_else(Refusal::no_record)?;
            let result = [outcome(call, row)];
            Ok(Reply::json(
                200,
                &json!({ "import_set": row["sys_import_set"], "staging_table": STAGING, "result": result }),
            ))
        }
        _ => Err(Refusal::new(405, "Method not supported", None)),
    }
}

/// What the transform map did with a staging row.
fn outcome(call: &Call, row: &Value) -> Value {
    let id = text(row, "sys_target_sys_id");
    let mut outcome = json!({
        "transform_map": "User",
        "table": TARGET,
        "display_name": "name",
        "display_value": row["display_value"],
        "record_link": format!("{}/api/now/table/{TARGET}/{id}", call.origin()),
        "status": row["sys_import_state"],
        "sys_id": id,
    });
    if text(row, "sys_import_state") == "error" {
        outcome["error_message"] = row["sys_import_state_comment"].clone();
    }
    outcome
}

fn insert(world: &mut World, call: &Call, user: &User) -> Result<Reply, Refusal> {
    let given = insert::body(call)?;
    let schema = Schema::of(STAGING).ok_or_else(Refusal::no_record)?;
    let (n, counter) = world.next("servicenow.imp_user", 0);
    let (set, sets) = world.next("servicenow.import_set", 10_007);
    let id = world.identity.hex32("servicenow.imp_user", n);
    let now = clock::plain(world.now());
    let mut row = json!({
        "sys_id": id,
        "sys_import_set": format!("ISET{set:07}"),
        "sys_import_row": "0",
        "sys_target_table": TARGET,
        "sys_created_on": now,
        "sys_created_by": user.user_name,
        "sys_updated_on": now,
        "sys_updated_by": user.user_name,
        "sys_mod_count": "0",
    });
    for (name, value) in &given {
        // A nested value arrives as the text that it is, which no map can read.
        if schema.kind(name).is_some() {
            row[name.as_str()] = json!(insert::plain(value));
        }
    }
    let mut changes = vec![counter, sets];
    changes.extend(transform(world, &mut row, user));
    changes.push(Change::put(&rows_of(STAGING), &id, row.clone()));
    let deed = Deed {
        system: "servicenow",
        kind: "create",
        object: STAGING,
        key: &id,
        identity: text(&row, "u_user_name"),
        body: Value::Object(given),
    };
    world.commit(deed, changes)?;
    let body = json!({
        "import_set": row["sys_import_set"],
        "staging_table": STAGING,
        "result": [outcome(call, &row)],
    });
    Ok(Reply::json(201, &body))
}

/// Runs the map: the target is found by its user name.
fn transform(world: &World, row: &mut Value, user: &User) -> Option<Change> {
    let name = text(row, "u_user_name").to_owned();
    if name.is_empty() {
        row["sys_import_state"] = json!("error");
        row["sys_import_state_comment"] = json!("The row has no user name");
        return None;
    }
    let rows = world.rows(&rows_of(TARGET));
    let known = rows.values().find(|row| text(row, "user_name") == name);
    let now = clock::plain(world.now());
    let mut target = known.cloned().unwrap_or_else(|| {
        json!({
            "sys_id": world.identity.hex32("servicenow.sys_user.imported", rows.len() as u64),
            "active": "true",
            "sys_created_on": now,
            "sys_created_by": user.user_name,
            "sys_mod_count": "0",
        })
    });
    for (column, field) in MAP {
        if !text(row, column).is_empty() {
            target[field] = row[column].clone();
        }
    }
    let shown = format!("{} {}", text(&target, "first_name"), text(&target, "last_name"));
    target["name"] = json!(shown.trim());
    row["sys_target_sys_id"] = target["sys_id"].clone();
    row["display_value"] = target["name"].clone();
    let state = match known {
        None => "inserted",
        Some(before) if *before == target => "ignored",
        Some(_) => "updated",
    };
    row["sys_import_state"] = json!(state);
    if state == "ignored" {
        return None;
    }
    target["sys_updated_on"] = json!(now);
    target["sys_updated_by"] = json!(user.user_name);
    if let Some(before) = known {
        let count: u64 = text(before, "sys_mod_count").parse().unwrap_or_default();
        target["sys_mod_count"] = json!((count + 1).to_string());
    }
    let id = text(&target, "sys_id").to_owned();
    Some(Change::put(&rows_of(TARGET), id, target))
}
