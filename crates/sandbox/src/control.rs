//! The control port: what happened, what shall go wrong, what time it is.

use std::io;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Response};
use serde_json::{Map, Value, json};

use crate::call::{Call, Reply};
use crate::clock::{self, Clock};
use crate::faults::Fault;
use crate::sandbox::Site;
use crate::settings::Settings;
use crate::site::{Shared, read, respond};
use crate::world::World;

/// Every route, with what it is for; served at `/`.
const ROUTES: [(&str, &str); 24] = [
    ("GET /sites", "urls and seeded credentials"),
    ("GET /ledger?system=&method=&path=&after=", "requests, oldest first; path is a part of it"),
    ("GET /effects?system=&kind=&object=&after=", "writes that took effect, oldest first"),
    ("GET /state", "tables and how many rows each has"),
    ("GET /state/{system}/{table}", "its rows by key"),
    ("GET /state/{system}/{table}/{key}", "one row"),
    ("GET /token-requests", "how many tokens were asked for"),
    ("POST /expire-tokens", "ends every token now"),
    ("POST /faults", "one fault or a list"),
    ("GET /faults", "faults and how often each has struck"),
    ("DELETE /faults[/{id}]", "removes one or all"),
    ("GET /clock", "the present moment"),
    (
        "POST /clock",
        "{\"now\": ISO} stops it there, {\"advance_seconds\": n} moves it, {} frees it",
    ),
    ("GET /settings", "the switches of each system"),
    ("PATCH /settings", "changes some of them"),
    ("GET /litmos/integrations/servicenow", "the page with the integration's API key"),
    ("PUT | DELETE /litmos/integrations/servicenow", "ticks its box, which makes a key; clears it"),
    ("GET /sumtotal/oauth-clients", "the OAuth clients"),
    (
        "POST /sumtotal/oauth-clients",
        "adds one, or changes it when `clientId` is known; an absent id or secret is made up",
    ),
    ("GET /webhooks", "who wants to be told of events"),
    ("POST /webhooks", "{\"system\", \"url\", \"event\", \"secret\", \"active\"} adds one"),
    ("DELETE /webhooks/{id}", "removes one"),
    ("GET /deliveries", "what was sent, how it was answered, and how much waits"),
    ("POST /reset", "begins anew"),
];

#[derive(Clone)]
struct Control {
    shared: Shared,
    sites: Value,
}

pub(crate) fn router(shared: Shared, sites: &[(&str, &Site)]) -> Router {
    let describe = |(name, site): &(&str, &Site)| {
        ((*name).to_owned(), json!({ "url": site.url, "secrets": site.secrets }))
    };
    let sites = Value::Object(sites.iter().map(describe).collect());
    Router::new().fallback(handle).with_state(Control { shared, sites })
}

async fn handle(State(control): State<Control>, request: axum::extract::Request) -> Response<Body> {
    let Some(call) = read(request).await else {
        return respond(refuse(413, "the body is too large"));
    };
    let sites = &control.sites;
    let answer = control.shared.with(|world| route(world, &call, sites));
    respond(answer.unwrap_or_else(|refusal| refusal))
}

/// An answer of the control port that says no.
pub(crate) fn refuse(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": message }))
}

fn route(world: &mut World, call: &Call, sites: &Value) -> Result<Reply, Reply> {
    let path: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let value = match (call.method.as_str(), path.as_slice()) {
        ("GET", []) => json!({ "routes": ROUTES.to_vec() }),
        ("GET", ["health"]) => json!({ "status": "ok" }),
        ("GET", ["sites"]) => sites.clone(),
        ("GET", ["ledger"]) => requests(world, call),
        ("GET", ["effects"]) => effects(world, call),
        ("GET", ["state", rest @ ..]) => state(world, rest)?,
        ("GET", ["token-requests"]) => token_requests(world),
        ("POST", ["expire-tokens"]) => {
            expire_tokens(world)?;
            json!({ "expired": true })
        }
        ("GET", ["faults"]) => json!({ "faults": world.faults.list() }),
        ("POST", ["faults"]) => add_faults(world, body(call)?)?,
        ("DELETE", ["faults", rest @ ..]) => {
            world.faults.clear(rest.first().and_then(|id| id.parse().ok()));
            json!({ "faults": world.faults.list() })
        }
        ("GET", ["clock"]) => time(world),
        ("POST", ["clock"]) => set_clock(world, &body(call)?)?,
        ("GET", ["settings"]) => json!(world.settings),
        ("PATCH" | "POST", ["settings"]) => change_settings(world, body(call)?)?,
        // What administrators do on pages of their own, which no API offers.
        (method, ["litmos", "integrations", "servicenow"]) => {
            crate::litmos::integration_page(world, method)?
        }
        ("GET", ["sumtotal", "oauth-clients"]) => crate::sumtotal::oauth_clients(world),
        ("POST", ["sumtotal", "oauth-clients"]) => {
            crate::sumtotal::save_oauth_client(world, &body(call)?)?
        }
        (_, ["webhooks", rest @ ..]) => crate::webhooks::route(world, call, rest.first().copied())?,
        ("GET", ["deliveries"]) => crate::webhooks::deliveries(world),
        ("POST", ["reset"]) => {
            world.reset()?;
            json!({ "reset": true })
        }
        _ => return Err(refuse(404, "no such control route; GET / lists them")),
    };
    let status = if call.method == Method::POST && path == ["faults"] { 201 } else { 200 };
    Ok(Reply::json(status, &value))
}

fn body(call: &Call) -> Result<Value, Reply> {
    if call.body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&call.body).map_err(|error| refuse(400, &error.to_string()))
}

/// Whether a query condition is absent or equal to what was found.
fn same(call: &Call, name: &str, found: &str) -> bool {
    call.query(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
}

fn after(call: &Call) -> u64 {
    call.query("after").and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn requests(world: &World, call: &Call) -> Value {
    let found = world.ledger.requests.iter().filter(|request| {
        request.n > after(call)
            && same(call, "system", &request.system)
            && same(call, "method", &request.method)
            && call.query("path").is_none_or(|part| request.path.contains(part))
    });
    let found: Vec<_> = found.collect();
    json!({ "count": found.len(), "requests": found })
}

fn effects(world: &World, call: &Call) -> Value {
    let found = world.ledger.effects.iter().filter(|effect| {
        effect.n > after(call)
            && same(call, "system", &effect.system)
            && same(call, "kind", &effect.kind)
            && same(call, "object", &effect.object)
    });
    let found: Vec<_> = found.collect();
    json!({ "count": found.len(), "effects": found })
}

fn state(world: &World, path: &[&str]) -> Result<Value, Reply> {
    let name = path.iter().take(2).copied().collect::<Vec<_>>().join("/");
    match path {
        [] => {
            let count = |name: &str| (name.to_owned(), json!(world.rows(name).len()));
            Ok(Value::Object(world.tables().names().map(count).collect()))
        }
        [_, _] if world.tables().has(&name) => Ok(json!(world.rows(&name))),
        [_, _, key @ ..] if world.tables().has(&name) => {
            let found = world.row(&name, &key.join("/")).cloned();
            found.ok_or_else(|| refuse(404, "no row with this key"))
        }
        _ => Err(refuse(404, "no such table; GET /state lists them")),
    }
}

fn token_requests(world: &World) -> Value {
    let sumtotal = crate::sumtotal::token_requests(world);
    let servicenow = crate::servicenow::token_requests(world);
    json!({ "count": sumtotal + servicenow, "sumtotal": sumtotal, "servicenow": servicenow })
}

/// Ends every token that was given out until now.
pub(crate) fn expire_tokens(world: &mut World) -> io::Result<()> {
    crate::sumtotal::expire_tokens(world)?;
    crate::servicenow::expire_tokens(world)
}

fn add_faults(world: &mut World, body: Value) -> Result<Value, Reply> {
    let list = match body {
        Value::Array(list) => list,
        one => vec![one],
    };
    let read = |fault| serde_json::from_value::<Fault>(fault);
    let faults: Vec<Fault> = list
        .into_iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|error| refuse(400, &error.to_string()))?;
    let added: Vec<Fault> = faults.into_iter().map(|fault| world.faults.add(fault)).collect();
    Ok(json!({ "faults": added }))
}

fn time(world: &World) -> Value {
    json!({ "now": clock::iso(world.now()), "fixed": world.clock != Clock::System })
}

fn set_clock(world: &mut World, body: &Value) -> Result<Value, Reply> {
    world.clock = if let Some(now) = body.get("now") {
        let moment = now.as_str().and_then(clock::parse);
        Clock::Fixed(moment.ok_or_else(|| refuse(400, "`now` must be an ISO moment"))?)
    } else if let Some(seconds) = body.get("advance_seconds").and_then(Value::as_i64) {
        let moved = world.now().checked_add(jiff::SignedDuration::from_secs(seconds));
        Clock::Fixed(moved.map_err(|error| refuse(400, &error.to_string()))?)
    } else {
        Clock::System
    };
    Ok(time(world))
}

fn change_settings(world: &mut World, change: Value) -> Result<Value, Reply> {
    let mut settings = json!(world.settings);
    merge(&mut settings, change);
    world.settings = serde_json::from_value::<Settings>(settings.clone())
        .map_err(|error| refuse(400, &error.to_string()))?;
    Ok(settings)
}

fn merge(target: &mut Value, change: Value) {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => {
            for (key, value) in change {
                merge(target.entry(key).or_insert(Value::Object(Map::new())), value);
            }
        }
        (target, value) => *target = value,
    }
}
