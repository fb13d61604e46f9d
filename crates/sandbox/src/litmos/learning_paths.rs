//! `/learningpaths` and the paths of a person.

use axum::http::Method;
use serde_json::{Value, json};

use super::body::Body;
use super::format::{Answer, Refusal};
use super::user_courses::{assignment, key};
use super::users::{find, text};
use super::{ASSIGNMENTS, COURSES, LEARNING_PATHS, courses, lists};
use crate::call::Call;
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

pub(super) fn route(world: &World, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    if call.method != Method::GET {
        return Err(Refusal::method());
    }
    let list = |root, item, rows| Ok(Answer::List(root, item, lists::page(call, rows).0));
    match rest {
        [] => {
            let rows = world.rows(LEARNING_PATHS).values();
            let found = rows.filter(|row| lists::is_found(call, row, &["Name"]));
            list("LearningPaths", "LearningPath", found.map(shown).collect())
        }
        [id] => Ok(Answer::One(200, "LearningPath", shown(one(world, id)?))),
        [id, "courses"] => {
            let ids = course_ids(one(world, id)?);
            let found = ids.iter().filter_map(|id| world.row(COURSES, id));
            list("Courses", "Course", found.map(courses::shown).collect())
        }
        _ => Err(Refusal::not_found()),
    }
}

fn one<'w>(world: &'w World, id: &str) -> Result<&'w Value, Refusal> {
    let missing = || Refusal::new(404, "The learning path does not exist.");
    world.row(LEARNING_PATHS, id).ok_or_else(missing)
}

fn course_ids(path: &Value) -> Vec<String> {
    let ids = path["Courses"].as_array().into_iter().flatten();
    ids.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn shown(row: &Value) -> Value {
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

/// `/users/{id}/learningpaths`
pub(super) fn of_user(world: &mut World, call: &Call, user: &str) -> Result<Answer, Refusal> {
    let user = find(world, user).ok_or_else(Refusal::not_found)?.clone();
    let id = text(&user, "Id").to_owned();
    match call.method {
        Method::GET => {
            let has = |path: &&Value| holds(world, &id, path);
            let paths = world.rows(LEARNING_PATHS).values().filter(has);
            let rows = paths.map(|path| {
                json!({ "Id": path["Id"], "Name": path["Name"], "Active": true,
                        "OriginalId": path["OriginalId"], "Complete": false,
                        "PercentageComplete": 0.0 })
            });
            Ok(Answer::List("LearningPaths", "LearningPath", rows.collect()))
        }
        Method::POST => {
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
        _ => Err(Refusal::method()),
    }
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
