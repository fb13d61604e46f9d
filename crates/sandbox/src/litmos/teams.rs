//! `/teams`, read and membership.

use axum::http::Method;
use serde_json::{Value, json};

use super::body::Body;
use super::format::{Answer, Refusal};
use super::users::{find, listed, text};
use super::{COURSES, TEAMS, USERS, courses, lists};
use crate::call::Call;
use crate::state_file::Change;
use crate::world::{Deed, World};

pub(super) fn route(world: &mut World, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    if call.method == Method::POST
        && let [id, "users"] = rest
    {
        return join(world, call, id);
    }
    if call.method == Method::DELETE
        && let [id, "users", user] = rest
    {
        return leave(world, id, user);
    }
    if call.method != Method::GET {
        return Err(Refusal::method());
    }
    let list = |root, item, rows| Ok(Answer::List(root, item, lists::page(call, rows).0));
    match rest {
        [] => list("Teams", "Team", matching(world, call, |_| true)),
        [id] => Ok(Answer::One(200, "Team", shown(one(world, id)?, true))),
        [id, "teams"] => {
            one(world, id)?;
            list("Teams", "Team", matching(world, call, |row| text(row, "ParentTeamId") == *id))
        }
        [id, "users"] => list("Users", "User", people(world, one(world, id)?, "Members")),
        [id, "leaders"] => list("Users", "User", people(world, one(world, id)?, "Leaders")),
        [id, "admins"] => list("Users", "User", people(world, one(world, id)?, "Admins")),
        [id, "courses"] => {
            let ids = ids(one(world, id)?, "Courses");
            let found = ids.iter().filter_map(|id| world.row(COURSES, id));
            list("Courses", "Course", found.map(courses::shown).collect())
        }
        _ => Err(Refusal::not_found()),
    }
}

/// `/users/{id}/teams`
pub(super) fn of_user(world: &World, call: &Call, user: &str) -> Result<Answer, Refusal> {
    if call.method != Method::GET {
        return Err(Refusal::method());
    }
    let user = find(world, user).ok_or_else(Refusal::not_found)?;
    let rows = matching(world, call, |team| has(team, "Members", text(user, "Id")));
    Ok(Answer::List("Teams", "Team", lists::page(call, rows).0))
}

fn one<'w>(world: &'w World, id: &str) -> Result<&'w Value, Refusal> {
    world.row(TEAMS, id).ok_or_else(Refusal::not_found)
}

fn ids<'v>(team: &'v Value, list: &str) -> Vec<&'v str> {
    team[list].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn has(team: &Value, list: &str, id: &str) -> bool {
    ids(team, list).contains(&id)
}

fn matching(world: &World, call: &Call, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let rows = world.rows(TEAMS).values();
    let found = rows.filter(|row| wanted(row) && lists::is_found(call, row, &["Name"]));
    found.map(|row| shown(row, false)).collect()
}

fn shown(row: &Value, described: bool) -> Value {
    let name = text(row, "Name");
    let code = format!("{}-{}", row["Number"], name.replace(' ', ""));
    let mut team = json!({
        "Id": row["Id"],
        "Name": name,
        "TeamCodeForBulkImport": code,
        "ParentTeamId": row["ParentTeamId"],
    });
    if described {
        team["Description"] = row["Description"].clone();
    }
    team
}

/// The active people of a team, in one of its lists.
fn people(world: &World, team: &Value, list: &str) -> Vec<Value> {
    let found = ids(team, list).into_iter().filter_map(|id| world.row(USERS, id));
    found.filter(|user| user["Active"] == json!(true)).map(listed).collect()
}

fn join(world: &mut World, call: &Call, id: &str) -> Result<Answer, Refusal> {
    one(world, id)?;
    let asked = Body::of(call)?.ids()?;
    if asked.is_empty() {
        return Err(Refusal::not_found());
    }
    for user in asked {
        let team = one(world, id)?.clone();
        if world.row(USERS, &user).is_none() || has(&team, "Members", &user) {
            continue;
        }
        let mut members = ids(&team, "Members");
        members.push(&user);
        change(world, &team, "assign", &user, &members)?;
    }
    Ok(Answer::Empty(201))
}

fn leave(world: &mut World, id: &str, user: &str) -> Result<Answer, Refusal> {
    let team = one(world, id)?.clone();
    if !has(&team, "Members", user) {
        return Err(Refusal::not_found());
    }
    let members: Vec<&str> = ids(&team, "Members").into_iter().filter(|id| *id != user).collect();
    change(world, &team, "delete", user, &members)?;
    Ok(Answer::Empty(200))
}

fn change(
    world: &mut World,
    team: &Value,
    kind: &'static str,
    user: &str,
    members: &[&str],
) -> Result<(), Refusal> {
    let mut changed = team.clone();
    changed["Members"] = json!(members);
    let id = text(team, "Id");
    let key = format!("{id}/{user}");
    let body = json!({ "TeamId": id, "UserId": user });
    let identity = text(team, "Name");
    let deed = Deed { system: "litmos", kind, object: "team_user", key: &key, identity, body };
    world.commit(deed, vec![Change::put(TEAMS, id, changed)])?;
    Ok(())
}
