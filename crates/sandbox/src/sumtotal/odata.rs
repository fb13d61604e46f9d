//! `/odata/api/{Entity}`: bulk views in pages, each with a link to the next.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{
    ACTIVITIES, ASSIGNMENTS, PERSONS, TRANSCRIPTS, USER_ACTIVITIES, message, not_found, rows,
};
use crate::call::{Call, Reply};
use crate::world::World;

/// The real one was seen to name a host that only it can reach.
const INTERNAL_HOST: &str = "http://sts-internal.example.invalid";

/// Entities that exist but have nothing in them here.
const EMPTY: [&str; 24] = [
    "ActivityDomain",
    "ActivityLabel",
    "ActivityLink",
    "ActivityLocation",
    "ActivityMetadata",
    "ContentType",
    "DomainFacility",
    "EmployeeOptional1",
    "EmployeeOptional2",
    "EmployeeOptional3",
    "EvaluationAnswer",
    "EvaluationQuestion",
    "Facility",
    "Instructor",
    "Job",
    "Location",
    "Manager",
    "MediaType",
    "Organization",
    "PersonJob",
    "PersonOrganization",
    "Role",
    "UserLogin",
    "UserLoginHistory",
];

type Show = fn(&Value) -> Value;

/// The table behind an entity, and how its rows are shown.
fn entity(name: &str) -> Option<(&'static str, Show)> {
    Some(match name {
        "Person" => (PERSONS, rows::person as Show),
        "Activity" => (ACTIVITIES, rows::odata_activity),
        "Transcript" => (TRANSCRIPTS, rows::transcript),
        "Registration" => (USER_ACTIVITIES, rows::registration),
        "UserRequiredActivity" => (ASSIGNMENTS, rows::required_activity),
        _ => return None,
    })
}

pub(super) fn read(world: &World, call: &Call, name: &str) -> Result<Reply, Reply> {
    if call.method != Method::GET {
        return Err(message(405, "Only GET is offered"));
    }
    let (found, show) = match entity(name) {
        Some((table, show)) => {
            let after = call.query_any_case("rowVersionId").and_then(|id| id.parse().ok());
            let after = after.map(rows::version_behind);
            let newer = |row: &&Value| after.is_none_or(|a| row["version"].as_u64() > Some(a));
            (world.rows(table).values().filter(newer).collect(), show)
        }
        None if EMPTY.contains(&name) => (Vec::new(), Value::clone as Show),
        None => return Err(not_found("No such entity")),
    };
    let (filter, order) = (call.query("$filter"), call.query("$orderby"));
    if filter.is_none() && order.is_none() {
        return Ok(page(world, call, name, found, show));
    }
    // Filters and orders speak of the fields that are shown.
    let mut shown: Vec<Value> = found.into_iter().map(show).collect();
    if let Some(filter) = filter {
        let tests =
            filter_of(filter).ok_or_else(|| message(400, "The filter is not understood"))?;
        shown.retain(|row| tests.iter().all(|test| test.holds(row)));
    }
    if let Some(order) = order {
        sort(&mut shown, order);
    }
    Ok(page(world, call, name, shown.iter().collect(), Value::clone))
}

fn page(world: &World, call: &Call, name: &str, found: Vec<&Value>, show: Show) -> Reply {
    let number = |name: &str| call.query(name).and_then(|n| n.parse::<usize>().ok());
    let size = world.settings.sumtotal.odata_page_size.max(1);
    let (skip, top) = (number("$skip").unwrap_or(0), number("$top").unwrap_or(usize::MAX));
    let total = found.len();
    let take = size.min(top);
    let mut rows: Vec<Value> = found.into_iter().skip(skip).take(take).map(show).collect();
    if let Some(fields) = call.query("$select") {
        let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
        rows.iter_mut().for_each(|row| select(row, &fields));
    }
    let mut body = Map::new();
    let context = format!("{}/odata/api/$metadata#{name}", call.origin());
    body.insert("@odata.context".to_owned(), json!(context));
    if call.query("$count") == Some("true") {
        body.insert("@odata.count".to_owned(), json!(total));
    }
    let reached = skip + rows.len();
    body.insert("value".to_owned(), Value::Array(rows));
    if reached < total && top > take {
        let left = (top != usize::MAX).then(|| top - take);
        body.insert("@odata.nextLink".to_owned(), json!(next_link(world, call, reached, left)));
    }
    Reply::json(200, &Value::Object(body))
}

fn select(row: &mut Value, fields: &[&str]) {
    if let Value::Object(all) = row {
        all.retain(|name, _| fields.contains(&name.as_str()) || name.starts_with('@'));
    }
}

fn next_link(world: &World, call: &Call, skip: usize, left: Option<usize>) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let foreign = world.settings.sumtotal.foreign_next_link;
    let origin = if foreign { INTERNAL_HOST.to_owned() } else { call.origin() };
    let kept = call.query.iter().filter(|(name, _)| !["$skip", "$top"].contains(&name.as_str()));
    let kept: String = kept.map(|(name, value)| format!("{name}={}&", encode(value))).collect();
    let top = left.map(|left| format!("$top={left}&")).unwrap_or_default();
    format!("{origin}{}?{kept}{top}$skip={skip}", call.path)
}

fn sort(found: &mut [Value], order: &str) {
    for part in order.split(',').rev() {
        let mut words = part.split_whitespace();
        let field = words.next().unwrap_or_default();
        found.sort_by(|a, b| match (a[field].as_f64(), b[field].as_f64()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => a[field].as_str().cmp(&b[field].as_str()),
        });
        if words.next() == Some("desc") {
            found.reverse();
        }
    }
}

/// One comparison of a filter.
struct Test {
    field: String,
    operator: String,
    literal: Value,
}

/// Comparisons joined by `and`: as much as a client needs for incremental reads.
fn filter_of(text: &str) -> Option<Vec<Test>> {
    text.split(" and ").map(test).collect()
}

fn test(text: &str) -> Option<Test> {
    let mut words = text.trim().splitn(3, ' ');
    let (field, operator, literal) = (words.next()?, words.next()?, words.next()?.trim());
    if !["eq", "ne", "gt", "ge", "lt", "le"].contains(&operator) {
        return None;
    }
    let quoted = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let literal = match quoted {
        Some(text) => json!(text.replace("''", "'")),
        None => serde_json::from_str(literal).unwrap_or_else(|_| json!(literal)),
    };
    Some(Test { field: field.to_owned(), operator: operator.to_owned(), literal })
}

impl Test {
    fn holds(&self, row: &Value) -> bool {
        let found = &row[self.field.as_str()];
        let moment = |value: &Value| value.as_str().and_then(crate::clock::parse);
        let order = match (found.as_f64(), self.literal.as_f64()) {
            (Some(a), Some(b)) => Some(a.total_cmp(&b)),
            _ => match (moment(found), moment(&self.literal)) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => found.as_str().zip(self.literal.as_str()).map(|(a, b)| a.cmp(b)),
            },
        };
        match (self.operator.as_str(), order) {
            ("eq", order) => order.map_or(*found == self.literal, std::cmp::Ordering::is_eq),
            ("ne", order) => order.map_or(*found != self.literal, std::cmp::Ordering::is_ne),
            ("gt", Some(order)) => order.is_gt(),
            ("ge", Some(order)) => order.is_ge(),
            ("lt", Some(order)) => order.is_lt(),
            ("le", Some(order)) => order.is_le(),
            _ => false,
        }
    }
}
