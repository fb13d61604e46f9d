//! The body of a request: JSON, XML, form fields, or bytes as they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use linchpin_language::{Template, Value, print, write_xml};

use crate::error::{ActionError, ErrorKind};
use crate::manifest::names::Names;
use crate::transport::Body;

/// The forms a request's body is written in; with both JSON and XML the connection's `wire` chooses.
#[derive(Clone, Default)]
pub(crate) struct BodySpec {
    pub(crate) json: Option<Template>,
    pub(crate) xml: Option<Template>,
    pub(crate) form: Option<Template>,
    /// `content` in Base64, and its media `type`.
    pub(crate) bytes: Option<Template>,
}

/// Which form a value is sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Json,
    Xml,
    Form,
    Bytes,
}

impl BodySpec {
    /// The value of the body and its form; none when the request has no body.
    pub(crate) fn fill(&self, names: &Names) -> Result<Option<(Wire, Value)>, ActionError> {
        let wants_xml =
            names.value("connection").get("wire").and_then(Value::as_str) == Some("xml");
        if let Some(template) = &self.bytes {
            return Ok(Some((Wire::Bytes, names.fill(template)?)));
        }
        let (wire, template) = match (&self.json, &self.xml, &self.form) {
            (Some(_), Some(xml), _) if wants_xml => (Wire::Xml, xml),
            (Some(json), _, _) => (Wire::Json, json),
            (None, Some(xml), _) => (Wire::Xml, xml),
            (None, None, Some(form)) => (Wire::Form, form),
            (None, None, None) => return Ok(None),
        };
        Ok(Some((wire, names.fill(template)?)))
    }
}

/// The bytes of a body whose value is known.
pub(crate) fn encode(wire: Wire, value: &Value) -> Result<Body, ActionError> {
    let wrong = |why: String| ActionError::new(ErrorKind::InvalidInput, why);
    let (content_type, text) = match wire {
        Wire::Json => ("application/json", value.to_string()),
        Wire::Xml => ("application/xml", write_xml(value).map_err(wrong)?),
        Wire::Form => ("application/x-www-form-urlencoded", form(value).map_err(wrong)?),
        Wire::Bytes => return bytes(value).map_err(wrong),
    };
    Ok(Body { content_type: content_type.to_owned(), bytes: Bytes::from(text) })
}

/// The bytes that `content` is the Base64 of.
fn bytes(value: &Value) -> Result<Body, String> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let content = text("content").ok_or("a body of bytes needs `content` in Base64")?;
    let bytes = STANDARD.decode(content.trim());
    let bytes = bytes.map_err(|_| "the content of the body is not Base64".to_owned())?;
    let content_type = text("type").filter(|kind| !kind.is_empty());
    let content_type = content_type.unwrap_or("application/octet-stream").to_owned();
    Ok(Body { content_type, bytes: Bytes::from(bytes) })
}

/// A null field is absent, a list repeats its field.
fn form(value: &Value) -> Result<String, String> {
    let Some(fields) = value.as_object() else {
        return Err("a form body needs a map of fields".to_owned());
    };
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, field) in fields {
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
    fn a_form_leaves_out_null_and_escapes_the_rest() {
        let value = json!({ "grant_type": "a b", "scope": null, "n": 2, "id": ["x&", "y"] });
        let body = encode(Wire::Form, &value).unwrap();
        assert_eq!(body.bytes, "grant_type=a+b&n=2&id=x%26&id=y");
        assert!(encode(Wire::Form, &json!([1])).is_err());
    }
}
