//! How a record is shown: actual values, display values, or both; dot-walked fields; links.

use serde_json::{Map, Value, json};

use super::schema::{Kind, Schema};
use super::{journal, rows_of, text};
use crate::call::Call;
use crate::world::World;

/// `sysparm_display_value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Actual,
    Display,
    Both,
}

/// What the query asks to see.
#[derive(Debug)]
pub(super) struct View {
    mode: Mode,
    links: bool,
    fields: Option<Vec<String>>,
    origin: String,
}

impl View {
    pub(super) fn of(call: &Call) -> View {
        let mode = match call.query("sysparm_display_value") {
            Some("true") => Mode::Display,
            Some("all") => Mode::Both,
            _ => Mode::Actual,
        };
        let fields = call.query("sysparm_fields").filter(|fields| !fields.is_empty());
        View {
            mode,
            links: call.query("sysparm_exclude_reference_link") != Some("true"),
            fields: fields.map(|f| f.split(',').map(|name| name.trim().to_owned()).collect()),
            origin: call.origin(),
        }
    }

    /// The record as the caller wants it; unknown fields are left out.
    pub(super) fn show(&self, world: &World, schema: &Schema, row: &Value) -> Value {
        let mut shown = Map::new();
        let mut add = |path: &str| {
            if let Some(value) = self.field(world, schema, row, path) {
                shown.insert(path.to_owned(), value);
            }
        };
        match &self.fields {
            Some(fields) => fields.iter().for_each(|path| add(path)),
            None => schema.all_fields().for_each(add),
        }
        Value::Object(shown)
    }

    fn field(&self, world: &World, schema: &Schema, row: &Value, path: &str) -> Option<Value> {
        let kind = schema.kind_at(path)?;
        let value = value_at(world, schema, row, path)?;
        let display = match kind {
            Kind::Journal => journal::log(world, row, path),
            kind => display(world, kind, &value),
        };
        let link = match kind {
            Kind::Ref(table) if self.links && !value.is_empty() => {
                Some(format!("{}/api/now/table/{table}/{value}", self.origin))
            }
            _ => None,
        };
        Some(match (self.mode, link) {
            (Mode::Actual, None) => json!(value),
            (Mode::Actual, Some(link)) => json!({ "link": link, "value": value }),
            (Mode::Display, None) => json!(display),
            (Mode::Display, Some(link)) => json!({ "display_value": display, "link": link }),
            (Mode::Both, None) => json!({ "display_value": display, "value": value }),
            (Mode::Both, Some(link)) => {
                json!({ "display_value": display, "link": link, "value": value })
            }
        })
    }
}

/// The actual value at a dotted path; empty behind an empty reference, `None` when there is no such field.
pub(super) fn value_at(world: &World, schema: &Schema, row: &Value, path: &str) -> Option<String> {
    let Some((field, rest)) = path.split_once('.') else {
        return schema.kind(path).map(|_| text(row, path).to_owned());
    };
    let Kind::Ref(table) = schema.kind(field)? else { return None };
    let target = Schema::of(table)?;
    match world.row(&rows_of(table), text(row, field)) {
        Some(row) => value_at(world, target, row, rest),
        None => target.kind_at(rest).map(|_| String::new()),
    }
}

fn display(world: &World, kind: Kind, value: &str) -> String {
    match kind {
        Kind::Choice(choices) => {
            let shown = choices.iter().find(|(known, _)| *known == value);
            shown.map_or(value, |(_, label)| *label).to_owned()
        }
        Kind::Ref(table) => {
            let schema = Schema::of(table);
            let row = world.row(&rows_of(table), value);
            match (schema, row) {
                (Some(schema), Some(row)) => text(row, schema.display).to_owned(),
                _ => String::new(),
            }
        }
        _ => value.to_owned(),
    }
}
