//! A mail as it travels: its headers and its body, and whom the server is told that it is for.

use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use linchpin_connector::{ActionError, ErrorKind, Mail};

/// A mail that is ready to be sent.
pub(super) struct Written {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
}

impl Written {
    /// The domain of its sender, as which we introduce ourselves.
    pub(super) fn domain(&self) -> String {
        let from = self.envelope.from();
        from.map_or_else(|| "localhost".to_owned(), |from| from.domain().to_owned())
    }
}

/// Writes a mail. Nothing a step gives can add a header to it.
pub(super) fn written(mail: &Mail) -> Result<Written, ActionError> {
    for (what, text) in [("subject", &mail.subject), ("Message-ID", &mail.id)] {
        if text.chars().any(char::is_control) {
            return Err(invalid(format!("the {what} of the mail is not one line of text")));
        }
    }
    let mut builder = lettre::Message::builder()
        .message_id(Some(format!("<{}>", mail.id)))
        .date(instant(mail.date))
        .from(mailbox("sender", &mail.from)?)
        .subject(mail.subject.as_str());
    for to in &mail.to {
        builder = builder.to(mailbox("recipient", to)?);
    }
    for cc in &mail.cc {
        builder = builder.cc(mailbox("recipient", cc)?);
    }
    for bcc in &mail.bcc {
        builder = builder.bcc(mailbox("recipient", bcc)?);
    }
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(mailbox("reply address", reply_to)?);
    }
    // Nobody's absence is answered to a machine.
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    builder = builder.raw_header(HeaderValue::new(name, "auto-generated".to_owned()));
    let message = match &mail.html {
        Some(html) => {
            builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone()))
        }
        None => builder.singlepart(SinglePart::plain(mail.text.clone())),
    };
    let message = message.map_err(|error| invalid(format!("the mail cannot be sent: {error}")))?;
    Ok(Written { envelope: message.envelope().clone(), bytes: message.formatted() })
}

fn mailbox(what: &str, text: &str) -> Result<Mailbox, ActionError> {
    let plain = Some(text).filter(|text| !text.chars().any(char::is_control));
    plain.and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
        invalid(format!(
            "the {what} {text:?} is no mail address such as kim.lo@example.com or Kim Lo <kim.lo@example.com>"
        ))
    })
}

fn instant(at: jiff::Timestamp) -> SystemTime {
    let since = Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default());
    SystemTime::UNIX_EPOCH + since
}

fn invalid(message: String) -> ActionError {
    ActionError::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            id: "k1@example.com".to_owned(),
            from: "Linchpin <flows@example.com>".to_owned(),
            to: vec!["kim.lo@example.test".to_owned()],
            cc: Vec::new(),
            bcc: vec!["audit@example.test".to_owned()],
            reply_to: None,
            subject: "Kurse für Zoë".to_owned(),
            text: "Hallo Zoë".to_owned(),
            html: None,
            date: "2026-02-01T12:00:00Z".parse().expect("it is an instant"),
        }
    }

    #[test]
    fn a_mail_has_its_headers_and_hides_who_is_not_to_be_seen() {
        let written = written(&mail()).unwrap();
        let text = String::from_utf8(written.bytes).unwrap();
        for line in [
            "Message-ID: <k1@example.com>\r\n",
            "Date: Sun, 01 Feb 2026 12:00:00 +0000\r\n",
            "From: Linchpin <flows@example.com>\r\n",
            "To: kim.lo@example.test\r\n",
            "Auto-Submitted: auto-generated\r\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.is_ascii() && !text.contains("audit@"), "{text}");
        assert_eq!(written.envelope.to().len(), 2);
    }

    #[test]
    fn nothing_given_adds_a_header_or_a_recipient() {
        let evil = "x\r\nBcc: eve@example.test";
        let check = |change: &dyn Fn(&mut Mail)| {
            let mut mail = mail();
            change(&mut mail);
            let error = written(&mail).err().expect("it is refused");
            assert_eq!(error.kind, ErrorKind::InvalidInput, "{error:?}");
        };
        check(&|mail| mail.subject = evil.to_owned());
        check(&|mail| mail.id = evil.to_owned());
        check(&|mail| mail.from = format!("{evil} <a@example.test>"));
        check(&|mail| mail.to = vec![format!("a@example.test{evil}")]);
        check(&|mail| mail.to = vec!["nobody".to_owned()]);
        check(&|mail| mail.to = vec!["a@example.test, b@example.test".to_owned()]);
        check(&|mail| (mail.to, mail.bcc) = (Vec::new(), Vec::new()));
        let mut long = mail();
        long.text = format!(".\r\n{evil}\r\n.\r\nQUIT");
        let text = String::from_utf8(written(&long).unwrap().bytes).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(!head.contains("eve@"), "{text}");
    }
}
