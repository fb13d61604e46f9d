//! A value that is given for a type: the value itself, what is read as it, or a text with pills.

use linchpin_language::{Fields, Map, Schema, Type, Value, json, print};

/// A text with a pill somewhere.
const PILL: &str = r"\{\{";

/// The schema of what a flow can write for a value of this type.
pub fn given(schema: &Schema) -> Value {
    let mut out = match (&schema.ty, schema.choices.is_empty()) {
        (_, false) => choices(schema),
        (Type::Any, true) => Map::new(),
        (Type::List(item), true) => list(schema, item),
        (Type::Object(fields), true) => object(schema, fields),
        (_, true) => single(schema),
    };
    let notes = [
        ("description", about(schema)),
        ("default", schema.default.clone()),
        ("examples", schema.example.as_ref().map(|example| json!([example]))),
    ];
    for (key, value) in notes {
        if let Some(value) = value {
            out.insert(key.to_owned(), value);
        }
    }
    Value::Object(out)
}

/// The inputs of something, as they stand under `with`.
pub(super) fn inputs(fields: &Fields) -> Map<String, Value> {
    let named = fields.iter().filter(|(name, _)| *name != "*");
    let properties: Map<String, Value> =
        named.clone().map(|(name, schema)| (name.clone(), given(schema))).collect();
    let required: Vec<&str> =
        named.filter(|(_, schema)| is_needed(schema)).map(|(name, _)| name.as_str()).collect();
    let others = fields.get("*").map_or(json!(false), given);
    let mut out = Map::new();
    out.insert("type".to_owned(), json!("object"));
    out.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        out.insert("required".to_owned(), json!(required));
    }
    out.insert("additionalProperties".to_owned(), others);
    out
}

/// Whether a value must be written.
pub(super) fn is_needed(schema: &Schema) -> bool {
    schema.required && schema.default.is_none() && !schema.nullable
}

fn about(schema: &Schema) -> Option<Value> {
    let name = match &schema.ty {
        Type::Any => None,
        _ => Some(schema.type_name()),
    };
    let text = match (&schema.about, name) {
        (Some(about), Some(name)) => format!("{about} ({name})"),
        (Some(about), None) => about.clone(),
        (None, Some(name)) => name,
        (None, None) => return None,
    };
    Some(json!(text))
}

/// What may stand for nothing.
fn types(schema: &Schema, types: &[&str]) -> Value {
    let mut all = types.to_vec();
    if !schema.required || schema.nullable || schema.default.is_some() {
        all.push("null");
    }
    json!(all)
}

fn choices(schema: &Schema) -> Map<String, Value> {
    let mut words = Vec::new();
    for choice in &schema.choices {
        words.push(choice.clone());
        if !choice.is_string() {
            words.push(json!(print(choice)));
        }
    }
    if types(schema, &[]) != json!([]) {
        words.push(Value::Null);
    }
    let mut out = Map::new();
    let pill = json!({ "type": "string", "pattern": PILL });
    out.insert("anyOf".to_owned(), json!([{ "enum": words }, pill]));
    out
}

fn list(schema: &Schema, item: &Schema) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".to_owned(), types(schema, &["array", "string"]));
    out.insert("items".to_owned(), given(item));
    bounds(&mut out, schema, "minItems", "maxItems");
    out.insert("pattern".to_owned(), json!(PILL));
    out
}

fn object(schema: &Schema, fields: &Fields) -> Map<String, Value> {
    let mut out = Map::new();
    if !fields.is_empty() {
        out = inputs(fields);
    }
    out.insert("type".to_owned(), types(schema, &["object", "string"]));
    out.insert("pattern".to_owned(), json!(PILL));
    out
}

/// What is neither a list nor an object, read from a text or a number where that is allowed.
fn single(schema: &Schema) -> Map<String, Value> {
    let mut out = Map::new();
    let (kinds, pattern): (&[&str], &str) = match &schema.ty {
        Type::Integer => (&["integer", "string"], r"\{\{|^\s*[+-]?[0-9]+\s*$"),
        Type::Number => (&["number", "string"], r"\{\{|[0-9]"),
        Type::Boolean => {
            (&["boolean", "string"], r"\{\{|^\s*([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])\s*$")
        }
        Type::Date | Type::Datetime => (&["string"], r"\{\{|^\s*[+-]?[0-9]{4}"),
        Type::Duration => (&["string"], r"\{\{|^\s*[0-9]+[a-z]"),
        Type::Email => (&["string"], r"\{\{|@"),
        Type::Url => (&["string"], r"\{\{|://"),
        _ => (&["string", "number"], ""),
    };
    out.insert("type".to_owned(), types(schema, kinds));
    if !pattern.is_empty() {
        out.insert("pattern".to_owned(), json!(pattern));
    }
    if schema.ty.is_text() {
        let mut limits = Map::new();
        bounds(&mut limits, schema, "minLength", "maxLength");
        // Other flavours of patterns know no flags, and the two differ in little else.
        if let Some(pattern) = schema.pattern.as_ref().filter(|text| !text.contains("(?")) {
            limits.insert("pattern".to_owned(), json!(pattern));
        }
        if !limits.is_empty() {
            out.insert("anyOf".to_owned(), json!([{ "pattern": PILL }, limits]));
        }
    } else {
        bounds(&mut out, schema, "minimum", "maximum");
    }
    out
}

fn bounds(out: &mut Map<String, Value>, schema: &Schema, least: &str, most: &str) {
    for (key, bound) in [(least, schema.min), (most, schema.max)] {
        if let Some(bound) = bound {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "only whole numbers in range are cut"
            )]
            let value = match bound.fract() == 0.0 && bound.abs() < 1e15 {
                true => json!(bound as i64),
                false => json!(bound),
            };
            out.insert(key.to_owned(), value);
        }
    }
}
