//! The page *OAuth Configuration > OAUTH CLIENTS*: who may ask for tokens. People meet it in a browser; here it is
//! on the control port. What becomes of a client that asks is `token`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{OAUTH_CLIENTS, text};
use crate::call::Reply;
use crate::company::{KIM_LO, person};
use crate::control::refuse;
use crate::identity::Identity;
use crate::state_file::Change;
use crate::tables::{Rows, SeedContext};
use crate::world::World;

/// Fields of the form, with what an absent one is.
const FORM: [&str; 9] = [
    "clientName",
    "clientId",
    "clientSecret",
    "allowedGrantTypes",
    "enabled",
    "accessTokenLifetimeMinutes",
    "scopes",
    "redirectUris",
    "pkce",
];

const GRANTS: [&str; 3] = ["client_credentials", "authorization_code", "password"];
const SCOPES: [&str; 5] = ["allapis", "odataapis", "offline_access", "openid", "profile"];

/// An OAuth client, as the form made it.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) enabled: bool,
    pub(super) pkce: bool,
    pub(super) lifetime_minutes: i64,
    pub(super) secret: String,
    grants: Vec<String>,
    pub(super) scopes: Vec<String>,
    redirects: Vec<String>,
}

fn words(row: &Value, field: &str) -> Vec<String> {
    let items = row[field].as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Client {
    pub(super) fn find(world: &World, id: &str) -> Option<Client> {
        let row = world.row(OAUTH_CLIENTS, id)?;
        Some(Client {
            id: text(row, "clientId"),
            enabled: row["enabled"] == json!(true),
            pkce: row["pkce"] == json!(true),
            lifetime_minutes: row["accessTokenLifetimeMinutes"].as_i64().unwrap_or(120),
            secret: text(row, "clientSecret"),
            grants: words(row, "allowedGrantTypes"),
            scopes: words(row, "scopes"),
            redirects: words(row, "redirectUris"),
        })
    }

    /// Whoever may act in the name of a person may go on doing so.
    pub(super) fn may(&self, grant: &str) -> bool {
        let has = |grant: &str| self.grants.iter().any(|known| known == grant);
        match grant {
            "refresh_token" => has("authorization_code") || has("password"),
            grant => has(grant),
        }
    }

    /// Whether the browser may be sent there; on the person's own machine any port will do.
    pub(super) fn returns_to(&self, uri: &str) -> bool {
        self.redirects.iter().any(|known| portless(known) == portless(uri))
    }
}

fn portless(uri: &str) -> String {
    const OWN: &str = "http://127.0.0.1";
    match uri.strip_prefix(OWN).and_then(|rest| rest.strip_prefix(':')) {
        Some(rest) => format!("{OWN}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => uri.to_owned(),
    }
}

/// The seeded clients: a good one, and some that do not work, each in its own way.
const SEEDED: [&str; 4] = ["", "disabled_", "pkce_", "code_only_"];

fn id_of(identity: Identity, n: u64) -> String {
    format!("ACME_TEST_{}", identity.hex32("sumtotal.client", n))
}

fn secret_of(identity: Identity, n: u64) -> String {
    identity.hex64("sumtotal.client_secret", n)
}

/// Ids and secrets of the seeded clients, by name.
pub(super) fn secrets(identity: Identity) -> BTreeMap<&'static str, String> {
    const IDS: [&str; 4] =
        ["client_id", "disabled_client_id", "pkce_client_id", "code_only_client_id"];
    const SECRETS: [&str; 4] = [
        "client_secret",
        "disabled_client_secret",
        "pkce_client_secret",
        "code_only_client_secret",
    ];
    let ids = IDS.into_iter().zip(0..).map(|(name, n)| (name, id_of(identity, n)));
    let secrets = SECRETS.into_iter().zip(0..).map(|(name, n)| (name, secret_of(identity, n)));
    let known = ids.chain(secrets);
    let person = person(KIM_LO);
    let password = password_of(identity, &person.employee_number().to_string());
    known.chain([("user_name", person.user_name()), ("user_password", password)]).collect()
}

/// The password of a person, by their `userId`.
pub(super) fn password_of(identity: Identity, user: &str) -> String {
    identity.hex32(&format!("sumtotal.password.{user}"), 0)
}

pub(super) fn seed(context: &SeedContext) -> Rows {
    let row = |(n, name): (u64, &&str)| {
        let id = id_of(context.identity, n);
        let grants = match *name {
            "code_only_" => vec!["authorization_code", "password"],
            _ => vec!["client_credentials"],
        };
        let row = json!({
            "clientName": format!("Acme {}", name.trim_end_matches('_')).trim_end(),
            "clientId": id,
            "clientSecret": secret_of(context.identity, n),
            "allowedGrantTypes": grants,
            "enabled": *name != "disabled_",
            "accessTokenLifetimeMinutes": 120,
            "scopes": ["allapis", "odataapis", "offline_access"],
            "redirectUris": ["http://127.0.0.1/callback"],
            "pkce": *name == "pkce_",
        });
        (id, row)
    };
    (0..).zip(&SEEDED).map(row).collect()
}

/// What the page lists; all of it is invented, so the secrets show, as their COPY buttons would.
pub(crate) fn list(world: &World) -> Value {
    json!({ "clients": world.rows(OAUTH_CLIENTS).values().collect::<Vec<_>>() })
}

/// *+Add*, or *EDIT* of a client that is known, and *Submit*.
pub(crate) fn save(world: &mut World, given: &Value) -> Result<Value, Reply> {
    let Value::Object(given) = given else { return Err(refuse(400, "the form is no object")) };
    if let Some(unknown) = given.keys().find(|name| !FORM.contains(&name.as_str())) {
        return Err(refuse(400, &format!("the form has no field {unknown}")));
    }
    let known = given.get("clientId").and_then(Value::as_str);
    let n = world.rows(OAUTH_CLIENTS).len() as u64;
    let id = known.map_or_else(|| id_of(world.identity, n), str::to_owned);
    let mut row = world.row(OAUTH_CLIENTS, &id).cloned().unwrap_or_else(|| {
        json!({
            "clientName": "",
            "clientId": id,
            "clientSecret": secret_of(world.identity, n),
            "allowedGrantTypes": [],
            "enabled": false,
            "accessTokenLifetimeMinutes": 120,
            "scopes": [],
            "redirectUris": [],
            "pkce": false,
        })
    });
    for (name, value) in given {
        row[name.as_str()] = value.clone();
    }
    if text(&row, "clientName").is_empty() {
        return Err(refuse(400, "Client Name is required"));
    }
    for (field, known) in [("allowedGrantTypes", &GRANTS[..]), ("scopes", &SCOPES)] {
        let named = words(&row, field);
        if let Some(odd) = named.iter().find(|word| !known.contains(&word.as_str())) {
            return Err(refuse(400, &format!("{field} knows no {odd}")));
        }
    }
    world.note(vec![Change::put(OAUTH_CLIENTS, &id, row.clone())])?;
    Ok(row)
}
