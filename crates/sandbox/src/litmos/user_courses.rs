//! `/users/{id}/courses`: which courses a person has, and assigning more.

use axum::http::Method;
use serde_json::{Value, json};

use super::admission::Caller;
use super::body::Body;
use super::format::{Answer, Refusal};
use super::users::{find, mail, text};
use super::{ASSIGNMENTS, COURSES, USERS, courses, lists};
use crate::call::Call;
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

pub(super) fn route(
    world: &mut World,
    call: &Call,
    user: &str,
    rest: &[&str],
    caller: &Caller,
) -> Result<Answer, Refusal> {
    // Assigning wants an Administrator whatever else is switched.
    if call.method != Method::GET && !caller.is_administrator() {
        return Err(Refusal::no_permission());
    }
    let user = find(world, user).ok_or_else(Refusal::not_found)?.clone();
    match (rest, &call.method) {
        ([], &Method::GET) => {
            let rows = held(world, text(&user, "Id")).map(shown);
            let found = rows.filter(|row| lists::is_found(call, row, &["Name", "Code"])).collect();
            Ok(Answer::List("Courses", "Course", lists::page(call, found).0))
        }
        ([], &Method::POST) => assign(world, call, &user),
        ([course], &Method::GET) => {
            let row = one(world, &user, course)?;
            let mut result = shown(row);
            result["Modules"] = row["Modules"].clone();
            Ok(Answer::One(200, "Course", result))
        }
        ([course], &Method::DELETE) => unassign(world, &user, course),
        ([course, "reset"], &Method::PUT) => reset(world, &user, course),
        ([] | [_] | [_, "reset"], _) => Err(Refusal::method()),
        _ => Err(Refusal::no_route()),
    }
}

/// What a person has been assigned, oldest first.
fn held<'w>(world: &'w World, user: &'w str) -> impl Iterator<Item = &'w Value> {
    world.rows(ASSIGNMENTS).values().filter(move |row| text(row, "UserId") == user)
}

fn one<'w>(world: &'w World, user: &Value, course: &str) -> Result<&'w Value, Refusal> {
    let key = key(text(user, "Id"), course);
    world.row(ASSIGNMENTS, &key).ok_or_else(Refusal::not_found)
}

pub(super) fn key(user: &str, course: &str) -> String {
    format!("{user}/{course}")
}

/// The fields of a user's course, without the sandbox's own.
fn shown(row: &Value) -> Value {
    let mut fields = row.as_object().cloned().unwrap_or_default();
    fields.shift_remove("UserId");
    fields.shift_remove("Modules");
    Value::Object(fields)
}

/// A fresh assignment of `course`.
pub(super) fn assignment(user: &str, course: &Value, at: &str, result: u64) -> Value {
    let modules: Vec<Value> = courses::modules(course)
        .into_iter()
        .map(|module| {
            json!({
                "Id": module["Id"],
                "Code": module["Code"],
                "Name": module["Name"],
                "Completed": false,
                "Score": 0,
            })
        })
        .collect();
    json!({
        "UserId": user,
        "Id": course["Id"],
        "Code": course["Code"],
        "Name": course["Name"],
        "Active": course["Active"],
        "Complete": false,
        "PercentageComplete": 0.0,
        "AssignedDate": at,
        "StartDate": null,
        "DateCompleted": null,
        "UpToDate": true,
        "Overdue": false,
        "CompliantTill": null,
        "IsLearningPath": false,
        "CourseCreatedDate": course["CreatedDate"],
        "CourseCreator": "",
        "OriginalId": course["OriginalId"],
        "ResultId": result,
        "AccessTillDate": null,
        "Modules": modules,
    })
}

/// Assigns what is new; what the person has, and what does not exist, passes in silence.
fn assign(world: &mut World, call: &Call, user: &Value) -> Result<Answer, Refusal> {
    let id = text(user, "Id").to_owned();
    let quiet = call.query_any_case("sendmessage").is_some_and(|v| v.eq_ignore_ascii_case("false"));
    let mails = !quiet && !text(user, "LastLogin").is_empty();
    for course in Body::of(call)?.ids()? {
        give(world, &id, &course, mails)?;
    }
    Ok(Answer::Empty(201))
}

/// Assigns one course, unless it is held or does not exist.
pub(super) fn give(
    world: &mut World,
    user: &str,
    course: &str,
    mails: bool,
) -> Result<(), Refusal> {
    let key = key(user, course);
    let (Some(person), Some(course)) = (world.row(USERS, user), world.row(COURSES, course)) else {
        return Ok(());
    };
    if world.row(ASSIGNMENTS, &key).is_some() {
        return Ok(());
    }
    let (result, counter) = world.next("litmos.result", 338_001_000);
    let row = assignment(user, course, &clock::iso(world.now()), result);
    let identity = format!("{} {}", text(person, "UserName"), text(course, "Code"));
    let body = json!({ "UserId": user, "CourseId": course["Id"] });
    let mut changes = vec![counter, Change::put(ASSIGNMENTS, &key, row)];
    if mails {
        changes.push(mail(world, user, &format!("assigned {}", text(course, "Code"))));
    }
    let deed = Deed {
        system: "litmos",
        kind: "assign",
        object: "user_course",
        key: &key,
        identity: &identity,
        body,
    };
    world.commit(deed, changes)?;
    Ok(())
}

fn unassign(world: &mut World, user: &Value, course: &str) -> Result<Answer, Refusal> {
    let row = one(world, user, course)?.clone();
    if row["IsLearningPath"] == json!(true) {
        let text = "This course is part of a learning path that is assigned to the user.";
        return Err(Refusal::new(406, text));
    }
    let key = key(text(user, "Id"), course);
    let identity = format!("{} {}", text(user, "UserName"), text(&row, "Code"));
    let deed = Deed {
        system: "litmos",
        kind: "delete",
        object: "user_course",
        key: &key,
        identity: &identity,
        body: Value::Null,
    };
    world.commit(deed, vec![Change::remove(ASSIGNMENTS, &key)])?;
    Ok(Answer::Empty(200))
}

fn reset(world: &mut World, user: &Value, course: &str) -> Result<Answer, Refusal> {
    let row = one(world, user, course)?.clone();
    let id = text(user, "Id");
    let definition = world.row(COURSES, course).cloned().unwrap_or_else(|| row.clone());
    let result = row["ResultId"].as_u64().unwrap_or_default();
    let fresh = assignment(id, &definition, text(&row, "AssignedDate"), result);
    if fresh != row {
        let key = key(id, course);
        let identity = format!("{} {}", text(user, "UserName"), text(&row, "Code"));
        let deed = Deed {
            system: "litmos",
            kind: "update",
            object: "user_course",
            key: &key,
            identity: &identity,
            body: json!({ "PercentageComplete": 0.0, "Complete": false }),
        };
        world.commit(deed, vec![Change::put(ASSIGNMENTS, &key, fresh)])?;
    }
    Ok(Answer::Empty(200))
}
