//! The actions of the `http` spoke: one request whose method, body and accepted statuses are inputs.
//!
//! In Rust because a manifest fixes method and body form per action, and because a plain request has
//! nothing to look at: it goes out with no work beside it. Inputs, outputs and effects stay in the YAML.
//! Those that move files are in `transfer`.

mod transfer;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method};
use linchpin_connector::{
    Action, ActionError, ActionSpec, Body, Call, CodeAction, ErrorKind, Look, Request, Response,
    WriteState, Wrote, as_unknown, contains_unknown, is_dots, too_deep,
};
use serde_json::{Map, Value};

/// The actions by the name that their files give under `code`.
pub(crate) const ACTIONS: &[(&str, CodeAction)] = &[
    ("http", |spec| Arc::new(HttpAction { spec })),
    ("http_download", transfer::download),
    ("http_upload", transfer::upload),
];

/// `get`, `put` and `delete` are named after their method.
struct HttpAction {
    spec: ActionSpec,
}

#[async_trait]
impl Action for HttpAction {
    fn spec(&self) -> &ActionSpec {
        &self.spec
    }

    async fn read(&self, call: &Call<'_>) -> Result<Value, ActionError> {
        self.send(call).await.map(|(_, answer)| answer)
    }

    async fn write(&self, call: &Call<'_>, _: &Look, _: u32) -> Result<Wrote, ActionError> {
        let (status, answer) = self.send(call).await?;
        Ok(Wrote::new(answer, status, self.spec.effect))
    }

    fn refuses(&self, call: &Call<'_>, _: &Look) -> Result<(), ActionError> {
        refused_unsent(call, &self.method_name(call.inputs))
    }

    fn request_summary(&self, call: &Call<'_>, _: &Look, _: u32) -> String {
        summary(&self.method_name(call.inputs), call.inputs)
    }
}

/// Why a request is not even sent; what is not known yet is in its favour.
fn refused_unsent(call: &Call<'_>, method: &str) -> Result<(), ActionError> {
    match contains_unknown(call.inputs) {
        true => Ok(()),
        false => call.transport.check(&request(method, call.inputs)?),
    }
}

impl HttpAction {
    /// The `method` input where there is one, else the action's own name.
    fn method_name(&self, inputs: &Value) -> String {
        text(inputs, "method").unwrap_or(&self.spec.name).to_ascii_uppercase()
    }

    async fn send(&self, call: &Call<'_>) -> Result<(u16, Value), ActionError> {
        let request = request(&self.method_name(call.inputs), call.inputs)?;
        let response = send(call, request, self.spec.effect.is_write()).await?;
        Ok((response.status, answer(&response)))
    }
}

/// Sends a request and gives its good answer.
async fn send(call: &Call<'_>, request: Request, is_write: bool) -> Result<Response, ActionError> {
    let place = format!("{} {}", request.method, request.path);
    let response = call.transport.send(request).await?;
    let accept = list(call.inputs, "accept").iter();
    let mut accept = accept.filter_map(Value::as_u64);
    if is_good(&response) || accept.any(|status| status == u64::from(response.status)) {
        return Ok(response);
    }
    Err(heeded(call, refused(&place, &response, is_write)))
}

fn is_good(response: &Response) -> bool {
    (200..300).contains(&response.status)
}

/// Tells the budget of a refusal that means "too many calls".
fn heeded(call: &Call<'_>, error: ActionError) -> ActionError {
    if error.kind == ErrorKind::RateLimited {
        let wait = error.retry_after_ms.unwrap_or(DEFAULT_WAIT_MS);
        call.transport.limited(Duration::from_millis(wait));
    }
    error
}

/// The request in a few words.
fn summary(method: &str, inputs: &Value) -> String {
    match inputs.get("path").and_then(as_unknown) {
        Some(unknown) => format!("{method} {}", unknown.in_text()),
        None => format!("{method} {}", text(inputs, "path").unwrap_or("/")),
    }
}

/// How long to hold back after a 429 that does not say.
const DEFAULT_WAIT_MS: u64 = 10_000;

fn request(method: &str, inputs: &Value) -> Result<Request, ActionError> {
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| {
        ActionError::new(ErrorKind::InvalidInput, format!("{method:?} is no HTTP method"))
    })?;
    let mut request = Request::new(method, path(text(inputs, "path").unwrap_or_default())?);
    request.query = pairs(inputs, "query");
    request.headers = pairs(inputs, "headers");
    let named =
        request.headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = named.map(|place| request.headers.remove(place).1);
    let value = inputs.get("json").filter(|value| !value.is_null());
    request.body = match (value, text(inputs, "text")) {
        (Some(_), Some(_)) => {
            return Err(ActionError::new(ErrorKind::InvalidInput, "give json or text, not both"));
        }
        (Some(value), None) => Some(Body {
            content_type: content_type.unwrap_or_else(|| "application/json".to_owned()),
            bytes: value.to_string().into(),
        }),
        (None, Some(text)) => Some(Body {
            content_type: content_type.unwrap_or_else(|| "text/plain; charset=utf-8".to_owned()),
            bytes: text.to_owned().into(),
        }),
        (None, None) => None,
    };
    Ok(request)
}

/// The path as it goes on the wire. A step must not climb out of the base URL by way of a data pill.
fn path(written: &str) -> Result<String, ActionError> {
    let wrong = |why: &str| {
        Err(ActionError::new(ErrorKind::InvalidInput, format!("path {written:?} {why}")))
    };
    if !written.starts_with('/') || written.starts_with("//") {
        return wrong("must begin with one slash");
    }
    if written.contains(['?', '#', '\\']) {
        return wrong("holds ?, # or \\; parameters go under query");
    }
    if written.split('/').any(is_dots) {
        return wrong("must not hold . or .. as a segment");
    }
    let mut encoded = String::with_capacity(written.len());
    for byte in written.bytes() {
        match byte {
            b'!' | b'$'..=b';' | b'=' | b'@'..=b'Z' | b'_' | b'a'..=b'z' | b'~' => {
                encoded.push(char::from(byte))
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(encoded)
}

/// The entries of an object input; null drops one, a list repeats it.
fn pairs(inputs: &Value, name: &str) -> Vec<(String, String)> {
    let Some(Value::Object(entries)) = inputs.get(name) else { return Vec::new() };
    let mut found = Vec::new();
    for (key, value) in entries {
        match value {
            Value::Null => {}
            Value::Array(items) => {
                found.extend(items.iter().map(|item| (key.clone(), plain(item))))
            }
            one => found.push((key.clone(), plain(one))),
        }
    }
    found
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text<'a>(inputs: &'a Value, name: &str) -> Option<&'a str> {
    inputs.get(name).and_then(Value::as_str)
}

fn list<'a>(inputs: &'a Value, name: &str) -> &'a [Value] {
    inputs.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn answer(response: &Response) -> Value {
    let mut headers = Map::with_capacity(response.headers.len());
    for (name, value) in &response.headers {
        headers.insert(name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into());
    }
    // Not by `json!`, which would copy both.
    let mut answer = Map::with_capacity(3);
    answer.insert("status".to_owned(), response.status.into());
    answer.insert("headers".to_owned(), headers.into());
    answer.insert("body".to_owned(), body(response));
    answer.into()
}

/// JSON as a value, whatever the content type says, as long as it reads and can be kept; else the
/// text.
fn body(response: &Response) -> Value {
    if response.body.is_empty() {
        return Value::Null;
    }
    let read = serde_json::from_slice(&response.body).ok();
    let kept = read.filter(|value| too_deep(value).is_none());
    kept.unwrap_or_else(|| String::from_utf8_lossy(&response.body).into_owned().into())
}

fn refused(place: &str, response: &Response, is_write: bool) -> ActionError {
    let kind = ErrorKind::of_status(response.status);
    let said: String = plain(&body(response)).chars().take(300).collect();
    let error =
        ActionError::new(kind, format!("{place} was answered with {}: {said}", response.status))
            .with_status(response.status);
    // A refusal wrote nothing; an answer of any other kind may hide a write.
    let unclear = is_write && matches!(kind, ErrorKind::Unavailable | ErrorKind::BadResponse);
    let error = error.with_write(if unclear { WriteState::Unknown } else { WriteState::None });
    match retry_after(&response.headers) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get("retry-after")?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_encoded_and_stays_below_the_base_url() {
        assert_eq!(path("/a b/ü/100%25/k=v").unwrap(), "/a%20b/%C3%BC/100%25/k=v");
        for wrong in
            ["", "orders", "//other.example/x", "/a/../b", "/a/%2E%2e/b", "/a?x=1", "/a#b", "/a\\b"]
        {
            assert_eq!(path(wrong).unwrap_err().kind, ErrorKind::InvalidInput, "{wrong}");
        }
    }

    #[test]
    fn a_body_is_json_or_text_and_never_both() {
        let inputs = json!({ "path": "/x", "json": { "b": 1, "a": 2 }, "headers": { "X-A": 1, "X-B": null } });
        let made = request("POST", &inputs).unwrap();
        assert_eq!(made.body.unwrap().bytes, r#"{"b":1,"a":2}"#);
        assert_eq!(made.headers, [("X-A".to_owned(), "1".to_owned())]);

        let inputs = json!({ "path": "/x", "text": "<a/>", "headers": { "Content-Type": "application/xml" } });
        let made = request("POST", &inputs).unwrap();
        assert_eq!(made.body.unwrap().content_type, "application/xml");
        assert_eq!(made.headers, []);

        let both = json!({ "path": "/x", "text": "a", "json": 1 });
        assert_eq!(request("POST", &both).unwrap_err().kind, ErrorKind::InvalidInput);
        assert_eq!(request("GET", &json!({ "path": "/x", "json": null })).unwrap().body, None);
    }

    #[test]
    fn a_refused_write_wrote_nothing_and_a_failed_one_may_have() {
        let response = |status| Response {
            status,
            reason: None,
            headers: HeaderMap::from_iter([(http::header::RETRY_AFTER, "7".parse().unwrap())]),
            body: "no".into(),
        };
        let refusal = refused("POST /x", &response(429), true);
        assert_eq!((refusal.kind, refusal.write), (ErrorKind::RateLimited, WriteState::None));
        assert_eq!(refusal.retry_after_ms, Some(7000));
        assert_eq!(refused("POST /x", &response(502), true).write, WriteState::Unknown);
        assert_eq!(refused("GET /x", &response(502), false).write, WriteState::None);
    }
}
