//! Work notes and comments: entries that are only ever added.

use serde_json::{Value, json};

use super::admission::User;
use super::{rows_of, text};
use crate::clock;
use crate::state_file::Change;
use crate::world::World;

/// The fields that are journals, and what their entries are called.
pub(super) const JOURNALS: [(&str, &str); 2] =
    [("work_notes", "Work notes"), ("comments", "Additional comments")];

/// The changes that add one entry to the record `id` of `table`.
pub(super) fn entry(
    world: &World,
    table: &str,
    id: &str,
    element: &str,
    value: &str,
    user: &User,
) -> Change {
    let rows = rows_of("sys_journal_field");
    // Entries are never removed, so their number is the next one's ordinal.
    let n = world.rows(&rows).len() as u64 + u64::from(element == "comments") * (1 << 32);
    let sys_id = world.identity.hex32("servicenow.sys_journal_field", n);
    let row = json!({
        "sys_id": sys_id,
        "name": table,
        "element": element,
        "element_id": id,
        "value": value,
        "sys_created_on": clock::plain(world.now()),
        "sys_created_by": user.user_name,
        "sys_updated_on": clock::plain(world.now()),
        "sys_updated_by": user.user_name,
        "sys_mod_count": "0",
    });
    Change::put(&rows, &sys_id, row)
}

/// The dated log of a journal field, newest entry first.
pub(super) fn log(world: &World, row: &Value, path: &str) -> String {
    let element = path.rsplit('.').next().unwrap_or(path);
    let id = text(row, "sys_id");
    let rows = world.rows(&rows_of("sys_journal_field"));
    let wanted = |entry: &&Value| {
        text(entry, "element_id") == id
            && (element == "comments_and_work_notes" || text(entry, "element") == element)
    };
    let shown = |entry: &Value| {
        let found = JOURNALS.iter().find(|(name, _)| *name == text(entry, "element"));
        let label = found.map_or("", |(_, label)| *label);
        let (on, by) = (text(entry, "sys_created_on"), author(world, entry));
        format!("{on} - {by} ({label})\n{}\n\n", text(entry, "value"))
    };
    rows.values().rev().filter(wanted).map(shown).collect()
}

fn author(world: &World, entry: &Value) -> String {
    let name = text(entry, "sys_created_by");
    let users = world.rows(&rows_of("sys_user"));
    let user = users.values().find(|row| text(row, "user_name") == name);
    user.map_or(name, |row| text(row, "name")).to_owned()
}
