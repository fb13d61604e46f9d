//! Activities over REST.

use serde_json::{Value, json};

use super::rest::page;
use super::{ACTIVITIES, body, message, not_found, rows, text};
use crate::call::{Call, Reply};
use crate::clock;
use crate::world::World;

/// `POST /v2/activities`: those changed in a window of time, hidden ones too.
pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Reply> {
    let filter = if call.body.is_empty() { json!({}) } else { body(call)? };
    let moment = |name: &str| match filter.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => {
            let read = value.as_str().and_then(clock::parse);
            read.map(Some).ok_or_else(|| message(400, &format!("{name} is not a date")))
        }
    };
    let (start, end) = (moment("startDate")?, moment("endDate")?);
    let words = text(&filter, "activityDescription").to_lowercase();
    let wanted = |row: &&Value| {
        let changed = clock::parse(&text(row, "lastUpdateDate"));
        start.is_none_or(|start| changed >= Some(start))
            && end.is_none_or(|end| changed <= Some(end))
            && text(row, "description").to_lowercase().contains(&words)
    };
    let found = world.rows(ACTIVITIES).values().filter(wanted).collect();
    Ok(page(world, call, found, rows::activity))
}

/// `GET /v1/activities/search`: the catalogue; nothing found is a 404.
pub(super) fn search(world: &World, call: &Call) -> Result<Reply, Reply> {
    let wanted = |name: &str| call.query_any_case(name).unwrap_or_default().to_lowercase();
    let (term, kind) = (wanted("searchTerm"), wanted("activityType"));
    let modality = wanted("modality");
    let fits = |row: &&Value| {
        let has = |field: &str, part: &str| text(row, field).to_lowercase().contains(part);
        row["isHidden"] == json!(false)
            && (has("name", &term) || has("code", &term) || has("description", &term))
            && has("activityType", &kind)
            && has("activityType", &modality)
    };
    let shown = |row: &Value| {
        json!({
            "activityId": row["id"].to_string(),
            "name": row["name"],
            "description": row["description"],
            "activityType": row["activityType"],
            "activityImageUrl": null,
            "deliveryMethod": row["activityType"],
        })
    };
    let found: Vec<&Value> = world.rows(ACTIVITIES).values().filter(fits).collect();
    if found.is_empty() {
        return Err(not_found("No activities found"));
    }
    Ok(page(world, call, found, shown))
}
