//! The `http` spoke with each credential that a connection can choose.

use crate::product::support::{Project, serving};

const FLOW: &str = "
flow: ask
connections: { api: http }
steps:
  - { id: ask, call: api.get, with: { path: /rows } }
outputs: { seen: ask.body.seen }
";

/// Shows the caller how it was asked; `/token` gives a token.
fn upstream() -> String {
    serving(|head| {
        let line = head.lines().next().unwrap_or_default();
        let seen = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let is_named =
                ["authorization", "x-key"].iter().any(|it| name.eq_ignore_ascii_case(it));
            is_named.then(|| format!("{name}: {value}"))
        });
        let body = if line.contains("/token") {
            r#"{ "access_token": "of-the-client", "token_type": "Bearer", "expires_in": 600 }"#
                .to_owned()
        } else {
            // Not as they came: what repeats a secret is blotted out.
            let seen = seen.unwrap_or_else(|| line.to_owned());
            let seen: String = seen.chars().rev().collect();
            serde_json::json!({ "seen": seen }).to_string()
        };
        ("200 OK\r\ncontent-type: application/json".to_owned(), body)
    })
}

#[test]
fn http_is_asked_with_each_credential_that_a_connection_chooses() {
    let url = upstream();
    let oauth = format!("token_url: \"{url}/token\", client_id: c, client_secret: {{ env: S }}");
    let cases = [
        ("".to_owned(), "GET /rows HTTP/1.1"),
        ("token: { env: S }".to_owned(), "authorization: canary-7"),
        ("token: { env: S }, attributes: { header: x-key }".to_owned(), "x-key: canary-7"),
        (
            "credential: query, key: { env: S }, attributes: { parameter: k }".to_owned(),
            "GET /rows?k=canary-7 HTTP/1.1",
        ),
        (
            "credential: basic, user_name: kim, password: { env: S }".to_owned(),
            "authorization: Basic a2ltOmNhbmFyeS03",
        ),
        (
            "credential: bearer, bearer_token: { env: S }".to_owned(),
            "authorization: Bearer canary-7",
        ),
        (format!("credential: client, {oauth}"), "authorization: Bearer of-the-client"),
    ];
    for (credential, expect) in cases {
        let connections =
            format!("api: {{ spoke: http, url: \"{url}\", allow_private: true, {credential} }}\n");
        let project =
            Project::with(&[("flows/ask.yaml", FLOW), ("connections.yaml", &connections)]);
        let mut command = project.command(&["run", "ask", "--json"]);
        let done = crate::product::support::Done::of(command.env("S", "canary-7")).ends_with(0);
        let reversed: String = expect.chars().rev().collect();
        assert!(done.stdout.contains(&reversed), "{credential}: {}", done.stdout);
        assert!(!done.stdout.contains("canary-7"), "{}", done.stdout);
    }
}
