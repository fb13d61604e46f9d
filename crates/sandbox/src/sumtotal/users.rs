//! Users over REST.

use serde_json::{Value, json};

use super::rest::{not_saved, page, saved};
use super::rows::{self, next_version};
use super::{PERSONS, body, not_found, text};
use crate::call::{Call, Reply};
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

/// Users made later have ids from here on.
const FIRST_USER: u64 = 200_001;

/// Everybody; `userId`, `emailId` and `active` narrow it down.
pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Reply> {
    let same = |query: &str, found: String| {
        call.query_any_case(query).is_none_or(|wanted| wanted.eq_ignore_ascii_case(&found))
    };
    let wanted = |row: &&Value| {
        same("userId", text(row, "userId"))
            && same("emailId", text(row, "emailId"))
            && same("active", row["active"].to_string())
    };
    let found: Vec<&Value> = world.rows(PERSONS).values().filter(wanted).collect();
    Ok(page(world, call, found, rows::user))
}

pub(super) fn find<'w>(world: &'w World, id: &str) -> Result<&'w Value, Reply> {
    world.row(PERSONS, id).ok_or_else(|| not_found("No such user"))
}

pub(super) fn one(world: &World, id: &str) -> Result<Reply, Reply> {
    Ok(Reply::json(200, &rows::user(find(world, id)?)))
}

/// The full object, bare; the work address is in `businessAddress`.
pub(super) fn advanced(world: &World, id: &str) -> Result<Reply, Reply> {
    let row = find(world, id)?;
    let name = format!("{} {}", text(row, "firstName"), text(row, "lastName"));
    let value = json!({
        "userId": row["userId"],
        "personId": row["personId"],
        "active": row["active"],
        "firstName": row["firstName"],
        "middleName": null,
        "lastName": row["lastName"],
        "fullName": name,
        "timezoneId": 8,
        "languageId": 1,
        "startDate": null,
        "endDate": null,
        "statusCode": 1,
        "deleted": 0,
        "homeAddress": null,
        "businessAddress": { "email1": row["emailId"], "city": "London", "isPrimary": true },
        "personDomain": [
            { "domainId": 1, "userSecurityRoleId": -100, "isPrimary": true, "deleted": 0, "code": "ACME" }
        ],
        "personOrganization": [],
        "personJob": [],
        "personRelation": { "manager1Id": row["managerId"], "jobTitle": row["jobTitle"] },
        "userLogin": {
            "username": row["userName"],
            "userEnabled": row["active"],
            "isLocked": row["locked"],
            "userTypeId": 3,
        },
    });
    Ok(Reply::json(200, &value))
}

/// Both ways of making a user; they differ in the names of the body and of the key in the answer.
pub(super) fn create(world: &mut World, call: &Call, key_name: &str) -> Result<Reply, Reply> {
    let given = body(call)?;
    let nested = &given["userLogin"]["username"];
    let login = nested.as_str().map_or_else(|| text(&given, "loginName"), str::to_owned);
    let address = &given["businessAddress"]["email1"];
    let email = address.as_str().map_or_else(|| text(&given, "email"), str::to_owned);
    let mut mistakes = Vec::new();
    for (field, value) in [
        ("firstName", text(&given, "firstName")),
        ("lastName", text(&given, "lastName")),
        ("loginName", login.clone()),
    ] {
        if value.trim().is_empty() {
            mistakes.push((field, "Required", "A value is required"));
        }
    }
    let taken = |row: &Value| text(row, "userName").eq_ignore_ascii_case(&login);
    if world.rows(PERSONS).values().any(taken) {
        mistakes.push(("loginName", "DuplicateLogin", "The login name is taken"));
    }
    let asked = text(&given, "userId");
    if !asked.is_empty() && world.row(PERSONS, &asked).is_some() {
        mistakes.push(("userId", "DuplicateUserId", "The user id is taken"));
    }
    if !mistakes.is_empty() {
        return Ok(not_saved(world, "User not created", key_name, &mistakes));
    }
    let (n, counter) = world.next("sumtotal.user", FIRST_USER);
    let (version, versions) = next_version(world);
    let id = if asked.is_empty() { n.to_string() } else { asked };
    let now = clock::iso(world.now());
    let row = json!({
        "userId": id,
        "personId": n,
        "firstName": given["firstName"],
        "lastName": given["lastName"],
        "emailId": email,
        "userName": login,
        "primaryOrganization": "Acme",
        "jobTitle": "",
        "active": true,
        "locked": false,
        "createdDate": now,
        "modifiedDate": now,
        "version": version,
    });
    let shown = json!({ "userId": id, "loginName": login, "email": email,
                        "firstName": given["firstName"], "lastName": given["lastName"] });
    let deed = Deed {
        system: "sumtotal",
        kind: "create",
        object: "user",
        key: &id,
        identity: &login,
        body: shown,
    };
    world.commit(deed, vec![counter, versions, Change::put(PERSONS, &id, row)])?;
    let key = if key_name == "userId" { json!(id) } else { json!(n) };
    Ok(saved("User created", key_name, &key, 2))
}
