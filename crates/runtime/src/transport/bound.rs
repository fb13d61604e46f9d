//! The transport a spoke is given: bound to one connection, so that no value of a step can change the
//! scheme, host or port a request goes to, nor see or replace the credential.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use linchpin_connector::{
    ActionError, ErrorKind, Request, Response, Sink, Transport, WriteState, is_dots,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;
use url::{Position, Url};

use super::asked;
use super::health::Health;
use super::repeated::cleaned;
use super::wire::{Outgoing, Wire, shown};
use crate::budget::Budget;
use crate::capture::Heard;
use crate::clock::{Clock, after};
use crate::oauth::TokenSource;
use crate::redaction::Redactor;
use crate::secret::Secret;

const MAX_REDIRECTS: usize = 5;

/// What a query keeps as it is; `$` because OData's names begin with it.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b',')
    .remove(b':')
    .remove(b'/')
    .remove(b'@');

/// Headers that belong to the connection itself; a step may not set them.
const RESERVED: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"];

/// How a connection proves who calls.
pub(crate) enum Credential {
    /// It does not.
    None,
    /// A fixed header.
    Header(HeaderName, HeaderValue),
    /// A fixed query parameter.
    Query(String, Secret),
    /// A token that is fetched and renewed.
    Token(Arc<TokenSource>),
    /// The address itself, with its query; paths are put behind it, `/` adds nothing.
    Address(Secret),
}

/// What a transport is bound to.
pub(crate) struct Binding {
    /// The connection's URL; it has no query, fragment or user.
    pub(crate) base: Url,
    pub(crate) wire: Arc<Wire>,
    pub(crate) health: Arc<Health>,
    pub(crate) credential: Credential,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeout: Duration,
    /// What no answer may bring back.
    pub(crate) redactor: Arc<Redactor>,
    /// Called when the other side refuses the credential even after renewal, so that a secret
    /// changed outside is read again.
    pub(crate) on_refused: Box<dyn Fn() + Send + Sync>,
}

/// A transport bound to one connection.
pub(crate) struct Bound {
    binding: Binding,
    /// The connection's URL without a slash at its end; paths are put behind it.
    prefix: String,
}

impl Bound {
    pub(crate) fn new(binding: Binding) -> Self {
        let prefix = binding.base.as_str().trim_end_matches('/').to_owned();
        Self { binding, prefix }
    }

    fn url(&self, path: &str, query: &[(String, String)]) -> Result<Url, ActionError> {
        check_path(path).map_err(|why| invalid(format!("the path of the request {why}")))?;
        let base = &self.binding.base;
        let mut text = String::with_capacity(self.prefix.len() + path.len() + 64);
        match &self.binding.credential {
            Credential::Address(address) => {
                let (place, query) = address.expose().split_once('?').unzip();
                let place = place.unwrap_or(address.expose());
                text.push_str(if path == "/" { place } else { place.trim_end_matches('/') });
                text.push_str(path.strip_suffix('/').unwrap_or(path));
                text.extend(query.map(|query| format!("?{query}")));
            }
            Credential::None
            | Credential::Header(..)
            | Credential::Query(..)
            | Credential::Token(_) => {
                text.push_str(&self.prefix);
                text.push_str(path);
            }
        }
        for (name, value) in query {
            push_parameter(&mut text, name, value);
        }
        if let Credential::Query(name, secret) = &self.binding.credential {
            push_parameter(&mut text, name, secret.expose());
        }
        // Read against the base, the host is not parsed again. Two slashes would name a host.
        let url = match &text[base[..Position::BeforePath].len()..] {
            relative if relative.starts_with("//") => Url::parse(&text),
            relative => base.join(relative),
        };
        let url = url.map_err(|error| invalid(format!("the path is not valid: {error}")))?;
        if url[..Position::BeforePath] == base[..Position::BeforePath] {
            Ok(url)
        } else {
            Err(invalid("the path of the request leads to another host".to_owned()))
        }
    }

    fn headers(&self, request: &Request) -> Result<HeaderMap, ActionError> {
        let mut headers = HeaderMap::with_capacity(request.headers.len() + 4);
        for (name, value) in &request.headers {
            let lower = name.to_ascii_lowercase();
            if RESERVED.contains(&lower.as_str()) {
                return Err(invalid(format!("the header {lower} cannot be set")));
            }
            let header = HeaderName::from_bytes(lower.as_bytes())
                .map_err(|_| invalid(format!("{name:?} cannot be the name of a header")))?;
            headers.append(header, header_value(&lower, value)?);
        }
        if let Some(body) = &request.body {
            headers.insert(CONTENT_TYPE, header_value("content-type", &body.content_type)?);
        }
        if let Credential::Header(name, value) = &self.binding.credential {
            headers.insert(name.clone(), value.clone());
        }
        Ok(headers)
    }

    /// Adapts the budget to what an answer says of it.
    fn heed(&self, response: &Response) {
        let (budget, now) = (&self.binding.budget, self.binding.clock.now());
        let wait = asked::wait(response, now);
        if response.status == 429 || (response.status == 503 && wait.is_some()) {
            budget.limited(wait.unwrap_or(asked::USUAL_WAIT));
            self.binding.health.is_well();
        } else if let Some((calls, reset)) = asked::remaining(response, now) {
            budget.told(calls, reset);
        }
    }

    /// Sends with the present token, and once more with a new one when the answer is 401.
    async fn send_with_token(
        &self,
        source: &Arc<TokenSource>,
        mut outgoing: Outgoing,
        mut sink: Option<&mut dyn Sink>,
    ) -> Result<Response, ActionError> {
        let token = source.token().await?;
        outgoing.headers.insert(AUTHORIZATION, token.header());
        let response = self.follow(outgoing.clone(), &mut sink).await?;
        if response.status != 401 {
            token.works();
            return Ok(response);
        }
        // A 401 says that nothing was done, so this is safe for a write as well.
        if !source.drop_token(&token) {
            return Ok(response);
        }
        let token = source.token().await?;
        outgoing.headers.insert(AUTHORIZATION, token.header());
        self.binding.budget.acquire().await;
        let response = self.follow(outgoing, &mut sink).await?;
        if response.status != 401 {
            token.works();
        }
        Ok(response)
    }

    /// Sends, and follows redirects of reads within the connection's own origin.
    async fn follow(
        &self,
        outgoing: Outgoing,
        sink: &mut Option<&mut dyn Sink>,
    ) -> Result<Response, ActionError> {
        let is_read = matches!(outgoing.method, Method::GET | Method::HEAD);
        let deadline = Instant::now() + outgoing.timeout;
        let mut next = outgoing;
        for _ in 0..=MAX_REDIRECTS {
            let (url, again) = (next.url.clone(), is_read.then(|| next.clone()));
            // A good answer is the last, so the sink is given the body of one only.
            let sink = sink.as_mut().map(|sink| &mut **sink as &mut dyn Sink);
            let response = self.binding.wire.exchange_into(next, sink).await?;
            let Some(target) = redirect(&response, &url) else { return Ok(response) };
            if target.origin() != self.binding.base.origin() {
                return Err(elsewhere(&url, &target, response.status, is_read));
            }
            let Some(again) = again else { return Ok(response) };
            let timeout = deadline.saturating_duration_since(Instant::now());
            next = Outgoing { url: target, timeout, ..again };
        }
        let message = format!("{} redirects more than {MAX_REDIRECTS} times", shown(&next.url));
        Err(ActionError::new(ErrorKind::BadResponse, message))
    }

    /// An exchange, kept for the journal of whoever wants that.
    async fn heard(
        &self,
        request: Request,
        sink: Option<&mut dyn Sink>,
    ) -> Result<Response, ActionError> {
        let redactor = &self.binding.redactor;
        let heard = Heard::request(&request, redactor);
        let answer = self.exchange(request, sink).await;
        if let Some(heard) = heard {
            heard.answer(&answer, redactor);
        }
        answer
    }

    /// Sends a request with all that the connection adds, and heeds what the answer says.
    async fn exchange(
        &self,
        request: Request,
        mut sink: Option<&mut dyn Sink>,
    ) -> Result<Response, ActionError> {
        let outgoing = Outgoing {
            headers: self.headers(&request)?,
            url: self.url(&request.path, &request.query)?,
            method: request.method,
            body: request.body.map(|body| body.bytes),
            timeout: request.timeout.unwrap_or(self.binding.timeout),
        };
        // Nobody waits for a refusal; and while many wait, it may be left in peace.
        drop(self.binding.health.leave()?);
        self.binding.budget.acquire().await;
        let leave = self.binding.health.leave()?;
        let sent = match &self.binding.credential {
            Credential::Token(source) => self.send_with_token(source, outgoing, sink).await,
            Credential::None
            | Credential::Header(..)
            | Credential::Query(..)
            | Credential::Address(_) => self.follow(outgoing, &mut sink).await,
        };
        leave.ended(&sent);
        let mut response = sent?;
        self.heed(&response);
        if response.status == 401 {
            (self.binding.on_refused)();
        }
        asked::in_seconds(&mut response, self.binding.clock.now());
        Ok(cleaned(response, &self.binding.redactor))
    }
}

#[async_trait]
impl Transport for Bound {
    async fn send(&self, request: Request) -> Result<Response, ActionError> {
        self.heard(request, None).await
    }

    async fn fetch(&self, request: Request, sink: &mut dyn Sink) -> Result<Response, ActionError> {
        self.heard(request, Some(sink)).await
    }

    fn check(&self, request: &Request) -> Result<(), ActionError> {
        self.headers(request)?;
        self.url(&request.path, &request.query).map(drop)
    }

    async fn pause(&self, how_long: Duration) {
        let clock = &self.binding.clock;
        clock.sleep_until(after(clock.now(), how_long)).await;
    }

    fn limited(&self, wait: Duration) {
        // A system that counts our calls is up.
        self.binding.health.is_well();
        self.binding.budget.limited(wait);
    }
}

/// Where an answer redirects to, when it does.
fn redirect(response: &Response, from: &Url) -> Option<Url> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers.get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

fn elsewhere(from: &Url, to: &Url, status: u16, is_read: bool) -> ActionError {
    let message = format!(
        "{} redirects to another origin ({}://{}), which is not followed",
        shown(from),
        to.scheme(),
        shown(to)
    );
    let write = if is_read { WriteState::None } else { WriteState::Unknown };
    ActionError::new(ErrorKind::BadResponse, message).with_status(status).with_write(write)
}

/// The path has come encoded; what is refused here could only be an attempt to leave its place.
fn check_path(path: &str) -> Result<(), &'static str> {
    if !path.starts_with('/') {
        return Err("does not begin with \"/\"");
    }
    if path.bytes().any(|byte| byte <= b' ' || byte >= 0x7f || matches!(byte, b'\\' | b'#')) {
        return Err("is not percent-encoded");
    }
    let segments = path.split('?').next().unwrap_or_default().split('/');
    if segments.into_iter().any(is_dots) {
        return Err("has a segment \".\" or \"..\"");
    }
    Ok(())
}

fn push_parameter(text: &mut String, name: &str, value: &str) {
    text.push(if text.contains('?') { '&' } else { '?' });
    text.extend(utf8_percent_encode(name, QUERY));
    text.push('=');
    text.extend(utf8_percent_encode(value, QUERY));
}

/// A header's value in UTF-8; line breaks and other control characters are refused.
fn header_value(name: &str, value: &str) -> Result<HeaderValue, ActionError> {
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(invalid(format!("the header {name} holds a control character")));
    }
    HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| invalid(format!("the header {name} holds a character that headers cannot")))
}

fn invalid(message: String) -> ActionError {
    ActionError::new(ErrorKind::InvalidInput, message)
}
