//! The only way a spoke reaches its system.
//!
//! A transport is already bound to one connection: it adds the base URL and the credential, keeps to the
//! rate budget and never follows a redirect to another origin. A spoke neither sees a credential nor a host.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;

use crate::error::{ActionError, ErrorKind};

/// One HTTP request, relative to the connection's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: http::Method,
    /// Already percent-encoded, begins with `/`, relative to the connection's URL.
    pub path: String,
    /// Query parameters, not yet encoded, in the order written.
    pub query: Vec<(String, String)>,
    /// Headers beyond those the transport adds.
    pub headers: Vec<(String, String)>,
    /// The body, if the request has one.
    pub body: Option<Body>,
    /// A time limit of this request's own; none means the transport's.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A request without query, headers or body.
    pub fn new(method: http::Method, path: impl Into<String>) -> Request {
        Request {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            timeout: None,
        }
    }
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The value of the `Content-Type` header.
    pub content_type: String,
    /// The bytes sent.
    pub bytes: Bytes,
}

/// Any answer that came, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The reason phrase; some systems put their message there.
    pub reason: Option<String>,
    /// The answer's headers.
    pub headers: http::HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// One mail, as an action hands it over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// Its `Message-ID`, without brackets: the same each time that the same mail is sent.
    pub id: String,
    /// Who sends it: an address, or a name and `<address>`.
    pub from: String,
    /// Whom it is for.
    pub to: Vec<String>,
    /// Who gets a copy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// Who gets one that the others do not see.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    /// Where answers go, when not to the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Its subject, one line.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same in HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The instant it says it was sent at.
    pub date: jiff::Timestamp,
}

impl Mail {
    /// Everybody who gets it.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        self.to.iter().chain(&self.cc).chain(&self.bcc).map(String::as_str)
    }
}

/// Takes the body of an answer piece by piece, so that nobody has to hold all of it.
#[async_trait]
pub trait Sink: Send {
    /// The most bytes that it takes.
    fn limit(&self) -> u64;

    /// Takes the next piece; an error ends the exchange.
    async fn take(&mut self, piece: Bytes) -> Result<(), ActionError>;
}

/// Sends requests for one connection.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request and returns the answer, whatever its status.
    ///
    /// Fails only when there is no answer: `connection_failed` (nothing was written), `timeout` or a reset
    /// after sending (the write is unknown), `limit_exceeded`, `unauthenticated` (no token to be had).
    async fn send(&self, request: Request) -> Result<Response, ActionError>;

    /// The same, with the body of a good answer (2xx) given to `sink` in place of held; that of any
    /// other answer is in the response. One longer than the sink takes is `limit_exceeded`.
    async fn fetch(&self, request: Request, sink: &mut dyn Sink) -> Result<Response, ActionError> {
        let mut response = self.send(request).await?;
        if (200..300).contains(&response.status) {
            let body = std::mem::take(&mut response.body);
            if body.len() as u64 > sink.limit() {
                let message = format!("the answer is larger than {} bytes", sink.limit());
                return Err(ActionError::new(ErrorKind::LimitExceeded, message));
            }
            sink.take(body).await?;
        }
        Ok(response)
    }

    /// Whether a request would be refused before it is sent, for its path or its headers.
    fn check(&self, request: &Request) -> Result<(), ActionError> {
        let _ = request;
        Ok(())
    }

    /// Hands a mail to the mail server that the connection is to; gives the server's own words.
    ///
    /// A refused recipient refuses the mail: it is sent to all, or to nobody.
    async fn mail(&self, mail: &Mail) -> Result<String, ActionError> {
        let _ = mail;
        let message = "the connection is to no mail server";
        Err(ActionError::new(ErrorKind::InvalidInput, message))
    }

    /// Proves what shows without a request of the spoke's own: that a mail server is there and takes the
    /// credential. Of other systems nothing does.
    async fn greet(&self) -> Result<(), ActionError> {
        Ok(())
    }

    /// Waits, on whatever clock the host has, for a system to catch up with its own write.
    async fn pause(&self, how_long: Duration);

    /// Tells the rate budget that an answer meant "too many calls", and for how long.
    fn limited(&self, wait: Duration);
}

/// Whether a segment of a path is `.` or `..`, as it is or percent-encoded: it would lead elsewhere.
pub fn is_dots(segment: &str) -> bool {
    let mut rest = segment;
    let mut n_dots = 0;
    while !rest.is_empty() {
        let after = rest.strip_prefix('.').or_else(|| rest.strip_prefix("%2e"));
        let Some(after) = after.or_else(|| rest.strip_prefix("%2E")) else { return false };
        (rest, n_dots) = (after, n_dots + 1);
    }
    matches!(n_dots, 1 | 2)
}
