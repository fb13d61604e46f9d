//! Roles that come with others: what a role contains, and what a group has, shows as rows of the user's own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{rows_of, text};
use crate::clock;
use crate::state_file::Change;
use crate::world::World;

/// Tables whose rows decide who has which role; only administrators write them.
pub(super) const TABLES: [&str; 5] = [
    "sys_user_role",
    "sys_user_has_role",
    "sys_user_role_contains",
    "sys_group_has_role",
    "sys_user_grmember",
];

/// User, role, the role it is included in, and the group that granted it.
type Grant = (String, String, String, String);

fn grant_of(row: &Value) -> Grant {
    let field = |name: &str| text(row, name).to_owned();
    (field("user"), field("role"), field("included_in_role"), field("granted_by"))
}

/// Every grant that follows from others.
fn inherited(world: &World) -> BTreeSet<Grant> {
    let rows = |table: &str| world.rows(&rows_of(table)).values();
    let contained: Vec<(&str, &str)> = rows("sys_user_role_contains")
        .map(|row| (text(row, "role"), text(row, "contains")))
        .collect();
    let direct = rows("sys_user_has_role").filter(|row| text(row, "inherited") != "true");
    let mut open: Vec<Grant> = direct.map(grant_of).collect();
    let mut found = BTreeSet::new();
    for member in rows("sys_user_grmember") {
        let group = text(member, "group");
        for has in rows("sys_group_has_role").filter(|row| text(row, "group") == group) {
            let user = text(member, "user").to_owned();
            let grant = (user, text(has, "role").to_owned(), String::new(), group.to_owned());
            found.insert(grant.clone());
            open.push(grant);
        }
    }
    while let Some((user, role, _, group)) = open.pop() {
        for (_, inner) in contained.iter().filter(|(outer, _)| *outer == role) {
            let grant = (user.clone(), (*inner).to_owned(), role.clone(), group.clone());
            if found.insert(grant.clone()) {
                open.push(grant);
            }
        }
    }
    found
}

/// The changes that bring the inherited rows up to date.
pub(super) fn settle(world: &World) -> Vec<Change> {
    let table = rows_of("sys_user_has_role");
    let mut wanted = inherited(world);
    let mut changes = Vec::new();
    for (id, row) in world.rows(&table).iter().filter(|(_, row)| text(row, "inherited") == "true") {
        if !wanted.remove(&grant_of(row)) {
            changes.push(Change::remove(&table, id));
        }
    }
    let now = clock::plain(world.now());
    for (user, role, included_in, group) in wanted {
        let kind = format!("servicenow.inherited.{user}.{role}.{included_in}.{group}");
        let id = world.identity.hex32(&kind, 0);
        let row = json!({
            "sys_id": id,
            "user": user,
            "role": role,
            "inherited": "true",
            "granted_by": group,
            "included_in_role": included_in,
            "state": "active",
            "sys_created_on": now,
            "sys_created_by": "system",
            "sys_updated_on": now,
            "sys_updated_by": "system",
            "sys_mod_count": "0",
        });
        changes.push(Change::put(&table, &id, row));
    }
    changes
}

/// Whether somebody has the role of administrators.
pub(super) fn is_admin(world: &World, user: &str) -> bool {
    let roles = world.rows(&rows_of("sys_user_role"));
    let admin = roles.values().find(|row| text(row, "name") == "admin");
    let admin = admin.map(|row| text(row, "sys_id")).unwrap_or_default();
    let grants = world.rows(&rows_of("sys_user_has_role"));
    grants.values().any(|row| text(row, "user") == user && text(row, "role") == admin)
}
