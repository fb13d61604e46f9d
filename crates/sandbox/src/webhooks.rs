//! Webhooks that the systems send: who wants them, what waits to be sent, and what became of it.
//!
//! What an event is and how it is signed is each system's own. An event waits in the same line of the
//! state file as the write that it tells of, so a sandbox that dies sends it after its next start.

mod sender;

use axum::http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::clock;
use crate::control::refuse;
use crate::state_file::Change;
use crate::tables::{Table, nothing};
use crate::world::{Deed, World};

pub(crate) use sender::run;

/// Who wants events, by number.
const WEBHOOKS: &str = "sandbox/webhooks";
/// What is not sent yet, by number.
const WAITING: &str = "sandbox/webhook_outbox";
/// The first id of an event.
const FIRST_EVENT: u64 = 9001;
/// Older attempts are forgotten beyond this many.
const KEPT: usize = 10_000;

pub(crate) static TABLES: [Table; 2] =
    [Table { name: WEBHOOKS, seed: nothing }, Table { name: WAITING, seed: nothing }];

/// Something that happened in a system.
pub(crate) struct Event {
    /// What those who want it name: `achievement.earned`.
    pub(crate) name: String,
    /// What is told, given the id of the event.
    pub(crate) body: Box<dyn Fn(u64) -> Value>,
}

/// One try of sending an event.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attempt {
    pub(crate) webhook: u64,
    pub(crate) event: u64,
    pub(crate) name: String,
    pub(crate) attempt: u32,
    /// What the receiver answered; 0 when it did not.
    pub(crate) status: u16,
    pub(crate) at: String,
}

/// What waits because of a write: one for each that wants it, two with the switch for duplicates.
pub(crate) fn waiting(world: &World, deed: &Deed<'_>, changes: &[Change]) -> Vec<Change> {
    if world.rows(WEBHOOKS).is_empty() {
        return Vec::new();
    }
    let events = match deed.system {
        "litmos" => crate::litmos::events(world, changes),
        "servicenow" => crate::servicenow::events(deed, changes),
        _ => crate::sumtotal::events(world, deed),
    };
    let (mut id, mut all) = (world.next("sandbox.event", FIRST_EVENT).0, Vec::new());
    let mut n = world.next("sandbox.webhook_delivery", 1).0;
    for event in events {
        let body = (event.body)(id).to_string();
        for (webhook, row) in world.rows(WEBHOOKS) {
            if !wants(row, deed.system, &event.name) {
                continue;
            }
            for _ in 0..if world.settings.webhooks.duplicates { 2 } else { 1 } {
                let row = json!({
                    "webhook": webhook, "event": id, "name": event.name, "body": body,
                });
                all.push(Change::put(WAITING, n.to_string(), row));
                n += 1;
            }
        }
        id += 1;
    }
    if !all.is_empty() {
        all.push(Change::put(crate::tables::COUNTERS, "sandbox.event", json!(id - 1)));
        all.push(Change::put(crate::tables::COUNTERS, "sandbox.webhook_delivery", json!(n - 1)));
    }
    all
}

/// `incident` wants `incident.insert` as well; nothing named wants everything.
fn wants(row: &Value, system: &str, event: &str) -> bool {
    let wanted = row["event"].as_str().unwrap_or_default();
    let below = event.strip_prefix(wanted);
    row["system"] == system
        && row["active"] == true
        && (wanted.is_empty() || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// `/webhooks` of the control port: in the real systems a page for administrators.
pub(crate) fn route(world: &mut World, call: &Call, id: Option<&str>) -> Result<Value, Reply> {
    match (&call.method, id) {
        (&Method::GET, None) => {
            let shown = world.rows(WEBHOOKS).iter().map(|(id, row)| shown(id, row));
            Ok(json!({ "webhooks": shown.collect::<Value>() }))
        }
        (&Method::POST, None) => {
            let (n, counter) = world.next("sandbox.webhook", 1);
            let row = read(call)?;
            let id = n.to_string();
            world.note(vec![counter, Change::put(WEBHOOKS, &id, row.clone())])?;
            Ok(json!({ "webhook": shown(&id, &row) }))
        }
        (&Method::DELETE, Some(id)) => {
            world.note(vec![Change::remove(WEBHOOKS, id)])?;
            Ok(json!({ "removed": id }))
        }
        _ => {
            Err(refuse(405, "GET lists webhooks, POST adds one, DELETE /webhooks/{id} removes it"))
        }
    }
}

/// What was sent, oldest first, and how much still waits.
pub(crate) fn deliveries(world: &World) -> Value {
    json!({ "attempts": world.attempts, "waiting": world.rows(WAITING).len() })
}

fn read(call: &Call) -> Result<Value, Reply> {
    let given: Value =
        serde_json::from_slice(&call.body).map_err(|error| refuse(400, &error.to_string()))?;
    let text = |name: &str| given[name].as_str().unwrap_or_default();
    let (system, url) = (text("system"), text("url"));
    if !["litmos", "servicenow", "sumtotal"].contains(&system) {
        return Err(refuse(400, "`system` is litmos, servicenow or sumtotal"));
    }
    if !url.starts_with("http://") {
        return Err(refuse(
            400,
            "`url` begins with http://, which is all that the sandbox sends over",
        ));
    }
    if system == "sumtotal" && text("secret").is_empty() {
        return Err(refuse(400, "SumTotal has a `secret` for each of its webhooks"));
    }
    if system == "litmos" && !text("secret").is_empty() {
        return Err(refuse(400, "Litmos signs nothing: put an unguessable token into `url`"));
    }
    Ok(json!({
        "system": system, "url": url, "event": text("event"), "secret": text("secret"),
        "active": given.get("active").and_then(Value::as_bool).unwrap_or(true),
    }))
}

/// A webhook without its secret, which a token in the address is as well.
fn shown(id: &str, row: &Value) -> Value {
    let url = row["url"].as_str().unwrap_or_default();
    let host = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    json!({
        "id": id, "system": row["system"], "host": host, "event": row["event"],
        "active": row["active"], "signed": row["secret"] != "",
    })
}

impl World {
    /// Notes a try, and that an event need not be sent any more.
    pub(crate) fn tried(&mut self, n: &str, attempt: Attempt, is_over: bool) {
        if self.attempts.len() == KEPT {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
        // A state file that cannot be written lets it be sent again.
        if is_over && let Err(error) = self.note(vec![Change::remove(WAITING, n)]) {
            tracing::error!(%error, "a delivery cannot be noted");
        }
    }

    /// What waits, with who wants it; what nobody wants any more is let go.
    pub(crate) fn unsent(&mut self) -> Vec<(String, Value, Value)> {
        let waiting = self.rows(WAITING).clone();
        let mut found = Vec::new();
        for (n, row) in waiting {
            match self.row(WEBHOOKS, row["webhook"].as_str().unwrap_or_default()) {
                Some(webhook) => found.push((n, row, webhook.clone())),
                None => drop(self.note(vec![Change::remove(WAITING, n)])),
            }
        }
        found
    }

    pub(crate) fn moment(&self) -> String {
        clock::iso(self.now())
    }
}
