//! Fields that the organisation has added: `/users/{id}/usercustomfields` and `/coursecustomfields`.
//!
//! That a list holds objects with one field each was seen in a client; that an unknown field is passed over, and
//! that courses have none here, is our choice.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::USERS;
use super::body::Body;
use super::format::{Answer, Refusal};
use super::users::{find, text};
use crate::call::Call;
use crate::state_file::Change;
use crate::world::{Deed, World};

/// What this organisation wants to know of its users.
const NAMES: [&str; 2] = ["Region", "Shift"];

/// Where a user's row keeps them.
const KEPT: &str = "Custom";

pub(super) fn of_user(world: &mut World, call: &Call, user: &str) -> Result<Answer, Refusal> {
    let user = find(world, user).ok_or_else(Refusal::not_found)?.clone();
    match call.method {
        Method::GET => {
            let pair = |name: &&str| json!({ *name: user[KEPT].get(*name).unwrap_or(&json!("")) });
            let rows = NAMES.iter().map(pair).collect();
            Ok(Answer::List("UserCustomFields", "UserCustomField", rows))
        }
        Method::POST => set(world, call, &user),
        _ => Err(Refusal::method()),
    }
}

fn set(world: &mut World, call: &Call, user: &Value) -> Result<Answer, Refusal> {
    let pairs = Body::of(call)?.objects()?;
    let known = |(name, _): &(String, Value)| NAMES.contains(&name.as_str());
    let given: Map<String, Value> = pairs.into_iter().flatten().filter(known).collect();
    let mut changed = user.clone();
    for (name, value) in &given {
        changed[KEPT][name.as_str()] = value.clone();
    }
    if changed != *user {
        let id = text(user, "Id");
        let deed = Deed {
            system: "litmos",
            kind: "update",
            object: "user_custom_fields",
            key: id,
            identity: text(user, "UserName"),
            body: Value::Object(given),
        };
        world.commit(deed, vec![Change::put(USERS, id, changed)])?;
    }
    Ok(Answer::Empty(200))
}

/// `/coursecustomfields`
pub(super) fn of_courses(call: &Call) -> Result<Answer, Refusal> {
    if call.method != Method::GET {
        return Err(Refusal::method());
    }
    Ok(Answer::List("CourseCustomFields", "CourseCustomField", Vec::new()))
}
