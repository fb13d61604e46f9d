//! `/apisecurity/connect/token` and the tokens it gives: signed, with an end.

use std::collections::BTreeMap;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::call::{Call, Reply};
use crate::identity::Identity;
use crate::state_file::Change;
use crate::tables::COUNTERS;
use crate::world::World;

const COUNTER: &str = "sumtotal.token_requests";
/// Tokens with a lower number have ended.
const VALID_FROM: &str = "sumtotal.valid_from";

/// An OAuth client, with the fields of the form that makes one.
struct Client {
    id: String,
    secret: String,
    enabled: bool,
    grants: &'static [&'static str],
    scopes: &'static [&'static str],
    pkce: bool,
    lifetime_minutes: i64,
}

const NAMES: [&str; 4] = ["", "disabled_", "pkce_", "code_only_"];

fn clients(identity: Identity) -> Vec<Client> {
    let client = |(n, name): (u64, &&str)| Client {
        id: format!("ACME_TEST_{}", identity.hex32("sumtotal.client", n)),
        secret: identity.hex64("sumtotal.client_secret", n),
        enabled: *name != "disabled_",
        grants: if *name == "code_only_" {
            &["authorization_code"]
        } else {
            &["client_credentials"]
        },
        scopes: &["allapis", "odataapis"],
        pkce: *name == "pkce_",
        lifetime_minutes: 120,
    };
    (0..).zip(&NAMES).map(client).collect()
}

/// Ids and secrets of the seeded clients; those with a prefix do not work, each in its own way.
pub(super) fn secrets(identity: Identity) -> BTreeMap<&'static str, String> {
    const IDS: [&str; 4] =
        ["client_id", "disabled_client_id", "pkce_client_id", "code_only_client_id"];
    const SECRETS: [&str; 4] = [
        "client_secret",
        "disabled_client_secret",
        "pkce_client_secret",
        "code_only_client_secret",
    ];
    let pair = |(place, client): (usize, Client)| {
        [(IDS[place], client.id), (SECRETS[place], client.secret)]
    };
    clients(identity).into_iter().enumerate().flat_map(pair).collect()
}

/// How many tokens were asked for.
pub(crate) fn token_requests(world: &World) -> u64 {
    world.row(COUNTERS, COUNTER).and_then(Value::as_u64).unwrap_or(0)
}

/// Ends every token given out until now.
pub(crate) fn expire_tokens(world: &mut World) -> io::Result<()> {
    let next = token_requests(world) + 1;
    world.note(vec![Change::put(COUNTERS, VALID_FROM, json!(next))])
}

fn refuse(error: &str) -> Reply {
    Reply::json(400, &json!({ "error": error }))
}

pub(super) fn route(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    if call.method != axum::http::Method::POST {
        return Err(Reply::empty(405));
    }
    let (n, counter) = world.next(COUNTER, 1);
    world.note(vec![counter])?;
    if !call.content_type().starts_with("application/x-www-form-urlencoded") {
        return Err(refuse("invalid_request"));
    }
    let form = call.form();
    let get =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let basic = call.basic();
    let (id, secret) = match &basic {
        Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
        None => (get("client_id"), get("client_secret")),
    };
    let (Some(id), Some(secret)) = (id, secret) else { return Err(refuse("invalid_request")) };
    let grant = get("grant_type").ok_or_else(|| refuse("invalid_request"))?;
    let known = clients(world.identity).into_iter().find(|client| client.id == id);
    let client = known.filter(|client| client.secret == secret && client.enabled);
    let client = client.ok_or_else(|| refuse("invalid_client"))?;
    if !["client_credentials", "authorization_code", "refresh_token", "password"].contains(&grant) {
        return Err(refuse("unsupported_grant_type"));
    }
    if grant != "client_credentials" || !client.grants.contains(&grant) {
        return Err(refuse("unauthorized_client"));
    }
    let scope = scope(&client, get("scope").unwrap_or_default())?;
    let lifetime = client.lifetime_minutes * 60;
    let token = sign(world, call, &client, &scope, n, lifetime);
    let body = json!({
        "access_token": token,
        "expires_in": lifetime,
        "token_type": "Bearer",
        "scope": scope,
    });
    Ok(Reply::json(200, &body)
        .with_header("cache-control", "no-store, no-cache, max-age=0")
        .with_header("pragma", "no-cache"))
}

/// What is asked for if allowed; when nothing is asked for, what the client has.
fn scope(client: &Client, asked: &str) -> Result<String, Reply> {
    if asked.trim().is_empty() {
        return Ok(client.scopes.join(" "));
    }
    if asked.split_whitespace().all(|scope| client.scopes.contains(&scope)) {
        Ok(asked.to_owned())
    } else {
        Err(refuse("invalid_scope"))
    }
}

fn mac(world: &World, text: &str) -> Hmac<Sha256> {
    let key = world.identity.hex64("sumtotal.signing_key", 0);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .expect("a key of any length will do for this code");
    mac.update(text.as_bytes());
    mac
}

fn sign(world: &World, call: &Call, client: &Client, scope: &str, n: u64, lifetime: i64) -> String {
    let now = world.now().as_second();
    let issuer = format!("{}/apisecurity", call.origin());
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let claims = json!({
        "nbf": now,
        "exp": now + lifetime,
        "iss": issuer,
        "aud": [format!("{issuer}/resources"), "extapis"],
        "client_id": client.id,
        "brokersession": world.identity.guid("sumtotal.session", n),
        "scope": scope.split_whitespace().collect::<Vec<_>>(),
        "jti": n,
    });
    let coded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", coded(&header), coded(&claims));
    let signature = mac(world, &signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The claims of a token that is ours and has not ended.
fn claims(world: &World, token: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    mac(world, signed).verify_slice(&signature).ok()?;
    let (_, payload) = signed.split_once('.')?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let valid_from = world.row(COUNTERS, VALID_FROM).and_then(Value::as_u64).unwrap_or(0);
    let lives = claims["exp"].as_i64()? > world.now().as_second();
    (lives && claims["jti"].as_u64()? >= valid_from).then_some(claims)
}

/// Lets a request in when its token is good and carries the scope.
pub(super) fn admit(world: &World, call: &Call, scope: &str) -> Result<(), Reply> {
    let challenge = "Bearer error=\"invalid_token\"";
    let unauthorized = || Reply::empty(401).with_header("www-authenticate", challenge);
    let claims = call.bearer().and_then(|token| claims(world, token)).ok_or_else(unauthorized)?;
    let id = claims["client_id"].as_str().unwrap_or_default();
    if clients(world.identity).iter().any(|client| client.id == id && client.pkce) {
        return Err(super::message(403, "PKCE must be disabled for API calls"));
    }
    let has = |scope: &str| {
        claims["scope"].as_array().is_some_and(|scopes| scopes.iter().any(|held| held == scope))
    };
    let lenient = !world.settings.sumtotal.strict_scopes && has("allapis");
    if has(scope) || lenient {
        Ok(())
    } else {
        Err(super::message(403, "The token lacks the scope of this API"))
    }
}
