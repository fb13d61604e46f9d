//! What a business rule on each table would send: ServiceNow has no webhooks of its own, so the body is the one
//! that this project asks for.

use serde_json::{Value, json};

use super::rows_of;
use crate::state_file::Change;
use crate::webhooks::Event;
use crate::world::Deed;

/// The events of a write: `incident.insert`, `incident.update`.
pub(crate) fn events(deed: &Deed<'_>, changes: &[Change]) -> Vec<Event> {
    let operation = match deed.kind {
        "create" => "insert",
        "update" => "update",
        _ => return Vec::new(),
    };
    let table = rows_of(deed.object);
    let changed = changes.iter().find(|change| change.table == table && change.key == deed.key);
    let Some(row) = changed.and_then(|change| change.row.clone()) else { return Vec::new() };
    let fields: Vec<String> =
        deed.body.as_object().into_iter().flat_map(|given| given.keys().cloned()).collect();
    let (name, table) = (format!("{}.{operation}", deed.object), deed.object.to_owned());
    let body = move |_| -> Value {
        json!({
            "table": table, "operation": operation, "sys_id": row["sys_id"],
            "number": row.get("number"), "sys_mod_count": row["sys_mod_count"],
            "sys_updated_on": row["sys_updated_on"], "changed": fields, "record": row,
        })
    };
    vec![Event { name, body: Box::new(body) }]
}
