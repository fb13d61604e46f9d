//! Mail and webhooks of the `notify` spoke, over the real transport, to the sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_connector::testing::perform;
use linchpin_connector::{ActionError, Call, ErrorKind, Spoke, WriteState};
use linchpin_language::{Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::SystemClock;
use linchpin_runtime::connections::{Connections, ConnectionsFile, Options, Resolved};
use linchpin_sandbox::{Options as SandboxOptions, Sandbox};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::vault;

/// Connections whose secrets are in files of a folder.
struct Office {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Office {
    async fn open() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (name, secret) in &sandbox.notify().secrets {
            std::fs::write(folder.path().join(name), secret).unwrap();
        }
        std::fs::write(folder.path().join("wrong"), "not-the-password").unwrap();
        Self { sandbox, folder }
    }

    fn url(&self) -> &str {
        &self.sandbox.notify().url
    }

    /// The registry over the settings of an alias `out`.
    fn registry(&self, settings: &str) -> Connections {
        let bundled = linchpin_spokes::bundled().unwrap();
        let spokes: BTreeMap<String, Arc<Spoke>> =
            bundled.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect();
        let file = format!("out: {{ spoke: notify, {settings} }}");
        let file = ConnectionsFile::parse(&[("connections.yaml", &file)], &spokes).unwrap();
        let options = Options { folder: self.folder.path().to_owned(), ..Options::default() };
        let vault = vault(Arc::new(MemoryStore::new()));
        Connections::new(file, spokes, vault, Arc::new(SystemClock), options)
    }

    /// The alias of the sandbox' mail server.
    async fn mail(&self) -> Resolved {
        self.mail_with("user_name: linchpin, password: { file: password }").await
    }

    async fn mail_with(&self, login: &str) -> Resolved {
        let url = self.url();
        let settings = format!(
            "url: '{url}', from: 'Flows <flows@example.com>', allow_private: true, {login}"
        );
        self.registry(&settings).resolve("out").await.unwrap()
    }

    async fn webhook(&self, kind: &str) -> Resolved {
        let settings =
            format!("credential: {kind}, webhook: {{ file: {kind} }}, allow_private: true");
        self.registry(&settings).resolve("out").await.unwrap()
    }

    async fn control(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.sandbox.control_url());
        // Chosen already, when a connection was made.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.request(method, url).body(body.to_string());
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    async fn strike(&self, fault: Value) {
        self.control(reqwest::Method::POST, "/faults", &fault).await;
    }

    async fn kept(&self) -> Vec<Value> {
        let path = "/effects?system=notify";
        let effects = self.control(reqwest::Method::GET, path, &Value::Null).await;
        effects["effects"].as_array().unwrap().clone()
    }
}

async fn call(out: &Resolved, name: &str, inputs: Value) -> Result<Value, ActionError> {
    let action = out.spoke.action(name).unwrap();
    let inputs = action.spec().read_inputs(inputs).unwrap();
    let call = Call {
        inputs: &inputs,
        connection: &out.connection,
        transport: out.transport.as_ref(),
        key: "run-1/step-2",
        now: "2026-02-01T12:00:00Z".parse().unwrap(),
        overlay: None,
    };
    perform(action.as_ref(), &call).await
}

fn inputs() -> Value {
    json!({ "to": ["Kim Lo <kim.lo@example.test>"], "bcc": ["audit@example.test"],
        "subject": "Your courses", "text": "SAFETY-101 is yours.\n.\nBye" })
}

#[tokio::test]
async fn a_mail_arrives_once_with_its_headers() {
    let office = Office::open().await;
    let out = office.mail().await;
    let sent = call(&out, "email", inputs()).await.unwrap();
    let kept = office.kept().await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    let body = &kept[0]["body"];
    assert_eq!(body["from"], "flows@example.com");
    assert_eq!(body["to"], json!(["kim.lo@example.test", "audit@example.test"]));
    let message = body["message"].as_str().unwrap();
    for line in [
        "From: Flows <flows@example.com>\r\n",
        "To: \"Kim Lo\" <kim.lo@example.test>\r\n",
        "Subject: Your courses\r\n",
        "Date: Sun, 01 Feb 2026 12:00:00 +0000\r\n",
        "Auto-Submitted: auto-generated\r\n",
    ] {
        assert!(message.contains(line), "{line} is not in\n{message}");
    }
    assert!(message.contains("\r\n\r\nSAFETY-101 is yours.\r\n.\r\nBye\r\n"), "{message}");
    assert!(!message.contains("audit@example.test"), "{message}");
    let id = sent["message_id"].as_str().unwrap();
    assert!(message.contains(&format!("Message-ID: {id}\r\n")), "{id}: {message}");
    assert_eq!(sent["answer"], "250 2.0.0 Ok: kept as 1");
    // Another attempt of the same call is the same mail.
    assert_eq!(call(&out, "email", inputs()).await.unwrap()["message_id"], id);
    out.spoke.test(&out.connection, out.transport.as_ref()).await.unwrap();
    assert_eq!(office.kept().await.len(), 2, "a test sends nothing");
}

#[tokio::test]
async fn a_refused_recipient_refuses_the_mail_in_one_error() {
    let office = Office::open().await;
    let out = office.mail().await;
    for (status, kind) in [(550, ErrorKind::Rejected), (450, ErrorKind::Unavailable)] {
        let path = "/smtp/audit@example.test";
        office.strike(json!({ "kind": "status", "method": "RCPT", "path": path, "status": status, "times": 1 })).await;
        let error = call(&out, "email", inputs()).await.unwrap_err();
        assert_eq!((error.kind, error.write), (kind, WriteState::None), "{error:?}");
        let part = format!("refused the recipient audit@example.test: {status} ");
        assert!(error.message.contains(&part), "{}", error.message);
        assert!(error.message.ends_with("the mail was sent to nobody"), "{}", error.message);
    }
    assert_eq!(office.kept().await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_mail_whose_answer_is_lost_may_have_been_taken() {
    let office = Office::open().await;
    let out = office.mail().await;
    for (n, kind) in [(0, "reset_before_commit"), (1, "reset_after_commit")] {
        office.strike(json!({ "kind": kind, "method": "DATA", "times": 1 })).await;
        let error = call(&out, "email", inputs()).await.unwrap_err();
        let expected = (ErrorKind::ConnectionFailed, WriteState::Unknown);
        assert_eq!((error.kind, error.write), expected, "{error:?}");
        assert_eq!(office.kept().await.len(), n);
    }
    // A refusal is an answer.
    office.strike(json!({ "kind": "status", "method": "DATA", "status": 554, "times": 1 })).await;
    let error = call(&out, "email", inputs()).await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::Rejected, WriteState::None), "{error:?}");
}

#[tokio::test]
async fn a_login_that_is_wrong_is_told_without_the_password() {
    let office = Office::open().await;
    let out = office.mail_with("user_name: linchpin, password: { file: wrong }").await;
    for error in [
        call(&out, "email", inputs()).await.unwrap_err(),
        out.spoke.test(&out.connection, out.transport.as_ref()).await.unwrap_err(),
    ] {
        let expected = (ErrorKind::Unauthenticated, WriteState::None);
        assert_eq!((error.kind, error.write), expected, "{error:?}");
        assert!(error.message.contains("refused the login of linchpin: 535"), "{}", error.message);
        assert!(!error.message.contains("not-the-password"));
    }
    // A server that asks for nobody's name is told none.
    let open = office.mail_with("timeout: 30s").await;
    call(&open, "email", inputs()).await.unwrap();
    assert_eq!(office.kept().await.len(), 1);
}

#[tokio::test]
async fn mail_leaves_only_where_the_connection_may_lead_and_never_unencrypted_to_others() {
    let office = Office::open().await;
    let port = office.url().rsplit(':').next().unwrap().to_owned();
    for (settings, part) in [
        (format!("url: 'smtp://localhost:{port}'"), "loopback address"),
        // This machine by a name that does not say so.
        (format!("url: 'smtp://0.0.0.0:{port}', allow_private: true"), "offers no STARTTLS"),
    ] {
        let settings = format!("{settings}, from: flows@example.com");
        let out = office.registry(&settings).resolve("out").await.unwrap();
        let error = call(&out, "email", inputs()).await.unwrap_err();
        assert_eq!((error.kind, error.write), (ErrorKind::Forbidden, WriteState::None));
        assert!(error.message.contains(part), "{}", error.message);
    }
    let settings = format!(
        "url: 'smtp://0.0.0.0:{port}', allow_private: true, allow_insecure: true, from: flows@example.com"
    );
    let out = office.registry(&settings).resolve("out").await.unwrap();
    call(&out, "email", inputs()).await.unwrap();
    assert_eq!(office.kept().await.len(), 1);
}

#[tokio::test]
async fn a_silent_or_absent_mail_server_was_sent_nothing() {
    let office = Office::open().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = |port: u16| {
        format!(
            "url: 'smtp://127.0.0.1:{port}', allow_private: true, timeout: 1s, from: a@b.example"
        )
    };
    let out = office.registry(&settings(port)).resolve("out").await.unwrap();
    let error = call(&out, "email", inputs()).await.unwrap_err();
    assert_eq!((error.kind, error.write), (ErrorKind::Timeout, WriteState::None), "{error:?}");
    drop(silent);
    let error = call(&out, "email", inputs()).await.unwrap_err();
    let expected = (ErrorKind::ConnectionFailed, WriteState::None);
    assert_eq!((error.kind, error.write), expected, "{error:?}");
    assert!(error.message.starts_with("cannot connect to 127.0.0.1:"), "{}", error.message);
}

#[tokio::test]
async fn a_webhook_is_posted_to_its_whole_address_and_nothing_tells_it() {
    let office = Office::open().await;
    let said = json!({ "text": "Ana & <!channel>" });
    let slack = office.webhook("slack").await;
    assert_eq!(call(&slack, "slack", said.clone()).await.unwrap()["answer"], "ok");
    let teams = office.webhook("teams").await;
    assert_eq!(call(&teams, "teams", said.clone()).await.unwrap()["accepted"], true);
    let kept = office.kept().await;
    let objects: Vec<_> = kept.iter().map(|one| &one["object"]).collect();
    assert_eq!(objects, ["slack_message", "teams_message"]);
    assert_eq!(kept[0]["body"]["text"], "Ana &amp; &lt;!channel&gt;");
    let mixed = call(&teams, "slack", said.clone()).await.unwrap_err();
    assert!(mixed.message.contains("leads to no Slack webhook"), "{}", mixed.message);
    office
        .strike(json!({ "kind": "rate_limit", "system": "notify", "times": 1, "retry_after": 9 }))
        .await;
    let limited = call(&slack, "slack", said.clone()).await.unwrap_err();
    assert_eq!((limited.kind, limited.retry_after_ms), (ErrorKind::RateLimited, Some(9000)));
    let out = office.webhook("teams").await;
    office.strike(json!({ "kind": "reset_after_commit", "system": "notify", "times": 1 })).await;
    let lost = call(&out, "teams", said).await.unwrap_err();
    assert_eq!(lost.write, WriteState::Unknown);
    let secret = &office.sandbox.notify().secrets["slack"];
    let path = secret.splitn(4, '/').nth(3).unwrap();
    for text in [format!("{mixed:?}{limited:?}{lost:?}"), format!("{:?}", slack.connection)] {
        assert!(!text.contains(path) && !text.contains("sig="), "{text}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_being_told() {
    let office = Office::open().await;
    for wrong in ["hooks.slack.example/services/T0/B0/k3y-canary", "ftp://x.example/k3y-canary"] {
        std::fs::write(office.folder.path().join("slack"), wrong).unwrap();
        let registry = office.registry("credential: slack, webhook: { file: slack }");
        let error = registry.resolve("out").await.err().unwrap().to_string();
        assert!(error.contains("no https address") && !error.contains("canary"), "{error}");
        let shown = registry.show("out").await.unwrap();
        let shown = serde_json::to_string(&shown).unwrap();
        assert!(shown.contains("no https address") && !shown.contains("canary"), "{shown}");
    }
}

/// The certificates of these tests, which are for 127.0.0.1 and localhost.
fn tls(file: &str) -> String {
    format!("{}/../../tests/tls/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// A port that speaks TLS, from the start or when it is asked to, and passes on what is said in it to the
/// mail server.
async fn encrypted(mail: &str, from_the_start: bool) -> u16 {
    rustls::crypto::ring::default_provider().install_default().ok();
    let chain = CertificateDer::pem_file_iter(tls("server.pem")).unwrap();
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(tls("server.key")).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(chain, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mail = mail.trim_start_matches("smtp://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (acceptor, mail) = (acceptor.clone(), mail.clone());
            tokio::spawn(async move {
                let inner = TcpStream::connect(mail).await?;
                let mut inner = BufReader::new(inner);
                if !from_the_start {
                    let mut greeting = String::new();
                    inner.read_line(&mut greeting).await?;
                    let mut outer = BufReader::new(&mut stream);
                    for said in ["220 here\r\n", "250-here\r\n250 STARTTLS\r\n", "220 go on\r\n"] {
                        outer.write_all(said.as_bytes()).await?;
                        if !said.ends_with("go on\r\n") {
                            outer.read_line(&mut String::new()).await?;
                        }
                    }
                }
                let mut stream = acceptor.accept(stream).await?;
                tokio::io::copy_bidirectional(&mut stream, &mut inner).await
            });
        }
    });
    port
}

#[tokio::test]
async fn mail_goes_to_a_server_that_proves_who_it_is_and_to_no_other() {
    let office = Office::open().await;
    let whole = encrypted(office.url(), true).await;
    let begun = encrypted(office.url(), false).await;
    let ca = tls("ca.pem");
    let settings = |url: String, more: &str| {
        format!("url: '{url}', from: flows@example.com, allow_private: true, {more}")
    };
    let trusting = format!("tls: {{ ca: '{ca}' }}");
    for (url, more, part) in [
        (format!("smtps://localhost:{whole}"), "timeout: 30s", "certificate"),
        // Another name than the certificate has.
        (format!("smtp://0.0.0.0:{begun}"), trusting.as_str(), "certificate"),
    ] {
        let out = office.registry(&settings(url, more)).resolve("out").await.unwrap();
        let error = call(&out, "email", inputs()).await.unwrap_err();
        let expected = (ErrorKind::ConnectionFailed, WriteState::None);
        assert_eq!((error.kind, error.write), expected, "{error:?}");
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert_eq!(office.kept().await, [] as [Value; 0]);
    let url = format!("smtps://localhost:{whole}");
    let out = office.registry(&settings(url, &trusting)).resolve("out").await.unwrap();
    call(&out, "email", inputs()).await.unwrap();
    assert_eq!(office.kept().await.len(), 1);
}
