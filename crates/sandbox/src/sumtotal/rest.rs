//! `/apis/api/v1` and `/v2`: which route goes where, and how lists are paged.

use std::convert::identity;

use axum::http::Method;
use serde_json::{Value, json};

use super::{activities, assignments, learning, message, not_found, token, users};
use crate::call::{Call, Reply};
use crate::world::World;

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 1000;

pub(super) fn route(
    world: &mut World,
    call: &Call,
    version: &str,
    path: &[&str],
) -> Result<Reply, Reply> {
    match (version, path, &call.method) {
        ("v1", ["users"], &Method::GET) => users::list(world, call),
        ("v1", ["users"], &Method::POST) => users::create(world, call, "primaryKey"),
        ("v1", ["users", id], &Method::GET) => users::one(world, id),
        ("v1", ["users", id, "activities"], &Method::GET) => learning::list(world, call, id),
        ("v1", ["users", id, "transcripts"], &Method::GET) => {
            learning::transcripts(world, call, id)
        }
        ("v1", ["users", "activities", activity, "register"], &Method::PUT) => {
            learning::register(world, &own(world, call)?, activity)
        }
        ("v2", ["advanced", "users"], &Method::GET) => users::advanced(world, &own(world, call)?),
        ("v1", ["users", id, "activities", activity, "register"], &Method::PUT) => {
            learning::register(world, id, activity)
        }
        ("v1", ["users", id, "activities", activity, "progress", "details"], &Method::GET) => {
            learning::details(world, id, activity)
        }
        ("v1", ["learner", "activities", activity, "progress"], &Method::PUT) => {
            learning::progress(world, call, activity)
        }
        ("v1", ["advanced", "users"], &Method::POST) => users::create(world, call, "userId"),
        ("v1", ["advanced", "users", id], &Method::GET) => users::advanced(world, id),
        ("v2", ["activities"], &Method::POST) => activities::list(world, call),
        ("v1", ["activities", "search"], &Method::GET) => activities::search(world, call),
        ("v1", ["assignments"], &Method::POST) => assignments::save(world, call),
        ("v1", ["organizations", "search"], &Method::GET) => Ok(organizations(world, call)),
        ("v1", ["domains"], &Method::GET) => Ok(domains(world, call)),
        ("v1", ["jobs"], &Method::GET) => Ok(jobs(world, call)),
        ("v1", ["users" | "assignments" | "domains" | "jobs"], _) | ("v2", ["activities"], _) => {
            Err(message(405, "The method is not allowed here"))
        }
        _ => Err(not_found("No such resource")),
    }
}

/// The person in whose name the call is made.
fn own(world: &World, call: &Call) -> Result<String, Reply> {
    token::person(world, call).ok_or_else(|| message(403, "This needs a token of a user"))
}

/// One page of a list in its envelope; names of the query in any letter case. Only the rows of the page are shown.
pub(super) fn page<T>(
    world: &World,
    call: &Call,
    rows: Vec<T>,
    show: impl Fn(T) -> Value,
) -> Reply {
    let number = |name: &str| call.query_any_case(name).and_then(|n| n.parse::<usize>().ok());
    let limit = number("limit").unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let offset = number("offset").unwrap_or(0);
    let pages = world.settings.sumtotal.offset_counts_pages;
    let skip = if pages { offset.saturating_mul(limit) } else { offset };
    let total = rows.len();
    let data: Vec<Value> = rows.into_iter().skip(skip).take(limit).map(show).collect();
    let pagination = json!({ "offset": offset, "limit": limit, "total": total });
    Reply::json(200, &json!({ "pagination": pagination, "data": data }))
}

/// What a write answers; a failed one has no key and says why.
pub(super) fn saved(response: &str, key_name: &str, key: &Value, status: u8) -> Reply {
    let mut body = json!({ "validationMessages": [], "response": response });
    body[key_name] = key.clone();
    body["status"] = json!(status);
    Reply::json(200, &body)
}

/// Mistakes in a body that was to be saved: field, code, words.
pub(super) type Mistakes = Vec<(&'static str, &'static str, &'static str)>;

pub(super) fn not_saved(
    world: &World,
    response: &str,
    key_name: &str,
    mistakes: &Mistakes,
) -> Reply {
    let messages: Vec<Value> = mistakes
        .iter()
        .map(|(field, code, words)| {
            json!({ "fieldName": field, "errorCode": code, "errorMessage": words })
        })
        .collect();
    let mut body = json!({ "validationMessages": messages, "response": response });
    body[key_name] = Value::Null;
    body["status"] = json!(0);
    Reply::json(world.settings.sumtotal.failed_save_status, &body)
}

fn organizations(world: &World, call: &Call) -> Reply {
    const NAMES: [&str; 7] =
        ["Acme", "Human Resources", "IT", "Research", "Finance", "Logistics", "Sales"];
    let wanted = call.query_any_case("orgName").unwrap_or_default().to_lowercase();
    let found = NAMES.iter().enumerate().filter(|(_, name)| name.to_lowercase().contains(&wanted));
    let row = |(place, name): (usize, &&str)| {
        json!({
            "organizationId": place + 1,
            "name": name,
            "code": format!("ORG{:02}", place + 1),
            "parentOrganizationName": if place == 0 { Value::Null } else { json!("Acme") },
            "depth": usize::from(place > 0),
            "orgContactInfo": null,
        })
    };
    page(world, call, found.collect(), row)
}

/// What a job looks like is shown nowhere in public.
fn jobs(world: &World, call: &Call) -> Reply {
    const NAMES: [&str; 4] = ["Engineer", "Accountant", "Analyst", "Technician"];
    let row = |(place, name): (usize, &&str)| json!({ "jobTemplateId": place + 1, "name": name, "code": format!("JOB{:02}", place + 1) });
    page(world, call, NAMES.iter().enumerate().collect(), row)
}

fn domains(world: &World, call: &Call) -> Reply {
    let row = json!({
        "domainId": 1,
        "domainName": "Acme",
        "domainCode": "ACME",
        "parentDomainName": null,
        "parentDomainId": null,
        "isParentDomain": true,
        "domainHierarchy": "Acme",
    });
    page(world, call, vec![row], identity)
}
