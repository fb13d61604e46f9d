//! The organisation at the first start.

use serde_json::{Value, json};

use super::user_courses::{assignment, key};
use super::{ACHIEVEMENTS, ASSIGNMENTS, COURSES, IMPORTS, LEARNING_PATHS, OUTBOX, TEAMS, USERS};
use crate::company::{
    ANA_RUIZ, GIL_MOOR, IDA_BERG, JON_WELLS, KIM_LO, LEE_PARK, MAX_FREY, MAYA_STONE, NEW_HIRES,
    NOOR_HADDAD, OFFICE, ROSA_BELL, TOM_REED, person,
};
use crate::identity::Identity;
use crate::tables::{Rows, SeedContext, Table, nothing};

pub(crate) static TABLES: [Table; 8] = [
    Table { name: USERS, seed: users },
    Table { name: COURSES, seed: courses },
    Table { name: ASSIGNMENTS, seed: assignments },
    Table { name: LEARNING_PATHS, seed: learning_paths },
    Table { name: TEAMS, seed: teams },
    Table { name: ACHIEVEMENTS, seed: nothing },
    Table { name: OUTBOX, seed: nothing },
    Table { name: IMPORTS, seed: nothing },
];

/// The Litmos id of somebody at Acme.
pub(super) fn user_id(identity: Identity, person: u64) -> String {
    identity.litmos("litmos.user", person)
}

fn course_id(identity: Identity, index: usize) -> String {
    identity.litmos("litmos.course", index as u64)
}

fn level(n: u64) -> &'static str {
    match n {
        MAYA_STONE => "Account_Owner",
        KIM_LO => "Administrator",
        LEE_PARK => "Team_Leader",
        NOOR_HADDAD => "Team_Admin",
        _ => "Learner",
    }
}

fn is_in_litmos(n: u64) -> bool {
    let absent = [ANA_RUIZ, MAX_FREY, GIL_MOOR];
    !absent.contains(&n) && (n == JON_WELLS || !NEW_HIRES.contains(&n))
}

fn users(context: &SeedContext) -> Rows {
    let user = |n: u64| {
        let someone = person(n);
        let id = user_id(context.identity, n);
        let login_key = context.identity.guid("litmos.login", n);
        // The recent ones have never logged in, so that no mail goes to them.
        let last_login =
            if (JON_WELLS..=ROSA_BELL).contains(&n) { "" } else { "2025-11-03T08:12:44Z" };
        let row = json!({
            "Id": id,
            "UserName": someone.email(),
            "FirstName": someone.first,
            "LastName": someone.last,
            "Email": someone.email(),
            "AccessLevel": level(n),
            "DisableMessages": false,
            "Active": n != IDA_BERG,
            "LastLogin": last_login,
            "LoginKey": format!("https://acme.litmos.example//login.aspx?loginkey={login_key}"),
            "IsCustomUsername": false,
            "SkipFirstLogin": true,
            "TimeZone": "UTC",
            "OriginalId": 700_100 + n,
            "CompanyName": "Acme",
            "JobTitle": someone.job_title(),
            "Culture": "en-US",
            "CreatedDate": "2025-01-15T09:00:00Z",
            "Points": 0,
            "Brand": "Default",
        });
        (id, row)
    };
    (0..OFFICE).filter(|n| is_in_litmos(*n)).map(user).collect()
}

const COURSES_BY_NAME: [(&str, &str, &str); 16] = [
    ("SAFETY-101", "Safety at Work", "Fire exits, first aid and reporting what is unsafe."),
    ("GDPR-201", "GDPR Essentials", "What personal data is and how Acme handles it."),
    ("NET101", "Network Basics", "Cables, addresses and why the printer is offline."),
    ("PHISH-110", "Spotting Phishing Mail", "How to recognise a bad mail and whom to tell."),
    ("VPN-120", "Working Remotely with the VPN", "Set up and use the company VPN."),
    ("ITSM-130", "Service Desk Essentials", "Incidents, requests and problems."),
    ("PASS-105", "Passwords and Passkeys", "Keep your account yours."),
    ("COC-100", "Code of Conduct", "How we work together at Acme."),
    ("LEAD-300", "First Time Leading a Team", "From colleague to team leader."),
    ("EXCEL-210", "Spreadsheets that Add Up", "Formulas, checks and pivot tables."),
    ("LIFT-220", "Forklift Refresher", "The yearly refresher for drivers."),
    ("CHEM-230", "Handling Chemicals", "Labels, storage and spills."),
    ("FIRST-140", "First Aid Basics", "Until the ambulance comes."),
    ("WELCOME-100", "Welcome to Acme", "Where things are and who can help."),
    ("CULTURE-102", "How Acme Works", "Customers, products and a short history."),
    ("FAX-001", "Fax Machines for Beginners", "No longer offered."),
];

const TOPICS: [(&str, &str); 34] = [
    ("ACC", "Accounting"),
    ("AUD", "Auditing"),
    ("BRA", "Branding"),
    ("BUD", "Budgeting"),
    ("CAD", "Computer Aided Design"),
    ("CLD", "Cloud Services"),
    ("COM", "Clear Communication"),
    ("CON", "Contract Law"),
    ("CRM", "Customer Records"),
    ("DAT", "Data Analysis"),
    ("DEB", "Debugging"),
    ("ELE", "Electrical Work"),
    ("ENV", "Environment"),
    ("ERG", "Ergonomics"),
    ("FEE", "Giving Feedback"),
    ("FOR", "Forecasting"),
    ("HIR", "Hiring"),
    ("INC", "Incident Response"),
    ("INV", "Inventory"),
    ("LAB", "Lab Practice"),
    ("LOG", "Logistics"),
    ("MKT", "Marketing"),
    ("NEG", "Negotiation"),
    ("PLC", "Machine Control"),
    ("PRJ", "Project Planning"),
    ("PUR", "Purchasing"),
    ("QUA", "Quality Management"),
    ("RSK", "Risk"),
    ("SAL", "Selling"),
    ("SQL", "Databases"),
    ("SUP", "Supplier Care"),
    ("TAX", "Taxes"),
    ("TIM", "Time Management"),
    ("WRI", "Business Writing"),
];

/// Code, name and description of every course, in the order of the catalogue.
fn catalogue() -> Vec<(String, String, String)> {
    let levels = [("101", "Basics"), ("201", "in Practice"), ("301", "Advanced")];
    let named = COURSES_BY_NAME
        .iter()
        .map(|(code, name, about)| ((*code).to_owned(), (*name).to_owned(), (*about).to_owned()));
    let graded = TOPICS.iter().flat_map(|(code, topic)| {
        levels.iter().map(move |(number, level)| {
            (format!("{code}-{number}"), format!("{topic} {level}"), String::new())
        })
    });
    named.chain(graded).collect()
}

fn courses(context: &SeedContext) -> Rows {
    let course = |(index, (code, name, about)): (usize, (String, String, String))| {
        let id = course_id(context.identity, index);
        let modules: Vec<Value> = ["Read", "Quiz"]
            .iter()
            .enumerate()
            .map(|(place, kind)| {
                let number = (index * 2 + place) as u64;
                json!({
                    "Id": context.identity.litmos("litmos.module", number),
                    "Code": format!("{code}-{}", place + 1),
                    "Name": format!("{name}: {kind}"),
                    "Description": "",
                })
            })
            .collect();
        let row = json!({
            "Id": id,
            "Code": code,
            "Name": name,
            "Active": code != "FAX-001",
            "OriginalId": 590_001 + index,
            "Description": about,
            "CreatedDate": "2025-01-10T09:00:00Z",
            "Modules": modules,
        });
        (id, row)
    };
    catalogue().into_iter().enumerate().map(course).collect()
}

fn index_of(code: &str) -> usize {
    COURSES_BY_NAME.iter().position(|(known, _, _)| *known == code).unwrap_or_default()
}

fn assignments(context: &SeedContext) -> Rows {
    let courses = courses(context);
    let mut wanted = vec![
        (TOM_REED, "NET101"),
        (TOM_REED, "COC-100"),
        (JON_WELLS, "GDPR-201"),
        (ROSA_BELL, "SAFETY-101"),
        (LEE_PARK, "LEAD-300"),
        (LEE_PARK, "ITSM-130"),
    ];
    wanted.extend((20..OFFICE).map(|n| (n, if n % 2 == 0 { "COC-100" } else { "SAFETY-101" })));
    let assigned = wanted.into_iter().enumerate().filter_map(|(place, (person, code))| {
        let user = user_id(context.identity, person);
        let course = courses.get(&course_id(context.identity, index_of(code)))?;
        let result = 338_000_000 + place as u64;
        let row = assignment(&user, course, "2025-02-03T08:30:00Z", result);
        let id = course["Id"].as_str().unwrap_or_default();
        Some((key(&user, id), row))
    });
    assigned.collect()
}

fn learning_paths(context: &SeedContext) -> Rows {
    let id = context.identity.litmos("litmos.path", 0);
    let courses: Vec<String> = ["WELCOME-100", "CULTURE-102"]
        .iter()
        .map(|code| course_id(context.identity, index_of(code)))
        .collect();
    let row = json!({
        "Id": id,
        "Name": "First Week at Acme",
        "Description": "What everybody sees in the first week.",
        "OriginalId": 61_001,
        "Courses": courses,
    });
    [(id, row)].into_iter().collect()
}

fn teams(context: &SeedContext) -> Rows {
    let id = |n| context.identity.litmos("litmos.team", n);
    let user = |n| user_id(context.identity, n);
    let course = |code| course_id(context.identity, index_of(code));
    let office = json!({
        "Id": id(0),
        "Number": 81_001,
        "Name": "Acme Office",
        "Description": "Everybody in the office.",
        "ParentTeamId": "",
        "Members": (20..OFFICE).map(user).collect::<Vec<_>>(),
        "Leaders": [],
        "Admins": [user(NOOR_HADDAD)],
        "Courses": [course("COC-100")],
    });
    let desk = json!({
        "Id": id(1),
        "Number": 81_002,
        "Name": "Service Desk",
        "Description": "The people who answer.",
        "ParentTeamId": id(0),
        "Members": [user(LEE_PARK), user(NOOR_HADDAD)],
        "Leaders": [user(LEE_PARK)],
        "Admins": [],
        "Courses": [course("ITSM-130"), course("NET101")],
    });
    [(id(0), office), (id(1), desk)].into_iter().collect()
}
