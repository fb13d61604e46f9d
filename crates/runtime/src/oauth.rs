//! OAuth 2.0 client credentials: one token for everybody who uses the credential.
//!
//! A token is renewed when less than a fifth of its life (at most ten minutes) is left. Whoever comes
//! while a renewal is under way waits for it and shares its outcome, good or bad: one request in all.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use linchpin_connector::{ActionError, ErrorKind, Response, WriteState};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::clock::{Clock, after, until};
use crate::redaction::Redactor;
use crate::secret::Secret;
use crate::transport::{Outgoing, Wire};

/// The life of a token whose answer does not say.
const UNSTATED_LIFE: Duration = Duration::from_secs(600);
/// A token is never renewed earlier than this before its end.
const EARLIEST_RENEWAL: Duration = Duration::from_secs(600);
/// When a renewal fails but the old token still holds, the next try comes after this.
const RENEWAL_PAUSE: Duration = Duration::from_secs(15);
const TIMEOUT: Duration = Duration::from_secs(30);

/// How the client's id and secret are sent to the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// As fields of the form.
    Body,
    /// In the `Authorization` header.
    Basic,
}

/// What identifies a client to a token endpoint.
pub(crate) struct Client {
    pub(crate) token_url: Url,
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) scope: Option<String>,
    pub(crate) auth: ClientAuth,
}

impl Client {
    /// The same for the same client, without saying anything about it.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let scope = self.scope.as_deref().unwrap_or_default();
        for part in [self.token_url.as_str(), &self.id, self.secret.expose(), scope] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }
}

/// An access token, ready to be sent.
pub(crate) struct Token {
    header: HeaderValue,
    expires: Timestamp,
    renew: Timestamp,
}

impl Token {
    /// The value of the `Authorization` header, marked so that it has no `Debug`.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

/// Where the tokens of one credential come from.
pub(crate) struct TokenSource {
    client: Client,
    wire: Arc<Wire>,
    clock: Arc<dyn Clock>,
    redactor: Arc<Redactor>,
    current: RwLock<Current>,
    /// Held while a token request is under way.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    token: Option<Arc<Token>>,
    /// How many requests have come to an end, and how the last one ended when it was bad.
    n_ended: u64,
    failure: Option<ActionError>,
}

impl TokenSource {
    pub(crate) fn new(
        client: Client,
        wire: Arc<Wire>,
        clock: Arc<dyn Clock>,
        redactor: Arc<Redactor>,
    ) -> Self {
        let (current, flight) = (RwLock::default(), tokio::sync::Mutex::new(()));
        Self { client, wire, clock, redactor, current, flight }
    }

    /// A token that holds; requested when there is none or the present one nears its end.
    pub(crate) async fn token(&self) -> Result<Arc<Token>, ActionError> {
        let (fresh, seen) = self.fresh();
        if let Some(token) = fresh {
            return Ok(token);
        }
        let _flight = self.flight.lock().await;
        let (fresh, now_seen) = self.fresh();
        if let Some(token) = fresh {
            return Ok(token);
        }
        if now_seen != seen
            && let Some(failure) = self.read(|current| current.failure.clone())
        {
            return Err(failure);
        }
        let outcome = self.request().await;
        self.settle(outcome)
    }

    /// Forgets a token that the other side refused, unless it has been replaced already.
    pub(crate) fn drop_token(&self, refused: &Arc<Token>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            current.token = None;
        }
    }

    /// When the present token ends.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.read(|current| current.token.as_ref().map(|token| token.expires))
    }

    fn read<T>(&self, of: impl FnOnce(&Current) -> T) -> T {
        of(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn fresh(&self) -> (Option<Arc<Token>>, u64) {
        let now = self.clock.now();
        self.read(|current| {
            let fresh = current.token.as_ref().filter(|token| token.renew > now);
            (fresh.cloned(), current.n_ended)
        })
    }

    fn settle(&self, outcome: Result<Token, ActionError>) -> Result<Arc<Token>, ActionError> {
        let now = self.clock.now();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.n_ended += 1;
        let settled = match outcome {
            Ok(token) => Ok(Arc::new(token)),
            // The old token still holds: go on with it, and try again a little later.
            Err(failure) => match current.token.take().filter(|token| token.expires > now) {
                Some(old) => {
                    let renew = after(now, RENEWAL_PAUSE).min(old.expires);
                    Ok(Arc::new(Token { header: old.header(), expires: old.expires, renew }))
                }
                None => Err(failure),
            },
        };
        current.token = settled.as_ref().ok().cloned();
        current.failure = settled.as_ref().err().cloned();
        settled
    }

    async fn request(&self) -> Result<Token, ActionError> {
        let outgoing = self.outgoing()?;
        let asked = self.clock.now();
        let response = self.wire.exchange(outgoing).await.map_err(|error| ActionError {
            message: format!("no token: {}", error.message),
            // Only a token was asked for; the call that needs it has not been sent.
            write: WriteState::None,
            ..error
        })?;
        let answer = Zeroizing::new(response.body.to_vec());
        let body: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        if (200..300).contains(&response.status) {
            self.read_token(&body, asked)
        } else {
            Err(self.refusal(&response, &body))
        }
    }

    fn outgoing(&self) -> Result<Outgoing, ActionError> {
        let client = &self.client;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        match client.auth {
            ClientAuth::Body => {
                form.append_pair("client_id", &client.id);
                form.append_pair("client_secret", client.secret.expose());
            }
            ClientAuth::Basic => {
                let encode = |text: &str| -> String {
                    form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                let pair = format!("{}:{}", encode(&client.id), encode(client.secret.expose()));
                headers
                    .insert(AUTHORIZATION, sensitive(&format!("Basic {}", STANDARD.encode(pair)))?);
            }
        }
        if let Some(scope) = client.scope.as_deref().filter(|scope| !scope.is_empty()) {
            form.append_pair("scope", scope);
        }
        Ok(Outgoing {
            method: Method::POST,
            url: client.token_url.clone(),
            headers,
            body: Some(Bytes::from(form.finish())),
            timeout: TIMEOUT,
        })
    }

    fn read_token(&self, body: &Value, asked: Timestamp) -> Result<Token, ActionError> {
        let bad = |what: &str| {
            let message = format!("{} gave no token: {what}; check token_url", self.host());
            ActionError::new(ErrorKind::Unauthenticated, message)
        };
        let text = body.get("access_token").and_then(Value::as_str).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| bad("its answer has no access_token"))?;
        let kind = body.get("token_type").and_then(Value::as_str).unwrap_or("Bearer");
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(bad("its token is not of type Bearer"));
        }
        let life = match body.get("expires_in") {
            Some(Value::Number(seconds)) => seconds.as_f64(),
            Some(Value::String(seconds)) => seconds.trim().parse().ok(),
            _ => None,
        };
        let life = life.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let life = life.unwrap_or(UNSTATED_LIFE);
        self.redactor.know(&format!("token {}", self.client.fingerprint()), &Secret::new(text));
        Ok(Token {
            header: sensitive(&format!("Bearer {text}"))?,
            expires: after(asked, life),
            renew: after(asked, life - (life / 5).min(EARLIEST_RENEWAL)),
        })
    }

    fn refusal(&self, response: &Response, body: &Value) -> ActionError {
        let host = self.host();
        let status = response.status;
        if status == 429 || status >= 500 {
            let kind = if status == 429 { ErrorKind::RateLimited } else { ErrorKind::Unavailable };
            let error = ActionError::new(kind, format!("no token: {host} answers {status}"));
            let error = error.with_status(status);
            return match retry_after(&response.headers, self.clock.now()) {
                Some(wait) => error.with_retry_after(wait),
                None => error,
            };
        }
        let code = body.get("error").and_then(Value::as_str).map(|code| self.tidy(code));
        let mend = match code.as_deref() {
            Some("invalid_client") => {
                "it does not accept client_id or client_secret, or the client is not enabled"
            }
            Some("unauthorized_client" | "unsupported_grant_type") => {
                "client_id is not allowed the client credentials grant there"
            }
            Some("invalid_scope") => "it does not accept scope",
            Some("access_denied" | "invalid_grant") => "it denies access to client_id",
            Some(_) => "it refuses the request",
            None if status == 401 => "it does not accept client_id or client_secret",
            None => "its answer is none of a token endpoint, check token_url",
        };
        let mut message = format!("no token from {host}: {mend} (");
        message.push_str(code.as_deref().unwrap_or("no error code"));
        message.push_str(&format!(", status {status})"));
        if let Some(text) = body.get("error_description").and_then(Value::as_str) {
            message.push_str(": ");
            message.push_str(&self.tidy(text));
        }
        let error = ActionError::new(ErrorKind::Unauthenticated, message).with_status(status);
        match code {
            Some(code) => error.with_code(code),
            None => error,
        }
    }

    /// The other side's own words, on one line, bounded and without secrets.
    fn tidy(&self, text: &str) -> String {
        let clean = self.redactor.redact(text);
        let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|letter| !letter.is_control()).take(200).collect()
    }

    fn host(&self) -> &str {
        self.client.token_url.host_str().unwrap_or("the token endpoint")
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, ActionError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        ActionError::new(
            ErrorKind::Unauthenticated,
            "the credential holds a character that headers cannot",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// How long a `Retry-After` header, in seconds or as a date, asks to wait.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(until(now, date))
}
