//! Litmos.

use linchpin_sandbox::{Clock, Options};
use serde_json::{Value, json};

use crate::support::{Http, start, start_with};

const ANA: &str = r#"{"UserName":"ana.ruiz@example.test","FirstName":"Ana","LastName":"Ruiz","Email":"ana.ruiz@example.test"}"#;

async fn status(http: &Http, key: &str, query: &str) -> u16 {
    let url = format!("{}/users?{query}", http.sandbox.litmos().url);
    http.send("GET", &url, &[("apikey", key)], "").await.status
}

#[tokio::test]
async fn a_call_needs_a_key_a_source_and_a_level() {
    let http = start().await;
    let secrets = http.sandbox.litmos().secrets.clone();
    assert_eq!(status(&http, "wrong", "source=t").await, 401);
    assert_eq!(status(&http, &secrets["api_key"], "").await, 403);
    assert_eq!(status(&http, &secrets["learner_api_key"], "source=t").await, 403);
    assert_eq!(status(&http, &secrets["administrator_api_key"], "source=t").await, 200);
    assert_eq!(status(&http, &secrets["api_key"], "source=t").await, 200);
    for name in ["apikey", "apiKey"] {
        let url = http.sandbox.litmos().url.clone();
        let url = format!("{url}/users?source=t&{name}={}", secrets["api_key"]);
        assert_eq!(http.send("GET", &url, &[], "").await.status, 200, "{name}");
    }
    let ledger = http.control("GET", "/ledger?system=litmos", "").await;
    assert!(!ledger.to_string().contains(&secrets["api_key"]));
}

#[tokio::test]
async fn lists_are_paged_from_zero_and_end_empty() {
    let http = start().await;
    let first = http.litmos("GET", "/users", "").await.json();
    assert_eq!(first.as_array().unwrap().len(), 100);
    let rest = http.litmos("GET", "/users?start=100", "").await.json();
    assert!(!rest.as_array().unwrap().is_empty());
    assert_ne!(first[0]["Id"], rest[0]["Id"]);
    assert_eq!(http.litmos("GET", "/users?start=5000", "").await.text, "[]");
    let page = http.litmos("GET", "/users/paginated?limit=5&start=5", "").await.json();
    assert_eq!(page["Items"].as_array().unwrap().len(), 5);
    assert!(page["Pagination"]["TotalCount"].as_u64().unwrap() > 100);
    let courses = http.litmos("GET", "/courses?limit=1000", "").await.json();
    assert!(courses.as_array().unwrap().len() > 100);
    let inactive = courses.as_array().unwrap().iter().filter(|c| c["Active"] == false).count();
    assert_eq!(inactive, 1);
}

#[tokio::test]
async fn a_search_finds_parts_and_inactive_people_can_be_hidden() {
    let http = start().await;
    let found = http.litmos("GET", "/users?search=PARK", "").await.json();
    assert_eq!(found[0]["UserName"], "lee.park@example.test");
    assert_eq!(found[0]["AccessLevel"], "Team_Leader");
    let hidden = http.litmos("GET", "/users?search=ida.berg&showInactive=false", "").await.json();
    assert_eq!(hidden, json!([]));
    let sorted = http.litmos("GET", "/users?sort=LastName&dir=desc&limit=1", "").await.json();
    assert_eq!(sorted[0]["LastName"], "Zeller");
}

#[tokio::test]
async fn a_user_is_created_once_and_the_conflict_says_why() {
    let http = start().await;
    assert_eq!(http.litmos("GET", "/users/ana.ruiz@example.test", "").await.status, 404);
    let made = http.litmos("POST", "/users", ANA).await;
    assert_eq!(made.status, 201);
    let user = made.json();
    assert_eq!(user["FullName"], "Ana Ruiz");
    assert_eq!((&user["AccessLevel"], &user["Active"]), (&json!("Learner"), &json!(true)));
    assert_eq!((&user["Skype"], &user["SalesforceId"]), (&json!(""), &Value::Null));
    let again = http.litmos("POST", "/users", &ANA.replace("ana.ruiz", "Ana.Ruiz")).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.json(), json!({ "Detail": "UserName already exists" }));
    assert_eq!(again.reason.as_deref(), Some("UserName already exists"));
    let read = http.litmos("GET", "/users/ANA.RUIZ%40example.test", "").await.json();
    assert_eq!(read["Id"], user["Id"]);
    assert_eq!(read["Skype"], Value::Null);
    let effects = http.effects().await;
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0]["identity"], "ana.ruiz@example.test");
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_told() {
    let http = start().await;
    for (name, email, custom, status, detail) in [
        ("abc", "", true, 409, "Username must be greater than 3 characters."),
        ("a b@example.test", "", false, 409, "Invalid special character's in the username."),
        ("no-address", "", false, 409, "Invalid email address."),
        ("good@example.test", "bad", false, 409, "Invalid email address."),
        ("", "", false, 400, "Please check the xml/json in the body of the request."),
        ("custom-name", "", true, 201, ""),
    ] {
        let body = json!({ "UserName": name, "FirstName": "A", "LastName": "B", "Email": email,
                           "IsCustomUsername": custom });
        let answer = http.litmos("POST", "/users", &body.to_string()).await;
        assert_eq!(answer.status, status, "{name}");
        if status != 201 {
            assert_eq!(answer.json()["Detail"], detail, "{name}");
        }
    }
}

#[tokio::test]
async fn a_user_is_changed_and_deleted_with_empty_answers() {
    let http = start().await;
    let id = http.user("tom.reed@example.test").await;
    let body = json!({ "Id": id, "JobTitle": "Lead" }).to_string();
    let answer = http.litmos("PUT", &format!("/users/{id}"), &body).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(http.litmos("PUT", &format!("/users/{id}"), r#"{"Id":"other"}"#).await.status, 404);
    assert_eq!(http.litmos("PUT", &format!("/users/{id}"), &body).await.status, 200);
    assert_eq!(http.effects().await.len(), 1, "the same change again is no effect");
    assert_eq!(http.litmos("DELETE", &format!("/users/{id}"), "").await.status, 200);
    assert_eq!(http.litmos("GET", &format!("/users/{id}"), "").await.status, 404);
    assert_eq!(http.litmos("PATCH", "/users", "").await.status, 405);
}

#[tokio::test]
async fn a_user_name_that_stays_as_it_is_passes_whatever_it_is() {
    let http = start().await;
    let made = ANA.replace(
        "{\"UserName\":\"ana.ruiz@example.test\"",
        "{\"UserName\":\"ana.ruiz\",\"IsCustomUsername\":true",
    );
    assert_eq!(http.litmos("POST", "/users", &made).await.status, 201);
    let id = http.user("ana.ruiz").await;
    let body = |name: &str| json!({ "Id": id, "UserName": name, "IsCustomUsername": false });
    let put = async |name: &str| {
        http.litmos("PUT", &format!("/users/{id}"), &body(name).to_string()).await.status
    };
    assert_eq!((put("ana.ruiz").await, put("ana.ruiz2").await), (200, 409));
}

#[tokio::test]
async fn duplicates_and_unknown_courses_are_ignored_in_silence() {
    let http = start().await;
    let user = http.user("tom.reed@example.test").await;
    let (held, new) = (http.course("NET101").await, http.course("SAFETY-101").await);
    let path = format!("/users/{user}/courses");
    let body = json!([{ "Id": held }, { "Id": new }, { "Id": "nonsense" }]).to_string();
    for _ in 0..2 {
        let answer = http.litmos("POST", &path, &body).await;
        assert_eq!((answer.status, answer.text.as_str()), (201, ""));
    }
    let effects = http.effects().await;
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0]["kind"], "assign");
    assert_eq!(effects[0]["key"], format!("{user}/{new}"));
    let courses = http.litmos("GET", &path, "").await;
    assert!(courses.text.contains(r#""AssignedDate":"\/Date("#), "{}", courses.text);
    let codes: Vec<Value> =
        courses.json().as_array().unwrap().iter().map(|c| c["Code"].clone()).collect();
    assert_eq!(codes, ["NET101", "COC-100", "SAFETY-101"]);
    assert_eq!(http.litmos("POST", "/users/nobody/courses", &body).await.status, 404);
    assert_eq!(http.litmos("DELETE", &format!("{path}/{new}"), "").await.status, 200);
    assert_eq!(http.litmos("DELETE", &format!("{path}/{new}"), "").await.status, 404);
}

#[tokio::test]
async fn a_course_of_a_learning_path_cannot_be_taken_away() {
    let http = start().await;
    let user = http.user("tom.reed@example.test").await;
    let paths = http.litmos("GET", "/learningpaths", "").await.json();
    let body = json!([{ "Id": paths[0]["Id"] }]).to_string();
    let assigned = http.litmos("POST", &format!("/users/{user}/learningpaths"), &body).await;
    assert_eq!(assigned.status, 201);
    let none =
        http.litmos("POST", &format!("/users/{user}/learningpaths"), r#"[{"Id":"x"}]"#).await;
    assert_eq!(none.status, 404);
    let course = http.course("WELCOME-100").await;
    let answer = http.litmos("DELETE", &format!("/users/{user}/courses/{course}"), "").await;
    assert_eq!(answer.status, 406);
}

#[tokio::test]
async fn xml_is_the_native_form_and_its_order_counts() {
    let http = start().await;
    let site = http.sandbox.litmos().clone();
    let headers =
        [("apikey", site.secrets["api_key"].as_str()), ("content-type", "application/xml")];
    let url = format!("{}/users?source=t", site.url);
    let list = http.send("GET", &format!("{url}&limit=1"), &headers, "").await;
    assert!(
        list.text
            .starts_with("<Users xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><User><Id>")
    );
    let name = "<UserName>ana.ruiz@example.test</UserName>";
    let (first, last) = ("<FirstName>Ana</FirstName>", "<LastName>Ruiz</LastName>");
    let wrong = format!("<User>{name}{last}{first}</User>");
    assert_eq!(http.send("POST", &url, &headers, &wrong).await.status, 400);
    let right = format!("<User>{name}{first}{last}</User>");
    let made = http.send("POST", &url, &headers, &right).await;
    assert_eq!(made.status, 201);
    assert!(made.text.contains("<FullName>Ana Ruiz</FullName>"), "{}", made.text);
    let again = http.send("POST", &url, &headers, &right).await;
    assert!(again.text.contains("<Detail>UserName already exists</Detail>"));
    let course = http.course("GDPR-201").await;
    let assign = format!("{}/users/ana.ruiz@example.test/courses?source=t", site.url);
    let body = format!("<Courses><Course><Id>{course}</Id></Course></Courses>");
    assert_eq!(http.send("POST", &assign, &headers, &body).await.status, 201);
    let courses = http.send("GET", &assign, &headers, "").await.text;
    assert!(courses.contains("<Code>GDPR-201</Code>"), "{courses}");
    assert!(courses.contains("<StartDate i:nil=\"true\"/>"), "{courses}");
}

#[tokio::test]
async fn one_call_too_many_is_a_503_until_the_window_has_passed() {
    let clock = Clock::Fixed("2026-02-01T10:00:00Z".parse().unwrap());
    let http = start_with(Options { clock, ..Options::default() }).await;
    let limit = r#"{"litmos":{"rate_limit":{"calls":2,"seconds":60}}}"#;
    http.control("PATCH", "/settings", limit).await;
    for expect in [200, 200, 503] {
        assert_eq!(http.litmos("GET", "/courses", "").await.status, expect);
    }
    let refused = http.litmos("GET", "/courses", "").await;
    let text = "Service Unavailable. The API rating limit has been exceeded.";
    assert_eq!(refused.json()["Detail"], text);
    assert_eq!(refused.header("retry-after"), "");
    http.control("POST", "/clock", r#"{"advance_seconds":61}"#).await;
    assert_eq!(http.litmos("GET", "/courses", "").await.status, 200);
}

#[tokio::test]
async fn finishing_every_module_completes_the_course() {
    let http = start().await;
    let user = http.user("tom.reed@example.test").await;
    let course = http.course("NET101").await;
    let modules = http.litmos("GET", &format!("/courses/{course}/modules"), "").await.json();
    for module in modules.as_array().unwrap() {
        let path = format!("/results/modules/{}", module["Id"].as_str().unwrap());
        let mut body = json!({ "CourseId": course, "UserId": user, "Score": 90, "Completed": true,
                               "UpdatedAt": "2026-01-31T10:00:00" });
        assert_eq!(http.litmos("PUT", &path, &body.to_string()).await.status, 500);
        body["UpdatedAt"] = json!("/Date(1769850000000)/");
        assert_eq!(http.litmos("PUT", &path, &body.to_string()).await.status, 200);
    }
    let result = http.litmos("GET", &format!("/users/{user}/courses/{course}"), "").await.json();
    assert_eq!((&result["Complete"], &result["PercentageComplete"]), (&json!(true), &json!(100.0)));
    let achievements = http.litmos("GET", &format!("/achievements?userid={user}"), "").await.json();
    assert_eq!(achievements[0]["Title"], "Network Basics");
}

#[tokio::test]
async fn teams_show_their_people_and_take_new_ones() {
    let http = start().await;
    let lee = http.user("lee.park@example.test").await;
    let teams = http.litmos("GET", &format!("/users/{lee}/teams"), "").await.json();
    assert_eq!(teams[0]["TeamCodeForBulkImport"], "81002-ServiceDesk");
    let team = teams[0]["Id"].as_str().unwrap();
    let leaders = http.litmos("GET", &format!("/teams/{team}/leaders"), "").await.json();
    assert_eq!(leaders[0]["UserName"], "lee.park@example.test");
    let tom = http.user("tom.reed@example.test").await;
    let body = json!([{ "Id": tom }]).to_string();
    for _ in 0..2 {
        let answer = http.litmos("POST", &format!("/teams/{team}/users"), &body).await;
        assert_eq!(answer.status, 201);
    }
    assert_eq!(http.effects().await.len(), 1);
    assert_eq!(http.litmos("DELETE", &format!("/teams/{team}/users/{tom}"), "").await.status, 200);
}

#[tokio::test]
async fn litmos_3_4_the_integration_page_makes_a_key_and_shows_it_again() {
    let http = start().await;
    let page = "/litmos/integrations/servicenow";
    let first = http.control("GET", page, "").await;
    assert_eq!(first["enabled"], true);
    let key = first["api_key"].as_str().unwrap().to_owned();
    assert_eq!(http.control("GET", page, "").await["api_key"], key, "the same, not a new one");
    assert_eq!(http.control("PUT", page, "").await["api_key"], key, "ticked already");
    assert_eq!(status(&http, &key, "source=t").await, 200);
    // Cleared, the key is refused at once; ticked again, there is another one.
    assert_eq!(http.control("DELETE", page, "").await["api_key"], Value::Null);
    assert_eq!(status(&http, &key, "source=t").await, 401);
    let next = http.control("PUT", page, "").await["api_key"].as_str().unwrap().to_owned();
    assert_ne!(next, key);
    assert_eq!(status(&http, &key, "source=t").await, 401);
    assert_eq!(status(&http, &next, "source=t").await, 200);
}
