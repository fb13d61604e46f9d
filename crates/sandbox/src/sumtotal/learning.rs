//! What a person does with an activity: assigned, registered, under way, completed.

use std::convert::identity;

use serde_json::{Value, json};

use super::rest::page;
use super::rows::next_version;
use super::token;
use super::{
    ACTIVITIES, TRANSCRIPTS, USER_ACTIVITIES, body, message, not_found, seed, text, users,
};
use crate::call::{Call, Reply};
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

/// Transcript lines made later have ids from here on.
const FIRST_LINE: u64 = 90_001;

pub(super) fn key(user: &str, activity: &str) -> String {
    format!("{user}/{activity}")
}

fn activity<'w>(world: &'w World, id: &str) -> Result<&'w Value, Reply> {
    world.row(ACTIVITIES, id).ok_or_else(|| not_found("No such activity"))
}

fn status(world: &World, user: &str, activity: &str) -> String {
    let row = world.row(USER_ACTIVITIES, &key(user, activity));
    row.map(|row| text(row, "assignmentStatus")).unwrap_or_default()
}

/// The change that brings somebody to a status.
pub(super) fn change(world: &World, user: &str, activity: &str, status: &str) -> Change {
    let (version, _) = next_version(world);
    let key = key(user, activity);
    let rows = world.rows(USER_ACTIVITIES);
    let place = rows.keys().position(|known| *known == key).unwrap_or(rows.len());
    let row = json!({
        "id": 60_001 + place,
        "userId": user,
        "activityId": activity.parse::<u64>().unwrap_or_default(),
        "assignmentStatus": status,
        "version": version,
        "modifiedDate": clock::iso(world.now()),
    });
    Change::put(USER_ACTIVITIES, key, row)
}

/// `/users/{id}/activities`
pub(super) fn list(world: &World, call: &Call, user: &str) -> Result<Reply, Reply> {
    users::find(world, user)?;
    let own = world.rows(USER_ACTIVITIES).values().filter(|row| text(row, "userId") == user);
    let shown = |row: &Value| {
        let id = text(row, "activityId");
        let activity = world.row(ACTIVITIES, &id)?;
        Some(json!({
            "activityId": id,
            "activityName": activity["name"],
            "activityType": activity["activityType"],
            "assignmentStatus": row["assignmentStatus"],
        }))
    };
    Ok(page(world, call, own.filter_map(shown).collect(), identity))
}

/// `/users/{id}/transcripts`
pub(super) fn transcripts(world: &World, call: &Call, user: &str) -> Result<Reply, Reply> {
    users::find(world, user)?;
    let own = world.rows(TRANSCRIPTS).values().filter(|row| text(row, "userId") == user);
    let shown = |row: &Value| {
        let id = text(row, "activityId");
        let activity = world.row(ACTIVITIES, &id)?;
        let done = row["complete"] == json!(true);
        let bare = |date: &Value| date.as_str().map(|text| text.trim_end_matches('Z').to_owned());
        Some(json!({
            "activityId": id,
            "activityName": activity["name"],
            "activityType": activity["activityType"],
            "estimatedCreditHours": activity["hours"],
            "startDate": bare(&row["startDate"]),
            "completionDate": bare(&row["endDate"]),
            "score": row["score"],
            "grade": null,
            "status": if done { "Completed" } else { "In progress" },
        }))
    };
    Ok(page(world, call, own.filter_map(shown).collect(), identity))
}

/// Registers somebody; a refusal is a 200 too.
pub(super) fn register(world: &mut World, user: &str, id: &str) -> Result<Reply, Reply> {
    users::find(world, user)?;
    let refused =
        |why: &str| Ok(Reply::json(200, &json!({ "isRegistered": false, "message": why })));
    let open = activity(world, id)?["isOpen"] == json!(true);
    match status(world, user, id).as_str() {
        "Registered" | "In progress - Registered" => {}
        "Completed" => return refused("The activity is completed"),
        _ if !open => return refused("The activity is not open for registration"),
        _ => {
            let (_, version) = next_version(world);
            let changes = vec![version, change(world, user, id, "Registered")];
            write(world, "create", "registration", user, id, "Registered", changes)?;
        }
    }
    Ok(Reply::json(200, &json!({ "isRegistered": true, "activityId": id })))
}

/// `/users/{id}/activities/{activity}/progress/details`
pub(super) fn details(world: &World, user: &str, id: &str) -> Result<Reply, Reply> {
    users::find(world, user)?;
    activity(world, id)?;
    let done = status(world, user, id) == "Completed"
        || world.rows(TRANSCRIPTS).values().any(|row| {
            text(row, "userId") == user
                && text(row, "activityId") == id
                && row["complete"] == json!(true)
        });
    Ok(Reply::json(200, &json!({ "activityId": id, "hasAttended": done })))
}

/// `/learner/activities/{id}/progress`: with a token of a user the learner is that user; a client that calls for itself
/// names the learner by `?userId=`.
pub(super) fn progress(world: &mut World, call: &Call, id: &str) -> Result<Reply, Reply> {
    let given = body(call)?;
    let named = || call.query_any_case("userId").unwrap_or_default().to_owned();
    let user = token::person(world, call).unwrap_or_else(named);
    users::find(world, &user)?;
    activity(world, id)?;
    let now = status(world, &user, id);
    let under_way = matches!(now.as_str(), "Registered" | "In progress - Registered");
    let asked = text(&given, "status");
    let next = match asked.as_str() {
        "Inprogress" => "In progress - Registered",
        "Attended" => "Completed",
        "Cancelled" => "Cancelled",
        _ => return Err(message(400, "The status is not known")),
    };
    if now == next {
        return Ok(Reply::json(200, &json!({ "status": asked })));
    }
    if !under_way {
        return Err(message(400, "The learner is not registered"));
    }
    let (_, version) = next_version(world);
    let mut changes = vec![version, change(world, &user, id, next)];
    if next == "Completed" {
        let (n, counter) = world.next("sumtotal.transcript", FIRST_LINE);
        let (version, _) = next_version(world);
        let end = clock::iso(world.now());
        let start = given.get("date").and_then(Value::as_str).unwrap_or(&end).to_owned();
        let number = id.parse().unwrap_or_default();
        let mut line = seed::line(n, &user, number, &start, Some(&end));
        line["version"] = json!(version);
        line["score"] = Value::Null;
        line["elapsedSeconds"] = given.get("elapsedSeconds").cloned().unwrap_or(json!(0));
        changes.extend([counter, Change::put(TRANSCRIPTS, n.to_string(), line)]);
    }
    write(world, "update", "progress", &user, id, next, changes)?;
    Ok(Reply::json(200, &json!({ "status": asked })))
}

fn write(
    world: &mut World,
    kind: &'static str,
    object: &str,
    user: &str,
    activity: &str,
    status: &str,
    changes: Vec<Change>,
) -> Result<(), Reply> {
    let key = key(user, activity);
    let body = json!({ "userId": user, "activityId": activity, "status": status });
    let deed = Deed { system: "sumtotal", kind, object, key: &key, identity: &key, body };
    world.commit(deed, changes)?;
    Ok(())
}
