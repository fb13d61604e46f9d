//! A small client over a running sandbox.

use std::sync::Once;

use linchpin_sandbox::{Options, Sandbox};
use reqwest::{Client, Method};
use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: Option<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

pub(crate) struct Http {
    pub(crate) sandbox: Sandbox,
    client: Client,
}

pub(crate) fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().unwrap();
    });
    // A browser would follow; a test wants to see where to.
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(crate) async fn start() -> Http {
    start_with(Options::default()).await
}

pub(crate) async fn start_with(options: Options) -> Http {
    Http { sandbox: Sandbox::start(options).await.unwrap(), client: client() }
}

impl Http {
    pub(crate) async fn try_send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, reqwest::Error> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        let response = request.send().await?;
        let reason = response.extensions().get::<hyper::ext::ReasonPhrase>();
        Ok(Answer {
            status: response.status().as_u16(),
            reason: reason.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned()),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.try_send(method, url, headers, body).await.unwrap()
    }

    /// Litmos in JSON, as the Account Owner. The path may carry its own query.
    pub(crate) async fn litmos(&self, method: &str, path: &str, body: &str) -> Answer {
        let site = self.sandbox.litmos();
        let joint = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{joint}source=test&format=json", site.url);
        let headers =
            [("apikey", site.secrets["api_key"].as_str()), ("content-type", "application/json")];
        self.send(method, &url, &headers, body).await
    }

    /// ServiceNow with the API key.
    pub(crate) async fn servicenow(&self, method: &str, path: &str, body: &str) -> Answer {
        let site = self.sandbox.servicenow();
        let url = format!("{}/api/now/table/{path}", site.url);
        let key = site.secrets["api_key"].as_str();
        let headers = [("x-sn-apikey", key), ("content-type", "application/json")];
        self.send(method, &url, &headers, body).await
    }

    pub(crate) async fn sumtotal_token(&self) -> String {
        let secrets = &self.sandbox.sumtotal().secrets;
        let body = format!(
            "grant_type=client_credentials&scope=allapis&client_id={}&client_secret={}",
            secrets["client_id"], secrets["client_secret"]
        );
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.send("POST", &secrets["token_url"], &form, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn sumtotal(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        let url = format!("{}{path}", self.sandbox.sumtotal().url);
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        self.send(method, &url, &headers, body).await
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let url = format!("{}{path}", self.sandbox.control_url());
        let answer = self.send(method, &url, &[("content-type", "application/json")], body).await;
        assert!(answer.status < 300, "{}", answer.text);
        answer.json()
    }

    pub(crate) async fn effects(&self) -> Vec<Value> {
        self.control("GET", "/effects", "").await["effects"].as_array().unwrap().clone()
    }

    /// The Litmos id of a course.
    pub(crate) async fn course(&self, code: &str) -> String {
        let found = self.litmos("GET", &format!("/courses?search={code}"), "").await.json();
        let courses = found.as_array().unwrap();
        let course = courses.iter().find(|course| course["Code"] == code).unwrap();
        course["Id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn user(&self, email: &str) -> String {
        let user = self.litmos("GET", &format!("/users/{email}"), "").await;
        assert_eq!(user.status, 200, "{}", user.text);
        user.json()["Id"].as_str().unwrap().to_owned()
    }
}
