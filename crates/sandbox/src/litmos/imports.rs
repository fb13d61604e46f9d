//! `/bulkimports`: lists of people to create or change.
//!
//! An import is answered as waiting and worked off at once; later reads see its figures. The names in the list of
//! errors, and of the last state, are our choice.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::body::Body;
use super::format::{Answer, Refusal};
use super::users::{find, is_email, mail, text};
use super::{COURSES, IMPORTS, TEAMS, USERS, lists, team_lists, teams, user_courses};
use crate::call::Call;
use crate::clock;
use crate::state_file::Change;
use crate::world::{Deed, World};

const MAX_BYTES: usize = 2000 * 1024;
const LATEST: usize = 1000;

/// Row fields and the user's fields they become.
const FIELDS: [(&str, &str); 8] = [
    ("FirstName", "FirstName"),
    ("LastName", "LastName"),
    ("Email", "Email"),
    ("CompanyName", "CompanyName"),
    ("JobTitle", "JobTitle"),
    ("PhoneWork", "PhoneWork"),
    ("PhoneMobile", "PhoneMobile"),
    ("CustomField1", "CustomField1"),
];

pub(super) fn route(world: &mut World, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    let one = |world: &World, id: &str| world.row(IMPORTS, id).cloned();
    match (rest, &call.method) {
        ([], &Method::GET) => {
            let rows = world.rows(IMPORTS).values().rev().take(LATEST).map(shown).collect();
            Ok(Answer::List("BulkImports", "BulkImport", lists::page(call, rows).0))
        }
        ([], &Method::POST) => start(world, call),
        ([id], &Method::GET) => {
            let row = one(world, id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::One(200, "BulkImport", shown(&row)))
        }
        ([id, "usererrors"], &Method::GET) => {
            let row = one(world, id).ok_or_else(Refusal::not_found)?;
            let rows = row["Errors"].as_array().cloned().unwrap_or_default();
            Ok(Answer::List("UserErrors", "UserError", lists::page(call, rows).0))
        }
        ([] | [_] | [_, "usererrors"], _) => Err(Refusal::method()),
        _ => Err(Refusal::no_route()),
    }
}

fn shown(row: &Value) -> Value {
    let mut fields = row.as_object().cloned().unwrap_or_default();
    fields.shift_remove("Errors");
    Value::Object(fields)
}

/// The figures of an import.
#[derive(Default)]
struct Figures {
    created: u64,
    duplicate: u64,
    invalid_email: u64,
    errors: Vec<Value>,
}

fn start(world: &mut World, call: &Call) -> Result<Answer, Refusal> {
    if call.body.len() > MAX_BYTES {
        return Err(Refusal::bad_body());
    }
    let rows = Body::of(call)?.objects()?;
    let flag =
        |name: &str| call.query_any_case(name).is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let sends = flag("sendmessage");
    let (n, counter) = world.next("litmos.import", 1);
    let id = world.identity.litmos("litmos.import", n);
    let mut figures = Figures::default();
    let mut changes = vec![counter];
    let mut wanted = Vec::new();
    for row in &rows {
        if let Some(user) = import(world, row, sends, &mut figures, &mut changes)? {
            wanted.push((user, row.clone()));
        }
    }
    let import = json!({
        "Id": id,
        "ImportDate": clock::iso(world.now()),
        "Status": "Waiting",
        "TotalRecords": rows.len(),
        "TotalUsersCreated": 0,
        "Failed": 0,
        "Duplicate": 0,
        "InvalidEmail": 0,
        "SendEmails": sends,
        "SkipFirstLogin": flag("skipfirstlogin"),
        "IsAPIImport": true,
    });
    let mut done = import.clone();
    done["Status"] = json!("Completed");
    done["TotalUsersCreated"] = json!(figures.created);
    done["Failed"] = json!(figures.errors.len());
    done["Duplicate"] = json!(figures.duplicate);
    done["InvalidEmail"] = json!(figures.invalid_email);
    done["Errors"] = json!(figures.errors);
    changes.push(Change::put(IMPORTS, &id, done));
    let deed = Deed {
        system: "litmos",
        kind: "create",
        object: "import",
        key: &id,
        identity: &format!("{} people", rows.len()),
        body: json!(rows),
    };
    world.commit(deed, changes)?;
    for (user, row) in wanted {
        place(world, &user, &row)?;
    }
    Ok(Answer::One(200, "BulkImport", import))
}

fn field<'r>(row: &'r Map<String, Value>, name: &str) -> &'r str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The access level of a bulk code.
fn level(code: &str) -> Option<&'static str> {
    match code {
        "L" | "5" => Some("Learner"),
        "TL" | "TA" | "4" => Some("Team_Leader"),
        "3" => Some("Administrator"),
        "2" => Some("Account_Owner"),
        _ => None,
    }
}

/// One row: makes or changes a user, whose id it gives, or notes why not.
fn import(
    world: &World,
    row: &Map<String, Value>,
    sends: bool,
    figures: &mut Figures,
    changes: &mut Vec<Change>,
) -> Result<Option<String>, Refusal> {
    let name = field(row, "Username");
    let known = find(world, name);
    let mut fail = |why: &str| {
        figures.errors.push(json!({ "Username": name, "Error": why }));
        Ok(None)
    };
    let email = field(row, "Email");
    if !email.is_empty() && !is_email(email) {
        figures.invalid_email += 1;
        figures.errors.push(json!({ "Username": name, "Error": "Invalid email address." }));
        return Ok(None);
    }
    let Some(level) = level(field(row, "AccessLevel")) else {
        return fail("Access level is invalid");
    };
    if name.chars().count() <= 3 {
        return fail("Username must be greater than 3 characters.");
    }
    if known.is_none() && (field(row, "FirstName").is_empty() || field(row, "LastName").is_empty())
    {
        return fail("First and last name are required.");
    }
    let place = u64::try_from(changes.len()).unwrap_or_default();
    let (mut user, id) = match known {
        Some(user) => (user.clone(), text(user, "Id").to_owned()),
        None => {
            let n = 720_000 + world.rows(USERS).len() as u64 + place;
            let id = world.identity.litmos("litmos.user.imported", n);
            let user = json!({
                "Id": id,
                "UserName": name,
                "AccessLevel": level,
                "DisableMessages": false,
                "Active": true,
                "IsCustomUsername": !is_email(name),
                "TimeZone": "UTC",
                "OriginalId": n,
                "Culture": "en-US",
                "CreatedDate": clock::iso(world.now()),
                "Points": 0,
                "Brand": "Default",
            });
            (user, id)
        }
    };
    for (from, to) in FIELDS.iter().filter(|(from, _)| !field(row, from).is_empty()) {
        user[*to] = json!(field(row, from));
    }
    match known {
        Some(_) => figures.duplicate += 1,
        None => {
            figures.created += 1;
            if sends {
                changes.push(mail(world, &id, "welcome"));
            }
        }
    }
    changes.push(Change::put(USERS, &id, user));
    Ok(Some(id))
}

/// Teams and courses are named by their bulk codes; one that is not known is passed over.
fn place(world: &mut World, user: &str, row: &Map<String, Value>) -> Result<(), Refusal> {
    let codes = |prefix: &str, count: usize| -> Vec<String> {
        let names = (1..=count).map(|n| format!("{prefix}{n}"));
        names.map(|name| field(row, &name).to_owned()).filter(|code| !code.is_empty()).collect()
    };
    for code in codes("Team", 5) {
        let found = world.rows(TEAMS).values().find(|team| teams::code(team) == code);
        if let Some(team) = found.map(|team| text(team, "Id").to_owned()) {
            team_lists::add_member(world, &team, user)?;
        }
    }
    for code in codes("Course", 3) {
        let bulk = |course: &Value| format!("{}-{}", course["OriginalId"], text(course, "Code"));
        let found = world.rows(COURSES).values().find(|course| bulk(course) == code);
        if let Some(course) = found.map(|course| text(course, "Id").to_owned()) {
            user_courses::give(world, user, &course, false)?;
        }
    }
    Ok(())
}
