//! Types of inputs, outputs and fields: what a value must look like, and how it is read as that.

mod coerce;
mod json_schema;
mod read;

use serde::{Deserialize, Serialize};

use crate::value::{Map, Value};

pub use coerce::Mismatch;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Type {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number, always with a fraction in expressions.
    Number,
    /// True or false.
    Boolean,
    /// A calendar day: `2026-01-31`.
    Date,
    /// An instant in RFC 3339, kept in UTC.
    Datetime,
    /// A length of time: `1h30m`.
    Duration,
    /// An email address.
    Email,
    /// A URL with a scheme.
    Url,
    /// A path that keeps its slashes in a URL.
    Path,
    /// A secret: text that is never shown.
    Secret,
    /// A list of items of one schema.
    List(Box<Schema>),
    /// An object; without fields, any object.
    Object(Fields),
    /// Anything.
    Any,
}

/// The fields of an object, in written order.
pub type Fields = indexmap::IndexMap<String, Schema>;

/// A type with its constraints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// The type.
    pub ty: Type,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// What stands in its place when it is not given.
    pub default: Option<Value>,
    /// The values it may have; empty for any. Written `enum`.
    pub choices: Vec<Value>,
    /// The smallest number, length of text, or count of items.
    pub min: Option<f64>,
    /// The largest number, length of text, or count of items.
    pub max: Option<f64>,
    /// A regular expression that a text must match.
    pub pattern: Option<String>,
    /// An example for people.
    pub example: Option<Value>,
    /// A description for people.
    pub about: Option<String>,
    /// Whether it is personal: hidden in listings, erasable.
    pub personal: bool,
}

impl Type {
    /// The type of that name, lists and objects with anything inside.
    pub fn named(name: &str) -> Option<Type> {
        Some(match name {
            "string" => Type::String,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            "date" => Type::Date,
            "datetime" => Type::Datetime,
            "duration" => Type::Duration,
            "email" => Type::Email,
            "url" => Type::Url,
            "path" => Type::Path,
            "secret" => Type::Secret,
            "list" => Type::List(Box::new(Schema::any())),
            "object" => Type::Object(Fields::new()),
            "any" => Type::Any,
            _ => return None,
        })
    }

    /// The name as it is written in a schema.
    pub fn name(&self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::Boolean => "boolean",
            Type::Date => "date",
            Type::Datetime => "datetime",
            Type::Duration => "duration",
            Type::Email => "email",
            Type::Url => "url",
            Type::Path => "path",
            Type::Secret => "secret",
            Type::List(_) => "list",
            Type::Object(_) => "object",
            Type::Any => "any",
        }
    }

    /// The names of all types.
    pub const NAMES: [&'static str; 14] = [
        "string", "integer", "number", "boolean", "date", "datetime", "duration", "email", "url",
        "path", "secret", "list", "object", "any",
    ];

    /// Whether values of the type are texts.
    pub fn is_text(&self) -> bool {
        use Type::{Date, Datetime, Duration, Email, Path, Secret, String, Url};
        matches!(self, String | Date | Datetime | Duration | Email | Url | Path | Secret)
    }
}

impl Schema {
    /// The keys of a type as it is written, each with its meaning.
    pub const KEYS: [(&'static str, &'static str); 13] = [
        ("type", "The name of the type."),
        ("items", "The type of each item of a list."),
        ("fields", "The fields of an object, each with its type."),
        ("required", "Whether it must be given."),
        ("nullable", "Whether it may be null."),
        ("default", "What stands in its place when it is not given."),
        ("enum", "The values it may have."),
        ("min", "The smallest number, length of text or count of items."),
        ("max", "The largest number, length of text or count of items."),
        ("pattern", "A regular expression that a text must match."),
        ("example", "An example for people."),
        ("about", "What it is, for people."),
        ("personal", "Whether it is personal: hidden in listings, erasable."),
    ];

    /// Anything.
    pub fn any() -> Self {
        Self::of(Type::Any)
    }

    /// A type without constraints.
    pub fn of(ty: Type) -> Self {
        Self {
            ty,
            required: false,
            nullable: false,
            default: None,
            choices: Vec::new(),
            min: None,
            max: None,
            pattern: None,
            example: None,
            about: None,
            personal: false,
        }
    }

    /// A text.
    pub fn string() -> Self {
        Self::of(Type::String)
    }

    /// A list of items of a schema.
    pub fn list(item: Schema) -> Self {
        Self::of(Type::List(Box::new(item)))
    }

    /// An object of fields.
    pub fn object(fields: Fields) -> Self {
        Self::of(Type::Object(fields))
    }

    /// The same, and it may be null.
    #[must_use]
    pub fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The schema of a field of an object.
    pub fn field(&self, name: &str) -> Option<&Schema> {
        match &self.ty {
            Type::Object(fields) => fields.get(name),
            _ => None,
        }
    }

    /// The type for people: `string`, `list of string`, `integer or null`.
    pub fn type_name(&self) -> String {
        let name = match &self.ty {
            Type::List(item) if item.ty != Type::Any => format!("list of {}", item.type_name()),
            ty => ty.name().to_owned(),
        };
        if self.nullable && self.ty != Type::Any { format!("{name} or null") } else { name }
    }

    /// The type with its article: `a list of string`, `an integer`.
    pub fn named(&self) -> String {
        let name = self.type_name();
        format!("{} {name}", crate::functions::article(&name))
    }

    /// Whether a value of another schema can stand here, as far as types tell. What is read as
    /// its type at run time (text as integer, number as text) is compatible.
    pub fn accepts(&self, other: &Schema) -> bool {
        self.refuses(other).is_none()
    }

    /// The first part of a value of another schema that can surely not be read as this one: the
    /// path to it (`.0` stands for each item of a list), what is wanted there, and what is there.
    pub fn refuses<'s>(
        &'s self,
        other: &'s Schema,
    ) -> Option<(String, &'s Schema, Option<&'s Schema>)> {
        let found = match (&self.ty, &other.ty) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::List(wanted), Type::List(given)) => {
                let (path, wanted, given) = wanted.refuses(given)?;
                return Some((format!(".0{path}"), wanted, given));
            }
            (Type::Object(wanted), Type::Object(given)) => return refused_field(wanted, given),
            (Type::List(_) | Type::Object(_), _) | (_, Type::List(_) | Type::Object(_)) => false,
            (wanted, given) => reads(wanted, given),
        };
        (!found).then(|| (String::new(), self, Some(other)))
    }

    /// A typed unknown; of an object with fields, an object of unknown fields.
    pub fn unknown(&self, what: &str) -> Value {
        match &self.ty {
            Type::Object(fields) if !fields.is_empty() => {
                let fields: Map<String, Value> = fields
                    .iter()
                    .map(|(name, field)| {
                        (name.clone(), field.unknown(&format!("{name} of {what}")))
                    })
                    .collect();
                Value::Object(fields)
            }
            ty => crate::unknown::unknown(what, ty.name(), what),
        }
    }
}

/// Whether a single value of one type can be read as another.
fn reads(wanted: &Type, given: &Type) -> bool {
    use Type::{Boolean, Date, Datetime, Integer, Number, Path, Secret, String};
    match (wanted, given) {
        (a, b) if a == b => true,
        (Number, Integer) | (String | Secret | Path, Integer | Number) => true,
        // A text may hold a number or a boolean; only a typed text surely does not.
        (Integer | Number | Boolean, String) => true,
        (Date, Datetime) | (Datetime, Date) => true,
        (String | Secret | Path, text) | (text, String | Secret | Path) => {
            text.is_text() && wanted.is_text()
        }
        _ => false,
    }
}

fn refused_field<'s>(
    wanted: &'s Fields,
    given: &'s Fields,
) -> Option<(String, &'s Schema, Option<&'s Schema>)> {
    if wanted.is_empty() || given.is_empty() || given.contains_key("*") {
        return None;
    }
    wanted.iter().find_map(|(name, field)| match given.get(name) {
        Some(other) => {
            let (path, wanted, given) = field.refuses(other)?;
            Some((format!(".{name}{path}"), wanted, given))
        }
        None => (field.required && field.default.is_none() && name != "*")
            .then(|| (format!(".{name}"), field, None)),
    })
}

#[cfg(test)]
mod tests;
