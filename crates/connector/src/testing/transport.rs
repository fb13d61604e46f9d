//! A transport that answers from a script and notes every request that differs from it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use linchpin_language::{Attributes, Map, Node, Value, codes, json, print, read_xml};
use percent_encoding::percent_decode_str;

use crate::error::{ActionError, ErrorKind, WriteState};
use crate::manifest::{Reading, grammar};
use crate::multipart::{Part, parts};
use crate::testing::compare::same;
use crate::transport::{Body, Mail, Request, Response, Transport};

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "mail"];

/// A request that must come next, and its answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The method.
    pub method: http::Method,
    /// The path, as it reads before encoding.
    pub path: String,
    /// Parameters that must be there with these values; others may be there too.
    pub query: Vec<(String, String)>,
    /// The whole body: a value, whatever form it is sent in.
    pub sent: Option<Value>,
    /// The answer; none is silence after sending.
    pub answer: Option<Response>,
}

impl Reply {
    /// A reply of status 200 with a JSON body.
    pub fn json(method: http::Method, path: &str, body: &Value) -> Reply {
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        let body = Bytes::from(body.to_string());
        let answer = Response { status: 200, reason: None, headers, body };
        Reply { method, path: path.to_owned(), query: Vec::new(), sent: None, answer: Some(answer) }
    }

    /// The same with another status.
    pub fn with_status(mut self, status: u16) -> Reply {
        if let Some(answer) = &mut self.answer {
            answer.status = status;
        }
        self
    }

    /// The same with silence in place of the answer.
    pub fn lost(mut self) -> Reply {
        self.answer = None;
        self
    }

    /// The same, expecting that body.
    pub fn expecting(mut self, sent: Value) -> Reply {
        self.sent = Some(sent);
        self
    }

    /// Reads a reply of an example.
    pub(crate) fn parse(reading: &mut Reading, node: &Node<'_>) -> Option<Reply> {
        if !reading.mapping(node, &grammar::REPLY) {
            return None;
        }
        let named: Vec<&str> =
            METHODS.iter().copied().filter(|key| node.get(key).is_some()).collect();
        let [method] = named[..] else {
            reading.error(node, codes::MISSING_KEY, "a reply names one method and its path");
            return None;
        };
        let path = reading.string_at(node, method)?;
        let method = method.to_ascii_uppercase().parse().ok()?;
        let mut query = Vec::new();
        for (name, entry) in node.get("query").map(|node| node.entries()).unwrap_or_default() {
            query.push((name.to_owned(), print(entry.value())));
        }
        let status = node.get("status").map(|node| reading.statuses(&node)).unwrap_or_default();
        let answer = Response {
            status: status.first().copied().unwrap_or(200),
            reason: reading.string_at(node, "reason"),
            headers: headers(reading, node),
            body: body(node),
        };
        let answer = (!reading.flag(node, "silence")).then_some(answer);
        let sent = node.get("sent").map(|node| node.value().clone());
        Some(Reply { method, path, query, sent, answer })
    }

    fn differences(&self, request: &Request) -> Vec<String> {
        let asked = format!("{} {}", request.method, request.path);
        let decoded = percent_decode_str(&request.path).decode_utf8_lossy();
        if self.method != request.method || (self.path != request.path && self.path != decoded) {
            return vec![format!(
                "expected {} {}, the action sent {asked}",
                self.method, self.path
            )];
        }
        let mut differences = Vec::new();
        for (name, value) in &self.query {
            let found = request.query.iter().find(|(known, _)| known == name);
            let found = found.map(|(_, value)| value.as_str());
            if found != Some(value.as_str()) {
                let found = found.map_or("nothing".to_owned(), |found| format!("`{found}`"));
                differences.push(format!("{asked}: expected {name}=`{value}`, found {found}"));
            }
        }
        if let Some(sent) = &self.sent {
            let found = request.body.as_ref().map(decode).unwrap_or_default();
            if !same(sent, &found) {
                differences.push(format!("{asked}: expected the body {sent}, found {found}"));
            }
        }
        differences
    }
}

/// Answers from a list of replies, in order.
#[derive(Debug, Default)]
pub struct FakeTransport {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    replies: VecDeque<Reply>,
    requests: Vec<Request>,
    mistakes: Vec<String>,
    pauses: Vec<Duration>,
    limits: Vec<Duration>,
}

impl FakeTransport {
    /// A transport that gives these answers.
    pub fn new(replies: Vec<Reply>) -> FakeTransport {
        let state = State { replies: replies.into(), ..State::default() };
        FakeTransport { state: Mutex::new(state) }
    }

    /// The requests that were sent.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// The pauses that were asked for.
    pub fn pauses(&self) -> Vec<Duration> {
        self.lock().pauses.clone()
    }

    /// The rate limits that were seen.
    pub fn limits(&self) -> Vec<Duration> {
        self.lock().limits.clone()
    }

    /// Requests that differ from the script, and replies nobody asked for.
    pub fn mistakes(&self) -> Vec<String> {
        let state = self.lock();
        let mut mistakes = state.mistakes.clone();
        if mistakes.is_empty() {
            let left = state.replies.iter();
            mistakes
                .extend(left.map(|reply| format!("{} {} was not sent", reply.method, reply.path)));
        }
        mistakes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for FakeTransport {
    async fn send(&self, request: Request) -> Result<Response, ActionError> {
        let mut state = self.lock();
        state.requests.push(request.clone());
        let Some(reply) = state.replies.pop_front() else {
            let message = format!("{} {} has no reply", request.method, request.path);
            state.mistakes.push(message.clone());
            return Err(ActionError::new(ErrorKind::Internal, message));
        };
        let differences = reply.differences(&request);
        state.mistakes.extend(differences);
        reply.answer.ok_or_else(|| {
            let error = ActionError::new(ErrorKind::Timeout, "no answer");
            error.with_write(WriteState::Unknown)
        })
    }

    /// A mail is a request of the method MAIL, whose path are the recipients and whose body is the mail.
    async fn mail(&self, mail: &Mail) -> Result<String, ActionError> {
        let method = http::Method::from_bytes(b"MAIL");
        let method = method.map_err(|error| internal(error.to_string()))?;
        let recipients: Vec<&str> = mail.recipients().collect();
        let json = serde_json::to_string(mail).map_err(|error| internal(error.to_string()))?;
        let content_type = "application/json".to_owned();
        let body = Some(Body { content_type, bytes: Bytes::from(json) });
        let request = Request { body, ..Request::new(method, recipients.join(", ")) };
        let response = self.send(request).await?;
        let words = String::from_utf8_lossy(&response.body).into_owned();
        match response.status {
            200..400 => Ok(words),
            400..500 => Err(ActionError::new(ErrorKind::Unavailable, words)),
            _ => Err(ActionError::new(ErrorKind::Rejected, words)),
        }
    }

    async fn pause(&self, how_long: Duration) {
        self.lock().pauses.push(how_long);
    }

    fn limited(&self, wait: Duration) {
        self.lock().limits.push(wait);
    }
}

fn internal(message: String) -> ActionError {
    ActionError::new(ErrorKind::Internal, message)
}

fn body(node: &Node<'_>) -> Bytes {
    match (node.get("body"), node.get("text")) {
        (Some(body), _) => Bytes::from(body.value().to_string()),
        (None, Some(text)) => Bytes::from(print(text.value())),
        (None, None) => Bytes::new(),
    }
}

fn headers(reading: &mut Reading, node: &Node<'_>) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    if node.get("body").is_some() {
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    }
    for (name, entry) in node.get("headers").map(|node| node.entries()).unwrap_or_default() {
        let parsed_name = http::HeaderName::try_from(name);
        let parsed_value = http::HeaderValue::try_from(print(entry.value()));
        match (parsed_name, parsed_value) {
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
            }
            _ => reading.error(&entry, codes::BAD_VALUE, format!("`{name}` is no header")),
        }
    }
    headers
}

/// The value of a body, whatever form it was sent in.
fn decode(body: &Body) -> Value {
    let text = String::from_utf8_lossy(&body.bytes).into_owned();
    if body.content_type.contains("json") {
        return serde_json::from_str(&text).unwrap_or(Value::String(text));
    }
    if body.content_type.contains("xml") {
        return read_xml(&text, Attributes::Dropped).unwrap_or(Value::String(text));
    }
    if let Some(parts) = parts(body) {
        return decode_parts(&parts);
    }
    if body.content_type.contains("form-urlencoded") {
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        let fields: Map<String, Value> = pairs
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect();
        return Value::Object(fields);
    }
    Value::String(text)
}

/// The fields of a form with files, as a manifest writes them; one that is repeated is a list.
fn decode_parts(parts: &[Part]) -> Value {
    let mut fields: Map<String, Value> = Map::new();
    for part in parts {
        let text = String::from_utf8(part.bytes.to_vec());
        let value = match (&part.file, text) {
            (None, text) => Value::from(text.unwrap_or_default()),
            (Some(file), Ok(text)) => {
                json!({ "file": file, "type": part.content_type, "text": text })
            }
            (Some(file), Err(bytes)) => {
                let content = STANDARD.encode(bytes.as_bytes());
                json!({ "file": file, "type": part.content_type, "content": content })
            }
        };
        match fields.get_mut(&part.name) {
            None => drop(fields.insert(part.name.clone(), value)),
            Some(Value::Array(items)) => items.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    Value::Object(fields)
}
