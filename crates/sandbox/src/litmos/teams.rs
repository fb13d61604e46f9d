//! `/teams`: the teams themselves. Their people, courses and paths are `team_lists`.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::body::Body;
use super::format::{Answer, Refusal};
use super::users::text;
use super::{TEAMS, lists, team_lists};
use crate::call::Call;
use crate::state_file::Change;
use crate::world::{Deed, World};

const ORDER: [&str; 5] = ["Id", "Name", "Description", "TeamCodeForBulkImport", "ParentTeamId"];

pub(super) fn route(world: &mut World, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    let list = |rows| Ok(Answer::List("Teams", "Team", lists::page(call, rows).0));
    match (rest, &call.method) {
        ([], &Method::GET) => list(matching(world, call, |_| true)),
        ([], &Method::POST) => create(world, call, ""),
        ([id], &Method::GET) => Ok(Answer::One(200, "Team", shown(one(world, id)?, true))),
        ([id], &Method::PUT) => update(world, call, id),
        ([id], &Method::DELETE) => delete(world, id),
        ([id, "teams"], &Method::GET) => {
            one(world, id)?;
            list(matching(world, call, |row| text(row, "ParentTeamId") == *id))
        }
        ([id, "teams"], &Method::POST) => {
            one(world, id)?;
            create(world, call, id)
        }
        ([] | [_] | [_, "teams"], _) => Err(Refusal::method()),
        ([id, rest @ ..], _) => team_lists::route(world, call, id, rest),
    }
}

pub(super) fn one<'w>(world: &'w World, id: &str) -> Result<&'w Value, Refusal> {
    world.row(TEAMS, id).ok_or_else(Refusal::not_found)
}

pub(super) fn ids<'v>(team: &'v Value, list: &str) -> Vec<&'v str> {
    team[list].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(super) fn has(team: &Value, list: &str, id: &str) -> bool {
    ids(team, list).contains(&id)
}

pub(super) fn matching(world: &World, call: &Call, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let rows = world.rows(TEAMS).values();
    let found = rows.filter(|row| wanted(row) && lists::is_found(call, row, &["Name"]));
    found.map(|row| shown(row, false)).collect()
}

/// `<number>-<NameWithoutSpaces>`
pub(super) fn code(row: &Value) -> String {
    format!("{}-{}", row["Number"], text(row, "Name").replace(' ', ""))
}

fn shown(row: &Value, described: bool) -> Value {
    let mut team = json!({
        "Id": row["Id"],
        "Name": text(row, "Name"),
        "TeamCodeForBulkImport": code(row),
        "ParentTeamId": row["ParentTeamId"],
    });
    if described {
        team["Description"] = row["Description"].clone();
    }
    team
}

/// Names are unique in the organisation; that their case does not matter is our choice.
fn check_name(world: &World, given: &Map<String, Value>, own: &str) -> Result<(), Refusal> {
    let Some(name) = given.get("Name").and_then(Value::as_str) else { return Ok(()) };
    if name.trim().is_empty() {
        return Err(Refusal::bad_body());
    }
    let taken =
        |row: &Value| text(row, "Name").eq_ignore_ascii_case(name) && text(row, "Id") != own;
    if world.rows(TEAMS).values().any(taken) {
        return Err(Refusal::new(409, "Team name already exists"));
    }
    Ok(())
}

fn create(world: &mut World, call: &Call, parent: &str) -> Result<Answer, Refusal> {
    let given = Body::of(call)?.object(&ORDER, world.settings.litmos.lenient)?;
    if !given.contains_key("Name") {
        return Err(Refusal::bad_body());
    }
    check_name(world, &given, "")?;
    let (n, counter) = world.next("litmos.team", 81_100);
    let id = world.identity.litmos("litmos.team.created", n);
    let row = json!({
        "Id": id,
        "Number": n,
        "Name": given.get("Name"),
        "Description": given.get("Description").cloned().unwrap_or(json!("")),
        "ParentTeamId": parent,
        "Members": [],
        "Leaders": [],
        "Admins": [],
        "Courses": [],
        "LearningPaths": [],
    });
    let name = text(&row, "Name").to_owned();
    let body = Value::Object(given);
    let deed =
        Deed { system: "litmos", kind: "create", object: "team", key: &id, identity: &name, body };
    world.commit(deed, vec![counter, Change::put(TEAMS, &id, row.clone())])?;
    Ok(Answer::One(201, "Team", shown(&row, true)))
}

fn update(world: &mut World, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let row = one(world, id)?.clone();
    let given = Body::of(call)?.object(&ORDER, world.settings.litmos.lenient)?;
    if given.get("Id").and_then(Value::as_str).is_some_and(|named| named != id) {
        return Err(Refusal::new(409, "The id of the address and of the body differ."));
    }
    check_name(world, &given, id)?;
    let mut changed = row.clone();
    for field in ["Name", "Description"] {
        if let Some(value) = given.get(field).filter(|value| !value.is_null()) {
            changed[field] = value.clone();
        }
    }
    if changed != row {
        write(world, "update", &changed, Value::Object(given))?;
    }
    Ok(Answer::Empty(200))
}

/// Teams below it move up; its members keep everything else.
fn delete(world: &mut World, id: &str) -> Result<Answer, Refusal> {
    let row = one(world, id)?.clone();
    let below = world.rows(TEAMS).values().filter(|team| text(team, "ParentTeamId") == id);
    let mut changes: Vec<Change> = below
        .map(|team| {
            let mut moved = team.clone();
            moved["ParentTeamId"] = row["ParentTeamId"].clone();
            Change::put(TEAMS, text(team, "Id"), moved)
        })
        .collect();
    changes.push(Change::remove(TEAMS, id));
    let identity = text(&row, "Name");
    let body = Value::Null;
    let deed = Deed { system: "litmos", kind: "delete", object: "team", key: id, identity, body };
    world.commit(deed, changes)?;
    Ok(Answer::Empty(200))
}

fn write(world: &mut World, kind: &'static str, row: &Value, body: Value) -> Result<(), Refusal> {
    let (key, identity) = (text(row, "Id"), text(row, "Name"));
    let deed = Deed { system: "litmos", kind, object: "team", key, identity, body };
    world.commit(deed, vec![Change::put(TEAMS, key, row.clone())])?;
    Ok(())
}
