//! Inputs as they are typed on a command line or kept in a file.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use linchpin_language::{Document, Fields, Map, Type, Value, parse_duration};

use crate::failure::Failure;
use crate::workspace::text_of;

/// The inputs of a run: those of the file, with the typed ones over them.
pub(crate) fn gather(
    fields: &Fields,
    file: Option<&Path>,
    typed: &[String],
) -> Result<Map<String, Value>, Failure> {
    let mut inputs = file.map(from_file).transpose()?.unwrap_or_default();
    for (name, text) in split_all(typed)? {
        let ty = fields.get(name).map_or(&Type::Any, |schema| &schema.ty);
        inputs.insert(name.to_owned(), read(ty, name, text)?);
    }
    Ok(inputs)
}

/// `name=value` in its two parts.
pub(crate) fn split(pair: &str) -> Result<(&str, &str), Failure> {
    let parts = pair.split_once('=').filter(|(name, _)| !name.is_empty());
    parts.ok_or_else(|| {
        Failure::usage(format!("{pair:?} is not name=value"))
            .help("write the name, `=` and the value, such as incident=INC0010001")
    })
}

/// Several of them; a name that is given twice is refused, since only one value can be meant.
pub(crate) fn split_all(pairs: &[String]) -> Result<Vec<(&str, &str)>, Failure> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    for pair in pairs {
        let (name, value) = split(pair)?;
        if all.iter().any(|(known, _)| *known == name) {
            return Err(Failure::usage(format!("{name} is given twice"))
                .help("give it once; a list is written with commas or as JSON"));
        }
        all.push((name, value));
    }
    Ok(all)
}

/// A typed text as a value of a type. What does not fit is left as text, for the flow's own
/// types to refuse with their own words.
pub(crate) fn read(ty: &Type, name: &str, text: &str) -> Result<Value, Failure> {
    let is_json = text.starts_with(['[', '{']);
    if is_json && !matches!(ty, Type::String) {
        return serde_json::from_str(text).map_err(|error| {
            Failure::usage(format!("the value of {name} begins like JSON but is none: {error}"))
        });
    }
    Ok(match ty {
        Type::List(items) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| scalar(&items.ty, part)).collect())
        }
        ty => scalar(ty, text),
    })
}

fn scalar(ty: &Type, text: &str) -> Value {
    let is_literal = matches!(ty, Type::Integer | Type::Number | Type::Boolean);
    let literal = is_literal.then(|| serde_json::from_str(text).ok()).flatten();
    literal.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn from_file(file: &Path) -> Result<Map<String, Value>, Failure> {
    let name = file.display().to_string();
    let text = text_of(file)?;
    let value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(_) => Document::parse(&name, &text)
            .map_err(|mistakes| Failure::mistakes(format!("{name} cannot be read"), mistakes))?
            .root()
            .value()
            .clone(),
    };
    match value {
        Value::Object(inputs) => Ok(inputs),
        _ => Err(Failure::usage(format!("{name} is no map of inputs by name"))),
    }
}

/// How many of something, at least one.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "it is no number from 1".to_owned())
}

/// A time as it is typed: an instant, a day in UTC, or how long ago.
pub(crate) fn instant(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<Date>() {
        let at = day.to_zoned(TimeZone::UTC).map(|at| at.timestamp());
        return at.map_err(|error| Failure::because(format!("{text:?} is no day"), &error));
    }
    let ago = parse_duration(text).ok().and_then(|ago| now.checked_sub(ago).ok());
    ago.ok_or_else(|| {
        Failure::usage(format!("{text:?} is no time"))
            .help("a day 2026-03-10, an instant 2026-03-10T08:00:00Z, or how long ago: 2h, 3d")
    })
}

#[cfg(test)]
mod tests {
    use linchpin_language::{Schema, json};

    use super::*;

    #[test]
    fn a_text_is_read_as_the_type_of_its_input() {
        let check = |ty: Type, text: &str, expected: Value| {
            assert_eq!(read(&ty, "it", text).unwrap(), expected, "{text}");
        };
        let list = |ty: Type| Type::List(Box::new(Schema::of(ty)));
        check(list(Type::String), "SAFETY-101, GDPR-201", json!(["SAFETY-101", "GDPR-201"]));
        check(list(Type::Integer), "1,2", json!([1, 2]));
        check(list(Type::String), "[\"a,b\"]", json!(["a,b"]));
        check(list(Type::String), "", json!([]));
        check(Type::String, "[not json", json!("[not json"));
        check(Type::String, "7", json!("7"));
        check(Type::Integer, "7", json!(7));
        check(Type::Boolean, "true", json!(true));
        check(Type::Boolean, "yes", json!("yes"));
        check(Type::Any, "{\"a\":1}", json!({ "a": 1 }));
    }

    #[test]
    fn a_pair_without_a_name_is_refused() {
        assert!(split("=3").is_err());
        assert!(split("incident").is_err());
        assert_eq!(split("query=a=b").unwrap(), ("query", "a=b"));
    }

    #[test]
    fn a_time_is_an_instant_a_day_or_how_long_ago() {
        let now = "2026-03-10T12:00:00Z".parse().expect("an instant");
        let read = |text| instant(text, now).map(|at| at.to_string()).map_err(|why| why.message);
        assert_eq!(read("2026-03-10T08:00:00+01:00"), Ok("2026-03-10T07:00:00Z".to_owned()));
        assert_eq!(read("2026-03-09"), Ok("2026-03-09T00:00:00Z".to_owned()));
        assert_eq!(read("2h"), Ok("2026-03-10T10:00:00Z".to_owned()));
        assert!(read("yesterday").is_err());
    }
}
