//! `/apisecurity/connect/token` and the tokens it gives: signed, with an end.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::authorize::{Granted, redeem};
use super::clients::{Client, password_of};
use super::{PERSONS, text};
use crate::call::{Call, Reply};
use crate::state_file::Change;
use crate::tables::COUNTERS;
use crate::world::World;

const COUNTER: &str = "sumtotal.token_requests";
/// Tokens with a lower number have ended.
const VALID_FROM: &str = "sumtotal.valid_from";

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
    let client = Client::find(world, id).filter(|client| client.secret == secret && client.enabled);
    let client = client.ok_or_else(|| refuse("invalid_client"))?;
    if !["client_credentials", "authorization_code", "refresh_token", "password"].contains(&grant) {
        return Err(refuse("unsupported_grant_type"));
    }
    if !client.may(grant) {
        return Err(refuse("unauthorized_client"));
    }
    let granted = match grant {
        "client_credentials" => None,
        grant => Some(personal(world, grant, &client, &get)?),
    };
    let scope = match &granted {
        Some(granted) => granted.scope.clone(),
        None => scope(&client, get("scope").unwrap_or_default(), false)?,
    };
    let lifetime = client.lifetime_minutes * 60;
    let user = granted.as_ref().map(|granted| granted.user.as_str());
    let token = sign(world, call, (&client, user), &scope, n, lifetime);
    let mut body = json!({
        "access_token": token,
        "expires_in": lifetime,
        "token_type": "Bearer",
        "scope": scope,
    });
    if let Some(refresh) =
        granted.map(|granted| granted.refresh(world, &client)).transpose()?.flatten()
    {
        body["refresh_token"] = json!(refresh);
    }
    Ok(Reply::json(200, &body)
        .with_header("cache-control", "no-store, no-cache, max-age=0")
        .with_header("pragma", "no-cache"))
}

/// What a person has agreed to: by a code, by the token that renews it, or by their password.
fn personal<'f>(
    world: &mut World,
    grant: &str,
    client: &Client,
    get: &dyn Fn(&str) -> Option<&'f str>,
) -> Result<Granted, Reply> {
    let invalid = || refuse("invalid_grant");
    let given = |name: &str| get(name).ok_or_else(|| refuse("invalid_request"));
    match grant {
        "authorization_code" => {
            let granted = redeem(world, "code", given("code")?, client)?.ok_or_else(invalid)?;
            let fits =
                granted.fits(given("redirect_uri")?, get("code_verifier").unwrap_or_default());
            fits.then_some(granted).ok_or_else(invalid)
        }
        "refresh_token" => {
            redeem(world, "refresh", given("refresh_token")?, client)?.ok_or_else(invalid)
        }
        _ => {
            let (name, password) = (given("username")?, given("password")?);
            let scope = scope(client, get("scope").unwrap_or_default(), true)?;
            let mut people = world.rows(PERSONS).iter();
            let found = people.find(|(id, row)| {
                text(row, "userName") == name
                    && row["active"] == json!(true)
                    && password_of(world.identity, id) == password
            });
            let user = found.map(|(id, _)| id.clone()).ok_or_else(invalid)?;
            Ok(Granted::by_password(user, scope))
        }
    }
}

/// What is asked for if allowed; when nothing is asked for, what the client has.
pub(super) fn scope(client: &Client, asked: &str, is_personal: bool) -> Result<String, Reply> {
    // A token that belongs to no user cannot be renewed, and says nothing of one.
    let own = client.scopes.iter().map(String::as_str);
    let own: Vec<&str> = own.filter(|scope| is_personal || scope.ends_with("apis")).collect();
    if asked.trim().is_empty() {
        return Ok(own.join(" "));
    }
    if asked.split_whitespace().all(|scope| own.contains(&scope)) {
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

fn sign(
    world: &World,
    call: &Call,
    (client, user): (&Client, Option<&str>),
    scope: &str,
    n: u64,
    lifetime: i64,
) -> String {
    let now = world.now().as_second();
    let issuer = format!("{}/apisecurity", call.origin());
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let mut claims = json!({
        "nbf": now,
        "exp": now + lifetime,
        "iss": issuer,
        "aud": [format!("{issuer}/resources"), "extapis"],
        "client_id": client.id,
        "brokersession": world.identity.guid("sumtotal.session", n),
        "scope": scope.split_whitespace().collect::<Vec<_>>(),
        "jti": n,
    });
    if let Some(row) = user.and_then(|user| world.row(PERSONS, user)) {
        claims["sub"] = row["userId"].clone();
        claims["auth_time"] = json!(now);
        claims["idp"] = json!("local");
        claims["username"] = row["userName"].clone();
        claims["userid"] = row["userId"].clone();
        claims["personpk"] = row["personId"].clone();
        claims["amr"] = json!(["pwd"]);
    }
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

/// The person in whose name a request is made, by `userId`; nobody where a client calls for itself.
pub(super) fn person(world: &World, call: &Call) -> Option<String> {
    let claims = claims(world, call.bearer()?)?;
    claims["userid"].as_str().map(str::to_owned)
}

/// Lets a request in when its token is good and carries the scope.
pub(super) fn admit(world: &World, call: &Call, scope: &str) -> Result<(), Reply> {
    let challenge = "Bearer error=\"invalid_token\"";
    let unauthorized = || Reply::empty(401).with_header("www-authenticate", challenge);
    let claims = call.bearer().and_then(|token| claims(world, token)).ok_or_else(unauthorized)?;
    let id = claims["client_id"].as_str().unwrap_or_default();
    if Client::find(world, id).is_some_and(|client| client.pkce) {
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
