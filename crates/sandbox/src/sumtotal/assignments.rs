//! `POST /apis/api/v1/assignments`: saves an assignment.
//!
//! No public source shows the real route; this one is invented, and only its effects follow what is known.

use serde_json::{Value, json};

use super::rest::{Mistakes, not_saved, saved};
use super::rows::next_version;
use super::{ACTIVITIES, ASSIGNMENTS, PERSONS, USER_ACTIVITIES, body, learning, text};
use crate::call::{Call, Reply};
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

const FIRST: u64 = 5001;
const CREATED: u8 = 2;
const UPDATED: u8 = 1;

/// Creates, or updates when the assignment is named or the same person has the same activity already.
pub(super) fn save(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    let given = body(call)?;
    let (user, activity) = (text(&given, "userId"), text(&given, "activityId"));
    let named = text(&given, "assignmentId");
    let mistakes = mistakes(world, &given, &named);
    if !mistakes.is_empty() {
        return Ok(not_saved(world, "Assignment not saved", "primaryKey", &mistakes));
    }
    let same = |row: &&Value| text(row, "userId") == user && text(row, "activityId") == activity;
    let existing = match named.as_str() {
        "" => world.rows(ASSIGNMENTS).values().find(same),
        id => world.row(ASSIGNMENTS, id),
    };
    let wanted = |id: &Value, version: &Value| {
        json!({
            "assignmentId": id,
            "userId": user,
            "activityId": activity,
            "dueDate": given.get("dueDate").unwrap_or(&Value::Null),
            "isRequired": given.get("isRequired").and_then(Value::as_bool).unwrap_or(true),
            "priorityId": given.get("priorityId").unwrap_or(&Value::Null),
            "note": given.get("note").unwrap_or(&Value::Null),
            "version": version,
        })
    };
    let (version, versions) = next_version(world);
    let version = json!(version);
    if let Some(row) = existing.cloned() {
        let id = &row["assignmentId"];
        // The same again changes nothing, so that a retry is harmless.
        if wanted(id, &row["version"]) != row {
            write(world, "update", &wanted(id, &version), vec![versions])?;
        }
        return Ok(saved("Assignment updated", "primaryKey", id, UPDATED));
    }
    let (n, counter) = world.next("sumtotal.assignment", FIRST);
    let mut changes = vec![versions, counter];
    let key = learning::key(&user, &activity);
    if world.row(USER_ACTIVITIES, &key).is_none() {
        changes.push(learning::change(world, &user, &activity, "Assigned"));
    }
    write(world, "assign", &wanted(&json!(n), &version), changes)?;
    Ok(saved("Assignment created", "primaryKey", &json!(n), CREATED))
}

fn mistakes(world: &World, given: &Value, named: &str) -> Mistakes {
    let mut mistakes = Mistakes::new();
    let activity = world.row(ACTIVITIES, &text(given, "activityId"));
    if world.row(PERSONS, &text(given, "userId")).is_none() {
        mistakes.push(("userId", "UserNotFound", "No such user"));
    }
    if activity.is_none() {
        mistakes.push(("activityId", "ActivityNotFound", "No such activity"));
    }
    if !named.is_empty() && world.row(ASSIGNMENTS, named).is_none() {
        mistakes.push(("assignmentId", "AssignmentNotFound", "No such assignment"));
    }
    let due = given.get("dueDate").and_then(Value::as_str).filter(|due| !due.is_empty());
    if due.is_some_and(|due| clock::parse(due).is_none()) {
        mistakes.push(("dueDate", "InvalidDate", "Not a date"));
    }
    mistakes
}

fn write(
    world: &mut World,
    kind: &'static str,
    row: &Value,
    mut changes: Vec<Change>,
) -> Result<(), Reply> {
    let id = text(row, "assignmentId");
    let identity = format!("{} {}", text(row, "userId"), text(row, "activityId"));
    changes.push(Change::put(ASSIGNMENTS, &id, row.clone()));
    let mut body = row.clone();
    if let Value::Object(fields) = &mut body {
        fields.shift_remove("version");
    }
    let object = "assignment";
    let deed = Deed { system: "sumtotal", kind, object, key: &id, identity: &identity, body };
    world.commit(deed, changes)?;
    Ok(())
}
