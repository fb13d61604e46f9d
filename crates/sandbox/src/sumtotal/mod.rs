//! SumTotal: OAuth tokens, users and activities over REST, bulk views over OData.

mod activities;
mod assignments;
mod authorize;
mod clients;
mod events;
mod learning;
mod odata;
mod rest;
mod rows;
mod seed;
mod token;
mod users;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::identity::Identity;
use crate::sandbox::Site;
use crate::world::World;

pub(crate) use clients::{list as oauth_clients, save as save_oauth_client};
pub(crate) use events::events;
pub(crate) use seed::TABLES;
pub(crate) use token::{expire_tokens, token_requests};

/// Key: `userId`.
const PERSONS: &str = "sumtotal/persons";
const ACTIVITIES: &str = "sumtotal/activities";
/// Lines of transcripts, by their id.
const TRANSCRIPTS: &str = "sumtotal/transcripts";
/// Key: `{userId}/{activityId}`.
const USER_ACTIVITIES: &str = "sumtotal/user_activities";
const ASSIGNMENTS: &str = "sumtotal/assignments";
/// Codes and refresh tokens that wait for their use.
const GRANTS: &str = "sumtotal/grants";
/// Key: `clientId`.
const OAUTH_CLIENTS: &str = "sumtotal/oauth_clients";

/// Where SumTotal is, and its OAuth clients.
pub(crate) fn site(origin: &str, identity: Identity) -> Site {
    let mut secrets: BTreeMap<&'static str, String> = clients::secrets(identity);
    secrets.insert("token_url", format!("{origin}/apisecurity/connect/token"));
    Site { url: origin.to_owned(), secrets }
}

/// Answers one request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let path: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let answer = match path.as_slice() {
        ["apisecurity", "connect", "token"] => token::route(world, call),
        ["apisecurity", "connect", "authorize"] => authorize::route(world, call),
        ["apis", "api", version, rest @ ..] => token::admit(world, call, "allapis")
            .and_then(|()| rest::route(world, call, version, rest)),
        ["odata", "api", entity] => {
            token::admit(world, call, "odataapis").and_then(|()| odata::read(world, call, entity))
        }
        _ => Err(not_found("No such resource")),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

/// The answer to one call too many.
pub(crate) fn rate_limited() -> Reply {
    Reply::text(429, "text/plain", "API call quota exceeded. Please try again later.")
        .with_header("retry-after", "1")
}

fn message(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "message": text }))
}

fn not_found(text: &str) -> Reply {
    message(404, text)
}

/// A field as text; ids may come as numbers.
fn text(row: &Value, field: &str) -> String {
    match row.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn body(call: &Call) -> Result<Value, Reply> {
    serde_json::from_slice(&call.body)
        .map_err(|_| message(400, "The request body is not valid JSON"))
}
