//! A request from its texts: path segments encoded, null parameters left out, the spoke's own added.

use linchpin_language::{Unknown, Value, as_unknown, contains_unknown, kind, print, unknowns};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::error::{ActionError, ErrorKind};
use crate::manifest::body::encode;
use crate::manifest::names::Names;
use crate::manifest::protocol::Protocol;
use crate::manifest::request::{PathPart, Sending};
use crate::transport::Request;

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request, or what of it a dry run cannot know.
pub(crate) enum Built {
    /// It can be sent.
    Ready(Request),
    /// It holds values known only after the run.
    Unknown(Vec<Unknown>),
}

/// Builds the request of a specification.
pub(crate) fn build(
    sending: &Sending,
    protocol: &Protocol,
    names: &Names<'_>,
) -> Result<Built, ActionError> {
    let mut unknown = Vec::new();
    let path = path(&sending.path, names, &mut unknown)?;
    let mut request = Request::new(sending.method.clone(), path);
    request.timeout = sending.timeout;
    for (name, template) in protocol.query.iter().chain(&sending.query) {
        let value = names.fill(template)?;
        put(&mut request.query, "query parameter", name, &value, &mut unknown)?;
    }
    for (name, template) in protocol.headers.iter().chain(&sending.headers) {
        let value = names.fill(template)?;
        put(&mut request.headers, "header", name, &value, &mut unknown)?;
    }
    if let Some(key) = &sending.key {
        let value = names.render(key)?;
        put(&mut request.headers, "header", "Idempotency-Key", &value, &mut unknown)?;
    }
    if let Some((wire, value)) = sending.body.fill(names)? {
        if contains_unknown(&value) {
            unknown.extend(unknowns(&value));
        } else {
            request.body = Some(encode(wire, &value)?);
        }
    }
    if unknown.is_empty() { Ok(Built::Ready(request)) } else { Ok(Built::Unknown(unknown)) }
}

/// The path of a request as people read it; what is unknown stands in braces.
pub(crate) fn readable_path(parts: &[PathPart], names: &Names<'_>) -> String {
    let mut unknown = Vec::new();
    path(parts, names, &mut unknown).unwrap_or_else(|_| "/…".to_owned())
}

/// A text such as a collection's name, in which each unknown stands by its identity.
pub(crate) fn identify(
    text: &linchpin_language::Text,
    names: &Names<'_>,
) -> Result<String, ActionError> {
    use linchpin_language::Part;
    let show = |value: &Value| match as_unknown(value) {
        Some(unknown) => format!("?{}", unknown.id),
        None => print(value),
    };
    let Some(parts) = text.parts() else { return Ok(show(&names.render(text)?)) };
    let mut name = String::new();
    for part in parts {
        match part {
            Part::Literal(literal) => name.push_str(&literal),
            Part::Pill(pill) => name.push_str(&show(&names.render(&pill)?)),
        }
    }
    Ok(name)
}

fn path(
    parts: &[PathPart],
    names: &Names<'_>,
    unknown: &mut Vec<Unknown>,
) -> Result<String, ActionError> {
    let mut path = String::new();
    for part in parts {
        match part {
            PathPart::Literal(literal) => path.push_str(literal),
            PathPart::Pill { text, slashes } => {
                let value = names.render(text)?;
                if contains_unknown(&value) {
                    let first = unknowns(&value);
                    let label = first.first().map(Unknown::in_text);
                    path.push_str(label.as_deref().unwrap_or("{unknown}"));
                    unknown.extend(first);
                } else if *slashes {
                    path.push_str(&segments(text.source(), &value)?);
                } else {
                    path.push_str(&segment(text.source(), &value)?);
                }
            }
        }
    }
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    Ok(path)
}

fn segments(source: &str, value: &Value) -> Result<String, ActionError> {
    let Value::String(text) = value else { return segment(source, value) };
    let kept = text.strip_prefix('/').unwrap_or(text);
    let encoded: Result<Vec<String>, ActionError> =
        kept.split('/').map(|part| segment(source, &Value::from(part))).collect();
    let lead = if text.starts_with('/') { "/" } else { "" };
    Ok(format!("{lead}{}", encoded?.join("/")))
}

/// One segment: what would climb or vanish is refused, so a value can never choose another path.
fn segment(source: &str, value: &Value) -> Result<String, ActionError> {
    let refuse = |why: &str| {
        ActionError::new(ErrorKind::InvalidInput, format!("{source} cannot stand in a path: {why}"))
    };
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => {}
        Value::Null => return Err(refuse("it is null")),
        other => return Err(refuse(&format!("it is a {}", kind(other)))),
    }
    let text = print(value);
    match text.as_str() {
        "" => Err(refuse("it is empty")),
        "." | ".." => Err(refuse(&format!("it is `{text}`"))),
        text => Ok(percent_encode(text.as_bytes(), SEGMENT).to_string()),
    }
}

/// Adds a parameter; null leaves it out, a list repeats it, a later one of the same name replaces an earlier.
fn put(
    pairs: &mut Vec<(String, String)>,
    what: &str,
    name: &str,
    value: &Value,
    unknown: &mut Vec<Unknown>,
) -> Result<(), ActionError> {
    pairs.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    if contains_unknown(value) {
        unknown.extend(unknowns(value));
        return Ok(());
    }
    match value {
        Value::Null => Ok(()),
        Value::String(_) | Value::Number(_) | Value::Bool(_) => {
            pairs.push((name.to_owned(), print(value)));
            Ok(())
        }
        Value::Array(items) => {
            for item in items {
                if item.is_array() || item.is_object() {
                    let message = format!("{what} `{name}` cannot hold a {}", kind(item));
                    return Err(ActionError::new(ErrorKind::InvalidInput, message));
                }
                pairs.push((name.to_owned(), print(item)));
            }
            Ok(())
        }
        other => {
            let message = format!("{what} `{name}` cannot be a {}", kind(other));
            Err(ActionError::new(ErrorKind::InvalidInput, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use linchpin_language::{Text, json};

    use super::*;

    fn check(value: Value, slashes: bool, expected: Result<&str, &str>) {
        let mut names = Names::default();
        names.set("id", value);
        let text = Text::parse("{{ id }}").unwrap();
        let parts = [PathPart::Literal("/users/".to_owned()), PathPart::Pill { text, slashes }];
        let built = path(&parts, &names, &mut Vec::new()).map_err(|error| error.message);
        match (built, expected) {
            (Ok(path), Ok(expected)) => assert_eq!(path, format!("/users/{expected}")),
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            (built, _) => panic!("{built:?}"),
        }
    }

    #[test]
    fn a_pill_is_one_segment_and_cannot_choose_another_path() {
        check(json!("k7Qp-2m"), false, Ok("k7Qp-2m"));
        check(json!("a/../b?x#y"), false, Ok("a%2F..%2Fb%3Fx%23y"));
        check(json!("ana@example.test"), false, Ok("ana%40example.test"));
        check(json!(7), false, Ok("7"));
        check(json!(".."), false, Err("it is `..`"));
        check(json!(""), false, Err("it is empty"));
        check(json!(null), false, Err("it is null"));
        check(json!(["a"]), false, Err("it is a list"));
        check(json!("a/b c"), true, Ok("a/b%20c"));
        check(json!("a/../b"), true, Err("it is `..`"));
        check(json!("a//b"), true, Err("it is empty"));
    }
}
