//! Starts flows when other systems send to their webhooks.
//!
//! A delivery is believed before anything of it is read. What tells it from others is its run
//! key, so one that comes again finds its run, whatever happened to the process in between; and
//! who is told that it was taken can rely on a run that is on disk. Listening is the server's.

mod genuine;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use linchpin_connector::Incoming;
use linchpin_engine::RunId;
use linchpin_engine::event::Outcome;
use linchpin_engine::flow::{Auth, Respond, SecretRef, Trigger, Webhook};
use linchpin_language::{Map, Schema, Value, json, print};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use self::genuine::{Genuine, key_of};
use crate::flows::Loaded;
use crate::host::{Error, Host, Start};
use crate::secret::Secret;

/// What stands before the path of each webhook in its address.
pub const BASE: &str = "/hooks/";
/// How long secrets are remembered, so that a flood of deliveries fetches them once.
const REMEMBERED: Duration = Duration::from_secs(20);
/// How long a sender that wants the result is kept waiting for it.
const PATIENCE: Duration = Duration::from_secs(30);
/// A longer id is known by its digest.
const LONGEST_ID: usize = 200;

/// The webhooks of the enabled flows of a host.
pub struct Webhooks {
    host: Host,
    /// The secrets of each path, with when they were fetched.
    secrets: Mutex<HashMap<String, Remembered>>,
}

/// The secrets of a webhook, and since when they are known.
type Remembered = (Instant, Arc<Vec<Secret>>);

/// A request that came in.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The address below [`BASE`], as it was sent.
    pub path: &'a str,
    /// What follows the `?`, as it was sent.
    pub query: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
}

/// A delivery whose run is on disk.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The path of the webhook.
    pub path: String,
    /// The run.
    pub run: RunId,
    /// Whether this delivery made it.
    pub is_new: bool,
    /// The status that the sender expects.
    pub status: u16,
    /// Whether the sender waits for the end.
    pub waits: bool,
}

/// A webhook that is served.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Served {
    /// The flow.
    pub flow: String,
    /// The path of the webhook.
    pub path: String,
    /// Its address on the daemon; TOKEN stands for a secret.
    pub address: String,
    /// How a delivery shows that it is genuine, in a word.
    pub auth: &'static str,
    /// Where its secrets are kept: `vault`, `env NAME` or `file PATH`.
    pub secrets: Vec<String>,
    /// Whether its flow is enabled.
    pub enabled: bool,
    /// What keeps it from taking deliveries, or soon may.
    pub problems: Vec<String>,
}

/// Why a delivery starts nothing. The sender gets the status alone.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No flow has such a webhook.
    #[error("no flow has a webhook {0}")]
    Unknown(String),
    /// It does not show that it is genuine.
    #[error("{path} refused a delivery: {why}")]
    NotGenuine {
        /// The webhook.
        path: String,
        /// Why; nothing of the delivery is in it.
        why: String,
    },
    /// Nothing can be believed: the secret is not there.
    #[error("{path} cannot take deliveries: {why}")]
    NoSecret {
        /// The webhook.
        path: String,
        /// Why, and what to do.
        why: String,
    },
    /// It is genuine, and the flow cannot be started with it.
    #[error("{path} cannot start a run with a delivery: {why}")]
    Unfit {
        /// The webhook.
        path: String,
        /// Why.
        why: String,
    },
    /// The host did not start the run.
    #[error(transparent)]
    Host(#[from] Error),
}

impl Webhooks {
    /// Over the flows of a host, as they are when a delivery comes.
    pub fn new(host: Host) -> Self {
        Self { host, secrets: Mutex::default() }
    }

    /// All webhooks, by path.
    pub async fn served(&self) -> Vec<Served> {
        let mut all = Vec::new();
        for loaded in self.host.flows().iter() {
            for webhook in webhooks(loaded) {
                all.push(self.shown(loaded, webhook).await);
            }
        }
        all.sort_by(|one, other| one.path.cmp(&other.path));
        all
    }

    async fn shown(&self, loaded: &Loaded, webhook: &Webhook) -> Served {
        let (path, mut problems) = (webhook.path.value.clone(), Vec::new());
        let mut address = format!("{BASE}{path}");
        match Genuine::of(&webhook.auth, self.host.catalog()) {
            Ok(genuine) if genuine.webhook().has_url_token() => address.push_str("/TOKEN"),
            Ok(_) => {}
            Err(why) => problems.push(why),
        }
        let mut kept = Vec::new();
        if let Auth::Shared { secrets, .. } = &webhook.auth {
            kept.extend(secrets.iter().map(place_of));
            let (found, missing) = self.host.connections().webhook_secrets(&path, secrets).await;
            let which = if found.is_empty() { "it has no secret" } else { "a secret is missing" };
            problems.extend(missing.into_iter().map(|remedy| format!("{which}: {remedy}")));
        }
        let (flow, enabled) = (loaded.flow.name.clone(), loaded.flow.enabled);
        let auth = webhook.auth.as_str();
        Served { flow, path, address, auth, secrets: kept, enabled, problems }
    }

    /// Keeps the secret of a webhook in the vault, or takes it away.
    pub async fn keep_secret(
        &self,
        path: &str,
        secret: Option<&Secret>,
    ) -> Result<(), crate::vault::Error> {
        self.host.connections().keep_webhook_secret(path, secret).await?;
        self.secrets.lock().await.remove(path);
        Ok(())
    }

    /// Takes a delivery: after `Ok` its run is on disk.
    pub async fn take(&self, delivery: &Delivery<'_>) -> Result<Taken, Refusal> {
        let found = self.find(delivery.path);
        let (loaded, at, token) =
            found.ok_or_else(|| Refusal::Unknown(delivery.path.to_owned()))?;
        let Trigger::Webhook(webhook) = &loaded.flow.triggers[at].value else {
            return Err(Refusal::Unknown(delivery.path.to_owned()));
        };
        let path = webhook.path.value.clone();
        let genuine = Genuine::of(&webhook.auth, self.host.catalog());
        let genuine = genuine.map_err(|why| Refusal::NoSecret { path: path.clone(), why })?;
        let incoming =
            Incoming { headers: delivery.headers, body: delivery.body, token: token.as_deref() };
        let secrets = self.secrets(&path, &webhook.auth).await?;
        let keys: Vec<Cow<'_, [u8]>> =
            secrets.iter().map(|secret| key_of(&webhook.auth, secret)).collect();
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        let now = self.host.clock().now();
        genuine.webhook().check(&incoming, &keys, now).map_err(|refused| Refusal::NotGenuine {
            path: path.clone(),
            why: refused.to_string(),
        })?;
        let unfit = |why: String| Refusal::Unfit { path: path.clone(), why };
        let id = genuine.webhook().id(&incoming).unwrap_or_else(unique);
        let trigger = json!({
            "kind": "webhook", "path": path, "id": id, "received_at": now.to_string(),
            "headers": headers(delivery.headers, genuine.webhook().header()),
            "query": query(delivery.query),
            "payload": payload(delivery.body, webhook).map_err(unfit)?,
        });
        let key = run_key(webhook, &id, &trigger).map_err(unfit)?;
        let flow = loaded.flow.name.clone();
        let start = Start { flow, key: Some(key), trigger, ..Start::default() };
        let started = self.host.start(start).await.map_err(|error| match error {
            Error::Inputs { problems, .. } => unfit(problems.join("; ")),
            error => Refusal::Host(error),
        })?;
        let (run, is_new) = (started.run, started.is_new);
        tracing::info!(path, %run, is_new, "delivery taken");
        let (status, waits) = (genuine.webhook().reply(), webhook.respond == Respond::Result);
        Ok(Taken { path, run, is_new, status, waits })
    }

    /// Waits a while for the end of a run that a sender wants the result of.
    pub async fn result(&self, run: &RunId) -> Option<Outcome> {
        tokio::time::timeout(PATIENCE, self.host.wait(run)).await.ok().flatten()
    }

    /// The webhook at an address, and the token at its end where it has one.
    fn find(&self, address: &str) -> Option<(Arc<Loaded>, usize, Option<String>)> {
        let (above, last) = address.rsplit_once('/').unwrap_or((address, ""));
        let mut by_token = None;
        for loaded in self.host.flows().iter().filter(|loaded| loaded.flow.enabled) {
            for (at, trigger) in loaded.flow.triggers.iter().enumerate() {
                let Trigger::Webhook(webhook) = &trigger.value else { continue };
                if webhook.path.value == address {
                    return Some((Arc::clone(loaded), at, None));
                }
                if webhook.path.value == above {
                    let genuine = Genuine::of(&webhook.auth, self.host.catalog());
                    if genuine.is_ok_and(|genuine| genuine.webhook().has_url_token()) {
                        by_token = Some((Arc::clone(loaded), at));
                    }
                }
            }
        }
        let token = percent_decode_str(last).decode_utf8_lossy().into_owned();
        by_token.map(|(loaded, at)| (loaded, at, Some(token)))
    }

    async fn secrets(&self, path: &str, auth: &Auth) -> Result<Arc<Vec<Secret>>, Refusal> {
        let Auth::Shared { secrets, .. } = auth else { return Ok(Arc::default()) };
        let mut remembered = self.secrets.lock().await;
        if let Some((at, secrets)) = remembered.get(path)
            && at.elapsed() < REMEMBERED
        {
            return Ok(Arc::clone(secrets));
        }
        let (found, missing) = self.host.connections().webhook_secrets(path, secrets).await;
        if found.is_empty() {
            let why = format!("it has no secret: {}", missing.join("; "));
            return Err(Refusal::NoSecret { path: path.to_owned(), why });
        }
        let found = Arc::new(found);
        remembered.insert(path.to_owned(), (Instant::now(), Arc::clone(&found)));
        Ok(found)
    }
}

/// The webhooks of a flow.
fn webhooks(loaded: &Loaded) -> impl Iterator<Item = &Webhook> {
    loaded.flow.triggers.iter().filter_map(|trigger| match &trigger.value {
        Trigger::Webhook(webhook) => Some(webhook),
        Trigger::Schedule(_) | Trigger::Record(_) | Trigger::Flow(_) | Trigger::Form { .. } => None,
    })
}

/// The id of a delivery that has none: no other delivery has it.
fn unique() -> String {
    ulid::Ulid::new().to_string().to_lowercase()
}

/// What tells a delivery from others: what the flow says, else its id.
fn run_key(webhook: &Webhook, id: &str, trigger: &Value) -> Result<String, String> {
    let text = match &webhook.dedupe {
        None => format!("{}@{id}", webhook.path.value),
        Some(dedupe) => {
            let scope: Map<String, Value> =
                [("trigger".to_owned(), trigger.clone())].into_iter().collect();
            let found =
                dedupe.value.eval(&scope).map_err(|error| format!("dedupe: {}", error.message))?;
            match found {
                Value::Null => return Err("dedupe gives nothing to know it by".to_owned()),
                found => print(&found),
            }
        }
    };
    let is_plain = text.len() <= LONGEST_ID && !text.chars().any(char::is_control);
    Ok(if is_plain { text } else { hex::encode(Sha256::digest(text)) })
}

/// The headers that a flow may see: those that let somebody in are left out.
fn headers(headers: &HeaderMap, signature: Option<&str>) -> Value {
    let is_secret = |name: &http::HeaderName| {
        [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name)
            || signature.is_some_and(|signature| name.as_str().eq_ignore_ascii_case(signature))
    };
    let shown = headers.iter().filter(|(name, _)| !is_secret(name));
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    shown.map(|(name, value)| (name.as_str().to_owned(), Value::from(text(value)))).collect()
}

fn query(query: &str) -> Value {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.map(|(name, value)| (name.into_owned(), Value::from(value.into_owned()))).collect()
}

/// The body as the flow sees it: the fields that it names are read as their types, others stay as
/// they came.
fn payload(body: &[u8], webhook: &Webhook) -> Result<Value, String> {
    let Some(fields) = &webhook.payload else {
        return match (body.is_empty(), serde_json::from_slice(body)) {
            (true, _) => Ok(Value::Null),
            (false, Ok(value)) => Ok(value),
            (false, Err(_)) => {
                let text = std::str::from_utf8(body).map_err(|_| "its body is no text in UTF-8")?;
                Ok(Value::from(text))
            }
        };
    };
    let read = serde_json::from_slice::<Value>(body);
    let Ok(Value::Object(given)) = read else {
        return Err("its body is no JSON object, and the flow names fields of it".to_owned());
    };
    let (named, more): (Map<String, Value>, Map<String, Value>) =
        given.into_iter().partition(|(name, _)| fields.contains_key(name));
    let read = Schema::coerce_fields(fields, Value::Object(named)).map_err(|mismatches| {
        let all: Vec<String> = mismatches.into_iter().map(|one| one.message).collect();
        all.join("; ")
    })?;
    let Value::Object(mut read) = read else { return Ok(read) };
    read.extend(more);
    Ok(Value::Object(read))
}

/// Where a secret is kept, in words.
fn place_of(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Vault => "vault".to_owned(),
        SecretRef::Env(name) => format!("env {name}"),
        SecretRef::File(path) => format!("file {path}"),
        SecretRef::Command(words) => {
            format!("command {}", words.first().map_or("", String::as_str))
        }
    }
}
