//! The tenant at the first start.

use serde_json::{Value, json};

use super::{
    ACTIVITIES, ASSIGNMENTS, GRANTS, OAUTH_CLIENTS, PERSONS, TRANSCRIPTS, USER_ACTIVITIES, clients,
};
use crate::company::{IDA_BERG, MAX_FREY, PEOPLE, Person, TOM_REED, person};
use crate::tables::{Rows, SeedContext, Table, nothing};

pub(crate) static TABLES: [Table; 7] = [
    Table { name: PERSONS, seed: persons },
    Table { name: ACTIVITIES, seed: activities },
    Table { name: TRANSCRIPTS, seed: transcripts },
    Table { name: USER_ACTIVITIES, seed: nothing },
    Table { name: ASSIGNMENTS, seed: nothing },
    Table { name: GRANTS, seed: nothing },
    Table { name: OAUTH_CLIENTS, seed: clients::seed },
];

/// Row versions begin here; every change takes the next one.
const FIRST_VERSION: u64 = 330_000_000;
/// Versions of what is changed later are above all seeded ones.
pub(super) const NEXT_VERSION: u64 = 400_000_000;

const SEEDED_ON: &str = "2025-03-02T08:15:00Z";
const LOCKED: u64 = 77;

fn people() -> impl Iterator<Item = Person> {
    (0..PEOPLE).map(person)
}

fn persons(_: &SeedContext) -> Rows {
    let row = |someone: Person| {
        let id = someone.employee_number().to_string();
        let manager = someone.manager();
        let value = json!({
            "userId": id,
            "personId": 100_600 + someone.n,
            "firstName": someone.first,
            "lastName": someone.last,
            "emailId": someone.email(),
            "userName": someone.user_name(),
            "managerUserId": manager.map(|m| m.employee_number().to_string()),
            "managerId": manager.map(|m| 100_600 + m.n),
            "managerFirstName": manager.map(|m| m.first),
            "managerLastName": manager.map(|m| m.last),
            "primaryOrganization": someone.department(),
            "jobTitle": someone.job_title(),
            "active": ![IDA_BERG, MAX_FREY].contains(&someone.n),
            "locked": someone.n == LOCKED,
            "createdDate": "2023-04-01T09:00:00Z",
            "modifiedDate": SEEDED_ON,
            "version": FIRST_VERSION + someone.n,
        });
        (id, value)
    };
    let system = json!({
        "userId": "-1",
        "personId": -1,
        "firstName": "System",
        "lastName": "Account",
        "emailId": "",
        "userName": "system",
        "primaryOrganization": "Acme",
        "jobTitle": "",
        "active": true,
        "locked": false,
        "createdDate": "2023-04-01T09:00:00Z",
        "modifiedDate": SEEDED_ON,
        "version": FIRST_VERSION + PEOPLE,
    });
    people().map(row).chain([("-1".to_owned(), system)]).collect()
}

const NAMED: [(&str, &str); 6] = [
    ("SEC-101", "Phishing Basics"),
    ("SAFETY-101", "Safety at Work"),
    ("GDPR-201", "GDPR Essentials"),
    ("NET101", "Network Basics"),
    ("COC-100", "Code of Conduct"),
    ("LEAD-300", "First Time Leading a Team"),
];

const SUBJECTS: [&str; 25] = [
    "Welding",
    "Rigging",
    "Casting",
    "Milling",
    "Coating",
    "Testing",
    "Packing",
    "Shipping",
    "Sourcing",
    "Costing",
    "Planning",
    "Coaching",
    "Writing",
    "Drafting",
    "Reporting",
    "Auditing",
    "Cleaning",
    "Tooling",
    "Wiring",
    "Piping",
    "Grinding",
    "Sorting",
    "Labelling",
    "Weighing",
    "Sampling",
];

const FORMATS: [&str; 4] = ["Online Course", "Classroom", "Video", "Book"];

/// How many activities there are.
const ACTIVITY_COUNT: usize = 250;
const HIDDEN: u64 = 249;
const CERTIFICATION: u64 = 250;
/// A part of activity 6.
const CHILD: u64 = 7;
const CLOSED: u64 = 248;

fn activities(_: &SeedContext) -> Rows {
    let row = |place: usize| {
        let id = place as u64 + 1;
        let subject = SUBJECTS[place % SUBJECTS.len()];
        let (code, name) = match NAMED.get(place) {
            Some((code, name)) => ((*code).to_owned(), (*name).to_owned()),
            None => (format!("ACT-{id:03}"), format!("{subject}, part {}", place / 25 + 1)),
        };
        let parent = (id == CHILD).then_some(6);
        let value = json!({
            "id": id,
            "code": code,
            "name": name,
            "description": format!("{name} at Acme"),
            "activityType": FORMATS[place % FORMATS.len()],
            "parent": parent,
            "root": parent.unwrap_or(id),
            "isActive": true,
            "isHidden": id == HIDDEN,
            "isOpen": id != CLOSED,
            "isCertification": id == CERTIFICATION,
            "hours": 0.5 + f64::from(u8::try_from(place % 8).unwrap_or(0)) / 2.0,
            "startDate": "2025-01-10T00:00:00Z",
            "lastUpdateDate": format!("2025-{:02}-{:02}T08:15:00Z", 1 + id % 12, 1 + id % 28),
            "version": FIRST_VERSION + 10_000 + id,
        });
        (id.to_string(), value)
    };
    (0..ACTIVITY_COUNT).map(row).collect()
}

/// One line of a transcript.
pub(super) fn line(id: u64, user: &str, activity: u64, start: &str, end: Option<&str>) -> Value {
    let done = end.is_some();
    json!({
        "id": id,
        "userId": user,
        "activityId": activity,
        "startDate": start,
        "endDate": end,
        "complete": done,
        "score": done.then_some(92.0),
        "elapsedSeconds": if done { 1800 } else { 0 },
        "version": FIRST_VERSION + 20_000 + id,
        "modifiedDate": end.unwrap_or(start),
    })
}

/// One person has taken nearly everything, every third person a few things.
fn transcripts(_: &SeedContext) -> Rows {
    let full = (1..=240).map(|activity| (TOM_REED, activity));
    let some = (15..PEOPLE)
        .filter(|n| n % 3 == 0)
        .flat_map(|n| (0..=n % 3 + n % 2).map(move |k| (n, 1 + (n + k * 7) % 240)));
    let row = |(place, (n, activity)): (usize, (u64, u64))| {
        let id = 70_001 + place as u64;
        let user = person(n).employee_number().to_string();
        let end = (place % 5 != 4).then_some("2025-03-02T08:45:00Z");
        (id.to_string(), line(id, &user, activity, "2025-03-02T08:15:00Z", end))
    };
    full.chain(some).enumerate().map(row).collect()
}
