//! ServiceNow: the Table API with encoded queries and journal fields, figures over tables, import sets, attachments,
//! and three ways to sign in.

mod admission;
mod attachment;
mod display;
mod events;
mod import;
mod insert;
mod journal;
mod query;
mod roles;
mod schema;
mod seed;
mod stats;
mod table;
mod token;
mod xml;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::identity::Identity;
use crate::sandbox::Site;
use crate::world::World;

pub(crate) use events::events;
pub(crate) use seed::TABLES;
pub(crate) use token::{expire_tokens, token_requests};

const TOKENS: &str = "servicenow/tokens";
/// The bytes of attachments in base64, by `sys_id`.
const ATTACHMENT_BYTES: &str = "servicenow/attachment_bytes";

/// Where ServiceNow is, and the ways in.
pub(crate) fn site(origin: &str, identity: Identity) -> Site {
    let secrets: BTreeMap<&'static str, String> =
        admission::secrets(identity).into_iter().collect();
    Site { url: origin.to_owned(), secrets }
}

/// Answers one request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let path: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let answer = match path.as_slice() {
        ["oauth_token.do"] => token::route(world, call),
        ["oauth_revoke_token.do"] => token::revoke(world, call),
        ["api", "now", rest @ ..] => {
            let rest = match rest {
                ["v1" | "v2", rest @ ..] => rest,
                rest => rest,
            };
            let old = path.get(2) == Some(&"v1");
            admission::admit(world, call).and_then(|user| match rest {
                ["stats", table] => stats::read(world, call, table),
                ["import", table, rest @ ..] => import::route(world, call, table, rest, &user),
                ["attachment", rest @ ..] => attachment::route(world, call, rest, &user),
                rest => table::route(world, call, rest, &user, old),
            })
        }
        _ => Err(Refusal::new(404, "No such resource", Some("The route is unknown"))),
    };
    let reply = answer.unwrap_or_else(Refusal::into_reply);
    if xml::is_wanted(call) { xml::rewrite(reply) } else { reply }
}

/// The answer to one call too many.
pub(crate) fn rate_limited() -> Reply {
    let detail = "Rate limit of 250 requests per hour for Table API exceeded";
    Refusal::new(429, "Rate limit exceeded", Some(detail))
        .into_reply()
        .with_header("x-ratelimit-limit", "250")
}

/// An answer that says no.
#[derive(Debug)]
struct Refusal {
    reply: Reply,
}

impl Refusal {
    fn new(status: u16, message: &str, detail: Option<&str>) -> Self {
        let body = json!({
            "error": { "message": message, "detail": detail },
            "status": "failure",
        });
        Refusal { reply: Reply::json(status, &body) }
    }

    fn unauthenticated() -> Self {
        let detail = Some("Required to provide Auth information");
        let refusal = Refusal::new(401, "User Not Authenticated", detail);
        Refusal {
            reply: refusal.reply.with_header("www-authenticate", "Basic realm=\"Service-now\""),
        }
    }

    fn forbidden() -> Self {
        let detail = Some("ACL Exception due to security constraints");
        Refusal::new(403, "Operation Failed", detail)
    }

    fn no_record() -> Self {
        let detail = Some("Record doesn't exist or ACL restricts the record retrieval");
        Refusal::new(404, "No Record found", detail)
    }

    fn into_reply(self) -> Reply {
        self.reply
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Refusal { reply: error.into() }
    }
}

/// A field as text; absent is empty.
fn text<'v>(row: &'v Value, field: &str) -> &'v str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The name of a table's rows in the world.
fn rows_of(table: &str) -> String {
    format!("servicenow/{table}")
}
