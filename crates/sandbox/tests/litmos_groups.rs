//! Litmos beyond users and their courses: teams, learning paths, results, custom fields, imports.

use serde_json::{Value, json};

use crate::support::{Answer, Http, start};

fn id(answer: &Answer) -> String {
    answer.json()["Id"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned()
}

fn ids(answer: &Answer) -> Vec<String> {
    let rows = answer.json();
    rows.as_array().unwrap().iter().map(|row| row["Id"].as_str().unwrap().to_owned()).collect()
}

async fn statuses(http: &Http, calls: &[(&str, &str, &str, u16)]) {
    for (method, path, body, status) in calls {
        let answer = http.litmos(method, path, body).await;
        assert_eq!(answer.status, *status, "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_team_is_made_changed_and_deleted() {
    let http = start().await;
    let made = http.litmos("POST", "/teams", r#"{"Name":"Night Shift"}"#).await;
    assert_eq!(made.status, 201);
    let team = id(&made);
    let code = made.json()["TeamCodeForBulkImport"].as_str().unwrap().to_owned();
    assert!(code.ends_with("-NightShift"), "{code}");
    let again = http.litmos("POST", "/teams", r#"{"Name":"night shift"}"#).await;
    assert_eq!((again.status, again.reason.as_deref()), (409, Some("Team name already exists")));
    let below = http.litmos("POST", &format!("/teams/{team}/teams"), r#"{"Name":"Dawn"}"#).await;
    assert_eq!(below.json()["ParentTeamId"], team.as_str());
    let path = format!("/teams/{team}");
    let other = r#"{"Id":"other","Name":"X"}"#;
    let change = json!({ "Id": team, "Name": "Late Shift", "Description": "From ten" }).to_string();
    statuses(
        &http,
        &[
            ("PUT", &path, other, 409),
            ("PUT", &path, &change, 200),
            ("PUT", &path, &change, 200),
            ("POST", "/teams", r#"{"Description":"no name"}"#, 400),
            ("POST", "/teams/none/teams", r#"{"Name":"Y"}"#, 404),
        ],
    )
    .await;
    assert_eq!(http.litmos("GET", &path, "").await.json()["Description"], "From ten");
    assert_eq!(http.effects().await.len(), 3, "the same change again is none");
    statuses(&http, &[("DELETE", &path, "", 200), ("DELETE", &path, "", 404)]).await;
    let moved = http.litmos("GET", &format!("/teams/{}", id(&below)), "").await.json();
    assert_eq!(moved["ParentTeamId"], "", "what was below it moves up");
}

#[tokio::test]
async fn what_a_team_is_given_its_members_have() {
    let http = start().await;
    let team = id(&http.litmos("POST", "/teams", r#"{"Name":"Night Shift"}"#).await);
    let tom = http.user("tom.reed@example.test").await;
    let (vpn, gdpr) = (http.course("VPN-120").await, http.course("GDPR-201").await);
    let members = format!("/teams/{team}/users");
    let body = json!([{ "Id": tom }, { "Id": "nobody" }]).to_string();
    let courses = json!([{ "Id": vpn, "CourseTeamLibrary": false }, { "Id": "none" }]).to_string();
    let path = http.litmos("GET", "/learningpaths", "").await.json()[0]["Id"].clone();
    let paths = json!([{ "Id": path }]).to_string();
    let of_team = |what: &str| format!("/teams/{team}/{what}");
    statuses(
        &http,
        &[
            ("POST", &of_team("courses"), &courses, 201),
            ("POST", &members, &body, 201),
            ("POST", &members, "[]", 404),
            ("POST", &of_team("learningpaths"), &paths, 201),
            ("POST", &of_team("learningpaths"), r#"[{"Id":"none"}]"#, 404),
            ("POST", &of_team("courses"), "[]", 404),
        ],
    )
    .await;
    let held = ids(&http.litmos("GET", &format!("/users/{tom}/courses"), "").await);
    assert!(held.contains(&vpn) && held.contains(&http.course("WELCOME-100").await), "{held:?}");
    assert_eq!(ids(&http.litmos("GET", &of_team("learningpaths"), "").await).len(), 1);
    // A path that came through a team is not taken from one member.
    let own = format!("/users/{tom}/learningpaths/{}", path.as_str().unwrap());
    statuses(&http, &[("DELETE", &own, "", 406)]).await;
    // Taken from the team, it can be.
    statuses(
        &http,
        &[
            ("DELETE", &of_team("learningpaths"), &paths, 200),
            ("DELETE", &own, "", 200),
            ("DELETE", &own, "", 404),
        ],
    )
    .await;
    // Through a team above it too, when asked for.
    let above = http.litmos("GET", "/teams?search=acme", "").await.json()[0]["Id"].clone();
    let give = format!("/teams/{}/courses?includesubteams=true", above.as_str().unwrap());
    let body = json!([{ "Id": gdpr }]).to_string();
    statuses(&http, &[("POST", &give, &body, 201)]).await;
    let desk = http.litmos("GET", "/teams?search=desk", "").await.json()[0]["Id"].clone();
    let desk = format!("/teams/{}/courses", desk.as_str().unwrap());
    assert!(ids(&http.litmos("GET", &desk, "").await).contains(&gdpr));
    statuses(&http, &[("DELETE", &desk, &body, 200)]).await;
    assert!(!ids(&http.litmos("GET", &desk, "").await).contains(&gdpr));
}

#[tokio::test]
async fn only_members_lead_a_team() {
    let http = start().await;
    let team = id(&http.litmos("POST", "/teams", r#"{"Name":"Night Shift"}"#).await);
    let tom = http.user("tom.reed@example.test").await;
    let lead = format!("/teams/{team}/leaders/{tom}");
    let join = json!([{ "Id": tom }]).to_string();
    statuses(
        &http,
        &[
            ("PUT", &lead, "", 404),
            ("POST", &format!("/teams/{team}/users"), &join, 201),
            ("PUT", &lead, "", 200),
            ("PUT", &lead, "", 200),
        ],
    )
    .await;
    assert_eq!(
        ids(&http.litmos("GET", &format!("/teams/{team}/leaders"), "").await),
        std::slice::from_ref(&tom)
    );
    statuses(&http, &[("DELETE", &lead, "", 200), ("DELETE", &lead, "", 404)]).await;
    let teams = format!("/users/{tom}/teams");
    let body = json!([{ "Id": team }]).to_string();
    statuses(
        &http,
        &[
            ("POST", &teams, &body, 409),
            ("DELETE", &teams, "", 200),
            ("POST", &teams, &body, 201),
            ("POST", &teams, r#"[{"Id":"none"}]"#, 404),
        ],
    )
    .await;
}

#[tokio::test]
async fn results_are_listed_since_a_moment_that_must_be_named() {
    let http = start().await;
    let to = "since=2020-01-01&to=2099-01-01";
    statuses(
        &http,
        &[
            ("GET", "/results/details", "", 406),
            ("GET", "/results/details?since=soon", "", 406),
            ("GET", "/results/details?since=2020-01-01&limit=1001", "", 406),
            ("GET", "/org/results/details?since=2020-01-01", "", 406),
            ("GET", &format!("/org/results/details?{to}"), "", 200),
            ("GET", &format!("/org/users/details?{to}"), "", 200),
            ("GET", &format!("/org/courses?{to}"), "", 200),
            ("GET", &format!("/org/achievements?{to}"), "", 200),
            ("GET", &format!("/org/nothing?{to}"), "", 404),
        ],
    )
    .await;
    let all = http.litmos("GET", "/results/details?since=2020-01-01%2000:00&limit=1000", "").await;
    let tom = http.user("tom.reed@example.test").await;
    let rows = all.json();
    let own: Vec<&Value> =
        rows.as_array().unwrap().iter().filter(|r| r["Id"] == tom.as_str()).collect();
    assert_eq!(own.len(), 2);
    assert!(own[0]["UpdatedDate"].as_str().unwrap().starts_with("/Date("), "{}", own[0]);
    let none = http.litmos("GET", "/results/details?since=2098-01-01", "").await;
    assert_eq!(none.text, "[]");
}

#[tokio::test]
async fn custom_fields_are_pairs_and_unknown_ones_are_passed_over() {
    let http = start().await;
    let tom = http.user("tom.reed@example.test").await;
    let path = format!("/users/{tom}/usercustomfields");
    assert_eq!(
        http.litmos("GET", &path, "").await.json(),
        json!([{ "Region": "" }, { "Shift": "" }])
    );
    let body = r#"[{"Region":"North"},{"Colour":"red"}]"#;
    statuses(&http, &[("POST", &path, body, 200), ("POST", &path, body, 200)]).await;
    assert_eq!(http.litmos("GET", &path, "").await.json()[0], json!({ "Region": "North" }));
    assert_eq!(http.effects().await.len(), 1);
}

#[tokio::test]
async fn an_import_makes_and_changes_people_and_never_blanks_a_field() {
    let http = start().await;
    let teams = http.litmos("GET", "/teams?search=desk", "").await.json();
    let rows = json!([
        { "Username": "ana.ruiz@example.test", "FirstName": "Ana", "LastName": "Ruiz", "AccessLevel": "L",
          "Email": "ana.ruiz@example.test", "Team1": teams[0]["TeamCodeForBulkImport"] },
        { "Username": "tom.reed@example.test", "FirstName": "", "LastName": "Reed-Lo", "AccessLevel": "5" },
        { "Username": "bad@example.test", "FirstName": "B", "LastName": "D", "Email": "bad", "AccessLevel": "L" },
        { "Username": "none@example.test", "FirstName": "N", "LastName": "O", "AccessLevel": null },
    ]);
    let begun = http.litmos("POST", "/bulkimports?sendmessage=false", &rows.to_string()).await;
    assert_eq!((begun.status, &begun.json()["Status"]), (200, &json!("Waiting")));
    let path = format!("/bulkimports/{}", id(&begun));
    let done = http.litmos("GET", &path, "").await.json();
    let figures = ["TotalRecords", "TotalUsersCreated", "Duplicate", "Failed", "InvalidEmail"];
    assert_eq!(figures.map(|name| done[name].as_u64().unwrap()), [4, 1, 1, 2, 1], "{done}");
    let errors = http.litmos("GET", &format!("{path}/usererrors"), "").await.json();
    assert_eq!(errors.as_array().unwrap().len(), 2);
    let tom = http.litmos("GET", "/users/tom.reed@example.test", "").await.json();
    assert_eq!((&tom["FirstName"], &tom["LastName"]), (&json!("Tom"), &json!("Reed-Lo")));
    let ana = http.user("ana.ruiz@example.test").await;
    let of_ana = http.litmos("GET", &format!("/users/{ana}/teams"), "").await;
    assert_eq!(of_ana.json()[0]["Name"], "Service Desk");
    assert_eq!(http.litmos("GET", "/bulkimports", "").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_list_is_there_in_xml_too() {
    let http = start().await;
    let site = http.sandbox.litmos().clone();
    let tom = http.user("tom.reed@example.test").await;
    let course = http.course("NET101").await;
    for (path, root) in [
        ("/teams".to_owned(), "Teams"),
        ("/learningpaths".to_owned(), "LearningPaths"),
        (format!("/courses/{course}/users"), "Users"),
        (format!("/courses/{course}/modules"), "Modules"),
        (format!("/users/{tom}/courses"), "Courses"),
        (format!("/users/{tom}/courses/{course}"), "Course"),
        (format!("/users/{tom}/usercustomfields"), "UserCustomFields"),
        ("/achievements".to_owned(), "Achievements"),
        ("/bulkimports".to_owned(), "BulkImports"),
        ("/users/paginated".to_owned(), "UserCollection"),
        ("/results/details?since=2020-01-01".to_owned(), "CourseResults"),
    ] {
        let joint = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{joint}source=t", site.url);
        let answer = http.send("GET", &url, &[("apikey", &site.secrets["api_key"])], "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text.starts_with(&format!("<{root} xmlns:i=")), "{path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/xml; charset=utf-8");
    }
    // Null is not the same as empty: an element that says so leaves the field alone.
    let url = format!("{}/users/{tom}?source=t", site.url);
    let xml = [("apikey", site.secrets["api_key"].as_str()), ("content-type", "text/xml")];
    let body = format!(
        "<User xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><Id>{tom}</Id>\
         <CompanyName i:nil=\"true\"/><JobTitle>Lead &amp; more</JobTitle></User>"
    );
    assert_eq!(http.send("PUT", &url, &xml, &body).await.status, 200);
    let user = http.litmos("GET", &format!("/users/{tom}"), "").await.json();
    assert_eq!((&user["CompanyName"], &user["JobTitle"]), (&json!("Acme"), &json!("Lead & more")));
}

#[tokio::test]
async fn in_strict_mode_administrators_do_what_is_documented_for_them() {
    let http = start().await;
    let tom = http.user("tom.reed@example.test").await;
    http.control("PATCH", "/settings", r#"{"litmos":{"strict_levels":true}}"#).await;
    let site = http.sandbox.litmos().clone();
    for (method, path, status) in [
        ("GET", "/users".to_owned(), 403),
        ("GET", "/courses".to_owned(), 403),
        ("GET", "/teams".to_owned(), 403),
        ("GET", "/achievements".to_owned(), 403),
        ("GET", "/learningpaths".to_owned(), 200),
        ("GET", format!("/users/{tom}/teams"), 200),
        ("GET", format!("/users/{tom}/learningpaths"), 200),
        ("DELETE", format!("/users/{tom}/courses/none"), 404),
    ] {
        let url = format!("{}{path}?source=t", site.url);
        let key = [("apikey", site.secrets["administrator_api_key"].as_str())];
        assert_eq!(http.send(method, &url, &key, "").await.status, status, "{method} {path}");
        let key = [("apikey", site.secrets["api_key"].as_str())];
        assert_ne!(http.send(method, &url, &key, "").await.status, 403, "{method} {path}");
    }
}
