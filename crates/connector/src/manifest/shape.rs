//! Shapes: the named, typed fields that are read from a row of an answer, and nothing else.

use base64::Engine as _;
use indexmap::IndexMap;
use linchpin_language::{
    Expression, Fields, Map, Node, Schema, Type, Value, a_kind, as_unknown, codes, digest, print,
};

use crate::error::{ActionError, ErrorKind};
use crate::manifest::dates::ReadRules;
use crate::manifest::grammar;
use crate::manifest::names::Names;
use crate::manifest::reading::Reading;

/// What is read of each row.
#[derive(Clone)]
pub(crate) struct Shape {
    /// The fields that make a row the same row.
    pub(crate) keys: Vec<String>,
    fields: IndexMap<String, ShapeField>,
}

#[derive(Clone)]
struct ShapeField {
    schema: Schema,
    /// Names in the answer, the first that has a value is read.
    from: Vec<String>,
    be_int: bool,
    value: Option<Expression>,
}

impl Shape {
    /// Reads a shape of the manifest.
    pub(crate) fn parse(reading: &mut Reading, node: &Node<'_>) -> Option<Shape> {
        reading.mapping(node, &grammar::SHAPE);
        let fields_node = reading.required(node, "fields")?;
        let mark = reading.mark();
        reading.know("row", None);
        let mut fields = IndexMap::new();
        for (name, entry) in fields_node.entries() {
            if let Some(field) = ShapeField::parse(reading, name, &entry) {
                fields.insert(name.to_owned(), field);
            }
        }
        reading.forget(mark);
        let keys = node.get("keys").map(|node| reading.strings(&node)).unwrap_or_default();
        for key in &keys {
            if !fields.contains_key(key) && fields.len() == fields_node.entries().len() {
                let message = format!("the key `{key}` is no field of this shape");
                reading.error(node, codes::UNKNOWN_FIELD, message);
            }
        }
        Some(Shape { keys, fields })
    }

    /// The schema of a row; each field may be null.
    pub(crate) fn schema(&self) -> Schema {
        let fields: Fields =
            self.fields.iter().map(|(name, field)| (name.clone(), field.schema.clone())).collect();
        Schema::object(fields)
    }

    /// The names and schemas of the fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &Schema)> {
        self.fields.iter().map(|(name, field)| (name.as_str(), &field.schema))
    }

    /// One row of an answer.
    pub(crate) fn read(
        &self,
        row: &Value,
        rules: &ReadRules,
        names: &Names<'_>,
    ) -> Result<Value, ActionError> {
        let mut shaped = Map::new();
        for (name, field) in &self.fields {
            let raw = field.find(row, names)?;
            let value = field.convert(raw, rules).map_err(|why| {
                ActionError::new(ErrorKind::BadResponse, format!("field `{name}`: {why}"))
            })?;
            shaped.insert(name.clone(), value);
        }
        Ok(Value::Object(shaped))
    }
}

impl ShapeField {
    fn parse(reading: &mut Reading, name: &str, node: &Node<'_>) -> Option<ShapeField> {
        let schema = reading.take(Schema::parse(node, &["from", "as", "value"]));
        let from = node.get("from").map(|node| reading.strings(&node));
        let value = reading.expression_at(node, "value");
        let be_int = match node.get("as") {
            None => false,
            Some(node) => reading
                .word(&node, &["be_int"], |word| (word == "be_int").then_some(true))
                .unwrap_or_default(),
        };
        let mut schema = schema?;
        schema.nullable = true;
        let from = from.unwrap_or_else(|| vec![name.to_owned()]);
        Some(ShapeField { schema, from, be_int, value })
    }

    fn find(&self, row: &Value, names: &Names<'_>) -> Result<Value, ActionError> {
        if let Some(expression) = &self.value {
            return names.with("row", row.clone()).eval(expression);
        }
        let mut found = Value::Null;
        for name in &self.from {
            let value = if name == "*" { Some(row) } else { at(row, name) };
            match value {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.is_empty() => {
                    found = Value::String(String::new());
                }
                Some(value) => return Ok(value.clone()),
            }
        }
        Ok(found)
    }

    fn convert(&self, raw: Value, rules: &ReadRules) -> Result<Value, String> {
        if self.be_int {
            return be_int(&raw);
        }
        convert(raw, &self.schema, rules)
    }
}

/// The identity of a row: its key fields, or all of it when the shape names none.
pub(crate) fn identity(row: &Value, keys: &[String]) -> String {
    if keys.is_empty() {
        return digest(row);
    }
    let parts: Vec<String> = keys
        .iter()
        .map(|key| match row.get(key) {
            None | Some(Value::Null) => String::new(),
            Some(value) => match as_unknown(value) {
                Some(unknown) => format!("?{}", unknown.id),
                None => print(value),
            },
        })
        .collect();
    parts.join("\u{1f}")
}

/// The value at a dotted path; a key that has dots itself comes first.
pub(crate) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => {
            if let Some(found) = fields.get(path) {
                return Some(found);
            }
            let (first, rest) = path.split_once('.')?;
            at(fields.get(first)?, rest)
        }
        Value::Array(items) if items.len() == 1 => at(&items[0], path),
        _ => None,
    }
}

fn convert(raw: Value, schema: &Schema, rules: &ReadRules) -> Result<Value, String> {
    if raw.is_null() || as_unknown(&raw).is_some() {
        return Ok(raw);
    }
    if raw.as_str().is_some_and(str::is_empty) && !matches!(schema.ty, Type::String) {
        return Ok(Value::Null);
    }
    match &schema.ty {
        Type::Integer => integer(&raw),
        Type::Number => number(&raw),
        Type::Boolean => boolean(&raw),
        Type::Datetime => dated(&raw, "a date and time", |text| rules.datetime(text)),
        Type::Date => dated(&raw, "a date", |text| rules.date(text)),
        Type::String | Type::Duration | Type::Email | Type::Url | Type::Path | Type::Secret => {
            match raw {
                Value::Array(_) | Value::Object(_) => Err(unreadable(&raw, "text")),
                scalar => Ok(Value::String(print(&scalar))),
            }
        }
        Type::List(items) => list(raw, items, rules),
        Type::Object(fields) if !fields.is_empty() => object(&raw, fields, rules),
        Type::Object(_) if !raw.is_object() => Err(unreadable(&raw, "an object")),
        Type::Object(_) | Type::Any => Ok(raw),
    }
}

fn list(raw: Value, items: &Schema, rules: &ReadRules) -> Result<Value, String> {
    let raw = match raw {
        Value::Array(raw) => raw,
        // One XML element alone is no list yet.
        single => vec![single],
    };
    let items: Result<Vec<Value>, String> =
        raw.into_iter().map(|item| convert(item, items, rules)).collect();
    items.map(Value::Array)
}

fn object(raw: &Value, fields: &Fields, rules: &ReadRules) -> Result<Value, String> {
    if !raw.is_object() {
        return Err(unreadable(raw, "an object"));
    }
    let mut shaped = Map::new();
    for (name, schema) in fields {
        let value = raw.get(name).cloned().unwrap_or_default();
        shaped.insert(name.clone(), convert(value, schema, rules)?);
    }
    Ok(Value::Object(shaped))
}

fn integer(raw: &Value) -> Result<Value, String> {
    let whole = match raw {
        Value::Number(number) if !number.is_f64() => return Ok(raw.clone()),
        Value::Number(number) => {
            number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9.0e15).map(|n| n as i64)
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    whole.map(Value::from).ok_or_else(|| unreadable(raw, "a whole number"))
}

fn number(raw: &Value) -> Result<Value, String> {
    let number = match raw {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let finite = number.filter(|number: &f64| number.is_finite());
    finite.map(Value::from).ok_or_else(|| unreadable(raw, "a number"))
}

fn boolean(raw: &Value) -> Result<Value, String> {
    let truth = match raw {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    };
    truth.map(Value::Bool).ok_or_else(|| unreadable(raw, "true or false"))
}

fn dated(raw: &Value, what: &str, read: impl Fn(&str) -> Option<String>) -> Result<Value, String> {
    let read = match raw {
        Value::String(text) => read(text),
        Value::Number(number) => read(&number.to_string()),
        _ => None,
    };
    read.map(Value::String).ok_or_else(|| unreadable(raw, what))
}

/// Eight bytes in base64, most significant first.
fn be_int(raw: &Value) -> Result<Value, String> {
    let Some(text) = raw.as_str().filter(|text| !text.is_empty()) else {
        return if raw.is_null() || raw.is_string() {
            Ok(Value::Null)
        } else {
            Err(unreadable(raw, "eight bytes in base64"))
        };
    };
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    match bytes.map(i64::from_be_bytes) {
        Some(number) => Ok(Value::from(number)),
        None => Err(unreadable(raw, "eight bytes in base64")),
    }
}

fn unreadable(raw: &Value, what: &str) -> String {
    match raw {
        Value::Array(_) | Value::Object(_) => format!("expected {what}, found {}", a_kind(raw)),
        scalar => {
            let short: String = print(scalar).chars().take(60).collect();
            format!("cannot read `{short}` as {what}")
        }
    }
}

#[cfg(test)]
mod tests {
    use linchpin_language::json;

    use super::*;

    fn check(raw: Value, ty: Type, expected: Result<Value, &str>) {
        let rules = ReadRules { wcf: true, ..ReadRules::default() };
        let read = convert(raw, &Schema::of(ty), &rules);
        assert_eq!(read, expected.map_err(str::to_owned));
    }

    #[test]
    fn values_are_read_as_their_type() {
        check(json!(338000001), Type::String, Ok(json!("338000001")));
        check(json!(""), Type::String, Ok(json!("")));
        check(json!(""), Type::Datetime, Ok(Value::Null));
        check(json!(""), Type::Integer, Ok(Value::Null));
        check(json!(1), Type::Boolean, Ok(json!(true)));
        check(json!("0"), Type::Boolean, Ok(json!(false)));
        check(json!("17"), Type::Integer, Ok(json!(17)));
        check(json!(100.0), Type::Integer, Ok(json!(100)));
        check(json!("0.50"), Type::Number, Ok(json!(0.5)));
        check(json!(2), Type::Boolean, Err("cannot read `2` as true or false"));
        check(json!("soon"), Type::Datetime, Err("cannot read `soon` as a date and time"));
        check(json!({}), Type::String, Err("expected text, found an object"));
    }

    #[test]
    fn a_row_version_is_read_most_significant_byte_first() {
        assert_eq!(be_int(&json!("AAAAABO2fhs=")), Ok(json!(330_726_939)));
        assert_eq!(be_int(&json!("")), Ok(Value::Null));
        assert!(be_int(&json!("AAA=")).is_err());
    }

    #[test]
    fn a_key_with_dots_comes_before_a_path() {
        let value = json!({ "@odata.nextLink": "x", "a": { "b": 1 } });
        assert_eq!(at(&value, "@odata.nextLink"), Some(&json!("x")));
        assert_eq!(at(&value, "a.b"), Some(&json!(1)));
        assert_eq!(at(&value, "a.c"), None);
    }
}
