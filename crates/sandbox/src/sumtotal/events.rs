//! What SumTotal tells others of. Its signature and the event `training.attended` are documented; the other
//! names, and what is in a body, are not, so both are our choice.

use serde_json::{Value, json};

use crate::clock;
use crate::webhooks::Event;
use crate::world::{Deed, World};

/// The events of a write.
pub(crate) fn events(world: &World, deed: &Deed<'_>) -> Vec<Event> {
    let status = deed.body["status"].as_str().unwrap_or_default();
    let name = match (deed.object, deed.kind, status) {
        ("user", "create", _) => "user.created",
        ("assignment", "assign", _) => "training.assigned",
        ("registration", "create", _) => "training.registered",
        ("progress", _, "Completed") => "training.attended",
        _ => return Vec::new(),
    };
    let at = clock::iso(world.now());
    let data: Value = ["userId", "activityId", "assignmentId"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), deed.body.get(name)?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let body = move |id| json!({ "eventId": id, "eventType": name, "eventDate": at, "data": data });
    vec![Event { name: name.to_owned(), body: Box::new(body) }]
}
