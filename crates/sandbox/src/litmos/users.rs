//! `/users`: people with a Litmos account.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::body::Body;
use super::format::{Answer, Refusal};
use super::{ASSIGNMENTS, OUTBOX, USERS, lists};
use crate::call::Call;
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

/// Every field of a user, in the order that XML demands.
pub(super) const ORDER: [&str; 53] = [
    "Id",
    "UserName",
    "FirstName",
    "LastName",
    "FullName",
    "Email",
    "AccessLevel",
    "DisableMessages",
    "Active",
    "Skype",
    "PhoneWork",
    "PhoneMobile",
    "LastLogin",
    "LoginKey",
    "IsCustomUsername",
    "Password",
    "SkipFirstLogin",
    "TimeZone",
    "SalesforceId",
    "OriginalId",
    "Street1",
    "Street2",
    "City",
    "State",
    "PostalCode",
    "Country",
    "CompanyName",
    "JobTitle",
    "CustomField1",
    "CustomField2",
    "CustomField3",
    "Culture",
    "CustomField4",
    "CustomField5",
    "CustomField6",
    "CustomField7",
    "CustomField8",
    "CustomField9",
    "CustomField10",
    "SalesforceContactId",
    "SalesforceAccountId",
    "CreatedDate",
    "Points",
    "Brand",
    "ManagerId",
    "ManagerName",
    "EnableTextNotification",
    "Website",
    "Twitter",
    "ExpirationDate",
    "JobRole",
    "ExternalEmployeeId",
    "ProfileType",
];

/// What a caller cannot set.
const SERVER_OWNED: [&str; 9] = [
    "Id",
    "FullName",
    "LastLogin",
    "LoginKey",
    "OriginalId",
    "CreatedDate",
    "Points",
    "SkipFirstLogin",
    "Password",
];

const NEVER_TEXT: [&str; 3] = ["SalesforceId", "SalesforceContactId", "SalesforceAccountId"];

const LEVELS: [&str; 5] =
    ["Account_Owner", "Administrator", "Team_Leader", "Team_Admin", "Learner"];

const SEARCHED: [&str; 4] = ["FirstName", "LastName", "UserName", "Email"];

pub(super) fn route(world: &mut World, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    match (rest, &call.method) {
        ([], &Method::GET) => {
            let (rows, _) = lists::page(call, brief(world, call));
            Ok(Answer::List("Users", "User", rows))
        }
        ([], &Method::POST) => create(world, call),
        (["paginated"], &Method::GET) => {
            let (rows, window) = lists::page(call, brief(world, call));
            Ok(Answer::Page("UserCollection", "User", rows, window))
        }
        (["details"], &Method::GET) => details(world, call),
        ([id], &Method::GET) => {
            let row = find(world, id)
                .ok_or_else(|| Refusal::new(404, format!("User - {id} was not found")))?;
            Ok(Answer::One(200, "User", full(row, &Value::Null)))
        }
        ([id], &Method::PUT) => update(world, call, id),
        ([id], &Method::DELETE) => delete(world, id),
        ([] | [_], _) => Err(Refusal::method()),
        _ => Err(Refusal::no_route()),
    }
}

/// A user by id, or by user name in any letter case.
pub(super) fn find<'w>(world: &'w World, id: &str) -> Option<&'w Value> {
    world.row(USERS, id).or_else(|| by_name(world, id))
}

fn by_name<'w>(world: &'w World, name: &str) -> Option<&'w Value> {
    let same = |row: &&Value| text(row, "UserName").eq_ignore_ascii_case(name);
    world.rows(USERS).values().find(same)
}

pub(super) fn text<'v>(row: &'v Value, field: &str) -> &'v str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The fields that lists show.
pub(super) fn listed(row: &Value) -> Value {
    const LISTED: [&str; 8] =
        ["Id", "UserName", "FirstName", "LastName", "Active", "Email", "AccessLevel", "Brand"];
    let field = |name: &&str| ((*name).to_owned(), row.get(*name).cloned().unwrap_or(json!("")));
    Value::Object(LISTED.iter().map(field).collect())
}

fn matching(world: &World, call: &Call) -> Vec<Value> {
    let hides =
        call.query_any_case("showInactive").is_some_and(|v| v.eq_ignore_ascii_case("false"));
    let shown = |row: &&Value| {
        lists::is_found(call, row, &SEARCHED) && !(hides && row["Active"] == json!(false))
    };
    let mut rows: Vec<Value> = world.rows(USERS).values().filter(shown).cloned().collect();
    lists::sort(call, &mut rows);
    rows
}

fn brief(world: &World, call: &Call) -> Vec<Value> {
    matching(world, call).iter().map(listed).collect()
}

fn details(world: &World, call: &Call) -> Result<Answer, Refusal> {
    let mut rows = matching(world, call);
    if let Some(since) = call.query("since").filter(|since| !since.is_empty()) {
        let since = clock::parse(since).ok_or_else(|| {
            Refusal::new(406, "Please provide a valid since query string parameter")
        })?;
        rows.retain(|row| clock::parse(text(row, "CreatedDate")).is_some_and(|at| at >= since));
    }
    let rows = rows.iter().map(|row| full(row, &Value::Null)).collect();
    Ok(Answer::List("Users", "User", lists::page(call, rows).0))
}

/// Every field; what was never set shows as `unset`, a password never shows.
pub(super) fn full(row: &Value, unset: &Value) -> Value {
    let field = |name: &&str| {
        let value = match *name {
            "FullName" => json!(format!("{} {}", text(row, "FirstName"), text(row, "LastName"))),
            "Password" => json!(""),
            "LastLogin" => row.get("LastLogin").cloned().unwrap_or(json!("")),
            name if NEVER_TEXT.contains(&name) => Value::Null,
            name => row.get(name).cloned().unwrap_or_else(|| unset.clone()),
        };
        ((*name).to_owned(), value)
    };
    Value::Object(ORDER.iter().map(field).collect())
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Refusal> {
    let given = Body::of(call)?.object(&ORDER, world.settings.litmos.lenient)?;
    for required in ["UserName", "FirstName", "LastName"] {
        if given.get(required).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
            return Err(Refusal::bad_body());
        }
    }
    check(world, &given, None)?;
    let (n, counter) = world.next("litmos.user", 700_500);
    let id = world.identity.litmos("litmos.user.created", n);
    let mut row = json!({
        "Id": id,
        "UserName": "",
        "FirstName": "",
        "LastName": "",
        "Email": "",
        "AccessLevel": "Learner",
        "DisableMessages": false,
        "Active": true,
        "LoginKey": login_key(world, n),
        "IsCustomUsername": false,
        "SkipFirstLogin": false,
        "TimeZone": "UTC",
        "OriginalId": n,
        "Culture": "en-US",
        "CreatedDate": clock::iso(world.now()),
        "Points": 0,
        "Brand": "Default",
    });
    merge(&mut row, &given);
    let name = text(&row, "UserName").to_owned();
    let mut changes = vec![counter, Change::put(USERS, &id, row.clone())];
    if call.query_any_case("sendmessage").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        changes.push(mail(world, &id, "welcome"));
    }
    let body = shown(given);
    world.commit(
        Deed { system: "litmos", kind: "create", object: "user", key: &id, identity: &name, body },
        changes,
    )?;
    Ok(Answer::One(201, "User", full(&row, &json!(""))))
}

fn login_key(world: &World, n: u64) -> String {
    let key = world.identity.guid("litmos.login", n);
    format!("https://acme.litmos.example//login.aspx?loginkey={key}")
}

/// A mail that would be sent, for the outbox.
pub(super) fn mail(world: &World, user: &str, about: &str) -> Change {
    let n = world.rows(OUTBOX).len() + 1;
    let at = clock::iso(world.now());
    Change::put(OUTBOX, n.to_string(), json!({ "User": user, "About": about, "At": at }))
}

/// What the ledger may show of a body.
fn shown(mut given: Map<String, Value>) -> Value {
    if given.get("Password").and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
        given.insert("Password".to_owned(), json!("***"));
    }
    Value::Object(given)
}

fn merge(row: &mut Value, given: &Map<String, Value>) {
    for (name, value) in given {
        let known = ORDER.contains(&name.as_str()) && !SERVER_OWNED.contains(&name.as_str());
        let keeps_default =
            matches!(name.as_str(), "AccessLevel" | "Culture" | "TimeZone" | "Brand")
                && value.as_str().is_none_or(str::is_empty);
        if known && !keeps_default && !value.is_null() {
            row[name.as_str()] = value.clone();
        }
    }
}

/// The rules of a user's fields; `own` is the id of the user that is changed.
fn check(world: &World, given: &Map<String, Value>, own: Option<&str>) -> Result<(), Refusal> {
    let conflict = |detail: &str| Err(Refusal::new(409, detail));
    let get = |name: &str| given.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    // A name that stays as it is passes, whatever it is.
    let kept = own.and_then(|id| world.row(USERS, id)).map(|row| text(row, "UserName"));
    if let Some(name) = get("UserName").filter(|name| Some(*name) != kept) {
        let custom = given.get("IsCustomUsername") == Some(&json!(true));
        if name.chars().count() <= 3 {
            return conflict("Username must be greater than 3 characters.");
        }
        if !name.chars().all(|c| c.is_alphanumeric() || "@.+-_'".contains(c)) {
            return conflict("Invalid special character's in the username.");
        }
        if !custom && !is_email(name) {
            return conflict("Invalid email address.");
        }
        if by_name(world, name).is_some_and(|row| Some(text(row, "Id")) != own) {
            return conflict("UserName already exists");
        }
    }
    if get("Email").is_some_and(|email| !is_email(email)) {
        return conflict("Invalid email address.");
    }
    if get("Culture").is_some_and(|culture| !is_culture(culture)) {
        return conflict("Culture is invalid");
    }
    let phone = |number: &str| number.starts_with('+') && number.len() > 7;
    if get("AccessLevel").is_some_and(|level| !LEVELS.contains(&level))
        || get("PhoneMobile").is_some_and(|number| !phone(number))
    {
        return Err(Refusal::bad_body());
    }
    Ok(())
}

pub(super) fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.contains('@') && host.split('.').all(|part| !part.is_empty())
    })
}

fn is_culture(text: &str) -> bool {
    let (language, country) = text.split_once('-').unwrap_or((text, "XX"));
    let letters = |part: &str| part.chars().all(|c| c.is_ascii_alphabetic());
    (2..=3).contains(&language.len()) && country.len() == 2 && letters(language) && letters(country)
}

fn update(world: &mut World, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let given = Body::of(call)?.object(&ORDER, world.settings.litmos.lenient)?;
    let row = find(world, id).ok_or_else(Refusal::not_found)?.clone();
    let id = text(&row, "Id").to_owned();
    if given.get("Id").and_then(Value::as_str).is_some_and(|named| named != id) {
        return Err(Refusal::not_found());
    }
    let manager = given.get("ManagerId").and_then(Value::as_str).filter(|id| !id.is_empty());
    if manager.is_some_and(|manager| find(world, manager).is_none()) {
        return Err(Refusal::not_found());
    }
    check(world, &given, Some(&id))?;
    let mut changed = row.clone();
    merge(&mut changed, &given);
    if changed != row {
        let name = text(&changed, "UserName").to_owned();
        let changes = vec![Change::put(USERS, &id, changed)];
        let body = shown(given);
        let deed = Deed {
            system: "litmos",
            kind: "update",
            object: "user",
            key: &id,
            identity: &name,
            body,
        };
        world.commit(deed, changes)?;
    }
    Ok(Answer::Empty(200))
}

fn delete(world: &mut World, id: &str) -> Result<Answer, Refusal> {
    let missing = "No user with this id exists in your organization";
    let row = find(world, id).ok_or_else(|| Refusal::new(404, missing))?.clone();
    let id = text(&row, "Id").to_owned();
    let own = format!("{id}/");
    let assigned = world.rows(ASSIGNMENTS).keys().filter(|key| key.starts_with(&own));
    let mut changes: Vec<Change> = assigned.map(|key| Change::remove(ASSIGNMENTS, key)).collect();
    changes.push(Change::remove(USERS, &id));
    let identity = text(&row, "UserName");
    let body = Value::Null;
    let deed = Deed { system: "litmos", kind: "delete", object: "user", key: &id, identity, body };
    world.commit(deed, changes)?;
    Ok(Answer::Empty(200))
}
