//! SumTotal.

use linchpin_sandbox::{Clock, Options};
use serde_json::{Value, json};

use crate::support::{Http, start, start_with};

async fn token(http: &Http, id: &str, secret: &str, extra: &str) -> (u16, Value) {
    let secrets = &http.sandbox.sumtotal().secrets;
    let body = format!("{extra}&client_id={}&client_secret={}", secrets[id], secrets[secret]);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = http.send("POST", &secrets["token_url"], &form, &body).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_token_is_refused_with_the_reason() {
    let http = start().await;
    let grant = "grant_type=client_credentials";
    for (id, secret, body, error) in [
        ("client_id", "disabled_client_secret", grant, "invalid_client"),
        ("disabled_client_id", "disabled_client_secret", grant, "invalid_client"),
        ("code_only_client_id", "code_only_client_secret", grant, "unauthorized_client"),
        ("client_id", "client_secret", "grant_type=magic", "unsupported_grant_type"),
        ("client_id", "client_secret", "x=1", "invalid_request"),
        (
            "client_id",
            "client_secret",
            "grant_type=client_credentials&scope=everything",
            "invalid_scope",
        ),
    ] {
        let (status, answer) = token(&http, id, secret, body).await;
        assert_eq!((status, &answer["error"]), (400, &json!(error)));
    }
    let (status, answer) = token(&http, "client_id", "client_secret", grant).await;
    assert_eq!(status, 200);
    assert_eq!(answer["expires_in"], 7200);
    assert_eq!(http.control("GET", "/token-requests", "").await["sumtotal"], 7);
}

#[tokio::test]
async fn the_client_may_show_itself_by_basic() {
    use base64::Engine as _;
    let http = start().await;
    let secrets = http.sandbox.sumtotal().secrets.clone();
    let pair = format!("{}:{}", secrets["client_id"], secrets["client_secret"]);
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let headers =
        [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let answer =
        http.send("POST", &secrets["token_url"], &headers, "grant_type=client_credentials").await;
    assert_eq!(answer.json()["scope"], "allapis odataapis");
    assert_eq!(answer.json()["access_token"].as_str().unwrap().split('.').count(), 3);
}

#[tokio::test]
async fn a_token_ends_by_time_and_by_order() {
    let clock = Clock::Fixed("2026-02-01T10:00:00Z".parse().unwrap());
    let http = start_with(Options { clock, ..Options::default() }).await;
    let users = "/apis/api/v1/users?limit=1";
    let one = http.sumtotal_token().await;
    assert_eq!(http.sumtotal(&one, "GET", users, "").await.status, 200);
    http.control("POST", "/expire-tokens", "").await;
    let refused = http.sumtotal(&one, "GET", users, "").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    let two = http.sumtotal_token().await;
    assert_eq!(http.sumtotal(&two, "GET", users, "").await.status, 200);
    http.control("POST", "/clock", r#"{"advance_seconds":7201}"#).await;
    assert_eq!(http.sumtotal(&two, "GET", users, "").await.status, 401);
    assert_eq!(http.sumtotal("forged.token.here", "GET", users, "").await.status, 401);
    let pkce = "grant_type=client_credentials";
    let (_, answer) = token(&http, "pkce_client_id", "pkce_client_secret", pkce).await;
    let pkce = answer["access_token"].as_str().unwrap();
    assert_eq!(http.sumtotal(pkce, "GET", users, "").await.status, 403);
}

#[tokio::test]
async fn users_come_in_pages_with_a_total() {
    let http = start().await;
    let token = http.sumtotal_token().await;
    let page = http.sumtotal(&token, "GET", "/apis/api/v1/users?limit=2&offSet=5", "").await.json();
    assert_eq!(page["pagination"]["offset"], 5);
    assert!(page["pagination"]["total"].as_u64().unwrap() >= 2500);
    let ana = &page["data"][0];
    assert_eq!(
        (&ana["userId"], &ana["emailId"]),
        (&json!("100305"), &json!("ana.ruiz@example.test"))
    );
    let one = http.sumtotal(&token, "GET", "/apis/api/v1/advanced/users/100305", "").await.json();
    assert_eq!(one["businessAddress"]["email1"], "ana.ruiz@example.test");
    http.control("PATCH", "/settings", r#"{"sumtotal":{"offset_counts_pages":true}}"#).await;
    let page = http.sumtotal(&token, "GET", "/apis/api/v1/users?limit=5&offset=1", "").await.json();
    assert_eq!(page["data"][0]["userId"], "100305");
}

#[tokio::test]
async fn bulk_views_link_to_a_host_that_is_not_theirs() {
    let http = start().await;
    let token = http.sumtotal_token().await;
    let mut path = "/odata/api/Person".to_owned();
    let mut sizes = Vec::new();
    loop {
        let page = http.sumtotal(&token, "GET", &path, "").await.json();
        sizes.push(page["value"].as_array().unwrap().len());
        let Some(link) = page["@odata.nextLink"].as_str() else { break };
        assert!(!link.starts_with(&http.sandbox.sumtotal().url), "{link}");
        path = link[link.find("/odata").unwrap()..].to_owned();
    }
    assert_eq!(sizes[..2], [1000, 1000]);
    assert_eq!(sizes.len(), 3);
    let filter = "/odata/api/Person?$filter=UserId%20eq%20'100305'&$select=FirstName&$count=true";
    let one = http.sumtotal(&token, "GET", filter, "").await.json();
    assert_eq!((&one["value"][0]["FirstName"], &one["@odata.count"]), (&json!("Ana"), &json!(1)));
    let lines = http.sumtotal(&token, "GET", "/odata/api/Transcript", "").await.json();
    assert_eq!(lines["value"][0]["UserId"], "100306");
    assert_eq!(http.sumtotal(&token, "GET", "/odata/api/Nothing", "").await.status, 404);
}

#[tokio::test]
async fn what_changed_can_be_read_alone() {
    let http = start().await;
    let token = http.sumtotal_token().await;
    let sorted = http.sumtotal(&token, "GET", "/odata/api/Activity?$top=300", "").await.json();
    let newest = sorted["value"].as_array().unwrap().last().unwrap()["RowVersionId"].clone();
    let path = format!("/odata/api/UserRequiredActivity?rowVersionId={newest}");
    let body = r#"{"userId":"100305","activityId":"3"}"#;
    http.sumtotal(&token, "POST", "/apis/api/v1/assignments", body).await;
    let changed = http.sumtotal(&token, "GET", &path, "").await.json();
    assert_eq!(changed["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn activities_are_listed_by_window_and_an_empty_search_is_a_404() {
    let http = start().await;
    let token = http.sumtotal_token().await;
    let all =
        http.sumtotal(&token, "POST", "/apis/api/v2/activities?limit=1000", "{}").await.json();
    assert_eq!(all["pagination"]["total"], 250);
    let window = r#"{"startDate":"2025-03-01T00:00:00Z","endDate":"2025-03-31T00:00:00Z"}"#;
    let some = http.sumtotal(&token, "POST", "/apis/api/v2/activities", window).await.json();
    let total = some["pagination"]["total"].as_u64().unwrap();
    assert!(total > 0 && total < 250, "{total}");
    let search = "/apis/api/v1/activities/search?searchTerm=";
    let found = http.sumtotal(&token, "GET", &format!("{search}network"), "").await.json();
    assert_eq!(found["data"][0]["name"], "Network Basics");
    assert_eq!(http.sumtotal(&token, "GET", &format!("{search}qqq"), "").await.status, 404);
}

#[tokio::test]
async fn an_assignment_is_saved_once_and_updated_after() {
    let http = start().await;
    let token = http.sumtotal_token().await;
    let save = async |body: Value| {
        http.sumtotal(&token, "POST", "/apis/api/v1/assignments", &body.to_string()).await.json()
    };
    let given =
        json!({ "assignmentId": null, "userId": "100305", "activityId": "3", "isRequired": true });
    let made = save(given.clone()).await;
    assert_eq!((&made["primaryKey"], &made["status"]), (&json!(5001), &json!(2)));
    let again = save(given.clone()).await;
    assert_eq!((&again["primaryKey"], &again["status"]), (&json!(5001), &json!(1)));
    assert_eq!(http.effects().await.len(), 1, "the same again is no effect");
    let mut changed = given;
    changed["note"] = json!("Onboarding");
    changed["assignmentId"] = json!("5001");
    assert_eq!(save(changed).await["status"], 1);
    let effects = http.effects().await;
    assert_eq!((&effects[0]["kind"], &effects[1]["kind"]), (&json!("assign"), &json!("update")));
    let failed = save(json!({ "userId": "1", "activityId": "999999" })).await;
    assert_eq!(failed["primaryKey"], Value::Null);
    assert_eq!(failed["validationMessages"][1]["errorCode"], "ActivityNotFound");
    let own = http.sumtotal(&token, "GET", "/apis/api/v1/users/100305/activities", "").await.json();
    assert_eq!(own["data"][0]["assignmentStatus"], "Assigned");
}

#[tokio::test]
async fn somebody_registers_takes_part_and_completes() {
    let http = start().await;
    let token = http.sumtotal_token().await;
    let base = "/apis/api/v1/users/100305";
    let register = format!("{base}/activities/3/register");
    for _ in 0..2 {
        let answer = http.sumtotal(&token, "PUT", &register, "").await.json();
        assert_eq!(answer["isRegistered"], true);
    }
    let closed = format!("{base}/activities/248/register");
    let refused = http.sumtotal(&token, "PUT", &closed, "").await;
    assert_eq!((refused.status, &refused.json()["isRegistered"]), (200, &json!(false)));
    let progress = "/apis/api/v1/learner/activities/3/progress?userId=100305";
    for status in ["Inprogress", "Attended"] {
        let body = json!({ "status": status, "date": "2026-02-01T08:00:00.000Z" }).to_string();
        assert_eq!(http.sumtotal(&token, "PUT", progress, &body).await.status, 200);
    }
    let details = format!("{base}/activities/3/progress/details");
    assert_eq!(http.sumtotal(&token, "GET", &details, "").await.json()["hasAttended"], true);
    let lines = http.sumtotal(&token, "GET", &format!("{base}/transcripts"), "").await.json();
    assert_eq!(lines["data"][0]["activityName"], "GDPR Essentials");
    assert_eq!(lines["data"][0]["status"], "Completed");
}

#[tokio::test]
async fn st_1_2_an_administrator_adds_an_oauth_client_with_the_fields_of_the_form() {
    let http = start().await;
    let form = r#"{"clientName":"Linchpin","allowedGrantTypes":["client_credentials"],"enabled":true,
        "accessTokenLifetimeMinutes":5,"scopes":["allapis"],"redirectUris":["http://127.0.0.1/x"]}"#;
    let client = http.control("POST", "/sumtotal/oauth-clients", form).await;
    let copied = |field: &str| client[field].as_str().unwrap().to_owned();
    let (id, secret) = (copied("clientId"), copied("clientSecret"));
    assert!(id.starts_with("ACME_TEST_") && id.len() == 42 && secret.len() == 64, "{client}");
    let ask = async || {
        let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let url = http.sandbox.sumtotal().secrets["token_url"].clone();
        http.send("POST", &url, &[("content-type", "application/x-www-form-urlencoded")], &body)
            .await
    };
    let token = ask().await;
    assert_eq!(token.status, 200, "{}", token.text);
    assert_eq!(
        (&token.json()["expires_in"], &token.json()["scope"]),
        (&300.into(), &"allapis".into())
    );
    // Switched off on the same page, it gets none.
    let off = format!(r#"{{"clientId":"{id}","enabled":false}}"#);
    http.control("POST", "/sumtotal/oauth-clients", &off).await;
    assert_eq!(
        (ask().await.status, ask().await.json()["error"].clone()),
        (400, "invalid_client".into())
    );
    let listed = http.control("GET", "/sumtotal/oauth-clients", "").await;
    assert!(
        listed["clients"].as_array().unwrap().iter().any(|one| one["clientName"] == "Linchpin")
    );
}

/// The address where a person agrees, with these parameters beside the usual ones.
fn asking(http: &Http, more: &str) -> String {
    let secrets = &http.sandbox.sumtotal().secrets;
    let base = secrets["token_url"].replace("/token", "/authorize");
    let id = &secrets["code_only_client_id"];
    format!("{base}?response_type=code&client_id={id}&state=s%2B1&redirect_uri={BACK}{more}")
}

const BACK: &str = "http%3A%2F%2F127.0.0.1%3A4711%2Fcallback";

async fn code(http: &Http, more: &str) -> String {
    let agreed = http.send("GET", &asking(http, &format!("{more}&login=100301")), &[], "").await;
    assert_eq!(agreed.status, 302, "{}", agreed.text);
    let back = agreed.header("location").to_owned();
    let answer = back.strip_prefix("http://127.0.0.1:4711/callback?code=").unwrap();
    answer.strip_suffix("&state=s%2B1").unwrap().to_owned()
}

async fn personal(http: &Http, form: &str) -> (u16, Value) {
    token(http, "code_only_client_id", "code_only_client_secret", form).await
}

#[tokio::test]
async fn a_person_agrees_and_each_refresh_token_works_once_and_brings_the_next() {
    let http = start().await;
    let scope = "&scope=allapis%20offline_access";
    let page = http.send("GET", &asking(&http, scope), &[], "").await;
    assert!(page.status == 200 && page.text.contains("agree as Kim Lo"), "{}", page.text);
    let refused = http.send("GET", &asking(&http, &format!("{scope}&login=")), &[], "").await;
    assert!(refused.header("location").contains("error=access_denied"), "{:?}", refused.headers);

    let code = code(&http, scope).await;
    let form = format!("grant_type=authorization_code&code={code}&redirect_uri={BACK}");
    let (status, first) = personal(&http, &form).await;
    assert_eq!((status, &first["scope"]), (200, &json!("allapis offline_access")), "{first}");
    assert_eq!(personal(&http, &form).await.1["error"], "invalid_grant", "a code is used once");
    let me = http.sumtotal(first["access_token"].as_str().unwrap(), "GET", OWN, "").await.json();
    assert_eq!(me["userId"], "100301", "{me}");

    let renew = |given: &Value| {
        format!(
            "grant_type=refresh_token&refresh_token={}",
            given["refresh_token"].as_str().unwrap()
        )
    };
    let (status, second) = personal(&http, &renew(&first)).await;
    assert_eq!(status, 200, "{second}");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(personal(&http, &renew(&first)).await.1["error"], "invalid_grant");
    assert_eq!(personal(&http, &renew(&second)).await.0, 200);
    // A client that calls for itself has nobody's profile.
    let own = http.sumtotal_token().await;
    assert_eq!(http.sumtotal(&own, "GET", OWN, "").await.status, 403);
}

const OWN: &str = "/apis/api/v2/advanced/users";

#[tokio::test]
async fn what_does_not_belong_to_the_question_gets_no_token() {
    let http = start().await;
    let foreign = asking(&http, "").replace("4711%2Fcallback", "4711%2Felsewhere");
    assert_eq!(http.send("GET", &foreign, &[], "").await.status, 400);
    let unknown = asking(&http, "").replace("client_id=", "client_id=x");
    assert_eq!(http.send("GET", &unknown, &[], "").await.status, 400);
    let scope = http.send("GET", &asking(&http, "&scope=everything"), &[], "").await;
    assert!(scope.header("location").contains("error=invalid_scope"), "{:?}", scope.headers);
    let implicit = asking(&http, "").replace("type=code", "type=token");
    let implicit = http.send("GET", &implicit, &[], "").await;
    assert!(implicit.header("location").contains("error=unsupported_response_type"));

    let challenge = "&code_challenge_method=plain&code_challenge=word";
    for (more, form, status) in [
        ("", format!("redirect_uri={}", BACK.replace("4711", "4712")), 400),
        (challenge, format!("redirect_uri={BACK}"), 400),
        (challenge, format!("redirect_uri={BACK}&code_verifier=word"), 200),
        // Without the scope for it there is nothing to renew it with.
        ("&scope=allapis", format!("redirect_uri={BACK}"), 200),
    ] {
        let code = code(&http, more).await;
        let form = format!("grant_type=authorization_code&code={code}&{form}");
        let (found, answer) = personal(&http, &form).await;
        assert_eq!(found, status, "{form}: {answer}");
        let renews = more != "&scope=allapis" && status == 200;
        assert_eq!(answer.get("refresh_token").is_some(), renews, "{answer}");
    }
    let secrets = http.sandbox.sumtotal().secrets.clone();
    let words = |password: &str| {
        format!("grant_type=password&username={}&password={password}", secrets["user_name"])
    };
    assert_eq!(personal(&http, &words(&secrets["user_password"])).await.0, 200);
    assert_eq!(personal(&http, &words("wrong")).await.1["error"], "invalid_grant");
}
