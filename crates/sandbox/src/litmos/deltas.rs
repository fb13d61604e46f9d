//! `/org/...`: what changed in the whole organisation between two moments, both of which must be named.
//!
//! Served are those whose rows have a date to go by.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::Value;

use super::format::{Answer, Refusal};
use super::users::{full, text};
use super::{ACHIEVEMENTS, COURSES, USERS, courses, lists, results};
use crate::call::Call;
use crate::clock;
use crate::world::World;

pub(super) fn route(world: &World, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    if call.method != Method::GET {
        return Err(Refusal::method());
    }
    let moment = |name: &str| call.query(name).and_then(clock::parse);
    let bad = || Refusal::new(406, "Please provide a valid since and to query string parameters");
    let (since, to) = (moment("since").ok_or_else(bad)?, moment("to").ok_or_else(bad)?);
    let within = |at: Timestamp| at >= since && at <= to;
    let dated = |row: &Value, field: &str| clock::parse(text(row, field)).is_some_and(within);
    let list = |root, item, rows| Ok(Answer::List(root, item, lists::page(call, rows).0));
    match rest {
        ["users", part @ ("details" | "logins")] => {
            let field = if *part == "logins" { "LastLogin" } else { "CreatedDate" };
            let found = world.rows(USERS).values().filter(|row| dated(row, field));
            list("Users", "User", found.map(|row| full(row, &Value::Null)).collect())
        }
        ["users", "courses"] | ["results", "details"] => {
            list("CourseResults", "CourseResult", results::changed(world, within))
        }
        ["courses"] => {
            let found = world.rows(COURSES).values().filter(|row| dated(row, "CreatedDate"));
            list("Courses", "Course", found.map(courses::shown).collect())
        }
        ["achievements"] => {
            let rows = world.rows(ACHIEVEMENTS).values().rev();
            let found = rows.filter(|row| dated(row, "AchievementDate"));
            list("Achievements", "Achievement", found.cloned().collect())
        }
        _ => Err(Refusal::no_route()),
    }
}
