//! Litmos: users, courses, assignments, teams and results under `/v1.svc`, in XML and JSON.

mod admission;
mod body;
mod courses;
mod custom_fields;
mod deltas;
mod events;
mod format;
mod imports;
mod integration;
mod learning_paths;
mod lists;
mod results;
mod seed;
mod team_lists;
mod teams;
mod user_courses;
mod users;

use std::collections::BTreeMap;

use crate::call::{Call, Reply};
use crate::identity::Identity;
use crate::sandbox::Site;
use crate::world::World;

pub(crate) use admission::Meter;
pub(crate) use events::events;
pub(crate) use integration::page as integration_page;
pub(crate) use seed::TABLES;

use admission::{Caller, admit};
use format::{Answer, Format, Refusal};

const USERS: &str = "litmos/users";
const COURSES: &str = "litmos/courses";
/// Key `{user}/{course}`.
const ASSIGNMENTS: &str = "litmos/assignments";
const LEARNING_PATHS: &str = "litmos/learning_paths";
const TEAMS: &str = "litmos/teams";
const ACHIEVEMENTS: &str = "litmos/achievements";
/// Mails that would have been sent.
const OUTBOX: &str = "litmos/outbox";
const IMPORTS: &str = "litmos/imports";

/// Where Litmos is, and the keys of people of each access level.
pub(crate) fn site(origin: &str, identity: Identity) -> Site {
    let secrets: BTreeMap<&'static str, String> = admission::keys(identity).into_iter().collect();
    Site { url: format!("{origin}/v1.svc"), secrets }
}

/// Answers one request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let format = Format::of(call);
    let answer = admit(world, call).and_then(|caller| route(world, call, &caller));
    match answer {
        Ok(answer) => answer.render(format),
        Err(refusal) => refusal.render(format),
    }
}

/// The answer to one call too many.
pub(crate) fn rate_limited() -> Reply {
    Refusal::rate_limited().render(Format::Json)
}

fn route(world: &mut World, call: &Call, caller: &Caller) -> Result<Answer, Refusal> {
    let path: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let Some((&"v1.svc", rest)) = path.split_first() else { return Err(Refusal::no_route()) };
    match rest {
        ["users", id, "courses", rest @ ..] => user_courses::route(world, call, id, rest, caller),
        ["users", id, "teams"] => team_lists::of_user(world, call, id),
        ["users", id, "learningpaths", rest @ ..] => learning_paths::of_user(world, call, id, rest),
        ["users", id, "usercustomfields"] => custom_fields::of_user(world, call, id),
        ["users", rest @ ..] => users::route(world, call, rest),
        ["courses", rest @ ..] => courses::route(world, call, rest),
        ["teams", rest @ ..] => teams::route(world, call, rest),
        ["learningpaths", rest @ ..] => learning_paths::route(world, call, rest),
        ["results", "modules", module] => results::route(world, call, module),
        ["results", "details"] => results::details(world, call),
        ["achievements"] => results::achievements(world, call),
        ["coursecustomfields"] => custom_fields::of_courses(call),
        ["bulkimports", rest @ ..] => imports::route(world, call, rest),
        ["org", rest @ ..] => deltas::route(world, call, rest),
        _ => Err(Refusal::no_route()),
    }
}
