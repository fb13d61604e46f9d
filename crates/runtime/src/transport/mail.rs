//! The transport of a connection to a mail server. With the files of its folder, the only place that
//! names lettre.
//!
//! `message` writes a mail as it travels, `session` is one conversation with the server. A mail whose
//! last line left and was not answered may have been taken: it is never sent again from here.

mod message;
mod session;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Identity, TlsParameters};
use linchpin_connector::{ActionError, ErrorKind, Mail, Request, Response, Transport};
use tokio::time::Instant;
use url::Url;

use super::health::Health;
use super::wire::{Policy, install_provider, shown};
use crate::budget::Budget;
use crate::clock::{Clock, after};
use crate::redaction::Redactor;
use crate::secret::Secret;
use session::Session;

/// Who says that they are allowed to send.
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

/// How a conversation with the server is kept from others.
enum Security {
    /// It begins encrypted.
    Tls(TlsParameters),
    /// It is encrypted before anything is said, or ended.
    StartTls(TlsParameters),
    /// It is not.
    None,
}

/// A mail server, and how it is spoken to.
pub(crate) struct MailServer {
    /// A name, or an address without brackets.
    host: String,
    port: u16,
    /// What people see of it.
    shown: String,
    security: Security,
    allow_private: bool,
    connect: Duration,
}

impl MailServer {
    /// The server of a checked URL; `plain` is for one that may be spoken to in the clear.
    pub(crate) fn new(url: &Url, policy: &Policy, plain: bool) -> Result<Self, String> {
        let is_tls = url.scheme() == "smtps";
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let security = match (is_tls, plain) {
            (true, _) => Security::Tls(tls(&host, policy)?),
            (false, false) => Security::StartTls(tls(&host, policy)?),
            (false, true) => Security::None,
        };
        Ok(Self {
            port: url.port().unwrap_or(if is_tls { 465 } else { 587 }),
            shown: shown(url),
            host,
            security,
            allow_private: policy.allow_private,
            connect: policy.connect,
        })
    }
}

/// Whom the server must prove to be, and how we name ourselves.
fn tls(host: &str, policy: &Policy) -> Result<TlsParameters, String> {
    install_provider();
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(ca) = &policy.ca {
        let found = Certificate::from_pem(ca.as_bytes());
        let found = found.map_err(|_| "tls.ca holds no certificate in PEM")?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(found);
    }
    if let Some(identity) = &policy.identity {
        let identity = Identity::from_pem(identity.as_bytes(), identity.as_bytes())
            .map_err(|_| "tls.certificate and tls.key are no certificate and key in PEM")?;
        builder = builder.identify_with(identity);
    }
    builder.build().map_err(|error| error.to_string())
}

/// Sends mail for one connection.
pub(crate) struct Mailer {
    pub(crate) server: MailServer,
    pub(crate) login: Option<Login>,
    pub(crate) health: Arc<Health>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Arc<dyn Clock>,
    /// For a whole conversation.
    pub(crate) timeout: Duration,
    /// What no word of the server may bring back.
    pub(crate) redactor: Arc<Redactor>,
    /// Called when the server refuses the login, so that a password changed outside is read again.
    pub(crate) on_refused: Box<dyn Fn() + Send + Sync>,
}

impl Mailer {
    /// Has a conversation, when the server is not left in peace and the budget allows it; the
    /// mistakes of both sides are told in clean words.
    async fn converse<T>(
        &self,
        talk: impl AsyncFnOnce(Session<'_>) -> Result<T, ActionError>,
        name: &str,
    ) -> Result<T, ActionError> {
        let leave = self.health.leave()?;
        self.budget.acquire().await;
        let deadline = Instant::now() + self.timeout;
        let opened =
            Session::open(&self.server, self.login.as_ref(), name, (deadline, self.timeout)).await;
        let ended = match opened {
            Ok(session) => talk(session).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(said) => {
                leave.went_well();
                Ok(said)
            }
            Err(mut error) => {
                error.message = self.redactor.redact(&error.message);
                leave.failed(&error);
                if error.kind == ErrorKind::Unauthenticated {
                    (self.on_refused)();
                }
                Err(error)
            }
        }
    }
}

#[async_trait]
impl Transport for Mailer {
    async fn send(&self, _request: Request) -> Result<Response, ActionError> {
        let message = format!("{} is a mail server, which takes no requests", self.server.shown);
        Err(ActionError::new(ErrorKind::InvalidInput, message))
    }

    async fn mail(&self, mail: &Mail) -> Result<String, ActionError> {
        let written = message::written(mail)?;
        let name = written.domain();
        let said = self.converse(async |session| session.send(&written).await, &name).await?;
        Ok(self.redactor.redact(&said))
    }

    async fn greet(&self) -> Result<(), ActionError> {
        self.converse(async |session| session.end().await, "localhost").await
    }

    async fn pause(&self, how_long: Duration) {
        self.clock.sleep_until(after(self.clock.now(), how_long)).await;
    }

    fn limited(&self, wait: Duration) {
        self.health.is_well();
        self.budget.limited(wait);
    }
}
