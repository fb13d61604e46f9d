//! `/api/now/attachment`: files at records.
//!
//! No fact page describes this one; its form is common knowledge, and marked so in docs/sandbox.md.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::admission::User;
use super::schema::Schema;
use super::table::{matching, window};
use super::{ATTACHMENT_BYTES, Refusal, rows_of, text};
use crate::call::{Call, Reply};
use crate::clock;
use crate::identity::sha256_hex;
use crate::state_file::Change;
use crate::world::{Deed, World};

const TABLE: &str = "sys_attachment";

pub(super) fn route(
    world: &mut World,
    call: &Call,
    rest: &[&str],
    user: &User,
) -> Result<Reply, Refusal> {
    let row = |world: &World, id: &str| {
        world.row(&rows_of(TABLE), id).cloned().ok_or_else(Refusal::no_record)
    };
    match (rest, &call.method) {
        ([], &Method::GET) => {
            let schema = Schema::of(TABLE).ok_or_else(Refusal::no_record)?;
            let (limit, offset) = window(call)?;
            let found = matching(world, call, schema)?;
            let page = found.iter().skip(offset).take(limit).map(|row| shown(call, row));
            let body = json!({ "result": page.collect::<Vec<_>>() });
            Ok(Reply::json(200, &body).with_header("x-total-count", found.len().to_string()))
        }
        (["file"], &Method::POST) => upload(world, call, user),
        ([id], &Method::GET) => {
            let row = row(world, id)?;
            Ok(Reply::json(200, &json!({ "result": shown(call, &row) })))
        }
        ([id, "file"], &Method::GET) => {
            let row = row(world, id)?;
            let coded = world.row(ATTACHMENT_BYTES, id).and_then(Value::as_str);
            let bytes = STANDARD.decode(coded.unwrap_or_default()).unwrap_or_default();
            Ok(Reply::text(200, text(&row, "content_type"), bytes)
                .with_header("x-attachment-metadata", shown(call, &row).to_string()))
        }
        ([id], &Method::DELETE) => delete(world, &row(world, id)?),
        ([] | [_] | [_, "file"], _) => Err(Refusal::new(405, "Method not supported", None)),
        _ => Err(Refusal::new(404, "No such resource", Some("The route is unknown"))),
    }
}

fn shown(call: &Call, row: &Value) -> Value {
    let mut shown = row.clone();
    let id = text(row, "sys_id");
    shown["download_link"] = json!(format!("{}/api/now/attachment/{id}/file", call.origin()));
    shown
}

fn upload(world: &mut World, call: &Call, user: &User) -> Result<Reply, Refusal> {
    let named = |name: &str| call.query(name).filter(|text| !text.is_empty());
    let missing = |name: &str| Refusal::new(400, "Missing parameter", Some(name));
    let table = named("table_name").ok_or_else(|| missing("table_name"))?;
    let record = named("table_sys_id").ok_or_else(|| missing("table_sys_id"))?;
    let file = named("file_name").ok_or_else(|| missing("file_name"))?;
    if call.content_type().is_empty() {
        return Err(Refusal::new(400, "Content-Type is missing", None));
    }
    if Schema::of(table).is_none() || world.row(&rows_of(table), record).is_none() {
        return Err(Refusal::no_record());
    }
    let (n, counter) = world.next("servicenow.sys_attachment", 0);
    let id = world.identity.hex32("servicenow.sys_attachment", n);
    let now = clock::plain(world.now());
    let row = json!({
        "sys_id": id,
        "table_name": table,
        "table_sys_id": record,
        "file_name": file,
        "content_type": call.content_type(),
        "size_bytes": call.body.len().to_string(),
        "hash": sha256_hex(&call.body),
        "state": "available",
        "sys_created_on": now,
        "sys_created_by": user.user_name,
        "sys_updated_on": now,
        "sys_updated_by": user.user_name,
        "sys_mod_count": "0",
    });
    let changes = vec![
        counter,
        Change::put(&rows_of(TABLE), &id, row.clone()),
        Change::put(ATTACHMENT_BYTES, &id, json!(STANDARD.encode(&call.body))),
    ];
    let deed = Deed {
        system: "servicenow",
        kind: "create",
        object: TABLE,
        key: &id,
        identity: file,
        body: json!({ "table_name": table, "table_sys_id": record, "hash": row["hash"] }),
    };
    world.commit(deed, changes)?;
    let location = format!("{}/api/now/table/{TABLE}/{id}", call.origin());
    let body = json!({ "result": shown(call, &row) });
    Ok(Reply::json(201, &body).with_header("location", location))
}

fn delete(world: &mut World, row: &Value) -> Result<Reply, Refusal> {
    let id = text(row, "sys_id");
    let deed = Deed {
        system: "servicenow",
        kind: "delete",
        object: TABLE,
        key: id,
        identity: text(row, "file_name"),
        body: Value::Null,
    };
    let changes = vec![Change::remove(&rows_of(TABLE), id), Change::remove(ATTACHMENT_BYTES, id)];
    world.commit(deed, changes)?;
    Ok(Reply::empty(204))
}
