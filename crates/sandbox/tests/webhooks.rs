//! What the systems send to others, as far as it is documented, and how often.

use hmac::{Hmac, Mac};
use linchpin_sandbox::{Options, Sandbox, Settings, WebhookSettings};
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::support::{Http, start_with};

/// Somebody who is told of events.
struct Receiver(TcpListener);

/// What was sent: the lines of its head, and its body.
struct Sent {
    head: Vec<String>,
    body: String,
}

impl Receiver {
    async fn new() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/told/t0ken", listener.local_addr().unwrap());
        (Self(listener), url)
    }

    /// Takes the next one, and answers.
    async fn next(&self, status: u16) -> Sent {
        let (stream, _) = self.0.accept().await.unwrap();
        let mut reader = BufReader::new(stream);
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).await.unwrap();
            let line = line.trim_end().to_owned();
            if let Some(found) = line.strip_prefix("Content-Length: ") {
                length = found.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).await.unwrap();
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes()).await.unwrap();
        Sent { head, body: String::from_utf8(body).unwrap() }
    }
}

impl Sent {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        let found = self.head.iter().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.head))
    }
}

fn quick() -> Options {
    let webhooks = WebhookSettings { spacing_ms: 1, ..WebhookSettings::default() };
    Options { settings: Settings { webhooks, ..Settings::default() }, ..Options::default() }
}

async fn subscribe(http: &Http, wish: Value) {
    http.control("POST", "/webhooks", &wish.to_string()).await;
}

/// Somebody completes a course.
async fn complete(http: &Http) {
    let users = http.litmos("GET", "/users?limit=1", "").await.json();
    let user = users[0]["Id"].as_str().unwrap().to_owned();
    let courses = http.litmos("GET", "/courses?search=SAFETY", "").await.json();
    let course = courses[0]["Id"].as_str().unwrap().to_owned();
    let wish = json!([{ "Id": course }]).to_string();
    http.litmos("POST", &format!("/users/{user}/courses"), &wish).await;
    let path = format!("/users/{user}/courses/{course}");
    let held = http.litmos("GET", &path, "").await.json();
    for module in held["Modules"].as_array().unwrap() {
        let path = format!("/results/modules/{}", module["Id"].as_str().unwrap());
        let done = json!({ "CourseId": course, "UserId": user, "Score": 100, "Completed": true });
        let answer = http.litmos("PUT", &path, &done.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test]
async fn litmos_tells_of_an_achievement_until_it_is_taken() {
    let http = start_with(quick()).await;
    let (receiver, url) = Receiver::new().await;
    subscribe(&http, json!({ "system": "litmos", "url": url, "event": "achievement.earned" }))
        .await;
    complete(&http).await;
    let first = receiver.next(500).await;
    assert_eq!(first.head[0], "POST /told/t0ken HTTP/1.1");
    assert!(!first.head.iter().any(|line| line.to_lowercase().contains("signature")));
    let told = first.json();
    assert_eq!((&told["type"], &told["object"]), (&json!("achievement.earned"), &json!("event")));
    assert!(told["id"].is_u64() && !told["created"].as_str().unwrap().ends_with('Z'), "{told}");
    let data = told["data"].as_object().unwrap();
    let names: Vec<&str> = data.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "userId",
            "userName",
            "courseId",
            "title",
            "code",
            "achievementDate",
            "compliantTilldate",
            "result",
            "type",
            "firstName",
            "lastName",
            "achievementId",
            "certificateId"
        ]
    );
    assert_eq!((&data["result"], &data["type"]), (&json!("Completed"), &json!("Course Completed")));
    let again = receiver.next(201).await;
    assert_eq!(again.body, first.body, "the same event has the same id");
    while http.control("GET", "/deliveries", "").await["waiting"] != 0 {
        tokio::task::yield_now().await;
    }
    let attempts = http.control("GET", "/deliveries", "").await["attempts"].clone();
    let statuses: Vec<_> = attempts.as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [&json!(500), &json!(201)]);
    let listed = http.control("GET", "/webhooks", "").await;
    assert!(!listed.to_string().contains("t0ken"), "{listed}");
}

#[tokio::test]
async fn what_is_never_taken_is_given_up_after_three_more_tries() {
    let http = start_with(quick()).await;
    let (receiver, url) = Receiver::new().await;
    subscribe(&http, json!({ "system": "litmos", "url": url })).await;
    complete(&http).await;
    for _ in 0..4 {
        receiver.next(302).await;
    }
    while http.control("GET", "/deliveries", "").await["waiting"] != 0 {
        tokio::task::yield_now().await;
    }
    let told = http.control("GET", "/deliveries", "").await;
    assert_eq!(told["attempts"].as_array().unwrap().len(), 4, "{told}");
}

#[tokio::test]
async fn sumtotal_signs_time_and_body_with_sha1() {
    let http = start_with(quick()).await;
    let (receiver, url) = Receiver::new().await;
    let wish = json!({ "system": "sumtotal", "url": url, "event": "user", "secret": "s3cret" });
    subscribe(&http, wish).await;
    let user = json!({ "userId": "9007", "firstName": "Ana", "lastName": "Ruiz",
                       "businessAddress": { "email1": "ana@example.test" },
                       "userLogin": { "username": "ana", "userEnabled": true } });
    let token = http.sumtotal_token().await;
    let answer =
        http.sumtotal(&token, "POST", "/apis/api/v1/advanced/users", &user.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let sent = receiver.next(200).await;
    let told = sent.json();
    assert_eq!(
        (&told["eventType"], &told["data"]["userId"]),
        (&json!("user.created"), &json!("9007"))
    );
    let signature = sent.header("X-SUMT-Signature: ");
    let (time, hex) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(b"s3cret").unwrap();
    mac.update(format!("{time}.{}", sent.body).as_bytes());
    assert_eq!(hex, hex::encode(mac.finalize().into_bytes()));
}

#[tokio::test]
async fn what_was_not_sent_yet_is_sent_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options { state: Some(folder.path().join("state")), ..quick() };
    options.settings.webhooks.retries = 1_000_000;
    let (receiver, url) = Receiver::new().await;
    let address = receiver.0.local_addr().unwrap();
    drop(receiver);
    let http = start_with(options.clone()).await;
    subscribe(&http, json!({ "system": "servicenow", "url": url, "event": "incident" })).await;
    http.servicenow("POST", "incident", r#"{"short_description":"A card"}"#).await;
    assert_eq!(http.control("GET", "/deliveries", "").await["waiting"], 1);
    http.sandbox.stop().await;
    let receiver = Receiver(TcpListener::bind(address).await.unwrap());
    let again: Sandbox = Sandbox::start(options).await.unwrap();
    let told = receiver.next(202).await.json();
    assert_eq!((&told["table"], &told["operation"]), (&json!("incident"), &json!("insert")));
    assert_eq!(told["record"]["short_description"], "A card");
    again.stop().await;
}
