//! One conversation with a mail server: in, whom it is for, the mail, out.
//!
//! Up to the mail's last line nothing has happened; after it only the server's answer tells.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use linchpin_connector::{ActionError, ErrorKind, WriteState};
use tokio::time::{Instant, timeout_at};

use super::message::Written;
use super::{Login, MailServer, Security};
use crate::transport::address::{RefusedAddress, addresses};
use crate::transport::failure::{not_allowed, seconds};

/// How long a server may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// When a conversation has to be over, and how long that is in all.
type Limit = (Instant, Duration);

/// A conversation that has begun.
pub(super) struct Session<'s> {
    server: &'s MailServer,
    connection: AsyncSmtpConnection,
    limit: Limit,
}

impl<'s> Session<'s> {
    /// Begins one: connects, encrypts, and logs in. `name` is who we say we are.
    pub(super) async fn open(
        server: &'s MailServer,
        login: Option<&Login>,
        name: &str,
        limit: Limit,
    ) -> Result<Self, ActionError> {
        let opening = async {
            let mut connection = connect(server, name).await?;
            if let Some(login) = login {
                log_in(server, &mut connection, login).await?;
            }
            Ok(connection)
        };
        match timeout_at(limit.0, opening).await {
            Ok(opened) => opened.map(|connection| Self { server, connection, limit }),
            Err(_) => Err(silent(server, limit.1)),
        }
    }

    /// Sends a mail, and gives the server's words.
    pub(super) async fn send(mut self, mail: &Written) -> Result<String, ActionError> {
        let (server, (deadline, whole)) = (self.server, self.limit);
        let announced = timeout_at(deadline, self.announce(mail)).await;
        let announced = announced.unwrap_or_else(|_| Err(silent(server, whole)));
        if let Err(error) = announced {
            self.leave().await;
            return Err(error);
        }
        let taken = timeout_at(deadline, self.connection.message(&mail.bytes)).await;
        let unclear = |error: ActionError| error.with_write(WriteState::Unknown);
        let taken = match taken {
            Err(_) => return Err(unclear(silent(server, whole))),
            // A word of the server is a word: it has not taken the mail.
            Ok(Err(error)) if error.status().is_some() => Err(said_no(server, "the mail", &error)),
            Ok(Err(error)) => return Err(unclear(broken(server, &error))),
            Ok(Ok(answer)) => Ok(words(&answer)),
        };
        self.leave().await;
        taken
    }

    /// Ends one in which nothing was asked for.
    pub(super) async fn end(self) -> Result<(), ActionError> {
        self.leave().await;
        Ok(())
    }

    /// Says from whom and to whom; one recipient that is refused refuses the mail.
    async fn announce(&mut self, mail: &Written) -> Result<(), ActionError> {
        let (server, connection) = (self.server, &mut self.connection);
        let mut parameters = Vec::new();
        let addresses = mail.envelope.to().iter().chain(mail.envelope.from());
        if addresses.into_iter().any(|address| !address.to_string().is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let shown = &server.shown;
                let message = format!("{shown} takes no addresses with letters beyond ASCII");
                return Err(ActionError::new(ErrorKind::InvalidInput, message));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !mail.bytes.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let from = mail.envelope.from().cloned();
        let sender = format!("the sender {}", from.as_ref().map_or("", AsRef::as_ref));
        let accepted = connection.command(Mail::new(from, parameters)).await;
        accepted.map_err(|error| failed(server, &sender, &error))?;
        let mut refusals = Vec::new();
        for to in mail.envelope.to() {
            match connection.command(Rcpt::new(to.clone(), Vec::new())).await {
                Ok(_) => {}
                Err(error) if error.status().is_some() => {
                    refusals.push(said_no(server, &format!("the recipient {to}"), &error));
                }
                Err(error) => return Err(broken(server, &error)),
            }
        }
        let all: Vec<String> = refusals.iter().map(|refusal| refusal.message.clone()).collect();
        // One that is refused for good stands for those that may be taken later.
        let final_one = refusals.iter().position(|refusal| refusal.kind == ErrorKind::Rejected);
        if !refusals.is_empty() {
            let mut refusal = refusals.swap_remove(final_one.unwrap_or(0));
            refusal.message = format!("{}; the mail was sent to nobody", all.join("; "));
            return Err(refusal);
        }
        let ready = connection.command(Data).await;
        ready.map(drop).map_err(|error| failed(server, "the mail", &error))
    }

    /// Whatever the server says to a goodbye changes nothing.
    async fn leave(mut self) {
        if !self.connection.has_broken() {
            let farewell = self.connection.abort();
            timeout_at(Instant::now() + FAREWELL, farewell).await.ok();
        }
    }
}

async fn connect(server: &MailServer, name: &str) -> Result<AsyncSmtpConnection, ActionError> {
    let found = addresses(&server.host, server.port, server.allow_private).await;
    let found = found.map_err(|error| match error.downcast_ref::<RefusedAddress>() {
        Some(refusal) => not_allowed(&server.shown, &refusal.to_string()),
        None => unreachable(server, &error.to_string()),
    })?;
    let hello = ClientId::Domain(name.to_owned());
    let (tls, upgrade) = match &server.security {
        Security::Tls(tls) => (Some(tls.clone()), None),
        Security::StartTls(tls) => (None, Some(tls.clone())),
        Security::None => (None, None),
    };
    let connected =
        AsyncSmtpConnection::connect_tokio1(&found[..], Some(server.connect), &hello, tls, None);
    let mut connection = connected.await.map_err(|error| match error.status() {
        Some(_) => said_no(server, "the connection", &error),
        None => unreachable(server, &innermost(&error)),
    })?;
    if let Some(tls) = upgrade {
        if !connection.can_starttls() {
            let message = format!(
                "{} offers no STARTTLS, so mail and password would go unencrypted: use smtps://, or allow_insecure: true",
                server.shown
            );
            return Err(ActionError::new(ErrorKind::Forbidden, message));
        }
        let upgraded = connection.starttls(tls, &hello).await;
        upgraded.map_err(|error| unreachable(server, &innermost(&error)))?;
    }
    Ok(connection)
}

async fn log_in(
    server: &MailServer,
    connection: &mut AsyncSmtpConnection,
    login: &Login,
) -> Result<(), ActionError> {
    let credentials = Credentials::new(login.user.clone(), login.password.expose().to_owned());
    let taken = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
    taken.map(drop).map_err(|error| {
        let what = format!("the login of {}", login.user);
        let refused = |message| ActionError::new(ErrorKind::Unauthenticated, message);
        match error.status() {
            Some(_) if error.is_permanent() => refused(said_no(server, &what, &error).message),
            Some(_) => said_no(server, &what, &error),
            None if error.is_client() => {
                refused(format!("{} takes no login with a password", server.shown))
            }
            None => broken(server, &error),
        }
    })
}

/// The server, or the line to it, did not do what was asked.
fn failed(server: &MailServer, what: &str, error: &Error) -> ActionError {
    if error.status().is_some() { said_no(server, what, error) } else { broken(server, error) }
}

/// What the server refuses, in its own words: for now (4xx) or for good (5xx).
fn said_no(server: &MailServer, what: &str, error: &Error) -> ActionError {
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let kind = if error.is_transient() { ErrorKind::Unavailable } else { ErrorKind::Rejected };
    let message = format!("{} refused {what}: {code} {words}", server.shown);
    ActionError::new(kind, message.trim_end().to_owned()).with_code(code)
}

fn broken(server: &MailServer, error: &Error) -> ActionError {
    let (shown, why) = (&server.shown, innermost(error));
    let message = format!("the conversation with {shown} broke off: {why}");
    ActionError::new(ErrorKind::ConnectionFailed, message)
}

fn unreachable(server: &MailServer, why: &str) -> ActionError {
    let message = format!("cannot connect to {}: {why}", server.shown);
    ActionError::new(ErrorKind::ConnectionFailed, message)
}

fn silent(server: &MailServer, whole: Duration) -> ActionError {
    let message = format!("{} did not answer within {}", server.shown, seconds(whole));
    ActionError::new(ErrorKind::Timeout, message)
}

fn innermost(error: &Error) -> String {
    let Some(mut inner) = error.source() else { return error.to_string() };
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn words(answer: &Response) -> String {
    let lines: Vec<&str> = answer.message().collect();
    format!("{} {}", answer.code(), lines.join(" ")).trim_end().to_owned()
}
