//! Numbers, values and instants in words.

use jiff::Timestamp;
use linchpin_language::Value;

/// An effect as something that has happened.
pub(crate) fn past(effect: &str) -> &str {
    match effect {
        "create" => "created",
        "update" => "updated",
        "ensure" => "ensured",
        "delete" => "deleted",
        "send" => "sent",
        other => other,
    }
}

/// A number with its word.
pub(crate) fn plural(n: u64, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// An output as one line; what is long is counted, since `--json` has all of it.
pub(crate) fn brief(value: &Value) -> String {
    const LONG: usize = 160;
    let text = match value {
        Value::String(text) if text.is_empty() => return "-".to_owned(),
        Value::String(text) => return text.clone(),
        value => value.to_string(),
    };
    match value {
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Object(fields) if fields.is_empty() => "none".to_owned(),
        Value::Array(items) if items.iter().all(|item| item.is_string()) => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            let joined = items.join(", ");
            if joined.len() <= LONG { joined } else { plural(items.len() as u64, "item") }
        }
        _ if text.chars().count() <= LONG => text,
        Value::Array(items) => plural(items.len() as u64, "item"),
        Value::Object(fields) => plural(fields.len() as u64, "field"),
        _ => text,
    }
}

pub(super) fn millis_between(start: Timestamp, end: Timestamp) -> i64 {
    (end.as_millisecond() - start.as_millisecond()).max(0)
}

/// An instant for people: whole seconds, in UTC like the journal.
pub(crate) fn print_instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A length of time for people.
pub(crate) fn print_millis(millis: i64) -> String {
    let seconds = millis / 1000;
    match millis {
        ..=999 => format!("{millis} ms"),
        1000..=9_999 => format!("{seconds}.{} s", (millis % 1000) / 100),
        10_000..=119_999 => format!("{seconds} s"),
        120_000..=7_199_999 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
