//! OAuth against a certified authorisation server that others have written: every grant, rotation,
//! a token that ends in the middle, an endpoint that is down, an answer that is lost, a forged state.
//!
//! It needs Node and the package in `target/oidc-provider`, which `.ci/run` installs; where they are
//! missing the tests say so and pass, but in CI they fail.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use linchpin_language::Value;
use tempfile::TempDir;

use super::secrets::assert_clean;
use super::support::{Done, Process, Project, http};
use crate::architecture::repository::root;

const PACKAGES: &str = "target/oidc-provider/node_modules";

const SPOKE: &str = r#"
spoke: ident
title: Ident
connection:
  fields:
    - { name: url, label: URL, type: url }
    - { name: client_id, label: Client, type: string }
    - { name: client_secret, label: Client secret, type: secret, required: false }
    - { name: key, label: Key, type: secret, required: false }
  attributes:
    auth: { type: string, default: body }
    pkce: { type: boolean, default: true }
    key_id: { type: string, default: rsa }
  credential:
    machine: { kind: oauth2_client_credentials, token_url: "{{ connection.url }}/token", client_id: "{{ connection.client_id }}", client_secret: "{{ connection.client_secret }}", key: "{{ connection.key }}", key_id: "{{ connection.key_id }}", audience: "{{ connection.url }}", client_auth: "{{ connection.auth }}", scope: api }
    word: { kind: oauth2_jwt, token_url: "{{ connection.url }}/token", client_id: "{{ connection.client_id }}", client_secret: "{{ connection.client_secret }}", key: "{{ connection.key }}", issuer: linchpin, subject: kim, client_auth: "{{ connection.auth }}", scope: api }
    person: { kind: oauth2_authorization_code, authorize_url: "{{ connection.url }}/auth", token_url: "{{ connection.url }}/token", revoke_url: "{{ connection.url }}/token/revocation", client_id: "{{ connection.client_id }}", client_secret: "{{ connection.client_secret }}", client_auth: "{{ connection.auth }}", pkce: "{{ connection.pkce }}", scope: "openid offline_access", issuer: "{{ connection.url }}" }
  test: { get: /api/rows }
shapes:
  row: { keys: [id], fields: { id: { type: string, from: id } } }
"#;

const ACTION: &str = "
action: rows.list
title: List rows
effect: read
read_from:
  - { get: /api/rows, list: result, shape: row }
";

const READS: &str = r"
flow: reads
connections: { app: ident }
steps:
  - id: each
    for_each: inputs.numbers
    as: n
    parallel: 50
    steps:
      - { id: rows, call: app.rows.list }
outputs:
  succeeded: each.succeeded
";

/// Reads, waits for a person, and reads again.
const LONG: &str = r"
flow: long
connections: { app: ident }
steps:
  - { id: before, call: app.rows.list }
  - id: pause
    ask: { of: starter, message: Go on?, form: { yes: { type: boolean, required: true } } }
  - { id: after, call: app.rows.list }
";

/// The server, as long as a test needs it.
struct Server {
    process: Child,
    origin: String,
    secret: String,
}

impl Server {
    /// None where it is not installed.
    fn start() -> Option<Self> {
        let packages = root().join(PACKAGES);
        let program = root().join("tests/oauth/server.mjs");
        let is_there = packages.join("oidc-provider").is_dir();
        if !is_there || Command::new("node").arg("--version").output().is_err() {
            assert!(
                std::env::var_os("CI").is_none(),
                "there is no {PACKAGES}: .ci/run installs it"
            );
            // A skipped test must not look like one that passed.
            let line = format!("SKIPPED: no authorisation server: {PACKAGES} is not there\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        }
        let mut process = Command::new("node")
            .args([&program, &packages])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("it said {line:?}"));
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        Some(Self { process, origin: text("origin"), secret: text("secret") })
    }

    fn control(&self, path: &str) -> Value {
        http("GET", &format!("{}/control/{path}", self.origin), None)
    }

    /// How many requests the token endpoint has had.
    fn requests(&self) -> u64 {
        self.control("counts")["requests"].as_u64().unwrap()
    }

    /// A project whose aliases lead here: one for each way that a client proves who it is.
    fn project(&self, outside: &TempDir) -> Project {
        let keys = self.control("keys");
        for name in ["rsa", "ec"] {
            std::fs::write(outside.path().join(name), keys[name].as_str().unwrap()).unwrap();
        }
        let key = |name: &str| format!("key: {{ file: {} }}", outside.path().join(name).display());
        let secret = "client_secret: { env: CLIENT_SECRET }";
        let alias = |name: &str, credential: &str, client: &str, auth: &str, more: &str| {
            format!(
                "{name}: {{ spoke: ident, credential: {credential}, url: \"{}\", client_id: {client}, \
                 allow_private: true, {more}, attributes: {{ {auth} }} }}\n",
                self.origin
            )
        };
        let connections = [
            alias("post", "machine", "post", "auth: body", secret),
            alias("basic", "machine", "basic", "auth: basic", secret),
            alias("shared", "machine", "shared", "auth: client_secret_jwt", secret),
            alias("rsa", "machine", "rsa", "auth: private_key_jwt", &key("rsa")),
            alias("ec", "machine", "ec", "auth: private_key_jwt, key_id: ec", &key("ec")),
            alias("word", "word", "post", "auth: body", &format!("{secret}, {}", key("rsa"))),
            alias("app", "person", "app", "auth: none", "timeout: 30s"),
            alias("site", "person", "site", "auth: body, pkce: false", secret),
        ];
        let numbers: Vec<u32> = (1..=50).collect();
        let reads = format!(
            "{READS}inputs: {{ numbers: {{ type: list, items: integer, default: {numbers:?} }} }}\n"
        );
        Project::with(&[
            ("spokes/ident/spoke.yaml", SPOKE),
            ("spokes/ident/actions/rows.list.yaml", ACTION),
            ("flows/reads.yaml", &reads),
            ("flows/long.yaml", LONG),
            ("connections.yaml", &connections.concat()),
        ])
    }

    fn command(&self, project: &Project, arguments: &[&str]) -> Command {
        let mut command = project.command(arguments);
        command.env("CLIENT_SECRET", &self.secret).env("LINCHPIN_LOG", "trace");
        command
    }

    fn linchpin(&self, project: &Project, arguments: &[&str]) -> Done {
        Done::of(&mut self.command(project, arguments))
    }

    /// Authorises an alias as a person does, without a browser on this machine.
    fn authorize(&self, project: &Project, alias: &str) -> Vec<String> {
        let arguments = ["connections", "authorize", alias, "--no-browser"];
        let mut process = Process::start(&mut self.command(project, &arguments));
        let url = process.until(address);
        visit(&self.agreed(&url), 200);
        process.until(|line| line.contains("is authorised, tested and saved").then_some(()));
        process.end()
    }

    /// Where the browser is sent back to once the person has agreed.
    fn agreed(&self, url: &str) -> String {
        let encoded: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
        let walked = self.control(&format!("browse?url={encoded}"));
        walked["location"].as_str().unwrap_or_else(|| panic!("{walked}")).to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The address for the browser, in the line that is it.
fn address(line: &str) -> Option<String> {
    let line = line.trim();
    line.starts_with("http://").then(|| line.to_owned())
}

/// Comes to an address as a browser does.
#[track_caller]
fn visit(url: &str, status: u16) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.starts_with(&format!("HTTP/1.1 {status}")), "{url}: {page}");
    page
}

/// The server, a project that leads to it, and a folder for keys; none where there is no server.
fn start() -> Option<(Server, Project, TempDir)> {
    let server = Server::start()?;
    let outside = TempDir::new().unwrap();
    let project = server.project(&outside);
    Some((server, project, outside))
}

#[test]
fn every_client_gets_a_token_in_its_own_way() {
    let Some((server, project, _outside)) = start() else { return };
    for alias in ["post", "basic", "shared", "rsa", "ec", "word"] {
        let before = server.requests();
        server.linchpin(&project, &["connections", "test", alias]).ends_with(0);
        assert_eq!(server.requests() - before, 1, "{alias}");
    }
    // A client with another one's key, and one with a wrong secret.
    let connections = std::fs::read_to_string(project.path().join("connections.yaml")).unwrap();
    project.write("connections.yaml", connections.replace("/rsa }", "/ec }"));
    let refused = server.linchpin(&project, &["connections", "test", "rsa"]).ends_with(5);
    assert!(
        refused.stderr.contains("does not accept client_id or its signature"),
        "{}",
        refused.stderr
    );
    let mut wrong = server.command(&project, &["connections", "test", "post"]);
    let refused = Done::of(wrong.env("CLIENT_SECRET", "no-such-secret-canary")).ends_with(5);
    assert!(
        refused.stderr.contains("does not accept client_id or client_secret"),
        "{}",
        refused.stderr
    );
    assert!(!refused.all().contains("no-such-secret-canary"), "{}", refused.all());
}

#[test]
fn a_person_agrees_in_a_browser_and_a_forged_answer_is_refused() {
    let Some((server, project, _outside)) = start() else { return };
    let early = server.linchpin(&project, &["connections", "test", "app"]).ends_with(5);
    assert!(early.stderr.contains("run `linchpin connections authorize app`"), "{}", early.stderr);
    let arguments = ["connections", "authorize", "app", "--no-browser"];
    let mut process = Process::start(&mut server.command(&project, &arguments));
    let url = process.until(address);
    assert!(url.contains("code_challenge_method=S256"), "{url}");
    let back = server.agreed(&url);
    let before = server.requests();
    let (start, rest) = back.split_once("state=").unwrap();
    let page = visit(&format!("{start}state=forged-{rest}"), 400);
    assert!(page.contains("does not belong to this question"), "{page}");
    assert_eq!(server.requests(), before, "a forged answer is asked nothing for");
    visit(&back, 200);
    process.until(|line| line.contains("is authorised, tested and saved").then_some(()));
    process.end();
    let shown = server.linchpin(&project, &["connections", "show", "app", "--json"]).json();
    assert_eq!(shown["active"], true, "{shown}");
    assert_eq!(shown["authorization"]["renews"], true, "{shown}");
    // What was given outlives the process: no other token is asked for.
    let before = server.requests();
    server.linchpin(&project, &["run", "reads"]).ends_with(0);
    assert_eq!(server.requests(), before);
    // The other site wants its secret, and no challenge.
    let said = server.authorize(&project, "site");
    assert!(!said.concat().contains("code_challenge"), "{said:?}");
    // Removing it gives it up at the server as well.
    let removed =
        server.linchpin(&project, &["connections", "remove", "site", "--yes"]).ends_with(0);
    assert!(removed.stdout.contains("has revoked its tokens"), "{}", removed.stdout);
    assert_eq!(server.control("counts")["revoked"], 1);
}

#[test]
fn fifty_steps_renew_once_and_each_rotated_token_serves() {
    let Some((server, project, _outside)) = start() else { return };
    server.authorize(&project, "app");
    let mut daemon = Process::start(&mut server.command(&project, &["daemon"]));
    daemon.until(|line| line.contains(" serves ").then_some(()));
    for time in 1..=3 {
        server.control("expire");
        let before = server.requests();
        let run = server.linchpin(&project, &["run", "reads", "--json"]).ends_with(0);
        assert!(run.stdout.contains("\"succeeded\": 50"), "{}", run.stdout);
        assert_eq!(server.requests() - before, 1, "renewal {time}");
    }
    // A killed process has nothing that was not on disk: the next one goes on with the last token.
    daemon.kill();
    server.control("expire");
    server.linchpin(&project, &["run", "reads"]).ends_with(0);
}

#[test]
fn a_token_that_ends_in_the_middle_of_a_run_is_renewed_once_and_the_run_goes_on() {
    let Some((server, project, _outside)) = start() else { return };
    server.authorize(&project, "app");
    let mut daemon = Process::start(&mut server.command(&project, &["daemon"]));
    daemon.until(|line| line.contains(" serves ").then_some(()));
    for alias in ["app", "post"] {
        project.write(
            "flows/long.yaml",
            LONG.replace("app: ident", &format!("{alias}: ident"))
                .replace("call: app.", &format!("call: {alias}.")),
        );
        let waits = server.linchpin(&project, &["run", "long", "--json"]).ends_with(4).json();
        let run = waits["run"].as_str().unwrap_or_else(|| panic!("{waits}"));
        server.control("expire");
        let before = server.requests();
        let answer = ["runs", "answer", run, "pause", "-v", "yes=true"];
        server.linchpin(&project, &answer).ends_with(0);
        server.linchpin(&project, &["runs", "logs", run, "--follow"]).ends_with(0);
        let shown = server.linchpin(&project, &["runs", "show", run, "--json"]).ends_with(0).json();
        assert_eq!(shown["state"], "succeeded", "{shown}");
        assert_eq!(server.requests() - before, 1, "{alias}: one renewal");
    }
}

#[test]
fn an_endpoint_that_is_down_is_waited_for_and_costs_nothing() {
    let Some((server, project, _outside)) = start() else { return };
    server.authorize(&project, "app");
    server.control("expire");
    server.control("down/on");
    let down = server.linchpin(&project, &["connections", "test", "app"]).ends_with(5);
    assert!(down.stderr.contains("no token: 127.0.0.1 answers 503"), "{}", down.stderr);
    server.control("down/off");
    server.linchpin(&project, &["connections", "test", "app"]).ends_with(0);
}

#[test]
fn a_lost_answer_to_a_renewal_ends_at_a_person_and_in_no_loop() {
    let Some((server, project, _outside)) = start() else { return };
    server.authorize(&project, "app");
    server.control("expire");
    server.control("lose");
    let before = server.requests();
    // The first renewal is answered and the answer is lost; the second one finds its token used up.
    let lost = server.linchpin(&project, &["connections", "test", "app"]).ends_with(5);
    assert!(lost.stderr.contains("broke before the answer was complete"), "{}", lost.stderr);
    let ended = server.linchpin(&project, &["connections", "test", "app"]).ends_with(5);
    assert!(ended.stderr.contains("was lost"), "{}", ended.stderr);
    assert!(ended.stderr.contains("run `linchpin connections authorize app`"), "{}", ended.stderr);
    assert_eq!(server.requests() - before, 2);
    // From here on nobody is asked in vain, and a run waits for the person.
    let held = server.linchpin(&project, &["run", "reads"]).ends_with(4);
    assert!(held.all().contains("connections authorize app"), "{}", held.all());
    assert_eq!(server.requests() - before, 2);
    server.authorize(&project, "app");
    server.linchpin(&project, &["connections", "test", "app"]).ends_with(0);
}

#[test]
fn no_token_and_no_key_comes_out() {
    let Some((server, project, _outside)) = start() else { return };
    let mut said = Vec::new();
    let mut run = |arguments: &[&str]| {
        said.push(server.linchpin(&project, arguments));
    };
    let lines = server.authorize(&project, "app");
    for alias in ["post", "word", "rsa"] {
        run(&["connections", "test", alias, "--verbose"]);
    }
    for round in 0..2 {
        run(&["run", "reads", "--verbose"]);
        run(&["run", "reads", "--json"]);
        run(&["connections", "show", "app", "--json"]);
        if round == 0 {
            server.control("expire");
        }
    }
    run(&["connections", "list", "--json"]);
    run(&["connections", "remove", "app", "--yes", "--json"]);
    run(&["run", "reads", "--verbose"]);
    for done in &said {
        assert!(done.code.is_some());
    }
    said.push(Done { code: Some(0), stdout: lines.concat(), stderr: String::new() });
    let given = server.control("given");
    let given: Vec<String> =
        given.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    assert!(given.len() >= 6, "{} tokens", given.len());
    let keys = server.control("keys");
    let key = keys["rsa"].as_str().unwrap().lines().nth(3).unwrap().to_owned();
    let mut secrets: Vec<(&str, String)> = given.into_iter().map(|one| ("a token", one)).collect();
    secrets.push(("the client secret", server.secret.clone()));
    secrets.push(("the key", key));
    assert_clean(&project, &said, &secrets);
}
