//! `/learningpaths` and the paths of a person.

use axum::http::Method;
use serde_json::{Value, json};

use super::body::Body;
use super::format::{Answer, Refusal};
use super::user_courses::{assignment, key};
use super::users::{find, text};
use super::{ASSIGNMENTS, COURSES, LEARNING_PATHS, TEAMS, USERS, courses, lists, teams};
use crate::call::Call;
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

pub(super) fn route(world: &mut World, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    let list = |root, item, rows| Ok(Answer::List(root, item, lists::page(call, rows).0));
    match (rest, &call.method) {
        ([], &Method::GET) => {
            let rows = world.rows(LEARNING_PATHS).values();
            let found = rows.filter(|row| lists::is_found(call, row, &["Name"]));
            list("LearningPaths", "LearningPath", found.map(shown).collect())
        }
        ([id], &Method::GET) => Ok(Answer::One(200, "LearningPath", shown(one(world, id)?))),
        ([id], &Method::DELETE) => delete(world, id),
        ([id, "courses"], &Method::GET) => {
            let ids = course_ids(one(world, id)?);
            let found = ids.iter().filter_map(|id| world.row(COURSES, id));
            list("Courses", "Course", found.map(courses::shown).collect())
        }
        ([id, "users"], &Method::GET) => {
            let rows = learners(world, one(world, id)?);
            list("Users", "User", rows)
        }
        ([] | [_] | [_, "courses" | "users"], _) => Err(Refusal::method()),
        _ => Err(Refusal::no_route()),
    }
}

/// The people who have a path, as a course shows its people.
fn learners(world: &World, path: &Value) -> Vec<Value> {
    let having = world.rows(USERS).values().filter(|user| holds(world, text(user, "Id"), path));
    let shown = having.map(|user| {
        let done = progress(world, text(user, "Id"), path);
        json!({
            "Id": user["Id"],
            "UserName": user["UserName"],
            "FirstName": user["FirstName"],
            "LastName": user["LastName"],
            "Completed": done.complete,
            "PercentageComplete": done.percentage,
        })
    });
    shown.collect()
}

/// How far somebody is in a path.
struct Progress {
    complete: bool,
    percentage: f64,
    assigned: Value,
    started: Value,
    completed: Value,
}

fn progress(world: &World, user: &str, path: &Value) -> Progress {
    let courses = course_ids(path);
    let rows = courses.iter().filter_map(|course| world.row(ASSIGNMENTS, &key(user, course)));
    let rows: Vec<&Value> = rows.collect();
    let total: f64 = rows.iter().filter_map(|row| row["PercentageComplete"].as_f64()).sum();
    let complete = !rows.is_empty() && rows.iter().all(|row| row["Complete"] == json!(true));
    let dates = |field: &str| -> Vec<String> {
        rows.iter().filter_map(|row| row[field].as_str().map(str::to_owned)).collect()
    };
    let share = f64::from(u32::try_from(rows.len()).unwrap_or(1).max(1));
    Progress {
        complete,
        percentage: (total / share).round(),
        assigned: dates("AssignedDate").into_iter().min().map_or(Value::Null, Value::from),
        started: dates("StartDate").into_iter().min().map_or(Value::Null, Value::from),
        completed: match complete {
            true => dates("DateCompleted").into_iter().max().map_or(Value::Null, Value::from),
            false => Value::Null,
        },
    }
}

fn delete(world: &mut World, id: &str) -> Result<Answer, Refusal> {
    let row = one(world, id)?.clone();
    let deed = Deed {
        system: "litmos",
        kind: "delete",
        object: "learning_path",
        key: id,
        identity: text(&row, "Name"),
        body: Value::Null,
    };
    world.commit(deed, vec![Change::remove(LEARNING_PATHS, id)])?;
    Ok(Answer::Empty(200))
}

fn one<'w>(world: &'w World, id: &str) -> Result<&'w Value, Refusal> {
    let missing = || Refusal::new(404, "The learning path does not exist.");
    world.row(LEARNING_PATHS, id).ok_or_else(missing)
}

fn course_ids(path: &Value) -> Vec<String> {
    let ids = path["Courses"].as_array().into_iter().flatten();
    ids.filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(super) fn shown(row: &Value) -> Value {
    json!({
        "Id": row["Id"],
        "Name": row["Name"],
        "Description": row["Description"],
        "Active": true,
        "OriginalId": row["OriginalId"],
        "ForSale": false,
        "Price": 0.0,
        "EcommerceShortDescription": "",
        "EcommerceLongDescription": "",
        "AccessTillDate": null,
        "AccessTillDays": null,
        "IsEquivalency": false,
        "LearningPathTeamLibrary": false,
    })
}

/// `/users/{id}/learningpaths`, and `/{path}` below it
pub(super) fn of_user(
    world: &mut World,
    call: &Call,
    user: &str,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    let user = find(world, user).ok_or_else(Refusal::not_found)?.clone();
    let id = text(&user, "Id").to_owned();
    match (rest, &call.method) {
        ([], &Method::GET) => {
            let paths = world.rows(LEARNING_PATHS).values();
            let rows = paths.filter(|path| holds(world, &id, path)).map(|path| {
                let done = progress(world, &id, path);
                json!({
                    "Id": path["Id"],
                    "Name": path["Name"],
                    "Active": true,
                    "OriginalId": path["OriginalId"],
                    "Complete": done.complete,
                    "PercentageComplete": done.percentage,
                    "AssignedDate": done.assigned,
                    "StartDate": done.started,
                    "DateCompleted": done.completed,
                    "ResultId": null,
                    "AccessTillDate": null,
                })
            });
            Ok(Answer::List("LearningPaths", "LearningPath", lists::page(call, rows.collect()).0))
        }
        ([], &Method::POST) => {
            let wanted = Body::of(call)?.ids()?;
            let paths: Vec<Value> =
                wanted.iter().filter_map(|id| world.row(LEARNING_PATHS, id)).cloned().collect();
            if paths.is_empty() {
                return Err(Refusal::not_found());
            }
            for path in paths.iter().filter(|path| !holds(world, &id, path)).collect::<Vec<_>>() {
                assign(world, &user, path)?;
            }
            Ok(Answer::Empty(201))
        }
        ([path], &Method::DELETE) => unassign(world, &user, path),
        ([] | [_], _) => Err(Refusal::method()),
        _ => Err(Refusal::no_route()),
    }
}

fn unassign(world: &mut World, user: &Value, path: &str) -> Result<Answer, Refusal> {
    let id = text(user, "Id");
    let path = one(world, path)?.clone();
    if !holds(world, id, &path) {
        return Err(Refusal::not_found());
    }
    let through = |team: &&Value| {
        teams::has(team, "Members", id) && teams::has(team, "LearningPaths", text(&path, "Id"))
    };
    if world.rows(TEAMS).values().any(|team| through(&team)) {
        let why = "This learning path is assigned to the user through a team.";
        return Err(Refusal::new(406, why));
    }
    let keys = course_ids(&path).into_iter().map(|course| key(id, &course));
    let came = keys.filter(|key| {
        world.row(ASSIGNMENTS, key).is_some_and(|row| row["IsLearningPath"] == json!(true))
    });
    let changes = came.map(|key| Change::remove(ASSIGNMENTS, key)).collect();
    let deed = Deed {
        system: "litmos",
        kind: "delete",
        object: "user_learning_path",
        key: &key(id, text(&path, "Id")),
        identity: &format!("{} {}", text(user, "UserName"), text(&path, "Name")),
        body: Value::Null,
    };
    world.commit(deed, changes)?;
    Ok(Answer::Empty(200))
}

/// A person holds a path when a course of it came with it.
fn holds(world: &World, user: &str, path: &Value) -> bool {
    course_ids(path).iter().any(|course| {
        let row = world.row(ASSIGNMENTS, &key(user, course));
        row.is_some_and(|row| row["IsLearningPath"] == json!(true))
    })
}

fn assign(world: &mut World, user: &Value, path: &Value) -> Result<(), Refusal> {
    let id = text(user, "Id");
    let (result, counter) = world.next("litmos.result", 338_001_000);
    let mut changes = vec![counter];
    for course in course_ids(path).iter().filter_map(|id| world.row(COURSES, id)) {
        let mut row = assignment(id, course, &clock::iso(world.now()), result);
        row["IsLearningPath"] = json!(true);
        changes.push(Change::put(ASSIGNMENTS, key(id, text(course, "Id")), row));
    }
    let deed = Deed {
        system: "litmos",
        kind: "assign",
        object: "user_learning_path",
        key: &key(id, text(path, "Id")),
        identity: &format!("{} {}", text(user, "UserName"), text(path, "Name")),
        body: json!({ "UserId": id, "LearningPathId": path["Id"] }),
    };
    world.commit(deed, changes)?;
    Ok(())
}
