//! `/courses`: the catalogue.

use axum::http::Method;
use serde_json::{Value, json};

use super::format::{Answer, Refusal};
use super::users::text;
use super::{ASSIGNMENTS, COURSES, LEARNING_PATHS, USERS, lists, teams};
use crate::call::Call;
use crate::state_file::Change;
use crate::world::{Deed, World};

pub(super) fn route(world: &mut World, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    if call.method == Method::DELETE
        && let [id] = rest
    {
        return delete(world, id);
    }
    if call.method != Method::GET {
        return Err(Refusal::method());
    }
    let list = |root, item, rows| Ok(Answer::List(root, item, lists::page(call, rows).0));
    match rest {
        [] => list("Courses", "Course", matching(world, call)),
        [id] => Ok(Answer::One(200, "Course", shown(one(world, id)?))),
        [id, "details"] => {
            let mut row = shown(one(world, id)?);
            row["CreatedBy"] = json!("Maya Stone");
            row["SeqId"] = json!(1);
            row["Tags"] = json!("");
            Ok(Answer::One(200, "Course", row))
        }
        [id, "users"] => {
            one(world, id)?;
            list("Users", "User", learners(world, call, id))
        }
        [id, "coursecustomfields"] => {
            one(world, id)?;
            list("CourseCustomFields", "CourseCustomField", Vec::new())
        }
        [id, "modules"] => list("Modules", "Module", modules(one(world, id)?)),
        _ => Err(Refusal::no_route()),
    }
}

fn one<'w>(world: &'w World, id: &str) -> Result<&'w Value, Refusal> {
    let missing = || Refusal::new(404, format!("The course {id} does not exist."));
    world.row(COURSES, id).ok_or_else(missing)
}

/// A course that a learning path is made of stays.
fn delete(world: &mut World, id: &str) -> Result<Answer, Refusal> {
    let row = one(world, id)?.clone();
    if world.rows(LEARNING_PATHS).values().any(|path| teams::has(path, "Courses", id)) {
        return Err(Refusal::new(409, "This course is part of a learning path."));
    }
    let assigned = world.rows(ASSIGNMENTS).iter().filter(|(_, held)| text(held, "Id") == id);
    let mut changes: Vec<Change> =
        assigned.map(|(key, _)| Change::remove(ASSIGNMENTS, key)).collect();
    changes.push(Change::remove(COURSES, id));
    let identity = text(&row, "Code");
    let body = Value::Null;
    let deed = Deed { system: "litmos", kind: "delete", object: "course", key: id, identity, body };
    world.commit(deed, changes)?;
    Ok(Answer::Empty(200))
}

fn matching(world: &World, call: &Call) -> Vec<Value> {
    let found = |row: &&Value| lists::is_found(call, row, &["Name", "Code"]);
    let mut rows: Vec<Value> = world.rows(COURSES).values().filter(found).map(shown).collect();
    lists::sort(call, &mut rows);
    rows
}

/// A course as lists show it; the row also keeps what only the sandbox needs.
pub(super) fn shown(row: &Value) -> Value {
    json!({
        "Id": row["Id"],
        "Code": row["Code"],
        "Name": row["Name"],
        "Active": row["Active"],
        "ForSale": false,
        "OriginalId": row["OriginalId"],
        "Description": row["Description"],
        "EcommerceShortDescription": "",
        "EcommerceLongDescription": "",
        "CourseCodeForBulkImport":
            format!("{}-{}", row["OriginalId"], text(row, "Code")),
        "Price": 0.0,
        "AccessTillDate": null,
        "AccessTillDays": null,
        "CourseTeamLibrary": false,
    })
}

/// The modules of a course, as a course shows them.
pub(super) fn modules(course: &Value) -> Vec<Value> {
    course["Modules"].as_array().cloned().unwrap_or_default()
}

fn learners(world: &World, call: &Call, course: &str) -> Vec<Value> {
    let assigned = world.rows(ASSIGNMENTS).values().filter(|row| text(row, "Id") == course);
    let learner = |row: &Value| {
        let user = world.row(USERS, text(row, "UserId"))?;
        lists::is_found(call, user, &["FirstName", "LastName", "UserName"]).then(|| {
            json!({
                "Id": user["Id"],
                "UserName": user["UserName"],
                "FirstName": user["FirstName"],
                "LastName": user["LastName"],
                "Completed": row["Complete"],
                "PercentageComplete": row["PercentageComplete"],
                "CompliantTill": null,
                "DueDate": null,
                "AccessTillDate": null,
            })
        })
    };
    assigned.filter_map(learner).collect()
}
