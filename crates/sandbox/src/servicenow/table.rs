//! `/api/now/table/{table}[/{sys_id}]`: lists and single records.

use serde_json::{Value, json};

use super::admission::User;
use super::display::View;
use super::query::Query;
use super::schema::Schema;
use super::{Refusal, insert, roles, rows_of, text};
use crate::call::{Call, Reply};
use crate::state_file::Change;
use crate::world::{Deed, World};

pub(super) fn route(
    world: &mut World,
    call: &Call,
    path: &[&str],
    user: &User,
    old: bool,
) -> Result<Reply, Refusal> {
    let (name, id) = match path {
        ["table", name] => (*name, None),
        ["table", name, id] => (*name, Some(*id)),
        _ => return Err(Refusal::new(404, "No such resource", Some("The route is unknown"))),
    };
    let unknown = || Refusal::new(400, &format!("Invalid table {name}"), None);
    let schema = Schema::of(name).ok_or_else(unknown)?;
    if !["", "*/*", "json", "application/*", "/xml"].iter().any(|kind| accepts(call, kind)) {
        return Err(Refusal::new(406, "Not acceptable", Some("JSON and XML are offered")));
    }
    let method = match call.header("x-http-method-override") {
        Some(method) => method.to_uppercase(),
        None => call.method.to_string(),
    };
    let writes = !matches!(method.as_str(), "GET" | "HEAD");
    let is_of_roles = roles::TABLES.contains(&name);
    if writes && (!schema.writable || (is_of_roles && !roles::is_admin(world, &user.sys_id))) {
        return Err(Refusal::forbidden());
    }
    let reply = match (method.as_str(), id) {
        ("GET" | "HEAD", None) => list(world, call, schema, old),
        ("GET" | "HEAD", Some(id)) => {
            let row = world.row(&rows_of(name), id).ok_or_else(Refusal::no_record)?;
            let result = View::of(call).show(world, schema, row);
            Ok(Reply::json(200, &json!({ "result": result })))
        }
        ("POST", None) => insert::create(world, call, schema, user),
        ("PATCH" | "PUT", Some(id)) => insert::update(world, call, schema, user, id),
        ("DELETE", Some(id)) => delete(world, schema, id),
        _ => Err(Refusal::new(405, "Method not supported", None)),
    }?;
    if writes && is_of_roles {
        let following = roles::settle(world);
        if !following.is_empty() {
            world.note(following)?;
        }
    }
    Ok(reply)
}

fn accepts(call: &Call, kind: &str) -> bool {
    if kind.is_empty() { call.accept().is_empty() } else { call.accept().contains(kind) }
}

fn number(call: &Call, name: &str, default: i64) -> Result<i64, Refusal> {
    let Some(text) = call.query(name) else { return Ok(default) };
    let bad = || Refusal::new(400, "Invalid paging parameter", Some(name));
    let number: i64 = text.parse().map_err(|_| bad())?;
    if number < 0 { Err(bad()) } else { Ok(number) }
}

/// The rows that the encoded query and the bare filters of a call find, in its order.
pub(super) fn matching<'w>(
    world: &'w World,
    call: &Call,
    schema: &Schema,
) -> Result<Vec<&'w Value>, Refusal> {
    let mut query = Query::parse(call.query("sysparm_query").unwrap_or_default(), schema);
    for (name, value) in call.query.iter().filter(|(name, _)| !name.starts_with("sysparm_")) {
        query.equal(name, value, schema);
    }
    if query.has_script {
        return Err(Refusal::new(400, "Invalid query", Some("Scripts are not run here")));
    }
    let rows = world.rows(&rows_of(schema.name));
    let hidden = query.is_invalid && world.settings.servicenow.invalid_query_returns_no_rows;
    let mut found: Vec<&Value> = if hidden {
        Vec::new()
    } else {
        rows.values().filter(|row| query.fits(world, schema, row)).collect()
    };
    query.sort_rows(world, schema, &mut found);
    Ok(found)
}

/// The limit and offset that a call names.
pub(super) fn window(call: &Call) -> Result<(usize, usize), Refusal> {
    let size = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
    let limit = number(call, "sysparm_limit", 10_000)?;
    Ok((size(limit), size(number(call, "sysparm_offset", 0)?)))
}

fn list(world: &World, call: &Call, schema: &Schema, old: bool) -> Result<Reply, Refusal> {
    let limit = number(call, "sysparm_limit", 10_000)?;
    let offset = number(call, "sysparm_offset", 0)?;
    let found = matching(world, call, schema)?;
    let total = found.len();
    let as_size = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
    let view = View::of(call);
    let short = world.settings.servicenow.short_pages;
    let page = found.iter().enumerate().skip(as_size(offset)).take(as_size(limit));
    // The page is cut first and what the caller may not see is dropped after: pages come short.
    let visible = page.filter(|(place, _)| !(short && place % 10 == 9));
    let result: Vec<Value> = visible.map(|(_, row)| view.show(world, schema, row)).collect();
    if old && result.is_empty() {
        return Err(Refusal::no_record());
    }
    let mut reply = Reply::json(200, &json!({ "result": result }));
    if call.query("sysparm_no_count") != Some("true") {
        reply = reply.with_header("x-total-count", total.to_string());
    }
    let suppressed = call.query("sysparm_suppress_pagination_header") == Some("true");
    match links(call, limit, offset, i64::try_from(total).unwrap_or(i64::MAX)) {
        Some(links) if !suppressed => Ok(reply.with_header("link", links)),
        _ => Ok(reply),
    }
}

/// The `Link` header: first, and prev, next and last where they exist.
fn links(call: &Call, limit: i64, offset: i64, total: i64) -> Option<String> {
    if limit == 0 {
        return None;
    }
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let paging = |name: &str| matches!(name, "sysparm_limit" | "sysparm_offset");
    let kept: String = call
        .query
        .iter()
        .filter(|(name, _)| !paging(name))
        .map(|(name, value)| format!("{name}={}&", encode(value)))
        .collect();
    let link = |offset: i64, rel: &str| {
        let (origin, path) = (call.origin(), &call.path);
        let paging = format!("sysparm_limit={limit}&sysparm_offset={offset}");
        format!("<{origin}{path}?{kept}{paging}>;rel=\"{rel}\"")
    };
    let last = (total - 1).max(0) / limit * limit;
    let mut all = vec![link(0, "first")];
    if offset > 0 {
        all.push(link((offset - limit).max(0), "prev"));
    }
    if offset + limit < total {
        all.push(link(offset + limit, "next"));
    }
    all.push(link(last, "last"));
    Some(all.join(","))
}

fn delete(world: &mut World, schema: &Schema, id: &str) -> Result<Reply, Refusal> {
    let rows = rows_of(schema.name);
    let row = world.row(&rows, id).ok_or_else(Refusal::no_record)?.clone();
    let deed = Deed {
        system: "servicenow",
        kind: "delete",
        object: schema.name,
        key: id,
        identity: text(&row, schema.display),
        body: Value::Null,
    };
    world.commit(deed, vec![Change::remove(&rows, id)])?;
    Ok(Reply::empty(204))
}
