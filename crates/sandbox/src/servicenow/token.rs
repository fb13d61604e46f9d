//! `/oauth_token.do`: opaque tokens; asking again within their life gives the same one.

use std::io;

use serde_json::{Value, json};

use super::admission::{SERVICE_USER, is_password, secret};
use super::{Refusal, TOKENS, text};
use crate::call::{Call, Reply};
use crate::state_file::Change;
use crate::tables::COUNTERS;
use crate::world::World;

const LIFETIME: i64 = 1800;
const COUNTER: &str = "servicenow.token_requests";

/// How many tokens were asked for.
pub(crate) fn token_requests(world: &World) -> u64 {
    world.row(COUNTERS, COUNTER).and_then(Value::as_u64).unwrap_or(0)
}

/// Ends every access token now; refresh tokens live on.
pub(crate) fn expire_tokens(world: &mut World) -> io::Result<()> {
    let access = world.rows(TOKENS).iter().filter(|(_, row)| row["expires"].is_i64());
    let changes: Vec<Change> = access.map(|(token, _)| Change::remove(TOKENS, token)).collect();
    if changes.is_empty() { Ok(()) } else { world.note(changes) }
}

fn denied(error: &str) -> Refusal {
    let body = json!({ "error": error, "error_description": "access_denied" });
    Refusal { reply: Reply::json(401, &body) }
}

pub(super) fn route(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    let (n, counter) = world.next(COUNTER, 1);
    world.note(vec![counter])?;
    if call.method != axum::http::Method::POST {
        return Err(Refusal::new(405, "Method not allowed", None));
    }
    if !call.content_type().starts_with("application/x-www-form-urlencoded") {
        return Err(denied("server_error"));
    }
    let form = call.form();
    let get = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (id, key) = match call.basic() {
        Some(pair) => pair,
        None => (get("client_id"), get("client_secret")),
    };
    if id != secret(world.identity, "client_id") || key != secret(world.identity, "client_secret") {
        return Err(denied("invalid_client"));
    }
    let (user, refreshes) = match get("grant_type").as_str() {
        "client_credentials" => (SERVICE_USER.to_owned(), false),
        "password" if is_password(world.identity, &get("username"), &get("password")) => {
            (get("username"), true)
        }
        "refresh_token" => {
            let row = world.row(TOKENS, &get("refresh_token"));
            let row = row.filter(|row| row["expires"].is_null());
            (
                row.map(|row| text(row, "user").to_owned())
                    .ok_or_else(|| denied("access_denied"))?,
                true,
            )
        }
        _ => return Err(denied("access_denied")),
    };
    Ok(give(world, n, &user, refreshes)?)
}

/// The living token of this user, or a new one.
fn give(world: &mut World, n: u64, user: &str, refreshes: bool) -> io::Result<Reply> {
    let now = world.now().as_second();
    let living = world.rows(TOKENS).iter().find(|(_, row)| {
        text(row, "user") == user && row["expires"].as_i64().is_some_and(|ends| ends > now)
    });
    let found = living.map(|(token, row)| (token.clone(), row["expires"].as_i64().unwrap_or(now)));
    let (token, ends) = match found {
        Some(found) => found,
        None => {
            let token = world.identity.hex64("servicenow.token", n);
            let row = json!({ "user": user, "expires": now + LIFETIME });
            world.note(vec![Change::put(TOKENS, &token, row)])?;
            (token, now + LIFETIME)
        }
    };
    let mut body = json!({
        "access_token": token,
        "scope": "useraccount",
        "token_type": "Bearer",
        "expires_in": ends - now,
    });
    if refreshes {
        let refresh = world.identity.hex64(&format!("servicenow.refresh.{user}"), 0);
        let row = json!({ "user": user, "expires": null });
        world.note(vec![Change::put(TOKENS, &refresh, row)])?;
        body["refresh_token"] = json!(refresh);
    }
    Ok(Reply::json(200, &body).with_header("cache-control", "no-store"))
}

/// `/oauth_revoke_token.do?token=`
pub(super) fn revoke(world: &mut World, call: &Call) -> Result<Reply, Refusal> {
    if let Some(token) = call.query("token")
        && world.row(TOKENS, token).is_some()
    {
        world.note(vec![Change::remove(TOKENS, token)])?;
    }
    Ok(Reply::empty(200))
}
