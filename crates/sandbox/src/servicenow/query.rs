//! Encoded queries: reading them, and whether a row fits.

use std::cmp::Ordering;

use serde_json::Value;

use super::display::value_at;
use super::schema::{Kind, Schema};
use crate::world::World;

/// An encoded query that was read.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// Any group; in a group all; in those any.
    groups: Vec<Vec<Vec<Condition>>>,
    order: Vec<(String, bool)>,
    /// A part could not be understood; it was left out.
    pub(super) is_invalid: bool,
    /// A part wants a script to be run.
    pub(super) has_script: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Condition {
    path: String,
    operator: Operator,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Like,
    NotLike,
    StartsWith,
    EndsWith,
    In,
    NotIn,
    Empty,
    NotEmpty,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Between,
}

/// Longer ones first, so that none hides behind its own beginning.
const OPERATORS: [(&str, Operator); 16] = [
    ("STARTSWITH", Operator::StartsWith),
    ("ISNOTEMPTY", Operator::NotEmpty),
    ("NOT LIKE", Operator::NotLike),
    ("ENDSWITH", Operator::EndsWith),
    ("CONTAINS", Operator::Like),
    ("ISEMPTY", Operator::Empty),
    ("BETWEEN", Operator::Between),
    ("NOT IN", Operator::NotIn),
    ("LIKE", Operator::Like),
    ("IN", Operator::In),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::MoreOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::More),
];

impl Query {
    pub(super) fn parse(text: &str, schema: &Schema) -> Query {
        let mut query = Query { groups: vec![Vec::new()], ..Query::default() };
        for part in parts(text) {
            if let Some(field) = part.strip_prefix("ORDERBYDESC") {
                query.sort(field, true, schema);
            } else if let Some(field) = part.strip_prefix("ORDERBY") {
                query.sort(field, false, schema);
            } else if let Some(rest) = part.strip_prefix("NQ") {
                query.groups.push(Vec::new());
                query.and(rest, schema);
            } else if let Some(rest) = part.strip_prefix("OR") {
                query.or(rest, schema);
            } else if part != "EQ" && !part.is_empty() {
                query.and(&part, schema);
            }
        }
        query
    }

    /// A bare `field=value` filter.
    pub(super) fn equal(&mut self, field: &str, value: &str, schema: &Schema) {
        match schema.kind_at(field) {
            Some(_) => {
                let condition = Condition {
                    path: field.to_owned(),
                    operator: Operator::Equal,
                    value: value.to_owned(),
                };
                for group in &mut self.groups {
                    group.push(vec![Condition {
                        path: condition.path.clone(),
                        value: condition.value.clone(),
                        ..condition
                    }]);
                }
            }
            None => self.is_invalid = true,
        }
    }

    fn sort(&mut self, field: &str, down: bool, schema: &Schema) {
        match schema.kind_at(field) {
            Some(_) => self.order.push((field.to_owned(), down)),
            None => self.is_invalid = true,
        }
    }

    fn and(&mut self, text: &str, schema: &Schema) {
        if let Some(condition) = self.read(text, schema)
            && let Some(group) = self.groups.last_mut()
        {
            group.push(vec![condition]);
        }
    }

    /// Binds to the condition just before it.
    fn or(&mut self, text: &str, schema: &Schema) {
        let Some(condition) = self.read(text, schema) else { return };
        let Some(group) = self.groups.last_mut() else { return };
        match group.last_mut() {
            Some(clause) => clause.push(condition),
            None => group.push(vec![condition]),
        }
    }

    fn read(&mut self, text: &str, schema: &Schema) -> Option<Condition> {
        self.has_script |= text.contains("javascript:");
        let read = condition(text).filter(|condition| is_valid(condition, schema));
        self.is_invalid |= read.is_none();
        read
    }

    pub(super) fn fits(&self, world: &World, schema: &Schema, row: &Value) -> bool {
        let holds = |condition: &Condition| {
            let found = value_at(world, schema, row, &condition.path).unwrap_or_default();
            condition.holds(&found)
        };
        self.groups.iter().any(|group| group.iter().all(|clause| clause.iter().any(holds)))
    }

    pub(super) fn sort_rows(&self, world: &World, schema: &Schema, rows: &mut [&Value]) {
        if self.order.is_empty() {
            return;
        }
        let at = |row: &Value, path: &str| value_at(world, schema, row, path).unwrap_or_default();
        rows.sort_by(|a, b| {
            let by = |(path, down): &(String, bool)| {
                let order = compare(&at(a, path), &at(b, path));
                if *down { order.reverse() } else { order }
            };
            self.order.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
    }
}

/// Splits at `^`; a doubled one is a caret in a value.
fn parts(text: &str) -> Vec<String> {
    const CARET: &str = "\u{0}";
    let marked = text.replace("^^", CARET);
    marked.split('^').map(|part| part.replace(CARET, "^")).collect()
}

fn condition(text: &str) -> Option<Condition> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.".contains(c);
    let end = text.find(|c: char| !is_name(c))?;
    let (path, rest) = text.split_at(end);
    let (word, operator) = OPERATORS.iter().find(|(word, _)| rest.starts_with(word))?;
    let value = rest[word.len()..].to_owned();
    Some(Condition { path: path.to_owned(), operator: *operator, value })
}

fn is_valid(condition: &Condition, schema: &Schema) -> bool {
    let Some(kind) = schema.kind_at(&condition.path) else { return false };
    let compares = matches!(
        condition.operator,
        Operator::Less | Operator::LessOrEqual | Operator::More | Operator::MoreOrEqual
    );
    // A date in another form cannot be compared.
    !(kind == Kind::Date && compares) || is_date(&condition.value)
}

fn is_date(text: &str) -> bool {
    let like = |pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(found, wanted)| match wanted {
                b'0' => found.is_ascii_digit(),
                wanted => found == wanted,
            })
    };
    like("0000-00-00 00:00:00") || like("0000-00-00")
}

fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<i64>(), b.parse::<i64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

impl Condition {
    fn holds(&self, found: &str) -> bool {
        let value = self.value.as_str();
        let listed = || value.split(',').any(|item| item == found);
        match self.operator {
            Operator::Equal => found == value,
            Operator::NotEqual => found != value,
            Operator::Like => found.contains(value),
            Operator::NotLike => !found.contains(value),
            Operator::StartsWith => found.starts_with(value),
            Operator::EndsWith => found.ends_with(value),
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Empty => found.is_empty(),
            Operator::NotEmpty => !found.is_empty(),
            Operator::Less => compare(found, value).is_lt(),
            Operator::LessOrEqual => compare(found, value).is_le(),
            Operator::More => compare(found, value).is_gt(),
            Operator::MoreOrEqual => compare(found, value).is_ge(),
            Operator::Between => value.split_once('@').is_some_and(|(low, high)| {
                compare(found, low).is_ge() && compare(found, high).is_le()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &str, operator: Operator, value: &str) {
        let expect = Condition { path: path.to_owned(), operator, value: value.to_owned() };
        assert_eq!(condition(text), Some(expect));
    }

    #[test]
    fn every_operator_is_told_from_the_field_before_it() {
        check("state=2", "state", Operator::Equal, "2");
        check("numberSTARTSWITHINC", "number", Operator::StartsWith, "INC");
        check("stateNOT IN6,7", "state", Operator::NotIn, "6,7");
        check(
            "caller_id.email=a@example.test",
            "caller_id.email",
            Operator::Equal,
            "a@example.test",
        );
        check("opened_at>=2026-01-31", "opened_at", Operator::MoreOrEqual, "2026-01-31");
        check("caller_idISNOTEMPTY", "caller_id", Operator::NotEmpty, "");
        assert_eq!(condition("nothing"), None);
    }

    #[test]
    fn a_doubled_caret_stays_in_the_value() {
        assert_eq!(parts("a=1^^2^b=3"), ["a=1^2", "b=3"]);
    }
}
