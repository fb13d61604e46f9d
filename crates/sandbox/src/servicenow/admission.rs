//! Signing in: Basic, API key, or bearer token.

use super::{Refusal, TOKENS, rows_of, seed, text};
use crate::call::Call;
use crate::company::ANA_RUIZ;
use crate::identity::Identity;
use crate::world::World;

/// The account that integrations use.
pub(super) const SERVICE_USER: &str = "flow.service";

/// Who is signed in.
#[derive(Debug)]
pub(super) struct User {
    pub(super) user_name: String,
    pub(super) sys_id: String,
}

/// The seeded credentials by name; those of `plain_` belong to somebody without any role.
pub(super) fn secrets(identity: Identity) -> [(&'static str, String); 7] {
    let secret = |n| identity.hex32("servicenow.secret", n);
    [
        ("user_name", SERVICE_USER.to_owned()),
        ("password", secret(0)),
        ("api_key", secret(1)),
        ("client_id", secret(2)),
        ("client_secret", secret(3)),
        ("plain_user_name", crate::company::person(ANA_RUIZ).user_name()),
        ("plain_password", secret(4)),
    ]
}

pub(super) fn secret(identity: Identity, name: &str) -> String {
    let found = secrets(identity).into_iter().find(|(known, _)| *known == name);
    found.map(|(_, secret)| secret).unwrap_or_default()
}

/// Whether these are a seeded user's name and password.
pub(super) fn is_password(identity: Identity, user: &str, password: &str) -> bool {
    let same = |name, word| user == secret(identity, name) && password == secret(identity, word);
    same("user_name", "password") || same("plain_user_name", "plain_password")
}

/// Finds out who calls, and whether they may use the API.
pub(super) fn admit(world: &World, call: &Call) -> Result<User, Refusal> {
    let name = user_name(world, call).ok_or_else(Refusal::unauthenticated)?;
    let users = world.rows(&rows_of("sys_user"));
    let found = users.values().find(|row| text(row, "user_name") == name);
    let user = found.filter(|row| text(row, "active") == "true");
    let user = user.ok_or_else(Refusal::unauthenticated)?;
    let sys_id = text(user, "sys_id").to_owned();
    if !seed::has_any_role(world, &sys_id) {
        let detail = Some("Failed API level ACL Validation");
        return Err(Refusal::new(403, "User Not Authorized", detail));
    }
    Ok(User { user_name: name, sys_id })
}

fn user_name(world: &World, call: &Call) -> Option<String> {
    if let Some(key) = call.header("x-sn-apikey").or_else(|| call.query("x-sn-apikey")) {
        return (key == secret(world.identity, "api_key")).then(|| SERVICE_USER.to_owned());
    }
    if let Some((user, password)) = call.basic() {
        return is_password(world.identity, &user, &password).then_some(user);
    }
    let token = world.row(TOKENS, call.bearer()?)?;
    let ends = token["expires"].as_i64().unwrap_or_default();
    (world.now().as_second() < ends).then(|| text(token, "user").to_owned())
}
