//! Request bodies, JSON or XML, read into the same fields.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};

use super::format::Refusal;
use crate::call::Call;

/// An XML element: its children, or its text.
#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    /// `i:nil="true"`
    is_nil: bool,
    children: Vec<Element>,
}

/// A body that could be read.
#[derive(Debug)]
pub(super) enum Body {
    Json(Value),
    Xml(Vec<Fields>, Fields),
}

/// The plain fields of an XML element, in the order they came; `i:nil` is none.
type Fields = Vec<(String, Option<String>)>;

impl Body {
    /// Reads the body by its `Content-Type`.
    pub(super) fn of(call: &Call) -> Result<Body, Refusal> {
        let kind = call.content_type();
        if kind.contains("json") {
            let value = serde_json::from_slice(&call.body).map_err(|_| Refusal::bad_body())?;
            return Ok(Body::Json(value));
        }
        if kind.contains("xml") {
            let root = parse(&call.body).ok_or_else(Refusal::bad_body)?;
            let fields = |element: &Element| -> Fields {
                let field = |c: &Element| (c.name.clone(), (!c.is_nil).then(|| c.text.clone()));
                element.children.iter().map(field).collect()
            };
            let rows = root.children.iter().map(fields);
            return Ok(Body::Xml(rows.collect(), fields(&root)));
        }
        Err(Refusal::bad_parameters())
    }

    /// One object. In XML an element that comes out of `order` is lost, unless `lenient`.
    pub(super) fn object(
        &self,
        order: &[&str],
        lenient: bool,
    ) -> Result<Map<String, Value>, Refusal> {
        match self {
            Body::Json(Value::Object(fields)) => Ok(fields.clone()),
            Body::Json(_) => Err(Refusal::bad_body()),
            Body::Xml(_, fields) => Ok(in_order(fields, order, lenient)),
        }
    }

    /// The ids of a list: `[{"Id": ...}]`, or one `Id` in each item element.
    pub(super) fn ids(&self) -> Result<Vec<String>, Refusal> {
        match self {
            Body::Json(Value::Array(items)) => {
                let id = |item: &Value| item.get("Id").and_then(Value::as_str).map(str::to_owned);
                Ok(items.iter().filter_map(id).collect())
            }
            Body::Json(_) => Err(Refusal::bad_body()),
            Body::Xml(rows, _) => {
                let ids = rows.iter().flatten().filter(|(name, _)| name == "Id");
                Ok(ids.filter_map(|(_, id)| id.clone()).collect())
            }
        }
    }

    /// The objects of a list. Their order in XML is not looked at.
    pub(super) fn objects(&self) -> Result<Vec<Map<String, Value>>, Refusal> {
        match self {
            Body::Json(Value::Array(items)) => {
                let object = |item: &Value| item.as_object().cloned().ok_or_else(Refusal::bad_body);
                items.iter().map(object).collect()
            }
            Body::Json(_) => Err(Refusal::bad_body()),
            Body::Xml(rows, _) => {
                let value = |text: &Option<String>| text.as_deref().map_or(Value::Null, scalar);
                let object = |fields: &Fields| {
                    fields.iter().map(|(name, text)| (name.clone(), value(text))).collect()
                };
                Ok(rows.iter().map(object).collect())
            }
        }
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self, Body::Json(_))
    }
}

/// A contract serialiser reads forward only: what it has passed it does not see again.
fn in_order(fields: &Fields, order: &[&str], lenient: bool) -> Map<String, Value> {
    let mut read = Map::new();
    let mut reached = 0;
    for (name, text) in fields {
        let Some(place) = order.iter().position(|known| known == name) else { continue };
        if place < reached && !lenient {
            continue;
        }
        reached = reached.max(place);
        read.insert(name.clone(), text.as_deref().map_or(Value::Null, scalar));
    }
    read
}

fn scalar(text: &str) -> Value {
    match text {
        "true" => json!(true),
        "false" => json!(false),
        text => json!(text),
    }
}

fn parse(bytes: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => open.push(named(&tag)),
            Event::Empty(tag) => {
                open.last_mut()?.children.push(named(&tag));
            }
            Event::End(_) => {
                let done = open.pop()?;
                open.last_mut()?.children.push(done);
            }
            Event::Text(text) => {
                let text = text.unescape().ok()?;
                open.last_mut()?.text.push_str(text.trim());
            }
            Event::CData(text) => {
                open.last_mut()?.text.push_str(&String::from_utf8_lossy(&text));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let mut document = open.pop().filter(|_| open.is_empty())?;
    if document.children.len() == 1 { document.children.pop() } else { None }
}

fn named(tag: &BytesStart<'_>) -> Element {
    let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
    let nil = tag.attributes().flatten().any(|attribute| {
        attribute.key.local_name().as_ref() == b"nil" && attribute.value.as_ref() == b"true"
    });
    Element { name, is_nil: nil, ..Element::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_out_of_order_is_lost() {
        let fields = vec![
            ("LastName".to_owned(), Some("Ruiz".to_owned())),
            ("FirstName".to_owned(), Some("Ana".to_owned())),
        ];
        let order = ["UserName", "FirstName", "LastName"];
        assert!(!in_order(&fields, &order, false).contains_key("FirstName"));
        assert!(in_order(&fields, &order, true).contains_key("FirstName"));
    }

    #[test]
    fn broken_xml_is_no_document() {
        assert!(parse(b"<Courses><Course>").is_none());
        assert!(parse(b"plain").is_none());
        assert!(parse(b"<Courses><Course><Id>a</Id></Course></Courses>").is_some());
    }
}
