//! XML documents from values, and values from XML documents.
//!
//! Elements are text or maps, repeated elements are lists, `i:nil` is null. Prefixes are left out.
//! A document type is refused: it could make a small document huge.

use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};

use crate::value::{Map, Value, print};

const NIL: &str = " i:nil=\"true\"";
const NAMESPACE: &str = " xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"";
const MAX_DEPTH: usize = 64;

/// What becomes of the attributes of elements that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// They are left out.
    Dropped,
    /// They are fields named `@name`; the text beside them is the field `#text`.
    Kept,
}

/// The value as one XML document; it must be a map with one key, the root element.
pub fn write_xml(value: &Value) -> Result<String, String> {
    let root = value.as_object().filter(|fields| fields.len() == 1);
    let Some((name, content)) = root.and_then(|fields| fields.iter().next()) else {
        return Err("an XML body needs exactly one root element".to_owned());
    };
    if content.is_array() {
        return Err(format!("the XML root `{name}` cannot repeat"));
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    element(name, content, NAMESPACE, 0, &mut out)?;
    Ok(out)
}

fn element(
    name: &str,
    value: &Value,
    attributes: &str,
    depth: usize,
    out: &mut String,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("the value nests too deep for XML".to_owned());
    }
    if !is_name(name) {
        return Err(format!("`{name}` is no XML name"));
    }
    match value {
        Value::Array(items) => {
            for item in items {
                element(name, item, attributes, depth + 1, out)?;
            }
        }
        Value::Null => out.push_str(&format!("<{name}{attributes}{NIL}/>")),
        Value::Object(fields) => {
            out.push_str(&format!("<{name}{attributes}>"));
            for (key, field) in fields {
                element(key, field, "", depth + 1, out)?;
            }
            out.push_str(&format!("</{name}>"));
        }
        scalar => {
            let text = print(scalar);
            out.push_str(&format!("<{name}{attributes}>{}</{name}>", escape(text.as_str())));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The value of an XML document: a map with its root element.
pub fn read_xml(text: &str, attributes: Attributes) -> Result<Value, String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut open: Vec<Open> = vec![Open::default()];
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let Some(top) = open.last_mut() else { return Err("unbalanced XML".to_owned()) };
        match event {
            Event::Start(start) => {
                if open.len() > MAX_DEPTH {
                    return Err("the XML nests too deep".to_owned());
                }
                open.push(Open::new(&start, attributes)?);
            }
            Event::Empty(start) => {
                let empty = Open::new(&start, attributes)?;
                top.add(empty);
            }
            Event::End(_) => {
                let Some(closed) = open.pop() else { return Err("unbalanced XML".to_owned()) };
                let Some(parent) = open.last_mut() else { return Err("unbalanced XML".to_owned()) };
                parent.add(closed);
            }
            Event::Text(text) => {
                top.text.push_str(&text.unescape().map_err(|error| error.to_string())?);
            }
            Event::CData(data) => top.text.push_str(&String::from_utf8_lossy(&data)),
            Event::DocType(_) => return Err("a document type is refused".to_owned()),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    match open.pop() {
        Some(document) if open.is_empty() && document.fields.len() == 1 => {
            Ok(Value::Object(document.fields))
        }
        _ => Err("the XML is cut off or has no root element".to_owned()),
    }
}

#[derive(Default)]
struct Open {
    name: String,
    nil: bool,
    text: String,
    fields: Map<String, Value>,
}

impl Open {
    fn new(start: &BytesStart<'_>, attributes: Attributes) -> Result<Open, String> {
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        let mut nil = false;
        let mut fields = Map::new();
        // Told apart by us: the reader compares each attribute with all before it.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let local = attribute.key.local_name();
            if local.as_ref() == b"nil" {
                nil |= matches!(attribute.value.as_ref(), b"true" | b"1");
            } else if attributes == Attributes::Kept && !is_namespace(attribute.key.as_ref()) {
                let key = format!("@{}", String::from_utf8_lossy(local.as_ref()));
                let value = attribute.unescape_value().map_err(|error| error.to_string())?;
                if fields.insert(key, Value::from(value.as_ref())).is_some() {
                    return Err(format!("an attribute of `{name}` is there twice"));
                }
            }
        }
        Ok(Open { name, nil, fields, ..Open::default() })
    }

    fn add(&mut self, child: Open) {
        let Open { name, nil, text, mut fields } = child;
        let value = if nil {
            Value::Null
        } else if fields.is_empty() {
            Value::String(text)
        } else {
            let has_elements = fields.keys().any(|key| !key.starts_with('@'));
            if !has_elements && !text.trim().is_empty() {
                fields.insert("#text".to_owned(), Value::String(text));
            }
            Value::Object(fields)
        };
        match self.fields.get_mut(&name) {
            None => {
                self.fields.insert(name, value);
            }
            Some(Value::Array(items)) => items.push(value),
            Some(first) => {
                let earlier = first.take();
                *first = Value::Array(vec![earlier, value]);
            }
        }
    }
}

/// Whether an attribute declares a namespace.
fn is_namespace(name: &[u8]) -> bool {
    name == b"xmlns" || name.starts_with(b"xmlns:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    fn read(text: &str) -> Result<Value, String> {
        read_xml(text, Attributes::Dropped)
    }

    #[test]
    fn a_list_repeats_its_element_and_null_is_nil() {
        let value = json!({ "Courses": { "Course": [{ "Id": "a&b" }, { "Id": null }], "N": 2 } });
        let text = write_xml(&value).unwrap();
        assert!(text.ends_with(
            "<Course><Id>a&amp;b</Id></Course><Course><Id i:nil=\"true\"/></Course><N>2</N></Courses>"
        ));
        assert_eq!(
            read(&text).unwrap(),
            json!({ "Courses": { "Course": [{ "Id": "a&b" }, { "Id": null }], "N": "2" } })
        );
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in
            ["<a><b></a>", "<a>", "", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "<a/><b/>"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(write_xml(&json!([1])).is_err());
        assert!(write_xml(&json!({ "a b": 1 })).is_err());
        let deep = "<a>".repeat(100);
        assert!(read(&deep).unwrap_err().contains("deep"));
    }
    #[test]
    fn attributes_are_fields_where_they_are_kept() {
        let text = "<a xmlns=\"urn:x\" id=\"1 &amp; 2\"><b i:nil=\"true\"/><c k=\"v\"> t </c></a>";
        assert_eq!(
            read_xml(text, Attributes::Kept).unwrap(),
            json!({ "a": { "@id": "1 & 2", "b": null, "c": { "@k": "v", "#text": " t " } } })
        );
        assert_eq!(read(text).unwrap(), json!({ "a": { "b": null, "c": " t " } }));
        assert!(read_xml("<a b=\"1\" b=\"2\"/>", Attributes::Kept).is_err());
    }

    #[test]
    fn a_value_that_nests_too_deep_is_not_written() {
        let deep = (0..200).fold(json!("x"), |inner, _| json!({ "a": inner }));
        assert!(write_xml(&deep).unwrap_err().contains("deep"));
    }
}
