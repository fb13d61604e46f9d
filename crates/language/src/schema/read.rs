//! Schemas as they are written in files.

use super::{Fields, Schema, Type};
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::document::Node;
use crate::functions::with_regex;
use crate::value::{Value, kind};

impl Schema {
    /// Reads `{ type: string, required: true, ... }` or a bare type name. Keys of the caller's own
    /// are passed over. All mistakes at once.
    pub fn parse(node: &Node<'_>, extra_keys: &[&str]) -> Result<Schema, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let schema = schema(node, extra_keys, &mut found);
        if found.is_empty() { Ok(schema) } else { Err(found) }
    }

    /// Reads an object of schemas by name.
    pub fn parse_fields(node: &Node<'_>, extra_keys: &[&str]) -> Result<Fields, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let fields = fields(node, extra_keys, &mut found);
        if found.is_empty() { Ok(fields) } else { Err(found) }
    }
}

fn fields(node: &Node<'_>, extra: &[&str], found: &mut Vec<Diagnostic>) -> Fields {
    if !node.value().is_object() {
        let message =
            format!("fields are written as an object of names, not {}", kind(node.value()));
        found.push(node.error(codes::BAD_SCHEMA, message));
    }
    let entries = node.entries().into_iter();
    entries.map(|(name, field)| (name.to_owned(), schema(&field, extra, found))).collect()
}

fn schema(node: &Node<'_>, extra: &[&str], found: &mut Vec<Diagnostic>) -> Schema {
    match node.value() {
        Value::String(name) => Schema::of(named(node, name, found)),
        Value::Object(_) => object(node, extra, found),
        other => {
            let message = format!("a type is a name or an object with `type`, not {}", kind(other));
            found.push(node.error(codes::BAD_SCHEMA, message));
            Schema::any()
        }
    }
}

fn named(node: &Node<'_>, name: &str, found: &mut Vec<Diagnostic>) -> Type {
    Type::named(name).unwrap_or_else(|| {
        let error = node.error(codes::BAD_SCHEMA, format!("there is no type `{name}`"));
        let help = match did_you_mean(name, Type::NAMES).or_else(|| usual_slip(name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the types are: {}", Type::NAMES.join(", ")),
        };
        found.push(error.with_help(help));
        Type::Any
    })
}

fn usual_slip(name: &str) -> Option<&'static str> {
    Some(match name {
        "int" | "long" => "integer",
        "float" | "double" | "decimal" => "number",
        "bool" => "boolean",
        "str" | "text" => "string",
        "array" => "list",
        "map" | "dict" | "struct" => "object",
        "timestamp" | "time" => "datetime",
        _ => return None,
    })
}

fn object(node: &Node<'_>, extra: &[&str], found: &mut Vec<Diagnostic>) -> Schema {
    for (key, field) in node.entries() {
        let known = || Schema::KEYS.iter().map(|(name, _)| *name);
        if !known().any(|known| known == key) && !extra.contains(&key) {
            let error =
                field.error_at_key(codes::UNKNOWN_KEY, format!("unknown key `{key}` in a type"));
            found.push(match did_you_mean(key, known().chain(extra.iter().copied())) {
                Some(near) => error.with_help(format!("did you mean `{near}`?")),
                None => {
                    let known: Vec<&str> = known().collect();
                    error.with_help(format!("a type has the keys: {}", known.join(", ")))
                }
            });
        }
    }
    let mut schema = Schema::of(ty(node, extra, found));
    schema.required = flag(node, "required", found);
    schema.nullable = flag(node, "nullable", found);
    schema.personal = flag(node, "personal", found);
    schema.about = text(node, "about", found);
    schema.pattern = text(node, "pattern", found);
    schema.min = number(node, "min", found);
    schema.max = number(node, "max", found);
    schema.example = node.get("example").map(|example| example.value().clone());
    if let Some(choices) = node.get("enum") {
        match choices.value() {
            Value::Array(items) if !items.is_empty() => schema.choices.clone_from(items),
            _ => found.push(
                choices.error(codes::BAD_SCHEMA, "`enum` is a list of the values that are allowed"),
            ),
        }
    }
    consistent(node, &mut schema, found);
    schema
}

/// What the constraints say together: a pattern that can be read, a default that fits.
fn consistent(node: &Node<'_>, schema: &mut Schema, found: &mut Vec<Diagnostic>) {
    if let (Some(pattern), Some(at)) = (&schema.pattern, node.get("pattern"))
        && let Err(message) = with_regex(pattern, |_| ())
    {
        found.push(at.error(codes::BAD_SCHEMA, message));
        schema.pattern = None;
    }
    if let (Some(min), Some(max)) = (schema.min, schema.max)
        && min > max
    {
        found
            .push(node.error(codes::BAD_SCHEMA, format!("`min` {min} is larger than `max` {max}")));
    }
    let Some(default) = node.get("default").filter(|default| !default.value().is_null()) else {
        return;
    };
    let bare = Schema { default: None, ..schema.clone() };
    match bare.coerce(default.value().clone(), "default") {
        Ok(value) => schema.default = Some(value),
        Err(mismatch) => {
            let message = format!("the default does not fit: {}", mismatch.message);
            found.push(default.error(codes::BAD_SCHEMA, message));
        }
    }
}

fn ty(node: &Node<'_>, extra: &[&str], found: &mut Vec<Diagnostic>) -> Type {
    let items = node.get("items").map(|items| schema(&items, extra, found));
    let inner = node.get("fields").map(|inner| fields(&inner, extra, found));
    let named = match node.get("type") {
        Some(at) => match at.as_str() {
            Some(name) => Some(named(&at, name, found)),
            None => {
                let message = format!("`type` is the name of a type, not {}", kind(at.value()));
                found.push(at.error(codes::BAD_SCHEMA, message));
                Some(Type::Any)
            }
        },
        None => None,
    };
    let (items_at, fields_at) = (node.get("items"), node.get("fields"));
    match (named, items, inner) {
        (Some(Type::List(_)) | None, Some(items), None) => Type::List(Box::new(items)),
        (Some(Type::Object(_)) | None, None, Some(fields)) => Type::Object(fields),
        (Some(named), None, None) => named,
        (None, None, None) => Type::Any,
        (named, ..) => {
            for (at, belongs) in [(items_at, "list"), (fields_at, "object")] {
                if let Some(at) =
                    at.filter(|_| named.as_ref().is_none_or(|ty| ty.name() != belongs))
                {
                    let message = format!(
                        "`{}` belongs to a {belongs}",
                        if belongs == "list" { "items" } else { "fields" }
                    );
                    found.push(at.error_at_key(codes::BAD_SCHEMA, message));
                }
            }
            named.unwrap_or(Type::Any)
        }
    }
}

fn flag(node: &Node<'_>, key: &str, found: &mut Vec<Diagnostic>) -> bool {
    let Some(at) = node.get(key) else { return false };
    at.value().as_bool().unwrap_or_else(|| {
        found.push(at.error(codes::BAD_SCHEMA, format!("`{key}` is true or false")));
        false
    })
}

fn text(node: &Node<'_>, key: &str, found: &mut Vec<Diagnostic>) -> Option<String> {
    let at = node.get(key)?;
    let text = at.as_str().map(str::to_owned);
    if text.is_none() {
        found.push(at.error(codes::BAD_SCHEMA, format!("`{key}` is a text")));
    }
    text
}

fn number(node: &Node<'_>, key: &str, found: &mut Vec<Diagnostic>) -> Option<f64> {
    let at = node.get(key)?;
    let number = at.value().as_f64();
    if number.is_none() {
        found.push(at.error(codes::BAD_SCHEMA, format!("`{key}` is a number")));
    }
    number
}
