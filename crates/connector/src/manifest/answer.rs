//! An answer as a value, by its content type, and the system's own words in it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use linchpin_language::{Attributes, Map, Value, read_xml, too_deep};

use crate::manifest::shape::at;
use crate::transport::Response;

const MAX_WORDS: usize = 300;

/// The words for how a body is read.
pub(crate) const FORMS: [&str; 4] = ["json", "xml", "text", "bytes"];

/// How the body is to be read, whatever its content type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerForm {
    Json,
    Xml,
    Text,
    /// An object with `content` in Base64, `type` and `size`.
    Bytes,
}

impl AnswerForm {
    /// The form of that word, if it is one.
    pub(crate) fn parse(word: &str) -> Option<AnswerForm> {
        match word {
            "json" => Some(AnswerForm::Json),
            "xml" => Some(AnswerForm::Xml),
            "text" => Some(AnswerForm::Text),
            "bytes" => Some(AnswerForm::Bytes),
            _ => None,
        }
    }
}

/// An answer, read.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The body; null when it was empty.
    pub(crate) value: Value,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers by lower-case name.
    pub(crate) headers: Value,
    /// Why the body cannot be understood, if so.
    pub(crate) fault: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
    body: String,
}

impl Answer {
    /// Reads a response.
    pub(crate) fn read(response: &Response, form: Option<AnswerForm>, detail: &[String]) -> Answer {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        let body = body.strip_prefix('\u{feff}').unwrap_or(&body).to_owned();
        let mut headers = Map::new();
        for (name, value) in &response.headers {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.insert(name.as_str().to_owned(), Value::String(text));
        }
        let kind = headers.get("content-type").and_then(Value::as_str).unwrap_or_default();
        // An error is not the file that was asked for: it is read as what it says it is.
        let is_file = form == Some(AnswerForm::Bytes) && (200..300).contains(&response.status);
        let (value, fault, title) = match form.filter(|form| *form != AnswerForm::Bytes) {
            None if is_file => (file(response, kind), None, None),
            form => decode(&body, kind, form),
        };
        let words = detail.iter().find_map(|path| find_words(&value, path));
        let bare = value.as_str().filter(|text| title.is_none() && !text.trim().is_empty());
        let detail = words.or(title).or_else(|| bare.map(shorten));
        Answer {
            value,
            status: response.status,
            headers: Value::Object(headers),
            fault,
            reason: response.reason.clone(),
            detail,
            body,
        }
    }

    /// Whether the status is a 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The system's own words, or else the status.
    pub(crate) fn words(&self) -> String {
        let usual = http::StatusCode::from_u16(self.status).ok();
        let usual = usual.and_then(|status| status.canonical_reason());
        let own = self.reason.as_deref().filter(|reason| {
            !reason.is_empty() && usual.is_none_or(|usual| !usual.eq_ignore_ascii_case(reason))
        });
        match (&self.detail, own, usual) {
            (Some(detail), _, _) => detail.clone(),
            (None, Some(reason), _) => shorten(reason),
            (None, None, Some(usual)) => format!("answered {} {usual}", self.status),
            (None, None, None) => format!("answered {}", self.status),
        }
    }

    /// Everything an error row's `text` is looked for in, in lower case.
    pub(crate) fn haystack(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or_default();
        let detail = self.detail.as_deref().unwrap_or_default();
        format!("{reason}\n{detail}\n{}", self.body).to_lowercase()
    }

    /// The wait the answer asks for: seconds, or an instant, counted from the answer's own date.
    pub(crate) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = http_date(text)?;
        let from = self.header("date").and_then(http_date).unwrap_or(now);
        let seconds = until.as_second().saturating_sub(from.as_second());
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
    }

    /// One header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(Value::as_str)
    }
}

/// An instant as HTTP writes it: `Sat, 31 Jan 2026 09:00:00 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(zoned.timestamp())
}

/// A body whose bytes are meant.
fn file(response: &Response, content_type: &str) -> Value {
    let mut file = Map::new();
    file.insert("content".to_owned(), Value::from(STANDARD.encode(&response.body)));
    file.insert("type".to_owned(), Value::from(content_type));
    file.insert("size".to_owned(), Value::from(response.body.len()));
    Value::Object(file)
}

/// The value, why it is none, and the title of an HTML page.
fn decode(
    body: &str,
    content_type: &str,
    form: Option<AnswerForm>,
) -> (Value, Option<String>, Option<String>) {
    let text = || Value::String(body.to_owned());
    if body.trim().is_empty() {
        return (Value::Null, None, None);
    }
    let content_type = content_type.to_ascii_lowercase();
    if form.is_none() && content_type.contains("html") {
        let title = title(body).unwrap_or_else(|| "an HTML page".to_owned());
        return (text(), Some(format!("answered with an HTML page: {title}")), Some(title));
    }
    let form = form.unwrap_or_else(|| guess(&content_type, body));
    let read = match form {
        AnswerForm::Json => serde_json::from_str(body)
            .map_err(|error| error.to_string())
            .and_then(|value| too_deep(&value).map_or(Ok(value), Err)),
        AnswerForm::Xml => read_xml(body, Attributes::Dropped),
        AnswerForm::Text | AnswerForm::Bytes => Ok(text()),
    };
    match read {
        Ok(value) => (value, None, None),
        Err(why) => (text(), Some(format!("the answer cannot be read: {why}")), None),
    }
}

fn guess(content_type: &str, body: &str) -> AnswerForm {
    if content_type.contains("json") {
        return AnswerForm::Json;
    }
    if content_type.contains("xml") {
        return AnswerForm::Xml;
    }
    match body.trim_start().as_bytes().first() {
        Some(b'{' | b'[') => AnswerForm::Json,
        Some(b'<') if content_type.is_empty() => AnswerForm::Xml,
        _ => AnswerForm::Text,
    }
}

fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let title = shorten(&html[start..end]);
    (!title.is_empty()).then_some(title)
}

/// XML wraps its words in a root element, so one level is looked through.
fn find_words(value: &Value, path: &str) -> Option<String> {
    let inner = || {
        let fields = value.as_object().filter(|fields| fields.len() == 1)?;
        fields.values().next().and_then(|root| at(root, path))
    };
    let found = at(value, path).or_else(inner)?;
    match found {
        Value::String(text) if !text.trim().is_empty() => Some(shorten(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn shorten(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= MAX_WORDS {
        return text;
    }
    let short: String = text.chars().take(MAX_WORDS).collect();
    format!("{short}…")
}

#[cfg(test)]
mod tests {
    use linchpin_language::json;

    use super::*;

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        let mut headers = http::HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert("content-type", content_type.parse().unwrap());
        }
        let body = bytes::Bytes::copy_from_slice(body.as_bytes());
        let response = Response { status, reason: None, headers, body };
        Answer::read(&response, None, &["Detail".to_owned(), "error.message".to_owned()])
    }

    #[test]
    fn a_body_is_read_by_its_content_type() {
        assert_eq!(answer(200, "application/json", "[1]").value, json!([1]));
        assert_eq!(answer(200, "text/xml", "<a><b>1</b></a>").value, json!({ "a": { "b": "1" } }));
        assert_eq!(answer(201, "", "").value, Value::Null);
        assert_eq!(
            answer(200, "text/plain", "API calls exceeded").value,
            json!("API calls exceeded")
        );
        assert!(
            answer(200, "application/json", "{\"a\":").fault.unwrap().contains("cannot be read")
        );
    }

    #[test]
    fn a_file_is_its_bytes_and_an_error_in_its_place_is_not() {
        let body = bytes::Bytes::from_static(&[255, 0, 1]);
        let headers = http::HeaderMap::new();
        let mut response = Response { status: 200, reason: None, headers, body };
        let read = |response: &Response| Answer::read(response, Some(AnswerForm::Bytes), &[]).value;
        assert_eq!(read(&response), json!({ "content": "/wAB", "type": "", "size": 3 }));
        response.status = 404;
        response.body = bytes::Bytes::from_static(b"{\"error\":1}");
        assert_eq!(read(&response), json!({ "error": 1 }));
    }

    #[test]
    fn an_answer_that_nests_too_deep_to_be_kept_is_no_good_answer() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(answer(200, "application/json", &nested(100)).fault, None);
        for depth in [101, 127, 5000] {
            let found = answer(200, "application/json", &nested(depth));
            assert!(found.fault.unwrap().contains("cannot be read"), "{depth}");
            assert!(found.value.is_string());
        }
    }

    #[test]
    fn the_words_of_a_refusal_come_from_wherever_they_stand() {
        let check = |content_type, body, words: &str| {
            assert_eq!(answer(409, content_type, body).words(), words);
        };
        check(
            "application/json",
            r#"{"Detail":"UserName already exists"}"#,
            "UserName already exists",
        );
        check(
            "text/xml",
            "<Error><Detail>Culture is invalid</Detail></Error>",
            "Culture is invalid",
        );
        check("application/json", r#"{"error":{"message":"No Record found"}}"#, "No Record found");
        check(
            "text/html",
            "<html><head><TITLE> Request\n Error </TITLE></head></html>",
            "Request Error",
        );
        check("", "", "answered 409 Conflict");
    }

    #[test]
    fn a_wait_is_said_in_seconds_or_as_an_instant() {
        let waits = |after: &str, date: Option<&str>| {
            let mut headers = http::HeaderMap::new();
            headers.insert("retry-after", after.parse().unwrap());
            if let Some(date) = date {
                headers.insert("date", date.parse().unwrap());
            }
            let response =
                Response { status: 429, reason: None, headers, body: bytes::Bytes::new() };
            let now = "2026-01-31T09:00:00Z".parse().unwrap();
            Answer::read(&response, None, &[]).retry_after(now).map(|wait| wait.as_secs())
        };
        assert_eq!(waits("7", None), Some(7));
        assert_eq!(waits("Sat, 31 Jan 2026 09:00:30 GMT", None), Some(30));
        let date = Some("Sat, 31 Jan 2026 09:00:10 GMT");
        assert_eq!(waits("Sat, 31 Jan 2026 09:00:30 GMT", date), Some(20));
        assert_eq!(waits("Sat, 31 Jan 2026 08:00:00 GMT", None), Some(0));
        assert_eq!(waits("soon", None), None);
    }

    #[test]
    fn a_page_for_people_is_no_good_answer() {
        let page = answer(200, "text/html; charset=utf-8", "<html><title>Log in</title></html>");
        assert_eq!(page.fault.unwrap(), "answered with an HTML page: Log in");
    }
}
