//! The body of a request: JSON, XML, text, the fields of a form with or without files, or bytes as they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use linchpin_language::{Node, Template, Value, codes, print, write_xml};

use crate::error::{ActionError, ErrorKind};
use crate::manifest::Reading;
use crate::manifest::names::Names;
use crate::multipart::{Part, multipart};
use crate::transport::Body;

/// The body of a request as its manifest writes it.
#[derive(Clone, Default)]
pub(crate) struct BodySpec {
    /// Each form it is written in; with both JSON and XML the connection's `wire` chooses.
    forms: Vec<(Wire, Template)>,
}

/// Which form a value is sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Json,
    Xml,
    Form,
    /// A text, or `content` and its media `type`.
    Text,
    /// A part for each field.
    Multipart,
    /// `content` in Base64, and its media `type`.
    Bytes,
}

impl Wire {
    /// Every form, by the key it has in a request.
    const ALL: [(&'static str, Wire); 6] = [
        ("json", Wire::Json),
        ("xml", Wire::Xml),
        ("form", Wire::Form),
        ("text", Wire::Text),
        ("multipart", Wire::Multipart),
        ("bytes", Wire::Bytes),
    ];
}

impl BodySpec {
    /// Reads the body of a request. It has one form, or JSON and XML to choose from.
    pub(crate) fn parse(reading: &mut Reading, node: &Node<'_>) -> BodySpec {
        let mut forms = Vec::new();
        let mut first: Option<&str> = None;
        for (key, wire) in Wire::ALL {
            let Some(entry) = node.get(key) else { continue };
            forms.extend(reading.template_at(node, key).map(|template| (wire, template)));
            match first {
                Some("json") if wire == Wire::Xml => {}
                Some(other) => {
                    let message = format!("a request has one body: `{other}` or `{key}`, not both");
                    reading.error(&entry, codes::CONFLICTING_KEYS, message);
                }
                None => first = Some(key),
            }
        }
        BodySpec { forms }
    }

    /// The value of the body and its form; none when the request has no body.
    pub(crate) fn fill(&self, names: &Names<'_>) -> Result<Option<(Wire, Value)>, ActionError> {
        let wants_xml =
            names.value("connection").get("wire").and_then(Value::as_str) == Some("xml");
        let xml = self.forms.iter().find(|(wire, _)| wants_xml && *wire == Wire::Xml);
        let Some((wire, template)) = xml.or(self.forms.first()) else { return Ok(None) };
        let value = names.fill(template)?;
        // A text that is null is no text.
        let is_absent = *wire == Wire::Text && value.is_null();
        Ok((!is_absent).then_some((*wire, value)))
    }
}

/// The bytes of a body whose value is known.
pub(crate) fn encode(wire: Wire, value: &Value) -> Result<Body, ActionError> {
    let wrong = |why: String| ActionError::new(ErrorKind::InvalidInput, why);
    let (content_type, text) = match wire {
        Wire::Json => ("application/json", value.to_string()),
        Wire::Xml => ("application/xml", write_xml(value).map_err(wrong)?),
        Wire::Form => ("application/x-www-form-urlencoded", form(value).map_err(wrong)?),
        Wire::Text => return text(value).map_err(wrong),
        Wire::Multipart => {
            return parts(value).and_then(|parts| multipart(&parts)).map_err(wrong);
        }
        Wire::Bytes => return bytes(value).map_err(wrong),
    };
    Ok(Body { content_type: content_type.to_owned(), bytes: Bytes::from(text) })
}

/// A text and its media type.
fn text(value: &Value) -> Result<Body, String> {
    let (content, kind) = match value {
        Value::Object(_) => (value.get("content"), media_type(value)),
        plain => (Some(plain), None),
    };
    let content = match content {
        None | Some(Value::Array(_) | Value::Object(_)) => {
            return Err("a body of text needs a text, or `content` and `type`".to_owned());
        }
        Some(Value::Null) => String::new(),
        Some(scalar) => print(scalar),
    };
    let content_type = kind.unwrap_or("text/plain; charset=utf-8").to_owned();
    Ok(Body { content_type, bytes: Bytes::from(content) })
}

/// The bytes that `content` is the Base64 of.
fn bytes(value: &Value) -> Result<Body, String> {
    let bytes = content(value).ok_or("a body of bytes needs `content` in Base64")??;
    let content_type = media_type(value).unwrap_or("application/octet-stream").to_owned();
    Ok(Body { content_type, bytes })
}

fn content(value: &Value) -> Option<Result<Bytes, String>> {
    let coded = value.get("content").and_then(Value::as_str)?;
    let bytes = STANDARD.decode(coded.trim()).map(Bytes::from);
    Some(bytes.map_err(|_| "the content of the body is not Base64".to_owned()))
}

fn media_type(value: &Value) -> Option<&str> {
    value.get("type").and_then(Value::as_str).filter(|kind| !kind.is_empty())
}

/// The parts of a form with files: a null field is absent, a list repeats its field.
fn parts(value: &Value) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for (name, field) in fields(value)? {
        let items = match field {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            match item {
                Value::Null => {}
                Value::Object(_) => parts.push(file(name, item)?),
                Value::Array(_) => return Err(format!("form field `{name}` is a list in a list")),
                scalar => parts.push(Part::field(name, print(scalar))),
            }
        }
    }
    Ok(parts)
}

fn file(name: &str, value: &Value) -> Result<Part, String> {
    let (bytes, usual) = match (content(value), value.get("text").and_then(Value::as_str)) {
        (Some(bytes), None) => (bytes?, "application/octet-stream"),
        (None, Some(text)) => (Bytes::from(text.to_owned()), "text/plain; charset=utf-8"),
        _ => {
            return Err(format!(
                "the file `{name}` of the form needs either `content` in Base64 or `text`"
            ));
        }
    };
    let named = value.get("file").and_then(Value::as_str).filter(|file| !file.is_empty());
    Ok(Part {
        name: name.to_owned(),
        file: Some(named.unwrap_or(name).to_owned()),
        content_type: Some(media_type(value).unwrap_or(usual).to_owned()),
        bytes,
    })
}

fn fields(value: &Value) -> Result<&linchpin_language::Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "a form body needs a map of fields".to_owned())
}

/// A null field is absent, a list repeats its field.
fn form(value: &Value) -> Result<String, String> {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, field) in fields(value)? {
        match field {
            Value::Null => {}
            Value::Object(_) => return Err(format!("form field `{name}` cannot be an object")),
            Value::Array(items) => {
                for item in items {
                    out.append_pair(name, &print(item));
                }
            }
            scalar => {
                out.append_pair(name, &print(scalar));
            }
        }
    }
    Ok(out.finish())
}

#[cfg(test)]
mod tests {
    use linchpin_language::json;

    use super::*;

    #[test]
    fn bytes_are_sent_as_they_are() {
        let value = json!({ "content": "/wAB", "type": "image/png" });
        let body = encode(Wire::Bytes, &value).unwrap();
        assert_eq!((&body.bytes[..], body.content_type.as_str()), (&[255, 0, 1][..], "image/png"));
        let plain = encode(Wire::Bytes, &json!({ "content": "" })).unwrap();
        assert_eq!(plain.content_type, "application/octet-stream");
        assert!(encode(Wire::Bytes, &json!({ "content": "not base64!" })).is_err());
    }

    #[test]
    fn a_text_is_sent_with_its_media_type() {
        let check = |value: Value, bytes: &str, kind: &str| {
            let body = encode(Wire::Text, &value).unwrap();
            assert_eq!((&body.bytes[..], body.content_type.as_str()), (bytes.as_bytes(), kind));
        };
        check(json!("a,ü"), "a,ü", "text/plain; charset=utf-8");
        check(json!(7), "7", "text/plain; charset=utf-8");
        check(json!({ "content": "a,b", "type": "text/csv" }), "a,b", "text/csv");
        assert!(encode(Wire::Text, &json!(["a"])).is_err());
    }

    #[test]
    fn a_form_with_files_has_a_part_for_each_field() {
        let value = json!({ "id": 7, "tag": ["a", "b"], "none": null,
            "plan": { "file": "plan.csv", "type": "text/csv", "text": "a,b" },
            "photo": { "content": "/wAB" } });
        let body = encode(Wire::Multipart, &value).unwrap();
        let found = crate::multipart::parts(&body).unwrap();
        let said: Vec<_> = found
            .iter()
            .map(|part| (part.name.as_str(), part.file.as_deref(), part.content_type.as_deref()))
            .collect();
        let expected = [
            ("id", None, None),
            ("tag", None, None),
            ("tag", None, None),
            ("plan", Some("plan.csv"), Some("text/csv")),
            ("photo", Some("photo"), Some("application/octet-stream")),
        ];
        assert_eq!(said, expected);
        assert_eq!((&found[3].bytes[..], &found[4].bytes[..]), (&b"a,b"[..], &[255, 0, 1][..]));
        for wrong in [json!({ "f": { "type": "text/csv" } }), json!({ "f": [["a"]] }), json!(1)] {
            assert!(encode(Wire::Multipart, &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_form_leaves_out_null_and_escapes_the_rest() {
        let value = json!({ "grant_type": "a b", "scope": null, "n": 2, "id": ["x&", "y"] });
        let body = encode(Wire::Form, &value).unwrap();
        assert_eq!(body.bytes, "grant_type=a+b&n=2&id=x%26&id=y");
        assert!(encode(Wire::Form, &json!([1])).is_err());
    }
}
