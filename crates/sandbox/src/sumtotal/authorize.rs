//! `/apisecurity/connect/authorize`: a person signs in and agrees, here by a link on a page; and the codes and
//! refresh tokens that come of it, each good for one use.

use axum::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::clients::Client;
use super::{GRANTS, PERSONS, text};
use crate::call::{Call, Reply};
use crate::company::{ANA_RUIZ, KIM_LO, MAYA_STONE, person};
use crate::state_file::Change;
use crate::world::World;

/// What is written in another way in the query of an address.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How long a code may be on its way, and how long a refresh token waits; nothing is documented.
const CODE_SECONDS: i64 = 300;
const REFRESH_SECONDS: i64 = 30 * 24 * 3600;
const COUNTER: &str = "sumtotal.grants";

/// What somebody has agreed to.
pub(super) struct Granted {
    pub(super) user: String,
    pub(super) scope: String,
    row: Value,
}

pub(super) fn route(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    if call.method != Method::GET {
        return Err(Reply::empty(405));
    }
    let get = |name: &str| call.query(name).unwrap_or_default();
    // Whoever cannot be trusted with the answer is told on a page.
    let client = Client::find(world, get("client_id")).filter(|client| client.enabled);
    let client = client.ok_or_else(|| page(400, "Error", "<p>unknown client</p>"))?;
    let back = get("redirect_uri");
    if !client.returns_to(back) {
        return Err(page(400, "Error", "<p>the redirect_uri is not one of the client's</p>"));
    }
    let refuse = |error: &str, why: &str| {
        back_to(call, back, &[("error", error), ("error_description", why)])
    };
    if get("response_type") != "code" {
        return Err(refuse("unsupported_response_type", "only code is served"));
    }
    if !client.may("authorization_code") {
        return Err(refuse("unauthorized_client", "the client may not use authorization_code"));
    }
    let scope = super::token::scope(&client, get("scope"), true)
        .map_err(|_| refuse("invalid_scope", "a scope is unknown or not the client's"))?;
    match call.query("login") {
        None => Ok(sign_in(call, &client.id)),
        Some("") => Err(refuse("access_denied", "the person did not agree")),
        Some(user) => {
            let row = world.row(PERSONS, user).filter(|row| row["active"] == json!(true));
            row.ok_or_else(|| page(400, "Error", "<p>nobody active has this userId</p>"))?;
            let granted = json!({ "kind": "code", "client": client.id, "user": user, "scope": scope,
                "redirect_uri": back, "challenge": call.query("code_challenge"),
                "method": call.query("code_challenge_method") });
            let code = issue(world, granted, CODE_SECONDS)?;
            Ok(back_to(call, back, &[("code", &code)]))
        }
    }
}

/// Takes a code or a refresh token; it is good for one use. Nothing is said of why it is not.
pub(super) fn redeem(
    world: &mut World,
    kind: &str,
    token: &str,
    client: &Client,
) -> std::io::Result<Option<Granted>> {
    let now = world.now().as_second();
    let Some(row) = world.row(GRANTS, token).cloned() else { return Ok(None) };
    let is_good = text(&row, "kind") == kind
        && text(&row, "client") == client.id
        && row["until"].as_i64().is_some_and(|until| until > now);
    if !is_good {
        return Ok(None);
    }
    world.note(vec![Change::remove(GRANTS, token)])?;
    Ok(Some(Granted { user: text(&row, "user"), scope: text(&row, "scope"), row }))
}

impl Granted {
    /// Whether a code came back to where it was sent, with the word that its challenge was made of.
    pub(super) fn fits(&self, redirect_uri: &str, verifier: &str) -> bool {
        use base64::Engine as _;
        use sha2::{Digest as _, Sha256};
        let coded =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let challenge = match text(&self.row, "method").as_str() {
            "S256" => coded,
            _ => verifier.to_owned(),
        };
        text(&self.row, "redirect_uri") == redirect_uri
            && (self.row["challenge"].is_null() || text(&self.row, "challenge") == challenge)
    }

    /// A new refresh token, where the scope asks for one.
    pub(super) fn refresh(
        &self,
        world: &mut World,
        client: &Client,
    ) -> std::io::Result<Option<String>> {
        if !self.scope.split_whitespace().any(|scope| scope == "offline_access") {
            return Ok(None);
        }
        let row = json!({ "kind": "refresh", "client": client.id, "user": self.user,
            "scope": self.scope });
        issue(world, row, REFRESH_SECONDS).map(Some)
    }

    /// Of a person who gave their password to the client itself.
    pub(super) fn by_password(user: String, scope: String) -> Self {
        Self { user, scope, row: Value::Null }
    }
}

fn issue(world: &mut World, mut row: Value, seconds: i64) -> std::io::Result<String> {
    let (n, counter) = world.next(COUNTER, 1);
    let token = world.identity.hex64("sumtotal.grant", n);
    row["until"] = json!(world.now().as_second() + seconds);
    world.note(vec![counter, Change::put(GRANTS, &token, row)])?;
    Ok(token)
}

/// Sends the browser back with an answer, and with the state it came with.
fn back_to(call: &Call, back: &str, answer: &[(&str, &str)]) -> Reply {
    let coded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let state = call.query("state").map(|state| ("state", state));
    let pairs = answer.iter().copied().chain(state);
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", coded(value))).collect();
    let joint = if back.contains('?') { '&' } else { '?' };
    Reply::empty(302).with_header("location", format!("{back}{joint}{}", pairs.join("&")))
}

/// The page where a person signs in: a link for each of three people, and one to refuse.
fn sign_in(call: &Call, client: &str) -> Reply {
    let coded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let asked = call.query.iter();
    let asked: String =
        asked.map(|(name, value)| format!("{}={}&amp;", coded(name), coded(value))).collect();
    let link = |login: &str, words: &str| {
        format!("<li><a href=\"{}?{asked}login={login}\">{words}</a></li>\n", call.path)
    };
    let people = [MAYA_STONE, KIM_LO, ANA_RUIZ].map(person);
    let mut links: String = people
        .iter()
        .map(|one| {
            let words = format!("agree as {}", one.full_name());
            link(&one.employee_number().to_string(), &words)
        })
        .collect();
    links.push_str(&link("", "refuse"));
    let words = format!("<p>{client} wants to act in your name.</p>\n<ul>\n{links}</ul>");
    page(200, "Sign in", &words)
}

fn page(status: u16, title: &str, body: &str) -> Reply {
    let html = format!(
        "<!doctype html><html><head><title>{title}</title></head><body><h1>Sandbox of SumTotal</h1>\n\
         {body}\n</body></html>\n"
    );
    Reply::text(status, "text/html; charset=utf-8", html)
}
