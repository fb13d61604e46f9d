//! Values read as their type: text as numbers, booleans, dates and durations, whole numbers as text.

use jiff::tz::TimeZone;

use super::{Fields, Schema, Type};
use crate::diagnostic::did_you_mean;
use crate::duration::parse_duration;
use crate::functions::{article, instant, with_regex};
use crate::unknown::{equal, is_unknown, take_rest};
use crate::value::{Map, Value, json, kind};

/// A value that does not fit its type.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Mismatch {
    /// The path of the field: `inputs.courses.2`.
    pub at: String,
    /// What is wanted there.
    pub expected: String,
    /// What was found: the kind of the value, never the value itself.
    pub found: String,
    /// All of it as one fragment that names the field.
    pub message: String,
}

/// After so many mismatches a list is not read further.
const MOST_MISMATCHES: usize = 20;

impl Schema {
    /// Reads a value as this type. Unknowns pass. The error is the first mismatch, and names the
    /// path of the field.
    pub fn coerce(&self, value: Value, at: &str) -> Result<Value, Mismatch> {
        self.coerce_all(value, at).map_err(|mut mismatches| mismatches.swap_remove(0))
    }

    /// The same with all mismatches at once; of a long list those that come first. There is at
    /// least one in an error.
    pub fn coerce_all(&self, value: Value, at: &str) -> Result<Value, Vec<Mismatch>> {
        if is_unknown(&value) {
            return Ok(value);
        }
        if value.is_null() {
            return match (&self.default, self.nullable || !self.required || self.ty == Type::Any) {
                (Some(default), _) => Ok(default.clone()),
                (None, true) => Ok(value),
                (None, false) => Err(vec![self.mismatch(at, &value)]),
            };
        }
        let value = self.read(value, at)?;
        self.constrain(&value, at).map_err(|mismatch| vec![mismatch])?;
        Ok(value)
    }

    /// Reads an object as these fields: defaults filled in, required ones checked, unknown names
    /// refused. Fields that are not given are null. All mismatches at once.
    pub fn coerce_fields(fields: &Fields, value: Value) -> Result<Value, Vec<Mismatch>> {
        if is_unknown(&value) {
            return Ok(value);
        }
        let mut given = match value {
            Value::Object(given) => given,
            Value::Null => Map::new(),
            other => return Err(vec![Schema::object(fields.clone()).mismatch("", &other)]),
        };
        let mut mismatches = Vec::new();
        let mut read = Map::with_capacity(fields.len());
        let open = take_rest(&mut given);
        for (name, schema) in fields {
            let found = given.shift_remove_entry(name);
            if let (None, Some(rest)) = (&found, &open) {
                read.insert(name.clone(), rest.at(std::slice::from_ref(name)));
                continue;
            }
            let (own, value) = found.unwrap_or_else(|| (name.clone(), Value::Null));
            let missing =
                value.is_null() && schema.required && schema.default.is_none() && !schema.nullable;
            match schema.coerce_all(value, name) {
                Err(found) if missing => {
                    let message = format!("`{name}` is required and not given");
                    mismatches.extend(
                        found.into_iter().map(|one| Mismatch { message: message.clone(), ..one }),
                    );
                }
                Err(found) => mismatches.extend(found),
                Ok(value) => {
                    read.insert(own, value);
                }
            }
        }
        mismatches.extend(given.keys().map(|name| unknown_name(name, fields)));
        if mismatches.is_empty() { Ok(Value::Object(read)) } else { Err(mismatches) }
    }

    fn mismatch(&self, at: &str, found: &Value) -> Mismatch {
        let expected = self.type_name();
        let found = kind(found).to_owned();
        let name = if at.is_empty() { "the value".to_owned() } else { format!("`{at}`") };
        let must = format!("{} {expected}", article(&expected));
        let is =
            if found == "null" { found.clone() } else { format!("{} {found}", article(&found)) };
        Mismatch {
            at: at.to_owned(),
            message: format!("{name} must be {must}, it is {is}"),
            expected,
            found,
        }
    }

    fn unreadable(&self, at: &str, found: &Value, hint: &str) -> Mismatch {
        let mismatch = self.mismatch(at, found);
        let name = if at.is_empty() { "the value".to_owned() } else { format!("`{at}`") };
        let expected = &mismatch.expected;
        if found.as_str().is_some_and(str::is_empty) {
            let message = format!("{name} is empty, it must be {} {expected}", article(expected));
            return Mismatch { message, ..mismatch };
        }
        let message = format!("{name} cannot be read as {} {expected}{hint}", article(expected));
        Mismatch { message, ..mismatch }
    }

    fn read(&self, value: Value, at: &str) -> Result<Value, Vec<Mismatch>> {
        match &self.ty {
            Type::Any => Ok(value),
            Type::List(item) => match value {
                Value::Array(items) => read_list(item, items, at),
                other => Err(vec![self.mismatch(at, &other)]),
            },
            Type::Object(fields) => match value {
                Value::Object(_) if fields.is_empty() => Ok(value),
                Value::Object(_) => Schema::coerce_fields(fields, value).map_err(|mismatches| {
                    mismatches.into_iter().map(|inner| below(at, inner)).collect()
                }),
                other => Err(vec![self.mismatch(at, &other)]),
            },
            _ => self.read_single(value, at).map_err(|mismatch| vec![mismatch]),
        }
    }

    fn read_single(&self, value: Value, at: &str) -> Result<Value, Mismatch> {
        match (&self.ty, value) {
            (Type::Integer, Value::Number(number)) if !number.is_f64() => Ok(Value::Number(number)),
            (Type::Integer, Value::String(text)) => match text.trim().parse::<i64>() {
                Ok(number) => Ok(json!(number)),
                Err(_) => Err(self.unreadable(at, &json!(text), "")),
            },
            (Type::Number, Value::Number(number)) => Ok(json!(number.as_f64())),
            (Type::Number, Value::String(text)) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(json!(number)),
                _ => Err(self.unreadable(at, &json!(text), "")),
            },
            (Type::Boolean, Value::Bool(value)) => Ok(json!(value)),
            (Type::Boolean, Value::String(text)) => match text.trim().to_ascii_lowercase().as_str()
            {
                "true" => Ok(json!(true)),
                "false" => Ok(json!(false)),
                _ => Err(self.unreadable(at, &json!(text), ": write true or false")),
            },
            (ty, Value::String(text)) if ty.is_text() => self.read_text(text, at),
            (Type::String | Type::Secret | Type::Path, Value::Number(number)) => {
                Ok(json!(number.to_string()))
            }
            (Type::Duration, Value::Number(number)) => {
                Err(self.unreadable(at, &Value::Number(number), ": write it with a unit, as 30s"))
            }
            (_, other) => Err(self.mismatch(at, &other)),
        }
    }

    fn read_text(&self, text: String, at: &str) -> Result<Value, Mismatch> {
        let failed = |hint: &str| self.unreadable(at, &Value::Null, hint);
        match self.ty {
            Type::Date => {
                match text.trim().get(..10).and_then(|day| day.parse::<jiff::civil::Date>().ok()) {
                    Some(day) if instant(&text, &TimeZone::UTC).is_ok() => {
                        Ok(json!(day.to_string()))
                    }
                    _ => Err(failed(": write it as 2026-01-31")),
                }
            }
            Type::Datetime => match instant(&text, &TimeZone::UTC) {
                Ok(instant) => Ok(json!(instant.to_string())),
                Err(_) => Err(failed(": write it as 2026-01-31T09:00:00Z")),
            },
            Type::Duration => match parse_duration(&text) {
                Ok(_) => Ok(json!(text.trim())),
                Err(_) => Err(failed(": write it as 30s, 5m, 1h30m or 2d")),
            },
            Type::Email if !is_email(text.trim()) => Err(failed("")),
            Type::Url if !is_url(text.trim()) => Err(failed(": write it with https://")),
            Type::Email | Type::Url => Ok(json!(text.trim())),
            _ => Ok(json!(text)),
        }
    }

    fn constrain(&self, value: &Value, at: &str) -> Result<(), Mismatch> {
        let refuse = |rest: String| {
            let name = if at.is_empty() { "the value".to_owned() } else { format!("`{at}`") };
            Err(Mismatch { message: format!("{name} {rest}"), ..self.mismatch(at, value) })
        };
        if !self.choices.is_empty()
            && !self.choices.iter().any(|choice| equal(choice, value) != Some(false))
        {
            let choices: Vec<String> = self.choices.iter().map(crate::value::print).collect();
            return refuse(format!("must be one of: {}", choices.join(", ")));
        }
        // Most have no limit, and a text would be counted for nothing.
        if self.min.is_none() && self.max.is_none() && self.pattern.is_none() {
            return Ok(());
        }
        let (measure, what) = match value {
            Value::Number(number) => (number.as_f64(), ""),
            #[expect(clippy::cast_precision_loss, reason = "no text is that long")]
            Value::String(text) => (Some(text.chars().count() as f64), " characters"),
            #[expect(clippy::cast_precision_loss, reason = "no list is that long")]
            Value::Array(items) => (Some(items.len() as f64), " items"),
            _ => (None, ""),
        };
        if let (Some(measure), Some(min)) = (measure, self.min)
            && measure < min
        {
            return refuse(format!("must be at least {min}{what}"));
        }
        if let (Some(measure), Some(max)) = (measure, self.max)
            && measure > max
        {
            return refuse(format!("must be at most {max}{what}"));
        }
        if let (Some(pattern), Value::String(text)) = (&self.pattern, value)
            && with_regex(pattern, |regex| !regex.is_match(text)).unwrap_or(true)
        {
            return refuse(format!("does not match the pattern {pattern}"));
        }
        Ok(())
    }
}

fn read_list(item: &Schema, items: Vec<Value>, at: &str) -> Result<Value, Vec<Mismatch>> {
    let mut mismatches = Vec::new();
    let mut read = Vec::with_capacity(items.len());
    for (i, value) in items.into_iter().enumerate() {
        let at = join(at, &i.to_string());
        // A field may be left out; a place in a list is there.
        let is_gap = value.is_null() && !item.nullable && item.ty != Type::Any;
        let found = match is_gap && item.default.is_none() {
            true => Err(vec![item.mismatch(&at, &value)]),
            false => item.coerce_all(value, &at),
        };
        match found {
            Ok(value) => read.push(value),
            Err(found) => mismatches.extend(found),
        }
        if mismatches.len() >= MOST_MISMATCHES {
            break;
        }
    }
    if mismatches.is_empty() { Ok(Value::Array(read)) } else { Err(mismatches) }
}

/// A mismatch of a field, seen from above.
fn below(at: &str, inner: Mismatch) -> Mismatch {
    let path = join(at, &inner.at);
    let message = inner.message.replacen(&format!("`{}`", inner.at), &format!("`{path}`"), 1);
    Mismatch { at: path, message, ..inner }
}

fn unknown_name(name: &str, fields: &Fields) -> Mismatch {
    let message = match did_you_mean(name, fields.keys().map(String::as_str)) {
        Some(near) => format!("there is no `{name}`; did you mean `{near}`?"),
        None => format!("there is no `{name}`"),
    };
    Mismatch {
        at: name.to_owned(),
        expected: "nothing".to_owned(),
        found: "a field".to_owned(),
        message,
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// Whether a text looks like an address: one `@`, something on both sides, no blank or control.
fn is_email(text: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "<>(),;:\"[]\\".contains(c);
    match text.split_once('@') {
        Some((name, host)) => {
            !name.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !text.contains(bad)
                && !host.starts_with('.')
                && !host.ends_with('.')
        }
        None => false,
    }
}

/// Whether a text looks like a URL with a scheme and a host.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    scheme_ok && !host.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
