//! ServiceNow beyond single tables: figures, import sets, attachments, roles that come with others, XML.

use serde_json::{Value, json};

use crate::support::{Answer, Http, start};

async fn api(http: &Http, method: &str, path: &str, kind: &str, body: &str) -> Answer {
    let site = http.sandbox.servicenow();
    let url = format!("{}/api/now/{path}", site.url);
    let headers = [("x-sn-apikey", site.secrets["api_key"].as_str()), ("content-type", kind)];
    http.send(method, &url, &headers, body).await
}

async fn one(http: &Http, path: &str) -> Value {
    let answer = http.servicenow("GET", path, "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()["result"][0].clone()
}

#[tokio::test]
async fn figures_are_given_as_one_or_by_groups() {
    let http = start().await;
    let all = api(&http, "GET", "stats/incident?sysparm_count=true", "", "").await.json();
    assert_eq!(all["result"]["stats"]["count"], "40", "{all}");
    let path = "stats/incident?sysparm_count=true&sysparm_group_by=state&sysparm_query=active=true\
                &sysparm_avg_fields=urgency&sysparm_max_fields=number";
    let groups = api(&http, "GET", path, "", "").await.json();
    let groups = groups["result"].as_array().unwrap();
    assert_eq!(groups.len(), 3);
    assert_eq!(groups[0]["groupby_fields"], json!([{ "field": "state", "value": "1" }]));
    assert_eq!(groups[0]["stats"]["avg"]["urgency"], "2");
    let total: u32 =
        groups.iter().map(|g| g["stats"]["count"].as_str().unwrap().parse::<u32>().unwrap()).sum();
    assert_eq!(total, 40);
    assert_eq!(api(&http, "GET", "stats/nothing", "", "").await.status, 400);
}

#[tokio::test]
async fn an_import_row_is_transformed_at_once_and_says_what_became_of_it() {
    let http = start().await;
    let json = "application/json";
    let row =
        r#"{"u_user_name":"new.person","u_first_name":"New","u_last_name":"Person","odd":"x"}"#;
    let first = api(&http, "POST", "import/imp_user", json, row).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let result = first.json()["result"][0].clone();
    assert_eq!(
        (&result["status"], &result["display_value"]),
        (&json!("inserted"), &json!("New Person"))
    );
    let same = api(&http, "POST", "import/imp_user", json, row).await.json();
    assert_eq!(same["result"][0]["status"], "ignored");
    let change = row.replace("Person", "Name");
    let changed = api(&http, "POST", "import/imp_user", json, &change).await.json();
    assert_eq!(
        (&changed["result"][0]["status"], &changed["result"][0]["sys_id"]),
        (&json!("updated"), &result["sys_id"])
    );
    let bad = api(&http, "POST", "import/imp_user", json, r#"{"u_email":"x"}"#).await;
    assert_eq!((bad.status, &bad.json()["result"][0]["status"]), (201, &json!("error")));
    assert_eq!(one(&http, "sys_user?sysparm_query=user_name=new.person").await["name"], "New Name");
    let staged = one(&http, "imp_user?sysparm_query=sys_import_state=inserted").await;
    let path = format!("import/imp_user/{}", staged["sys_id"].as_str().unwrap());
    assert_eq!(api(&http, "GET", &path, "", "").await.json()["result"][0]["status"], "inserted");
    assert_eq!(api(&http, "GET", "import/imp_user/none", "", "").await.status, 404);
    assert_eq!(api(&http, "POST", "import/other", json, row).await.status, 400);
}

#[tokio::test]
async fn a_file_is_kept_at_a_record_byte_by_byte() {
    let http = start().await;
    let incident =
        one(&http, "incident?sysparm_limit=1").await["sys_id"].as_str().unwrap().to_owned();
    let path =
        format!("attachment/file?table_name=incident&table_sys_id={incident}&file_name=plan.csv");
    let made = api(&http, "POST", &path, "text/csv", "a,b\r\n1,2\r\n").await;
    assert_eq!(made.status, 201, "{}", made.text);
    let meta = made.json()["result"].clone();
    assert_eq!((&meta["size_bytes"], &meta["content_type"]), (&json!("10"), &json!("text/csv")));
    let id = meta["sys_id"].as_str().unwrap();
    let file = api(&http, "GET", &format!("attachment/{id}/file"), "", "").await;
    assert_eq!((file.text.as_str(), file.header("content-type")), ("a,b\r\n1,2\r\n", "text/csv"));
    let query = format!("attachment?sysparm_query=table_sys_id={incident}");
    assert_eq!(
        api(&http, "GET", &query, "", "").await.json()["result"][0]["file_name"],
        "plan.csv"
    );
    let lost = path.replace(&incident, "none");
    assert_eq!(api(&http, "POST", &lost, "text/csv", "x").await.status, 404);
    assert_eq!(
        api(&http, "POST", "attachment/file?file_name=x", "text/csv", "x").await.status,
        400
    );
    assert_eq!(api(&http, "DELETE", &format!("attachment/{id}"), "", "").await.status, 204);
    assert_eq!(api(&http, "GET", &format!("attachment/{id}"), "", "").await.status, 404);
}

#[tokio::test]
async fn roles_come_with_groups_and_with_roles_that_contain_them() {
    let http = start().await;
    let id = |row: &Value| row["sys_id"].as_str().unwrap().to_owned();
    let eva = id(&one(&http, "sys_user?sysparm_query=user_name=eva.lind").await);
    let itil = id(&one(&http, "sys_user_role?sysparm_query=name=itil").await);
    let desk = id(&one(&http, "sys_user_group?sysparm_limit=1").await);
    let names = async || {
        let query = format!(
            "sys_user_has_role?sysparm_query=user={eva}^ORDERBYrole.name&sysparm_fields=role.name,inherited"
        );
        let rows = http.servicenow("GET", &query, "").await.json()["result"].clone();
        rows.as_array()
            .unwrap()
            .iter()
            .map(|r| {
                format!("{} {}", r["role.name"].as_str().unwrap(), r["inherited"].as_str().unwrap())
            })
            .collect::<Vec<_>>()
    };
    assert!(names().await.is_empty());
    let grant = json!({ "group": desk, "role": itil }).to_string();
    assert_eq!(http.servicenow("POST", "sys_group_has_role", &grant).await.status, 201);
    let join = json!({ "group": desk, "user": eva }).to_string();
    let member = http.servicenow("POST", "sys_user_grmember", &join).await.json()["result"].clone();
    let both = ["itil true", "x_litmos_litmos_int.Litmos Training User true"];
    assert_eq!(names().await, both);
    // Contained at one more depth: whoever has it, has that too.
    let inner =
        http.servicenow("POST", "sys_user_role", r#"{"name":"inner"}"#).await.json()["result"]
            .clone();
    let outer = id(&one(&http, "sys_user_role?sysparm_query=nameLIKELitmos").await);
    let contains = json!({ "role": outer, "contains": id(&inner) }).to_string();
    http.servicenow("POST", "sys_user_role_contains", &contains).await;
    assert_eq!(names().await.len(), 3);
    assert_eq!(
        http.servicenow("DELETE", &format!("sys_user_grmember/{}", id(&member)), "").await.status,
        204
    );
    assert!(names().await.is_empty());
}

#[tokio::test]
async fn whoever_accepts_only_xml_gets_it() {
    let http = start().await;
    let site = http.sandbox.servicenow().clone();
    let url = format!(
        "{}/api/now/table/incident?sysparm_limit=2&sysparm_fields=number,short_description",
        site.url
    );
    let headers =
        [("x-sn-apikey", site.secrets["api_key"].as_str()), ("accept", "application/xml")];
    let answer = http.send("GET", &url, &headers, "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/xml"));
    assert!(
        answer.text.contains("<response><result><number>INC0010001</number>"),
        "{}",
        answer.text
    );
    assert_eq!(answer.text.matches("<result>").count(), 2);
    let none = http.send("GET", &url.replace("incident", "nothing"), &headers, "").await;
    assert!(
        none.text.contains("<response><error><message>Invalid table nothing</message>"),
        "{}",
        none.text
    );
}
