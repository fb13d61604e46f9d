//! The instance at the first start.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::admission::SERVICE_USER;
use super::{ATTACHMENT_BYTES, TOKENS, rows_of, text};
use crate::company::{
    ANA_RUIZ, GIL_MOOR, IDA_BERG, JON_WELLS, KIM_LO, LEE_PARK, MAX_FREY, MAYA_STONE, NEW_HIRES,
    NOOR_HADDAD, OFFICE, ROSA_BELL, SAM_COLE, TOM_REED, person,
};
use crate::tables::{Rows, SeedContext, Table, nothing};
use crate::world::World;

pub(crate) static TABLES: [Table; 14] = [
    Table { name: "servicenow/incident", seed: incidents },
    Table { name: "servicenow/sys_user", seed: users },
    Table { name: "servicenow/sys_user_role", seed: roles },
    Table { name: "servicenow/sys_user_has_role", seed: grants },
    Table { name: "servicenow/sys_user_role_contains", seed: contained },
    Table { name: "servicenow/sys_user_group", seed: groups },
    Table { name: "servicenow/sys_group_has_role", seed: nothing },
    Table { name: "servicenow/sys_user_grmember", seed: members },
    Table { name: "servicenow/sys_journal_field", seed: nothing },
    Table { name: "servicenow/sys_alias", seed: nothing },
    Table { name: "servicenow/sys_attachment", seed: nothing },
    Table { name: "servicenow/imp_user", seed: nothing },
    Table { name: ATTACHMENT_BYTES, seed: nothing },
    Table { name: TOKENS, seed: nothing },
];

/// The role of the Litmos app, as its article spells it first.
const LITMOS_ROLE: &str = "x_litmos_litmos_int.Litmos Training User";

const ROLES: [(&str, &str); 4] = [
    ("admin", "System administrator"),
    ("itil", "Works on incidents"),
    (LITMOS_ROLE, "May assign Litmos courses"),
    ("approver_user", "May approve"),
];

/// The service account comes after all people.
const SERVICE: u64 = OFFICE;

fn user_id(context: &SeedContext, n: u64) -> String {
    context.identity.hex32("servicenow.sys_user", n)
}

fn role_id(context: &SeedContext, name: &str) -> String {
    let place = ROLES.iter().position(|(role, _)| *role == name).unwrap_or_default();
    context.identity.hex32("servicenow.sys_user_role", place as u64)
}

fn with_system_fields(mut row: Value, id: &str, on: &str) -> (String, Value) {
    for (field, value) in [
        ("sys_id", id),
        ("sys_created_on", on),
        ("sys_created_by", "admin"),
        ("sys_updated_on", on),
        ("sys_updated_by", "admin"),
        ("sys_mod_count", "0"),
    ] {
        row[field] = json!(value);
    }
    (id.to_owned(), row)
}

/// `days` before the present date in London, at `time` UTC.
fn days_ago(context: &SeedContext, days: i64, time: &str) -> String {
    let zone = TimeZone::get("Europe/London").unwrap_or(TimeZone::UTC);
    let today = context.now.to_zoned(zone).date();
    let date = today.checked_sub(jiff::Span::new().days(days)).unwrap_or(today);
    format!("{date} {time}")
}

fn created_on(context: &SeedContext, n: u64) -> String {
    let minute = n % 60;
    if NEW_HIRES.contains(&n) || n == MAX_FREY {
        return days_ago(context, 1, &format!("10:{minute:02}:00"));
    }
    if n == ROSA_BELL {
        return days_ago(context, 3, "10:00:00");
    }
    format!("2024-09-{:02} 08:{minute:02}:00", 1 + n % 28)
}

fn users(context: &SeedContext) -> Rows {
    let user = |n: u64| {
        let someone = person(n);
        let active = ![IDA_BERG, MAX_FREY].contains(&n);
        let email = if n == GIL_MOOR { String::new() } else { someone.email() };
        let row = json!({
            "user_name": someone.user_name(),
            "email": email,
            "first_name": someone.first,
            "last_name": someone.last,
            "name": someone.full_name(),
            "active": active.to_string(),
            "locked_out": "false",
            "title": someone.job_title(),
            "department": someone.department(),
            "manager": someone.manager().map(|m| user_id(context, m.n)).unwrap_or_default(),
            "company": "Acme",
            "location": "London",
            "employee_number": someone.employee_number().to_string(),
            "time_zone": "Europe/London",
            "preferred_language": "en",
            "web_service_access_only": "false",
            "internal_integration_user": "false",
        });
        with_system_fields(row, &user_id(context, n), &created_on(context, n))
    };
    let service = json!({
        "user_name": SERVICE_USER,
        "email": "flow.service@example.test",
        "first_name": "Flow",
        "last_name": "Service",
        "name": "Flow Service",
        "active": "true",
        "locked_out": "false",
        "web_service_access_only": "true",
        "internal_integration_user": "true",
    });
    let service = with_system_fields(service, &user_id(context, SERVICE), "2024-08-01 08:00:00");
    (0..OFFICE).map(user).chain([service]).collect()
}

fn roles(context: &SeedContext) -> Rows {
    let role = |(name, about): &(&str, &str)| {
        let row = json!({ "name": name, "description": about, "elevated_privilege": "false" });
        with_system_fields(row, &role_id(context, name), "2024-08-01 08:00:00")
    };
    ROLES.iter().map(role).collect()
}

fn contained(context: &SeedContext) -> Rows {
    let row = json!({
        "role": role_id(context, "itil"),
        "contains": role_id(context, LITMOS_ROLE),
    });
    let id = context.identity.hex32("servicenow.sys_user_role_contains", 0);
    [with_system_fields(row, &id, "2024-08-01 08:00:00")].into_iter().collect()
}

/// Who has which role: itself, or by what it is included in.
fn grants(context: &SeedContext) -> Rows {
    let mut wanted = vec![(MAYA_STONE, "admin", ""), (SERVICE, "admin", "")];
    for agent in [KIM_LO, LEE_PARK, NOOR_HADDAD] {
        wanted.push((agent, "itil", ""));
        wanted.push((agent, LITMOS_ROLE, "itil"));
    }
    wanted.push((SAM_COLE, LITMOS_ROLE, ""));
    let grant = |(place, (user, role, through)): (usize, (u64, &str, &str))| {
        let included = if through.is_empty() { String::new() } else { role_id(context, through) };
        let row = json!({
            "user": user_id(context, user),
            "role": role_id(context, role),
            "inherited": (!through.is_empty()).to_string(),
            "granted_by": "",
            "included_in_role": included,
            "state": "active",
        });
        let id = context.identity.hex32("servicenow.sys_user_has_role", place as u64);
        with_system_fields(row, &id, "2024-09-02 08:00:00")
    };
    wanted.into_iter().enumerate().map(grant).collect()
}

fn group_id(context: &SeedContext) -> String {
    context.identity.hex32("servicenow.sys_user_group", 0)
}

fn groups(context: &SeedContext) -> Rows {
    let row = json!({
        "name": "Service Desk",
        "description": "First line",
        "manager": user_id(context, MAYA_STONE),
        "active": "true",
    });
    [with_system_fields(row, &group_id(context), "2024-08-01 08:00:00")].into_iter().collect()
}

fn members(context: &SeedContext) -> Rows {
    let agents = [KIM_LO, LEE_PARK, NOOR_HADDAD, SAM_COLE];
    let member = |n: u64| {
        let row = json!({ "user": user_id(context, n), "group": group_id(context) });
        let id = context.identity.hex32("servicenow.sys_user_grmember", n);
        with_system_fields(row, &id, "2024-09-02 08:00:00")
    };
    agents.into_iter().map(member).collect()
}

const SUBJECTS: [&str; 8] = [
    "Cannot reach the file share",
    "Laptop does not start",
    "Needs access to the ledger",
    "Printer prints blank pages",
    "Badge does not open the lab",
    "Mail is slow",
    "Wants a second screen",
    "Forgot the passphrase",
];

fn incidents(context: &SeedContext) -> Rows {
    let known = [
        (ANA_RUIZ, "Wants to take the safety and network courses"),
        (TOM_REED, "Needs a refresher on data protection"),
        (GIL_MOOR, "Cannot log in to the training portal"),
        (JON_WELLS, "Which courses do I have to take?"),
    ];
    let others = (5..=40_u64).map(|place| {
        let subject = SUBJECTS[usize::try_from(place).unwrap_or_default() % SUBJECTS.len()];
        (20 + place, subject)
    });
    let incident = |(place, (caller, subject)): (u64, (u64, &str))| {
        let number = format!("INC{:07}", 10_001 + place);
        let at = format!("2026-01-{:02} 09:{:02}:00", 1 + place % 28, place % 60);
        let row = json!({
            "number": number,
            "state": if place < 4 { "2" } else { ["1", "2", "3"][usize::try_from(place % 3).unwrap_or_default()] },
            "incident_state": "",
            "active": "true",
            "short_description": subject,
            "description": "",
            "caller_id": user_id(context, caller),
            "opened_by": user_id(context, KIM_LO),
            "opened_at": at,
            "assigned_to": user_id(context, if place % 2 == 0 { KIM_LO } else { LEE_PARK }),
            "assignment_group": group_id(context),
            "category": "inquiry",
            "contact_type": "phone",
            "impact": "3",
            "urgency": "2",
            "priority": "4",
            "severity": "3",
            "company": "Acme",
            "reopen_count": "0",
            "sys_class_name": "incident",
            "sys_domain": "global",
        });
        let mut row = row;
        row["incident_state"] = row["state"].clone();
        let id = context.identity.hex32("servicenow.incident", place);
        with_system_fields(row, &id, &at)
    };
    (0_u64..).zip(known.into_iter().chain(others)).map(incident).collect()
}

/// Whether somebody has any role; those without may not use the API.
pub(super) fn has_any_role(world: &World, user: &str) -> bool {
    let grants = world.rows(&rows_of("sys_user_has_role"));
    grants.values().any(|grant| text(grant, "user") == user)
}
