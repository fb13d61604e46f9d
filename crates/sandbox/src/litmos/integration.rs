//! The page *Account > Integrations > 3rd Party Integrations > ServiceNow*: a box to tick, and the key that
//! ticking it makes. People meet it in a browser; here it is on the control port.
//!
//! That a box which is cleared and ticked again gives another key is our choice; the rest is documented.

use serde_json::{Value, json};

use crate::call::Reply;
use crate::control::refuse;
use crate::identity::Identity;
use crate::state_file::Change;
use crate::tables::COUNTERS;
use crate::world::World;

/// How often the box was ticked or cleared: it is ticked at the start, and after every second change.
const CHANGES: &str = "litmos.integration";

fn changes(world: &World) -> u64 {
    world.row(COUNTERS, CHANGES).and_then(Value::as_u64).unwrap_or(0)
}

/// The key of the first time, which is the seeded one, or of a later time.
fn key_of(identity: Identity, time: u64) -> String {
    match time {
        0 => identity.guid("litmos.key", 1),
        later => identity.guid("litmos.integration_key", later),
    }
}

/// The key that is accepted now; none while the box is clear.
pub(super) fn key(world: &World) -> Option<String> {
    let changes = changes(world);
    changes.is_multiple_of(2).then(|| key_of(world.identity, changes / 2))
}

/// Shows the page, ticks the box, or clears it. Opening it again shows the same key.
pub(crate) fn page(world: &mut World, method: &str) -> Result<Value, Reply> {
    let enable = match method {
        "GET" => None,
        "PUT" => Some(true),
        "DELETE" => Some(false),
        _ => return Err(refuse(405, "GET shows the page, PUT ticks the box, DELETE clears it")),
    };
    if enable.is_some_and(|enable| enable != key(world).is_some()) {
        let next = changes(world) + 1;
        world.note(vec![Change::put(COUNTERS, CHANGES, json!(next))])?;
    }
    let key = key(world);
    Ok(json!({ "integration": "ServiceNow", "enabled": key.is_some(), "api_key": key }))
}
