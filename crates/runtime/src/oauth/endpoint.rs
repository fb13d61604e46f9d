//! One request to a token endpoint: how the client proves who it is, and what the answer says.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use linchpin_connector::{ActionError, ErrorKind, Response};
use serde_json::Value;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::assertion::assertion;
use super::client::{Client, ClientAuth, Grant};
use crate::clock::{Clock, after};
use crate::redaction::Redactor;
use crate::secret::Secret;
use crate::transport::{Outgoing, Wire, retry_after};

/// The life of a token whose answer does not say.
const UNSTATED_LIFE: Duration = Duration::from_secs(600);
const TIMEOUT: Duration = Duration::from_secs(30);
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What a token endpoint gave.
pub(crate) struct Granted {
    pub(crate) access: Secret,
    /// When it was asked for, by our clock.
    pub(crate) asked: Timestamp,
    pub(crate) life: Duration,
    pub(crate) refresh: Option<Secret>,
    pub(crate) refresh_ends: Option<Timestamp>,
}

/// The fields of a form; a secret one is known to the redactor already.
pub(crate) type Form<'a> = Vec<(&'static str, &'a str)>;

/// A token endpoint and what is needed to ask it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// The alias that it was first needed for.
    pub(crate) alias: String,
    pub(crate) client: Arc<Client>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) redactor: Arc<Redactor>,
}

impl Endpoint {
    /// A token on the client's own ground: its credentials, or its signed word.
    pub(crate) async fn request(&self) -> Result<Granted, ActionError> {
        let client = &self.client;
        let signed;
        let mut form: Form<'_> = match &client.grant {
            Grant::ClientCredentials => vec![("grant_type", "client_credentials")],
            Grant::Jwt { issuer, subject } => {
                signed = self.sign(issuer, subject)?;
                vec![("grant_type", JWT_BEARER), ("assertion", signed.expose())]
            }
            Grant::AuthorizationCode { .. } => {
                return Err(ActionError::new(ErrorKind::Internal, "this grant needs a person"));
            }
        };
        if let Some(scope) = client.scope.as_deref().filter(|scope| !scope.is_empty()) {
            form.push(("scope", scope));
        }
        if let (Grant::ClientCredentials, Some(audience)) = (&client.grant, &client.audience) {
            form.push(("audience", audience));
        }
        self.exchange(form).await
    }

    /// A token for a form that says its grant.
    pub(crate) async fn exchange(&self, form: Form<'_>) -> Result<Granted, ActionError> {
        let asked = self.clock.now();
        let response = self.post(&self.client.token_url, form).await?;
        let answer = Zeroizing::new(response.body.to_vec());
        let read = serde_json::from_slice(&answer);
        let is_cut = matches!(&read, Err(error) if error.is_eof() && !answer.is_empty());
        let body: Value = read.unwrap_or(Value::Null);
        if is_cut && response.status < 300 {
            let message = format!("no token: the answer of {} is cut off", self.client.host());
            return Err(ActionError::new(ErrorKind::Unavailable, message));
        }
        if (200..300).contains(&response.status) {
            self.granted(&body, asked)
        } else {
            Err(self.refusal(&response, &body))
        }
    }

    /// Tells the server that a token is not used any more (RFC 7009).
    pub(crate) async fn revoke(&self, url: &Url, token: &Secret) -> Result<(), ActionError> {
        let hint = ("token_type_hint", "refresh_token");
        let response = self.post(url, vec![("token", token.expose()), hint]).await?;
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        if response.status < 300 { Ok(()) } else { Err(self.refusal(&response, &body)) }
    }

    async fn post(&self, url: &Url, form: Form<'_>) -> Result<Response, ActionError> {
        let outgoing = self.outgoing(url, form)?;
        self.wire.exchange(outgoing).await.map_err(|error| ActionError {
            message: format!("no token: {}", error.message),
            ..error
        })
    }

    fn outgoing(&self, url: &Url, form: Form<'_>) -> Result<Outgoing, ActionError> {
        let client = &self.client;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form.iter().take(1));
        let secret = client.secret.as_ref().map(Secret::expose).unwrap_or_default();
        match client.auth {
            ClientAuth::Body => {
                body.append_pair("client_id", &client.id).append_pair("client_secret", secret);
            }
            ClientAuth::Basic => {
                let encode = |text: &str| -> String {
                    form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                let pair = format!("{}:{}", encode(&client.id), encode(secret));
                let value = format!("Basic {}", STANDARD.encode(pair));
                headers.insert(AUTHORIZATION, sensitive(&value)?);
            }
            ClientAuth::Key | ClientAuth::Secret => {
                let signed = self.sign(&client.id, &client.id)?;
                body.append_pair("client_id", &client.id)
                    .append_pair("client_assertion_type", ASSERTION_TYPE)
                    .append_pair("client_assertion", signed.expose());
            }
            ClientAuth::Tls | ClientAuth::None => {
                if !client.id.is_empty() {
                    body.append_pair("client_id", &client.id);
                }
            }
        }
        body.extend_pairs(form.iter().skip(1));
        let body = Some(Bytes::from(body.finish()));
        Ok(Outgoing { method: Method::POST, url: url.clone(), headers, body, timeout: TIMEOUT })
    }

    fn sign(&self, issuer: &str, subject: &str) -> Result<Secret, ActionError> {
        let signed = assertion(&self.client, (issuer, subject), self.clock.now());
        let signed = signed.map_err(|why| {
            let message = format!("no token from {}: {why}", self.client.host());
            ActionError::new(ErrorKind::Unauthenticated, message)
        })?;
        self.redactor.know(&format!("assertion {}", self.owner()), &signed);
        Ok(signed)
    }

    /// Keeps tokens out of every output.
    pub(crate) fn know(&self, access: Option<&Secret>, refresh: Option<&Secret>) {
        for (name, secret) in [("token", access), ("refresh", refresh)] {
            let Some(secret) = secret else { continue };
            self.redactor.know(&format!("{name} {}", self.owner()), secret);
        }
    }

    /// Whose tokens these are: others may have agreed to the same client under another alias.
    fn owner(&self) -> String {
        format!("{} {}", self.alias, self.client.fingerprint())
    }

    fn granted(&self, body: &Value, asked: Timestamp) -> Result<Granted, ActionError> {
        let bad = |what: &str| {
            let message = format!("{} gave no token: {what}; check token_url", self.client.host());
            ActionError::new(ErrorKind::Unauthenticated, message)
        };
        let text = |name: &str| {
            let text = body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(Secret::new)
        };
        let access = text("access_token").ok_or_else(|| bad("its answer has no access_token"))?;
        let refresh = text("refresh_token");
        self.know(Some(&access), refresh.as_ref());
        let kind = body.get("token_type").and_then(Value::as_str).unwrap_or("Bearer");
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(bad("its token is not of type Bearer"));
        }
        let life = seconds(body.get("expires_in")).unwrap_or(UNSTATED_LIFE);
        let names = ["refresh_token_expires_in", "refresh_expires_in"];
        let refresh_life = names.iter().find_map(|name| seconds(body.get(*name)));
        // A few servers write 0 for "never".
        let refresh_life = refresh_life.filter(|life| refresh.is_some() && !life.is_zero());
        let refresh_ends = refresh_life.map(|life| after(asked, life));
        Ok(Granted { access, asked, life, refresh, refresh_ends })
    }

    fn refusal(&self, response: &Response, body: &Value) -> ActionError {
        let (host, status) = (self.client.host(), response.status);
        if status == 429 || status >= 500 {
            let kind = if status == 429 { ErrorKind::RateLimited } else { ErrorKind::Unavailable };
            let error = ActionError::new(kind, format!("no token: {host} answers {status}"));
            let error = error.with_status(status);
            let asked = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            return match asked.and_then(|text| retry_after(text, self.clock.now())) {
                Some(wait) => error.with_retry_after(wait),
                None => error,
            };
        }
        let code = body.get("error").and_then(Value::as_str).map(|code| self.tidy(code));
        let mend = self.remedy(code.as_deref(), status);
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

    /// What a refusal means to whoever mends it.
    fn remedy(&self, code: Option<&str>, status: u16) -> &'static str {
        let keys = matches!(self.client.auth, ClientAuth::Key | ClientAuth::Secret);
        match code {
            Some("invalid_client") if keys => {
                "it does not accept client_id or its signature; the key, key_id, audience and the clock count"
            }
            Some("invalid_client") => {
                "it does not accept client_id or client_secret, or the client is not enabled"
            }
            Some("unauthorized_client" | "unsupported_grant_type") => match self.client.grant {
                Grant::ClientCredentials => {
                    "client_id is not allowed the client credentials grant there"
                }
                Grant::AuthorizationCode { .. } => {
                    "client_id is not allowed the authorization code and refresh grants there"
                }
                Grant::Jwt { .. } => "client_id is not allowed the JWT bearer grant there",
            },
            Some("invalid_scope") => "it does not accept scope",
            Some("invalid_grant") if matches!(self.client.grant, Grant::Jwt { .. }) => {
                "it does not accept the signed assertion; issuer, subject, audience, key and the clock count"
            }
            Some("invalid_grant") if self.client.asks_person() => {
                "what was granted is not valid any more"
            }
            Some("access_denied" | "invalid_grant") => "it denies access to client_id",
            Some(_) => "it refuses the request",
            None if status == 401 => "it does not accept client_id or client_secret",
            None => "its answer is none of a token endpoint, check token_url",
        }
    }

    /// The other side's own words, on one line, bounded and without secrets.
    pub(crate) fn tidy(&self, text: &str) -> String {
        let clean = self.redactor.redact(text);
        let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|letter| !letter.is_control()).take(200).collect()
    }
}

/// Seconds as a number or as a text.
fn seconds(value: Option<&Value>) -> Option<Duration> {
    let seconds = match value? {
        Value::Number(seconds) => seconds.as_f64(),
        Value::String(seconds) => seconds.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    Duration::try_from_secs_f64(seconds?).ok()
}

/// A header's value that has no `Debug`.
pub(crate) fn sensitive(text: &str) -> Result<HeaderValue, ActionError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        ActionError::new(
            ErrorKind::Unauthenticated,
            "the credential holds a character that headers cannot",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}
