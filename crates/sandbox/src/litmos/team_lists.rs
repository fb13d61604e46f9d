//! What belongs to a team: members, leaders, admins, courses and learning paths.
//!
//! That the members of a team are given its courses and paths at once is our reading; that ids which do not exist
//! are passed over is documented.

use axum::http::Method;
use serde_json::{Value, json};

use super::body::Body;
use super::format::{Answer, Refusal};
use super::teams::{has, ids, matching, one};
use super::user_courses::{assignment, key};
use super::users::{find, listed, text};
use super::{ASSIGNMENTS, COURSES, LEARNING_PATHS, TEAMS, USERS, courses, learning_paths, lists};
use crate::call::Call;
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

/// So many teams can be named at once.
const MAX_TEAMS: usize = 25;

pub(super) fn route(
    world: &mut World,
    call: &Call,
    team: &str,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    one(world, team)?;
    match (rest, &call.method) {
        ([part @ ("users" | "leaders" | "admins")], &Method::GET) => {
            let rows = people(world, call, one(world, team)?, list_of(part));
            Ok(Answer::List("Users", "User", lists::page(call, rows).0))
        }
        (["users"], &Method::POST) => join(world, call, team),
        (["users", user], &Method::DELETE) => leave(world, team, user),
        ([part @ ("leaders" | "admins"), user], &Method::PUT) => promote(world, team, part, user),
        ([part @ ("leaders" | "admins"), user], &Method::DELETE) => demote(world, team, part, user),
        (["courses"], &Method::GET) => {
            let ids = ids(one(world, team)?, "Courses");
            let found = ids.iter().filter_map(|id| world.row(COURSES, id));
            let found = found.filter(|row| lists::is_found(call, row, &["Name", "Code"]));
            let rows = found.map(courses::shown).collect();
            Ok(Answer::List("Courses", "Course", lists::page(call, rows).0))
        }
        (["courses"], &Method::POST) => give_courses(world, call, team),
        (["courses"], &Method::DELETE) => take(world, call, team, "Courses", "team_course"),
        (["learningpaths"], &Method::GET) => {
            let ids = ids(one(world, team)?, "LearningPaths");
            let found = ids.iter().filter_map(|id| world.row(LEARNING_PATHS, id));
            let rows = found.map(learning_paths::shown).collect();
            Ok(Answer::List("LearningPaths", "LearningPath", lists::page(call, rows).0))
        }
        (["learningpaths"], &Method::POST) => give_paths(world, call, team),
        (["learningpaths"], &Method::DELETE) => {
            take(world, call, team, "LearningPaths", "team_learning_path")
        }
        (["users" | "courses" | "learningpaths"] | ["users" | "leaders" | "admins", _], _) => {
            Err(Refusal::method())
        }
        _ => Err(Refusal::no_route()),
    }
}

fn list_of(part: &str) -> &'static str {
    match part {
        "leaders" => "Leaders",
        "admins" => "Admins",
        _ => "Members",
    }
}

/// The active people of a team, in one of its lists.
fn people(world: &World, call: &Call, team: &Value, list: &str) -> Vec<Value> {
    let found = ids(team, list).into_iter().filter_map(|id| world.row(USERS, id));
    let searched = ["FirstName", "LastName", "UserName", "Email"];
    let found = found.filter(|user| user["Active"] == json!(true));
    found.filter(|user| lists::is_found(call, user, &searched)).map(listed).collect()
}

/// One change of one list of a team, with what follows from it.
struct Move<'a> {
    kind: &'static str,
    object: &'a str,
    list: &'a str,
    item: &'a str,
}

fn change(
    world: &mut World,
    team: &str,
    step: &Move<'_>,
    mut others: Vec<Change>,
) -> Result<(), Refusal> {
    let row = one(world, team)?.clone();
    let mut items = ids(&row, step.list);
    if step.kind == "delete" {
        items.retain(|item| *item != step.item);
    } else {
        items.push(step.item);
    }
    let mut changed = row.clone();
    changed[step.list] = json!(items);
    others.push(Change::put(TEAMS, team, changed));
    let deed = Deed {
        system: "litmos",
        kind: step.kind,
        object: step.object,
        key: &format!("{team}/{}", step.item),
        identity: text(&row, "Name"),
        body: json!({ "TeamId": team, "Id": step.item }),
    };
    world.commit(deed, others)?;
    Ok(())
}

/// The assignments that a member lacks of a team's courses.
fn owed(world: &World, user: &str, courses: &[&str], by_path: bool) -> Vec<Change> {
    let new = |id: &&str| world.row(ASSIGNMENTS, &key(user, id)).is_none();
    let lacking = courses.iter().copied().filter(new);
    let lacking = lacking.filter_map(|id| world.row(COURSES, id));
    let at = clock::iso(world.now());
    let begin = 339_000_000 + world.rows(ASSIGNMENTS).len() as u64;
    (begin..)
        .zip(lacking)
        .map(|(result, course)| {
            let mut row = assignment(user, course, &at, result);
            row["IsLearningPath"] = json!(by_path);
            Change::put(ASSIGNMENTS, key(user, text(course, "Id")), row)
        })
        .collect()
}

fn owed_by_team(world: &World, team: &Value, user: &str) -> Vec<Change> {
    let mut changes = owed(world, user, &ids(team, "Courses"), false);
    for path in ids(team, "LearningPaths") {
        changes.extend(owed(world, user, &path_courses(world, path), true));
    }
    changes
}

fn path_courses<'w>(world: &'w World, path: &str) -> Vec<&'w str> {
    world.row(LEARNING_PATHS, path).map(|row| ids(row, "Courses")).unwrap_or_default()
}

fn join(world: &mut World, call: &Call, team: &str) -> Result<Answer, Refusal> {
    let asked = Body::of(call)?.ids()?;
    if asked.is_empty() {
        return Err(Refusal::not_found());
    }
    for user in asked {
        add_member(world, team, &user)?;
    }
    Ok(Answer::Empty(201))
}

/// Somebody who does not exist, or is a member already, is passed over.
pub(super) fn add_member(world: &mut World, team: &str, user: &str) -> Result<(), Refusal> {
    let row = one(world, team)?;
    if world.row(USERS, user).is_none() || has(row, "Members", user) {
        return Ok(());
    }
    let given = owed_by_team(world, row, user);
    let step = Move { kind: "assign", object: "team_user", list: "Members", item: user };
    change(world, team, &step, given)
}

fn leave(world: &mut World, team: &str, user: &str) -> Result<Answer, Refusal> {
    let row = one(world, team)?.clone();
    if !has(&row, "Members", user) {
        return Err(Refusal::not_found());
    }
    for (list, object) in [("Leaders", "team_leader"), ("Admins", "team_admin")] {
        if has(&row, list, user) {
            change(world, team, &Move { kind: "delete", object, list, item: user }, Vec::new())?;
        }
    }
    let step = Move { kind: "delete", object: "team_user", list: "Members", item: user };
    change(world, team, &step, Vec::new())?;
    Ok(Answer::Empty(200))
}

fn object_of(part: &str) -> &'static str {
    if part == "admins" { "team_admin" } else { "team_leader" }
}

/// Only members can lead.
fn promote(world: &mut World, team: &str, part: &str, user: &str) -> Result<Answer, Refusal> {
    let row = one(world, team)?;
    let list = list_of(part);
    if !has(row, "Members", user) {
        return Err(Refusal::not_found());
    }
    if !has(row, list, user) {
        let step = Move { kind: "assign", object: object_of(part), list, item: user };
        change(world, team, &step, Vec::new())?;
    }
    Ok(Answer::Empty(200))
}

fn demote(world: &mut World, team: &str, part: &str, user: &str) -> Result<Answer, Refusal> {
    let list = list_of(part);
    if !has(one(world, team)?, list, user) {
        return Err(Refusal::not_found());
    }
    let step = Move { kind: "delete", object: object_of(part), list, item: user };
    change(world, team, &step, Vec::new())?;
    Ok(Answer::Empty(200))
}

/// The team, and with `includesubteams` all teams below it.
fn with_sub_teams(world: &World, call: &Call, team: &str) -> Vec<String> {
    let mut found = vec![team.to_owned()];
    let all =
        call.query_any_case("includesubteams").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let mut next = 0;
    while all && next < found.len() {
        let above = found[next].clone();
        let below = world.rows(TEAMS).values().filter(|row| text(row, "ParentTeamId") == above);
        found.extend(below.map(|row| text(row, "Id").to_owned()));
        next += 1;
    }
    found
}

fn give_courses(world: &mut World, call: &Call, team: &str) -> Result<Answer, Refusal> {
    let asked = Body::of(call)?.ids()?;
    if asked.is_empty() {
        return Err(Refusal::not_found());
    }
    for team in with_sub_teams(world, call, team) {
        for course in &asked {
            let row = one(world, &team)?;
            if world.row(COURSES, course).is_none() || has(row, "Courses", course) {
                continue;
            }
            let members = ids(row, "Members");
            let given = members.iter().flat_map(|user| owed(world, user, &[course], false));
            let given = given.collect();
            let step =
                Move { kind: "assign", object: "team_course", list: "Courses", item: course };
            change(world, &team, &step, given)?;
        }
    }
    Ok(Answer::Empty(201))
}

/// Unlike with courses, a list without one that exists is an error.
fn give_paths(world: &mut World, call: &Call, team: &str) -> Result<Answer, Refusal> {
    let asked = Body::of(call)?.ids()?;
    let known = asked.into_iter().filter(|id| world.row(LEARNING_PATHS, id).is_some());
    let known: Vec<String> = known.collect();
    if known.is_empty() {
        return Err(Refusal::new(404, "The learning path does not exist."));
    }
    for path in known {
        let row = one(world, team)?;
        if has(row, "LearningPaths", &path) {
            continue;
        }
        let courses = path_courses(world, &path);
        let members = ids(row, "Members");
        let given = members.iter().flat_map(|user| owed(world, user, &courses, true)).collect();
        let object = "team_learning_path";
        let step = Move { kind: "assign", object, list: "LearningPaths", item: &path };
        change(world, team, &step, given)?;
    }
    Ok(Answer::Empty(201))
}

/// What members were given stays with them: they may have begun.
fn take(
    world: &mut World,
    call: &Call,
    team: &str,
    list: &str,
    object: &str,
) -> Result<Answer, Refusal> {
    for item in Body::of(call)?.ids()? {
        if has(one(world, team)?, list, &item) {
            let step = Move { kind: "delete", object, list, item: &item };
            change(world, team, &step, Vec::new())?;
        }
    }
    Ok(Answer::Empty(200))
}

/// `/users/{id}/teams`
pub(super) fn of_user(world: &mut World, call: &Call, user: &str) -> Result<Answer, Refusal> {
    let user = text(find(world, user).ok_or_else(Refusal::not_found)?, "Id").to_owned();
    match call.method {
        Method::GET => {
            let rows = matching(world, call, |team| has(team, "Members", &user));
            Ok(Answer::List("Teams", "Team", lists::page(call, rows).0))
        }
        Method::POST => {
            let asked = Body::of(call)?.ids()?;
            if asked.len() > MAX_TEAMS || asked.iter().any(|id| one(world, id).is_err()) {
                return Err(Refusal::not_found());
            }
            if asked.iter().any(|id| one(world, id).is_ok_and(|row| has(row, "Members", &user))) {
                return Err(Refusal::new(409, "The user is already a member of the team."));
            }
            for team in asked {
                add_member(world, &team, &user)?;
            }
            Ok(Answer::Empty(201))
        }
        Method::DELETE => {
            let own = world.rows(TEAMS).values().filter(|team| has(team, "Members", &user));
            let own: Vec<String> = own.map(|team| text(team, "Id").to_owned()).collect();
            for team in own {
                leave(world, &team, &user)?;
            }
            Ok(Answer::Empty(200))
        }
        _ => Err(Refusal::method()),
    }
}
