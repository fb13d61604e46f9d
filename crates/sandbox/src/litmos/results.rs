//! `/results/modules/{id}` marks a module; completing a course earns an achievement. `/results/details` lists who is
//! how far in which course.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::body::Body;
use super::format::{Answer, Refusal};
use super::user_courses::key;
use super::users::text;
use super::{ACHIEVEMENTS, ASSIGNMENTS, USERS, lists};
use crate::call::Call;
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

const ORDER: [&str; 7] =
    ["CourseId", "UserId", "Score", "Completed", "UpdatedAt", "Note", "Attempts"];

pub(super) fn route(world: &mut World, call: &Call, module: &str) -> Result<Answer, Refusal> {
    if call.method != Method::PUT {
        return Err(Refusal::method());
    }
    let lenient = world.settings.litmos.lenient;
    let body = Body::of(call)?;
    let given = body.object(&ORDER, lenient)?;
    let updated = given.get("UpdatedAt").and_then(Value::as_str).unwrap_or_default();
    if body.is_json() && !lenient && !updated.is_empty() && !updated.starts_with("/Date(") {
        return Err(Refusal::unhandled());
    }
    let field = |name: &str| given.get(name).and_then(Value::as_str).ok_or_else(Refusal::bad_body);
    let (course, user) = (field("CourseId")?, field("UserId")?);
    let done = match given.get("Completed") {
        Some(Value::Bool(done)) => *done,
        Some(Value::String(text)) => text == "1",
        _ => return Err(Refusal::bad_body()),
    };
    let key = key(user, course);
    let row = world.row(ASSIGNMENTS, &key).ok_or_else(Refusal::not_found)?.clone();
    let mut changed = row.clone();
    mark(&mut changed, module, done, given.get("Score"))?;
    if changed == row {
        return Ok(Answer::Empty(200));
    }
    let now = clock::iso(world.now());
    let mut changes = Vec::new();
    if changed["StartDate"].is_null() {
        changed["StartDate"] = json!(now);
    }
    if changed["Complete"] == json!(true) && row["Complete"] == json!(false) {
        changed["DateCompleted"] = json!(now);
        changes.push(achievement(world, &changed, &now));
    }
    changes.push(Change::put(ASSIGNMENTS, &key, changed));
    let deed = Deed {
        system: "litmos",
        kind: "update",
        object: "module_result",
        key: &format!("{key}/{module}"),
        identity: text(&row, "Code"),
        body: Value::Object(given.clone()),
    };
    world.commit(deed, changes)?;
    Ok(Answer::Empty(200))
}

fn mark(row: &mut Value, module: &str, done: bool, score: Option<&Value>) -> Result<(), Refusal> {
    let modules = row["Modules"].as_array_mut().ok_or_else(Refusal::not_found)?;
    let total = modules.len();
    let found = modules.iter_mut().find(|row| text(row, "Id") == module);
    let found = found.ok_or_else(Refusal::not_found)?;
    found["Completed"] = json!(done);
    if let Some(score) = score {
        found["Score"] = score.clone();
    }
    let n_done = modules.iter().filter(|row| row["Completed"] == json!(true)).count();
    let share = u32::try_from(n_done * 100 / total.max(1)).unwrap_or(100);
    row["PercentageComplete"] = json!(f64::from(share));
    row["Complete"] = json!(n_done == total);
    Ok(())
}

fn achievement(world: &World, row: &Value, now: &str) -> Change {
    let n = 500_000 + world.rows(ACHIEVEMENTS).len() as u64 + 1;
    let user = world.row(USERS, text(row, "UserId")).cloned().unwrap_or_default();
    let value = json!({
        "UserId": row["UserId"],
        "Title": row["Name"],
        "Description": "",
        "AchievementDate": now,
        "CourseId": row["Id"],
        "CompliantTillDate": null,
        "Score": null,
        "Result": "Completed",
        "Type": "Course Completed",
        "FirstName": user["FirstName"],
        "LastName": user["LastName"],
        "AchievementId": n,
        "CertificateId": world.identity.litmos("litmos.certificate", n),
    });
    Change::put(ACHIEVEMENTS, n.to_string(), value)
}

/// `/results/details`: results that changed since a moment, which must be named.
pub(super) fn details(world: &World, call: &Call) -> Result<Answer, Refusal> {
    if call.method != Method::GET {
        return Err(Refusal::method());
    }
    let since = call.query("since").and_then(clock::parse).ok_or_else(bad_since)?;
    let limit = call.query_any_case("limit").and_then(|n| n.parse::<u32>().ok());
    if limit.is_some_and(|limit| limit > 1000) {
        return Err(Refusal::new(406, "The limit cannot be more than 1000."));
    }
    let rows = changed(world, |at| at >= since);
    Ok(Answer::List("CourseResults", "CourseResult", lists::page(call, rows).0))
}

fn bad_since() -> Refusal {
    Refusal::new(406, "Please provide a valid since query string parameter")
}

/// Results by the moment of their last change.
pub(super) fn changed(world: &World, wanted: impl Fn(Timestamp) -> bool) -> Vec<Value> {
    let rows = world.rows(ASSIGNMENTS).values().filter_map(|row| {
        let dates = ["AssignedDate", "StartDate", "DateCompleted"];
        let at = dates.iter().filter_map(|field| clock::parse(text(row, field))).max()?;
        let user = world.row(USERS, text(row, "UserId")).filter(|_| wanted(at))?;
        Some(json!({
            "Id": user["Id"],
            "UserOriginalId": user["OriginalId"],
            "UserName": user["UserName"],
            "FirstName": user["FirstName"],
            "LastName": user["LastName"],
            "Active": user["Active"],
            "Email": user["Email"],
            "AccessLevel": user["AccessLevel"],
            "LoginKey": user["LoginKey"],
            "CourseId": row["Id"],
            "CourseOriginalId": row["OriginalId"],
            "UpdatedDate": clock::iso(at),
            "Code": row["Code"],
            "CourseName": row["Name"],
            "Complete": row["Complete"],
            "PercentageComplete": row["PercentageComplete"],
            "CompletedDate": row["DateCompleted"],
            "UpToDate": row["UpToDate"],
            "Overdue": row["Overdue"],
            "CompliantTillDate": row["CompliantTill"],
        }))
    });
    rows.collect()
}

/// `/achievements`, newest first.
pub(super) fn achievements(world: &World, call: &Call) -> Result<Answer, Refusal> {
    if call.method != Method::GET {
        return Err(Refusal::method());
    }
    let since = call.query("since").and_then(clock::parse);
    let wanted = |row: &&Value| {
        call.query("userid").is_none_or(|user| text(row, "UserId") == user)
            && since.is_none_or(|since| {
                clock::parse(text(row, "AchievementDate")).is_some_and(|at| at >= since)
            })
    };
    let rows = world.rows(ACHIEVEMENTS).values().rev().filter(wanted).cloned().collect();
    Ok(Answer::List("Achievements", "Achievement", lists::page(call, rows).0))
}
