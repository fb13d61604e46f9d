//! ServiceNow.

use linchpin_sandbox::{Clock, Options};
use serde_json::{Value, json};

use crate::support::{Http, start, start_with};

async fn list(http: &Http, table: &str, query: &str) -> Vec<Value> {
    let answer = http.servicenow("GET", &format!("{table}?{query}"), "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["result"].as_array().unwrap().clone()
}

async fn incident(http: &Http, number: &str) -> Value {
    let query = format!(
        "sysparm_query=number%3D{number}&sysparm_fields=sys_id,caller_id,caller_id.email,caller_id.first_name,state"
    );
    list(http, "incident", &query).await.remove(0)
}

#[tokio::test]
async fn there_are_three_ways_to_sign_in() {
    let http = start().await;
    let site = http.sandbox.servicenow().clone();
    let url = format!("{}/api/now/table/sys_user?sysparm_limit=1", site.url);
    assert_eq!(http.send("GET", &url, &[], "").await.status, 401);
    let basic = |user: &str, password: &str| {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        format!("Basic {pair}")
    };
    let s = &site.secrets;
    let cases = [
        (basic(&s["user_name"], &s["password"]), 200),
        (basic(&s["user_name"], "wrong"), 401),
        (basic(&s["plain_user_name"], &s["plain_password"]), 403),
    ];
    for (header, status) in cases {
        let answer = http.send("GET", &url, &[("authorization", &header)], "").await;
        assert_eq!(answer.status, status);
    }
    let token_url = format!("{}/oauth_token.do", site.url);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        s["client_id"], s["client_secret"]
    );
    let one = http.send("POST", &token_url, &form, &body).await.json();
    let two = http.send("POST", &token_url, &form, &body).await.json();
    assert_eq!(one["access_token"], two["access_token"], "within its life it is the same token");
    let bearer = format!("Bearer {}", one["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(http.send("GET", &url, &headers, "").await.status, 200);
    http.control("POST", "/expire-tokens", "").await;
    assert_eq!(http.send("GET", &url, &headers, "").await.status, 401);
    assert_eq!(http.control("GET", "/token-requests", "").await["servicenow"], 2);
}

#[tokio::test]
async fn a_query_walks_along_references() {
    let http = start().await;
    let found = incident(&http, "INC0010001").await;
    assert_eq!(found["caller_id.email"], "ana.ruiz@example.test");
    assert_eq!(found["caller_id.first_name"], "Ana");
    assert!(found["caller_id"]["link"].as_str().unwrap().contains("/api/now/table/sys_user/"));
    let by_caller = list(
        &http,
        "incident",
        "sysparm_query=caller_id.email%3Dtom.reed@example.test&sysparm_fields=number",
    )
    .await;
    assert_eq!(by_caller, [json!({ "number": "INC0010002" })]);
    let roles = list(
        &http,
        "sys_user_has_role",
        "sysparm_query=user.email%3Dkim.lo@example.test%5EORDERBYrole.name&sysparm_fields=role.name,inherited,user.name",
    )
    .await;
    assert_eq!(
        roles[0],
        json!({ "role.name": "itil", "inherited": "false", "user.name": "Kim Lo" })
    );
    assert_eq!(roles[1]["role.name"], "x_litmos_litmos_int.Litmos Training User");
    let contained = list(
        &http,
        "sys_user_role_contains",
        "sysparm_fields=role.name,contains.name&sysparm_exclude_reference_link=true",
    )
    .await;
    assert_eq!(contained[0]["role.name"], "itil");
}

#[tokio::test]
async fn or_binds_closer_than_and_and_a_new_query_is_another_way() {
    let http = start().await;
    let query = "sysparm_fields=user_name&sysparm_query=";
    let names = |rows: Vec<Value>| -> Vec<String> {
        rows.iter().map(|row| row["user_name"].as_str().unwrap().to_owned()).collect()
    };
    let or = "user_name%3Dana.ruiz%5EORuser_name%3Dida.berg%5Eactive%3Dtrue";
    assert_eq!(names(list(&http, "sys_user", &format!("{query}{or}")).await), ["ana.ruiz"]);
    let nq = "user_name%3Dana.ruiz%5ENQuser_nameSTARTSWITHida.%5EORDERBYDESCuser_name";
    assert_eq!(
        names(list(&http, "sys_user", &format!("{query}{nq}")).await),
        ["ida.berg", "ana.ruiz"]
    );
    let within = "user_nameINkim.lo,lee.park%5EORDERBYuser_name";
    assert_eq!(
        names(list(&http, "sys_user", &format!("{query}{within}")).await),
        ["kim.lo", "lee.park"]
    );
    let empty = "emailISEMPTY";
    assert_eq!(names(list(&http, "sys_user", &format!("{query}{empty}")).await), ["gil.moor"]);
}

#[tokio::test]
async fn an_invalid_part_is_ignored_unless_switched() {
    let http = start().await;
    let query = "sysparm_query=nonsense%3D1%5Euser_name%3Dana.ruiz";
    assert_eq!(list(&http, "sys_user", query).await.len(), 1);
    let change = r#"{"servicenow":{"invalid_query_returns_no_rows":true}}"#;
    http.control("PATCH", "/settings", change).await;
    assert_eq!(list(&http, "sys_user", query).await.len(), 0);
    let script = "sysparm_query=opened_at%3Ejavascript:gs.now()";
    assert_eq!(http.servicenow("GET", &format!("incident?{script}"), "").await.status, 400);
}

#[tokio::test]
async fn yesterdays_hires_are_yesterdays_whenever_it_starts() {
    // Half past midnight in London in summer is still the day before in UTC.
    let clock = Clock::Fixed("2026-06-30T23:30:00Z".parse().unwrap());
    let http = start_with(Options { clock, ..Options::default() }).await;
    let query = "sysparm_fields=email,sys_created_on&sysparm_query=active%3Dtrue\
                 %5Esys_created_on%3E%3D2026-06-29%2023:00:00%5Esys_created_on%3C2026-06-30%2023:00:00";
    let hires = list(&http, "sys_user", query).await;
    let emails: Vec<&str> = hires.iter().map(|row| row["email"].as_str().unwrap()).collect();
    assert_eq!(
        emails,
        [
            "eva.lind@example.test",
            "omar.diaz@example.test",
            "priya.nair@example.test",
            "jon.wells@example.test"
        ]
    );
    assert_eq!(hires[0]["sys_created_on"], "2026-06-30 10:08:00");
}

#[tokio::test]
async fn a_value_has_three_faces() {
    let http = start().await;
    let get = async |mode: &str| {
        let query = format!(
            "sysparm_query=number%3DINC0010001&sysparm_fields=state,caller_id,assigned_to,resolved_by&sysparm_display_value={mode}"
        );
        list(&http, "incident", &query).await.remove(0)
    };
    let actual = get("false").await;
    assert_eq!(actual["state"], "2");
    assert_eq!(actual["resolved_by"], "", "an empty reference is an empty string");
    let display = get("true").await;
    assert_eq!(display["state"], "In Progress");
    assert_eq!(display["caller_id"]["display_value"], "Ana Ruiz");
    assert!(display["caller_id"].get("value").is_none());
    let both = get("all").await;
    assert_eq!(both["state"], json!({ "display_value": "In Progress", "value": "2" }));
    assert_eq!(both["caller_id"]["value"], actual["caller_id"]["value"]);
}

#[tokio::test]
async fn lists_are_paged_with_links_and_a_total() {
    let http = start().await;
    let path = "sys_user?sysparm_limit=50&sysparm_query=ORDERBYsys_id&sysparm_fields=sys_id";
    let mut seen = std::collections::BTreeSet::new();
    let mut next = format!("{}/api/now/table/{path}", http.sandbox.servicenow().url);
    let key = http.sandbox.servicenow().secrets["api_key"].clone();
    let mut total = String::new();
    while !next.is_empty() {
        let answer = http.send("GET", &next, &[("x-sn-apikey", &key)], "").await;
        total = answer.header("x-total-count").to_owned();
        for row in answer.json()["result"].as_array().unwrap() {
            assert!(seen.insert(row["sys_id"].as_str().unwrap().to_owned()));
        }
        let links = answer.header("link").to_owned();
        let link = links.split(',').find(|link| link.ends_with(";rel=\"next\""));
        next = link.map(|link| link[1..link.find('>').unwrap()].to_owned()).unwrap_or_default();
    }
    assert_eq!(seen.len().to_string(), total);
    assert!(seen.len() > 100);
    assert_eq!(http.servicenow("GET", "sys_user?sysparm_offset=-1", "").await.status, 400);
}

#[tokio::test]
async fn a_new_incident_gets_number_priority_and_place() {
    let http = start().await;
    let body = r#"{"short_description":"Needs VPN course","impact":"1","urgency":"2","caller_id":"Ana Ruiz","work_notes":"opened by a test","sys_id":"mine"}"#;
    let made = http.servicenow("POST", "incident", body).await;
    assert_eq!(made.status, 201);
    let row = &made.json()["result"];
    assert_eq!(row["number"], "INC0010042");
    assert_eq!(row["priority"], "2");
    assert_eq!(row["state"], "1");
    assert_ne!(row["sys_id"], "mine");
    assert!(made.header("location").ends_with(row["sys_id"].as_str().unwrap()));
    let again = http.servicenow("POST", "incident", body).await.json();
    assert_eq!(again["result"]["number"], "INC0010043");
    assert_eq!(http.servicenow("POST", "nonsense", body).await.status, 400);
    assert_eq!(http.servicenow("POST", "incident", "{").await.status, 400);
}

#[tokio::test]
async fn work_notes_are_added_and_never_replaced() {
    let http = start().await;
    let id = incident(&http, "INC0010001").await["sys_id"].as_str().unwrap().to_owned();
    for note in ["first note", "second note"] {
        let body = json!({ "work_notes": note }).to_string();
        let answer = http.servicenow("PATCH", &format!("incident/{id}"), &body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["result"]["work_notes"], "");
    }
    let query = format!(
        "sysparm_query=element_id%3D{id}%5Eelement%3Dwork_notes&sysparm_fields=value,sys_created_by,name"
    );
    let entries = list(&http, "sys_journal_field", &query).await;
    assert_eq!(
        entries[0],
        json!({ "value": "first note", "sys_created_by": "flow.service", "name": "incident" })
    );
    assert_eq!(entries.len(), 2);
    let shown = http
        .servicenow(
            "GET",
            &format!(
                "incident/{id}?sysparm_display_value=true&sysparm_fields=work_notes,sys_mod_count"
            ),
            "",
        )
        .await
        .json();
    let log = shown["result"]["work_notes"].as_str().unwrap();
    assert!(log.find("second note").unwrap() < log.find("first note").unwrap(), "{log}");
    assert!(log.contains("Flow Service (Work notes)"), "{log}");
    assert_eq!(shown["result"]["sys_mod_count"], "2");
}

#[tokio::test]
async fn resolving_wants_code_and_notes() {
    let http = start().await;
    let id = incident(&http, "INC0010002").await["sys_id"].as_str().unwrap().to_owned();
    let path = format!("incident/{id}");
    assert_eq!(http.servicenow("PATCH", &path, r#"{"state":"6"}"#).await.status, 403);
    assert_eq!(http.effects().await.len(), 0);
    let body = r#"{"state":"6","close_code":"Solved","close_notes":"Done"}"#;
    let answer = http.servicenow("PUT", &path, body).await;
    assert_eq!(answer.status, 200);
    assert_ne!(answer.json()["result"]["resolved_at"], "");
    http.servicenow("PATCH", &path, body).await;
    assert_eq!(http.effects().await.len(), 1, "the same again is no effect");
    assert_eq!(http.servicenow("DELETE", &path, "").await.status, 204);
    assert_eq!(http.servicenow("GET", &path, "").await.status, 404);
    let empty = "incident?sysparm_query=number%3DINC0010002";
    assert_eq!(http.servicenow("GET", empty, "").await.json(), json!({ "result": [] }));
}
