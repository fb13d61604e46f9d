//! What all actions of a spoke share: common parameters, paging, error map and shapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use linchpin_language::{Fields, Map, Node, Schema, Template, Type, Value, codes, did_you_mean};

use crate::connection::Connection;
use crate::manifest::dates::ReadRules;
use crate::manifest::errors::ErrorRow;
use crate::manifest::grammar;
use crate::manifest::paging::Paging;
use crate::manifest::reading::Reading;
use crate::manifest::shape::Shape;

/// The forms of dates.
const DATES: [&str; 4] = ["iso", "wcf", "unix", "unix_ms"];

/// How one system is spoken to.
#[derive(Default)]
pub(crate) struct Protocol {
    /// Query parameters of every request.
    pub(crate) query: Vec<(String, Template)>,
    /// Headers of every request.
    pub(crate) headers: Vec<(String, Template)>,
    /// How answers are read.
    pub(crate) read: ReadRules,
    /// The named ways of paging.
    pub(crate) paging: BTreeMap<String, Arc<Paging>>,
    /// The error map; the first match wins.
    pub(crate) errors: Vec<ErrorRow>,
    /// Where the system's own words stand in an answer.
    pub(crate) detail: Vec<String>,
    /// The named shapes.
    pub(crate) shapes: BTreeMap<String, Arc<Shape>>,
    /// Fields and attributes of the connection.
    pub(crate) connection: Fields,
}

impl Protocol {
    /// A connection's values as expressions see them: defaults filled, the rest null, no secret.
    pub(crate) fn connection_values(&self, connection: &Connection) -> Value {
        let mut values = connection.values.clone();
        for (name, schema) in &self.connection {
            if matches!(schema.ty, Type::Secret) {
                values.remove(name);
            } else if values.get(name).is_none_or(Value::is_null) {
                values.insert(name.clone(), schema.default.clone().unwrap_or_default());
            }
        }
        Value::Object(values)
    }

    /// The connection's fields that expressions may read: all but the secret ones, and `url`.
    pub(crate) fn visible(&self) -> Fields {
        let all = self.connection.iter();
        let visible = all.filter(|(_, schema)| !matches!(schema.ty, Type::Secret));
        let mut visible: Fields = visible.map(|(name, ty)| (name.clone(), ty.clone())).collect();
        visible.entry("url".to_owned()).or_insert_with(|| Schema::of(Type::Url));
        for schema in visible.values_mut() {
            schema.nullable |= schema.default.is_none();
        }
        visible
    }

    /// Whether pills of that path keep their slashes.
    pub(crate) fn is_path(&self, inputs: &Fields, root: &str, path: &[String]) -> bool {
        let fields = match root {
            "connection" => &self.connection,
            "inputs" => inputs,
            _ => return false,
        };
        let [name] = path else { return false };
        fields.get(name).is_some_and(|schema| matches!(schema.ty, Type::Path))
    }
}

/// Reads the shared part of `spoke.yaml`; the connection's fields were read before.
pub(crate) fn parse_protocol(
    reading: &mut Reading,
    root: &Node<'_>,
    connection: Fields,
) -> Protocol {
    let mark = reading.mark();
    let mut protocol = Protocol { connection, ..Protocol::default() };
    reading.know_fields("connection", protocol.visible());
    reading.know("call", Some(vec!["key".to_owned(), "now".to_owned()]));
    if let Some(node) = root.get("request") {
        reading.mapping(&node, &grammar::COMMON);
        protocol.query = reading.templates_at(&node, "query");
        protocol.headers = reading.templates_at(&node, "headers");
    }
    if let Some(node) = root.get("read") {
        protocol.read = parse_read(reading, &node);
    }
    if let Some(node) = root.get("shapes") {
        for (name, entry) in node.entries() {
            let shape = Shape::parse(reading, &entry);
            protocol.shapes.extend(shape.map(|shape| (name.to_owned(), Arc::new(shape))));
        }
    }
    reading.know("inputs", None);
    if let Some(node) = root.get("paging") {
        for (name, entry) in node.entries() {
            let paging = Paging::parse(reading, &entry);
            protocol.paging.extend(paging.map(|paging| (name.to_owned(), Arc::new(paging))));
        }
    }
    if let Some(node) = root.get("errors") {
        protocol.errors = ErrorRow::parse_all(reading, &node);
    }
    if let Some(node) = root.get("detail") {
        protocol.detail = reading.strings(&node);
    }
    reading.forget(mark);
    protocol
}

fn parse_read(reading: &mut Reading, node: &Node<'_>) -> ReadRules {
    let mut rules = ReadRules::default();
    reading.mapping(node, &grammar::READ);
    if let Some(dates) = node.get("dates") {
        let words = reading.strings(&dates);
        for word in words.iter().filter(|word| !DATES.contains(&word.as_str())) {
            let help = match did_you_mean(word, DATES) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the forms are: {}", DATES.join(", ")),
            };
            let message = format!("`{word}` is no form of dates");
            reading.diagnostics.push(dates.error(codes::BAD_VALUE, message).with_help(help));
        }
        let has = |form: &str| words.iter().any(|word| word == form);
        rules.iso = has("iso");
        rules.wcf = has("wcf");
        rules.unix = has("unix");
        rules.unix_ms = has("unix_ms");
    }
    if let Some(zone) = node.get("zone")
        && let Some(name) = reading.string(&zone)
    {
        match TimeZone::get(&name) {
            Ok(found) => rules.zone = found,
            Err(_) => reading.error(
                &zone,
                codes::UNKNOWN_TIME_ZONE,
                format!("there is no time zone `{name}`"),
            ),
        }
    }
    if let Some(dotted) = node.get("dotted") {
        rules.nest_dotted = reading
            .word(&dotted, &["nest", "keep"], |word| match word {
                "nest" => Some(true),
                "keep" => Some(false),
                _ => None,
            })
            .unwrap_or_default();
    }
    rules
}

/// Keys with dots become nested objects; the nested one wins over a scalar of the same name.
pub(crate) fn nest_dotted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(nest_dotted).collect()),
        Value::Object(fields) => {
            let mut nested = Map::new();
            for (key, field) in fields {
                match key.split_once('.') {
                    Some((first, rest)) if !first.is_empty() && !first.starts_with('@') => {
                        let mut inner = Map::new();
                        inner.insert(rest.to_owned(), field);
                        deepen(&mut nested, first, nest_dotted(Value::Object(inner)));
                    }
                    _ => deepen(&mut nested, &key, nest_dotted(field)),
                }
            }
            Value::Object(nested)
        }
        scalar => scalar,
    }
}

fn deepen(fields: &mut Map<String, Value>, key: &str, value: Value) {
    match (fields.get_mut(key), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            for (key, value) in new {
                deepen(old, &key, value);
            }
        }
        (Some(Value::Object(_)), _) => {}
        (_, value) => {
            fields.insert(key.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use linchpin_language::json;

    use super::*;

    #[test]
    fn dotted_keys_become_objects_and_win_over_a_scalar() {
        let flat = json!([{ "caller_id.email": "a", "caller_id": "x1", "caller_id.manager.email": "b", "n": 1 }]);
        let nested =
            json!([{ "caller_id": { "email": "a", "manager": { "email": "b" } }, "n": 1 }]);
        assert_eq!(nest_dotted(flat), nested);
        let plain_first = json!({ "a": "x", "a.b": 1 });
        assert_eq!(nest_dotted(plain_first), json!({ "a": { "b": 1 } }));
        let annotation = json!({ "@odata.nextLink": "x" });
        assert_eq!(nest_dotted(annotation.clone()), annotation);
    }
}
