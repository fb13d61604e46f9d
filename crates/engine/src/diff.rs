//! What changes in meaning between two flows, not in text.
//!
//! Both are brought into their written form, where layout, comments and defaults that are spelled
//! out make no difference. Steps are matched by id, wherever they stand; a step without an id by
//! what it is. A step that says the same under another id is renamed.

mod steps;

use std::fmt;

use linchpin_language::{Map, Value, write_yaml};

use crate::flow::Flow;
use crate::print::written;

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The part of the flow: `inputs`, `steps`, `on_error`.
    pub part: String,
    /// The step, as `enrol.learner`; none for a change of the flow itself.
    pub step: Option<String>,
    /// The field, as `with.email`; empty when it is the whole step.
    pub field: String,
    /// What is different.
    pub what: What,
}

/// How something is different.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// It was not there.
    Added(Value),
    /// It is not there any more.
    Removed(Value),
    /// It was something else.
    Changed(Value, Value),
    /// A step stands elsewhere: where it was, where it is.
    Moved(String, String),
    /// A step has another id.
    Renamed(String, String),
}

impl What {
    /// The word for it: `added`, `removed`, `changed`, `moved`, `renamed`.
    pub fn word(&self) -> &'static str {
        match self {
            What::Added(_) => "added",
            What::Removed(_) => "removed",
            What::Changed(..) => "changed",
            What::Moved(..) => "moved",
            What::Renamed(..) => "renamed",
        }
    }

    /// What was before and what is now, as data.
    pub fn values(&self) -> (Value, Value) {
        match self.clone() {
            What::Added(now) => (Value::Null, now),
            What::Removed(before) => (before, Value::Null),
            What::Changed(before, now) => (before, now),
            What::Moved(before, now) | What::Renamed(before, now) => (before.into(), now.into()),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.field.is_empty() || self.step.is_none() { "" } else { "." };
        write!(f, "{}{dot}{}", self.step.as_deref().unwrap_or_default(), self.field)?;
        match &self.what {
            What::Added(value) => write!(f, ": {}", brief(value)),
            What::Removed(value) => write!(f, ": {}", brief(value)),
            What::Changed(before, now) => write!(f, ": {} -> {}", brief(before), brief(now)),
            What::Moved(before, now) => write!(f, " moved: was {before}, is {now}"),
            What::Renamed(before, now) => write!(f, " renamed: was {before}, is {now}"),
        }
    }
}

/// A value on one line; of a step what it does.
pub fn brief(value: &Value) -> String {
    if let Some(what) = value.as_object().and_then(steps::doing) {
        return what;
    }
    let text = match value {
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => write_yaml(value),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(brief).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, field)| format!("{name}: {}", brief(field))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    };
    text.trim_end().replace('\n', "\\n")
}

/// The parts that are lists of steps.
const BLOCKS: [&str; 4] = ["steps", "on_error", "on_cancel", "finally"];

/// Everything that is different, in the order of the newer file.
pub fn diff(old: &Flow, new: &Flow) -> Vec<Change> {
    let (old, new) = (written(old), written(new));
    let mut changes = Vec::new();
    for key in keys(&old, &new) {
        if !BLOCKS.contains(&key) {
            fields(key, None, "", old.get(key), new.get(key), &mut changes);
        }
    }
    for key in BLOCKS {
        steps::compare(key, old.get(key), new.get(key), &mut changes);
    }
    steps::settle(&mut changes);
    let order = |change: &Change| {
        let at = |flow: &Map<String, Value>| flow.keys().position(|key| *key == change.part);
        at(&new).or_else(|| at(&old)).unwrap_or(usize::MAX)
    };
    changes.sort_by_key(order);
    changes
}

/// The keys of both, those of the newer first.
fn keys<'m>(old: &'m Map<String, Value>, new: &'m Map<String, Value>) -> Vec<&'m str> {
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    new.keys().chain(gone).map(String::as_str).collect()
}

/// Compares two values field by field.
fn fields(
    part: &str,
    step: Option<&str>,
    field: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    changes: &mut Vec<Change>,
) {
    let mut add = |what| {
        changes.push(Change {
            part: part.to_owned(),
            step: step.map(str::to_owned),
            field: field.to_owned(),
            what,
        });
    };
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            for key in keys(old, new) {
                let inner =
                    if field.is_empty() { key.to_owned() } else { format!("{field}.{key}") };
                fields(part, step, &inner, old.get(key), new.get(key), changes);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new)))
            if old.len() == new.len() && old.iter().chain(new).any(Value::is_object) =>
        {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                let inner = format!("{field}[{at}]");
                fields(part, step, &inner, Some(old), Some(new), changes);
            }
        }
        (Some(old), Some(new)) if old != new => {
            add(What::Changed(old.clone(), new.clone()));
        }
        (Some(old), None) => add(What::Removed(old.clone())),
        (None, Some(new)) => add(What::Added(new.clone())),
        (Some(_), Some(_)) | (None, None) => {}
    }
}
