//! Schemas as JSON Schema, for editors, forms and API descriptions.

use super::{Fields, Schema, Type};
use crate::value::{Map, Value, json};

impl Schema {
    /// This schema as JSON Schema (draft 2020-12).
    pub fn to_json_schema(&self) -> Value {
        let mut out = Map::new();
        let mut put = |key: &str, value: Value| {
            out.insert(key.to_owned(), value);
        };
        let (name, format) = match &self.ty {
            Type::String | Type::Path => (Some("string"), None),
            Type::Secret => (Some("string"), Some("password")),
            Type::Integer => (Some("integer"), None),
            Type::Number => (Some("number"), None),
            Type::Boolean => (Some("boolean"), None),
            Type::Date => (Some("string"), Some("date")),
            Type::Datetime => (Some("string"), Some("date-time")),
            Type::Duration => (Some("string"), None),
            Type::Email => (Some("string"), Some("email")),
            Type::Url => (Some("string"), Some("uri")),
            Type::List(_) => (Some("array"), None),
            Type::Object(_) => (Some("object"), None),
            Type::Any => (None, None),
        };
        if let Some(name) = name {
            put("type", if self.nullable { json!([name, "null"]) } else { json!(name) });
        }
        if let Some(format) = format {
            put("format", json!(format));
        }
        match &self.ty {
            Type::List(item) => put("items", item.to_json_schema()),
            Type::Object(fields) if !fields.is_empty() => object_keys(fields, &mut put),
            _ => {}
        }
        let (least, most) = match &self.ty {
            Type::List(_) => ("minItems", "maxItems"),
            ty if ty.is_text() => ("minLength", "maxLength"),
            _ => ("minimum", "maximum"),
        };
        let optional = [
            (least, self.min.map(plain)),
            (most, self.max.map(plain)),
            ("pattern", self.pattern.as_ref().map(|pattern| json!(pattern))),
            ("description", self.about.as_ref().map(|about| json!(about))),
            ("default", self.default.clone()),
            ("examples", self.example.as_ref().map(|example| json!([example]))),
            ("enum", (!self.choices.is_empty()).then(|| json!(self.choices))),
            ("writeOnly", (self.ty == Type::Secret).then_some(json!(true))),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                put(key, value);
            }
        }
        Value::Object(out)
    }
}

fn object_keys(fields: &Fields, put: &mut dyn FnMut(&str, Value)) {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, field)| (name.clone(), field.to_json_schema())).collect();
    let required: Vec<&String> =
        fields.iter().filter(|(_, field)| field.required).map(|(name, _)| name).collect();
    put("properties", Value::Object(properties));
    if !required.is_empty() {
        put("required", json!(required));
    }
    put("additionalProperties", json!(false));
}

/// A bound without a needless fraction: lengths must be whole in JSON Schema.
fn plain(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "only whole numbers in range are cut")]
    if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) }
}
