//! Where messages go: a mail server, and the webhooks of Slack and Teams. What arrives is read on the
//! ledger; nobody is told anything.

mod smtp;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::identity::Identity;
use crate::sandbox::Site;
use crate::world::{Deed, World};

pub(crate) use smtp::serve;

/// The word of the mail server for "send this", which HTTP has not.
const SEND: &str = "DATA";
/// Its word for "is this address taken".
const RECIPIENT: &str = "RCPT";

const USER: &str = "linchpin";

fn password(identity: Identity) -> String {
    identity.hex32("notify/password", 0)
}

fn slack_path(identity: Identity) -> [String; 4] {
    let word = |n| identity.hex32("notify/slack", n).to_uppercase();
    let (team, hook) = (format!("T{}", &word(0)[..9]), format!("B{}", &word(1)[..9]));
    ["services".to_owned(), team, hook, identity.hex32("notify/slack", 2)]
}

fn workflow(identity: Identity) -> String {
    identity.hex32("notify/workflow", 0)
}

fn signature(identity: Identity) -> String {
    identity.hex64("notify/signature", 0)
}

/// Where the mail server is, and the secret addresses of the webhooks.
pub(crate) fn site(webhooks: &str, mail: &str, identity: Identity) -> Site {
    let slack = format!("{webhooks}/{}", slack_path(identity).join("/"));
    let (workflow, signature) = (workflow(identity), signature(identity));
    let teams = format!(
        "{webhooks}/workflows/{workflow}/triggers/manual/paths/invoke?api-version=2016-06-01&sig={signature}"
    );
    let secrets = BTreeMap::from([
        ("from", "Linchpin <linchpin@acme.example>".to_owned()),
        ("user_name", USER.to_owned()),
        ("password", password(identity)),
        ("slack", slack),
        ("teams", teams),
    ]);
    Site { url: mail.replace("http://", "smtp://"), secrets }
}

/// Answers one request: of a webhook, or what the mail server makes of a word.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let path: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let answer = match (call.method.as_str(), path.as_slice()) {
        (RECIPIENT, ["smtp", _]) => Ok(Reply::text(250, "", "2.1.5 Ok")),
        (SEND, ["smtp"]) => mail(world, call),
        ("POST", path) if *path == slack_path(world.identity) => slack(world, call),
        ("POST", ["services", ..]) => Ok(Reply::text(404, "text/html", "no_service")),
        ("POST", ["workflows", found, "triggers", "manual", "paths", "invoke"]) => {
            teams(world, call, found)
        }
        _ => Ok(Reply::empty(404)),
    };
    answer.unwrap_or_else(Reply::from)
}

/// The answer to one message too many.
pub(crate) fn rate_limited() -> Reply {
    Reply::text(429, "text/html", "rate_limited").with_header("retry-after", "1")
}

fn mail(world: &mut World, call: &Call) -> std::io::Result<Reply> {
    let said = |name: &str| call.header(name).unwrap_or_default().to_owned();
    let to: Vec<String> = said("to").split(' ').map(str::to_owned).collect();
    let message = String::from_utf8_lossy(&call.body).into_owned();
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let id = header("message-id").unwrap_or_default();
    let subject = header("subject").unwrap_or_default();
    let body = json!({ "from": said("from"), "to": to, "subject": subject, "message": message });
    let (object, identity) = ("mail", &to.join(", "));
    let deed = Deed { system: "notify", kind: "create", object, key: &id, identity, body };
    world.commit(deed, Vec::new())?;
    let n = world.ledger.effects.len();
    Ok(Reply::text(250, "", format!("2.0.0 Ok: kept as {n}")))
}

fn slack(world: &mut World, call: &Call) -> std::io::Result<Reply> {
    let refuse = |word: &str| Ok(Reply::text(400, "text/html", word));
    let Ok(body) = serde_json::from_slice::<Value>(&call.body) else {
        return refuse("invalid_payload");
    };
    let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
    if text.is_empty() && body.get("blocks").is_none_or(Value::is_null) {
        return refuse("no_text");
    }
    posted(world, "slack_message", text, &body)?;
    Ok(Reply::text(200, "text/html", "ok"))
}

fn teams(world: &mut World, call: &Call, found: &str) -> std::io::Result<Reply> {
    let refuse = |status: u16, code: &str, message: &str| {
        Ok(Reply::json(status, &json!({ "error": { "code": code, "message": message } })))
    };
    if found != workflow(world.identity) {
        return refuse(404, "WorkflowNotFound", "The workflow could not be found.");
    }
    if call.query("sig") != Some(&signature(world.identity)) {
        return refuse(401, "DirectApiAuthorizationRequired", "The signature is not valid.");
    }
    let body = serde_json::from_slice::<Value>(&call.body).unwrap_or_default();
    let cards = body.get("attachments").and_then(Value::as_array);
    let card = cards.and_then(|cards| cards.first()).filter(|card| {
        card.get("contentType") == Some(&json!("application/vnd.microsoft.card.adaptive"))
    });
    let Some(card) = card.filter(|_| body.get("type") == Some(&json!("message"))) else {
        return refuse(400, "TriggerInputSchemaMismatch", "The body is no message with a card.");
    };
    let said = card.pointer("/content/body/0/text").and_then(Value::as_str).unwrap_or_default();
    posted(world, "teams_message", said, &body)?;
    Ok(Reply::empty(202))
}

/// Keeps what was posted.
fn posted(world: &mut World, object: &str, said: &str, body: &Value) -> std::io::Result<()> {
    let key = (world.ledger.effects.len() + 1).to_string();
    let body = body.clone();
    let deed = Deed { system: "notify", kind: "create", object, key: &key, identity: said, body };
    world.commit(deed, Vec::new())
}
