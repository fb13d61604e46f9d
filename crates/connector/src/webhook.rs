//! Webhooks of a spoke: how a call that comes in is known to be the system's own, and known again.
//!
//! The declaration is data; the check is here. Serving the address, keeping the secrets and remembering the
//! ids of calls are the host's.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use jiff::Timestamp;
use linchpin_language::{
    Diagnostic, Document, Expression, Map, Node, Text, Value, codes, json, print,
};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::manifest::{Reading, grammar};

/// The ways in which a call shows where it comes from.
pub(crate) const AUTHS: [&str; 4] = ["hmac", "url_token", "header_token", "none"];
/// The hashes of signatures.
pub(crate) const ALGORITHMS: [&str; 3] = ["sha256", "sha1", "sha512"];
/// How signatures are written.
pub(crate) const ENCODINGS: [&str; 2] = ["hex", "base64"];
/// How far the time of a call may be from ours when the spoke does not say.
const WITHIN: Duration = Duration::from_secs(300);

/// How a system's calls are known to be its own.
pub struct Webhook {
    auth: Auth,
    dedupe: Option<Expression>,
    reply: u16,
}

enum Auth {
    /// The body is signed with a secret.
    Signed(Box<Signed>),
    /// The address itself is the secret.
    UrlToken,
    /// A header has the secret.
    HeaderToken(String),
    /// Nothing shows it.
    None,
}

struct Signed {
    algorithm: Algorithm,
    header: String,
    is_base64: bool,
    prefix: String,
    /// The parts of the header that have the time and the signature.
    parts: Option<(Option<String>, String)>,
    time_header: Option<String>,
    id_header: Option<String>,
    signs: Text,
    within: Duration,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Sha256,
    Sha1,
    Sha512,
}

/// A call that came in.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, byte for byte.
    pub body: &'a [u8],
    /// The last part of the address, where the address is the secret.
    pub token: Option<&'a str>,
}

impl fmt::Debug for Incoming<'_> {
    /// Any part of a call may be the secret that shows where it comes from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}

/// Why a call is not taken for the system's own. It names no secret and nothing of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Something that must be there is not.
    #[error("the call has no {0}")]
    Missing(String),
    /// The signature or the token is none of ours.
    #[error("the signature of the call is wrong")]
    Wrong,
    /// It was signed too long ago, or in the future.
    #[error("the call was signed {seconds} seconds away from now, more than {most}")]
    Late {
        /// The distance.
        seconds: u64,
        /// The largest that is taken.
        most: u64,
    },
    /// There is no secret to check it with.
    #[error("no secret is configured for these calls")]
    NoSecret,
}

impl Webhook {
    /// Reads a declaration as it stands under `webhook` in a spoke's manifest.
    pub fn read(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let document = Document::parse("webhook", text)?;
        let mut reading = Reading::default();
        let webhook = Self::parse(&mut reading, &document.root());
        match webhook.filter(|_| reading.diagnostics.is_empty()) {
            Some(webhook) => Ok(webhook),
            None => Err(reading.diagnostics),
        }
    }

    /// The header that shows where a call comes from: it is for nobody else's eyes.
    pub fn header(&self) -> Option<&str> {
        match &self.auth {
            Auth::Signed(signed) => Some(&signed.header),
            Auth::HeaderToken(header) => Some(header),
            Auth::UrlToken | Auth::None => None,
        }
    }

    /// Whether the last part of the address is the secret.
    pub fn has_url_token(&self) -> bool {
        matches!(self.auth, Auth::UrlToken)
    }

    /// Whether a secret is needed to take calls.
    pub fn needs_secret(&self) -> bool {
        !matches!(self.auth, Auth::None)
    }

    /// The status that the system is answered with.
    pub fn reply(&self) -> u16 {
        self.reply
    }

    /// Checks where a call comes from. With several secrets, as while they are changed, one must fit.
    ///
    /// The time that it takes tells nothing of how much of a signature was right.
    pub fn check(
        &self,
        incoming: &Incoming<'_>,
        secrets: &[&[u8]],
        now: Timestamp,
    ) -> Result<(), Refused> {
        if secrets.is_empty() && self.needs_secret() {
            return Err(Refused::NoSecret);
        }
        let is_one_of = |given: &[u8]| {
            // Compared by their hashes under one key, so that lengths tell nothing either.
            let fits = |secret: &&[u8]| {
                let expected = mac::<Hmac<Sha256>>(b"token", secret);
                verified::<Hmac<Sha256>>(b"token", given, &expected)
            };
            secrets.iter().filter(|secret| !secret.is_empty() && fits(secret)).count() > 0
        };
        match &self.auth {
            Auth::None => Ok(()),
            Auth::UrlToken => {
                let token = incoming.token.ok_or_else(|| missing("token in its address"))?;
                if is_one_of(token.as_bytes()) { Ok(()) } else { Err(Refused::Wrong) }
            }
            Auth::HeaderToken(name) => {
                let token = header(incoming.headers, name)?;
                if is_one_of(token.as_bytes()) { Ok(()) } else { Err(Refused::Wrong) }
            }
            Auth::Signed(signed) => signed.check(incoming, secrets, now),
        }
    }

    /// The id by which a repeated call is known: what the spoke names, else the id in a header,
    /// else a digest of all that is signed. None when neither is there.
    pub fn id(&self, incoming: &Incoming<'_>) -> Option<String> {
        self.named(incoming).or_else(|| match &self.auth {
            Auth::Signed(signed) => signed.id(incoming),
            Auth::UrlToken | Auth::HeaderToken(_) | Auth::None => None,
        })
    }

    fn named(&self, incoming: &Incoming<'_>) -> Option<String> {
        let dedupe = self.dedupe.as_ref()?;
        let body = serde_json::from_slice::<Value>(incoming.body).unwrap_or_default();
        let scope: Map<String, Value> = json!({ "body": body, "headers": plain(incoming.headers) })
            .as_object()
            .cloned()
            .unwrap_or_default();
        match dedupe.eval(&scope).ok()? {
            Value::Null => None,
            id => Some(print(&id)).filter(|id| !id.is_empty()),
        }
    }

    pub(crate) fn parse(reading: &mut Reading, node: &Node<'_>) -> Option<Webhook> {
        if !reading.mapping(node, &grammar::WEBHOOK) {
            return None;
        }
        let auth = reading.required(node, "auth").and_then(|auth| {
            reading.word(&auth, &AUTHS, |word| AUTHS.iter().find(|known| **known == word).copied())
        });
        let mark = reading.mark();
        reading.know("body", None);
        reading.know("headers", None);
        let dedupe = reading.expression_at(node, "dedupe");
        reading.forget(mark);
        let reply = match node.get("reply").map(|reply| (reply.value().as_u64(), reply)) {
            None => 200,
            Some((Some(status @ 200..=299), _)) => u16::try_from(status).unwrap_or(200),
            Some((_, reply)) => {
                reading.error(&reply, codes::BAD_VALUE, "`reply` is a status from 200 to 299");
                200
            }
        };
        let auth = match auth? {
            "hmac" => Auth::Signed(Box::new(Signed::parse(reading, node)?)),
            "header_token" => {
                let header = reading.required(node, "header")?;
                Auth::HeaderToken(reading.string(&header)?)
            }
            "url_token" => Auth::UrlToken,
            _ => Auth::None,
        };
        Some(Webhook { auth, dedupe, reply })
    }
}

impl Signed {
    fn parse(reading: &mut Reading, node: &Node<'_>) -> Option<Signed> {
        let algorithm = Algorithm::parse(reading, node);
        let is_base64 = match node.get("encoding") {
            None => Some(false),
            Some(word) => reading.word(&word, &ENCODINGS, |word| match word {
                "hex" => Some(false),
                "base64" => Some(true),
                _ => None,
            }),
        };
        let header = reading.required(node, "header").and_then(|node| reading.string(&node));
        let mark = reading.mark();
        ["time", "id", "body"].iter().for_each(|root| reading.know(root, None));
        let signs = match node.get("signs") {
            Some(signs) => reading.text(&signs),
            None => Text::parse("{{ body }}").ok(),
        };
        reading.forget(mark);
        let time = reading.string_at(node, "time");
        let time_header = reading.string_at(node, "time_header");
        let signature = reading.string_at(node, "signature");
        if time.is_some() && signature.is_none() {
            let message = "`time` is a part of the header, so `signature` must name its other part";
            reading.error(node, codes::MISSING_KEY, message);
        }
        let id_header = reading.string_at(node, "id_header");
        let has_time = time.is_some() || time_header.is_some();
        if let Some(signs) = &signs {
            check_names(reading, node, signs, (has_time, id_header.is_some()));
        }
        let within = node.get("within").and_then(|node| reading.duration(&node));
        Some(Signed {
            algorithm: algorithm?,
            header: header?,
            is_base64: is_base64?,
            prefix: reading.string_at(node, "prefix").unwrap_or_default(),
            parts: signature.map(|signature| (time, signature)),
            time_header,
            id_header,
            signs: signs?,
            within: within.unwrap_or(WITHIN),
        })
    }

    fn check(
        &self,
        incoming: &Incoming<'_>,
        secrets: &[&[u8]],
        now: Timestamp,
    ) -> Result<(), Refused> {
        let value = header(incoming.headers, &self.header)?;
        let mut time = None;
        let signatures: Vec<&str> = match &self.parts {
            None => value.split_whitespace().collect(),
            Some((at, signature)) => {
                let found = at.as_ref().and_then(|name| part(value, name).next());
                time = found.map(str::to_owned);
                if at.is_some() && time.is_none() {
                    return Err(missing("time in its signature"));
                }
                part(value, signature).collect()
            }
        };
        if let Some(name) = &self.time_header {
            time = Some(header(incoming.headers, name)?.to_owned());
        }
        let id = match &self.id_header {
            Some(name) => header(incoming.headers, name)?,
            None => "",
        };
        let signed = self.signed(time.as_deref().unwrap_or_default(), id, incoming.body);
        let given = signatures.iter().filter_map(|text| self.decoded(text));
        let given: Vec<Vec<u8>> = given.collect();
        // Every pair is tried, whatever an earlier one came to.
        let fits = given.iter().flat_map(|given| secrets.iter().map(move |secret| (given, secret)));
        let n_fitting = fits
            .filter(|(given, secret)| {
                !secret.is_empty() && self.algorithm.verified(secret, &signed, given)
            })
            .count();
        if n_fitting == 0 {
            return Err(Refused::Wrong);
        }
        // The time is believed only now that the signature is right.
        match time {
            Some(time) => self.fresh(&time, now),
            None => Ok(()),
        }
    }

    /// The id of a call whose signature is right.
    fn id(&self, incoming: &Incoming<'_>) -> Option<String> {
        if let Some(name) = &self.id_header {
            return header(incoming.headers, name).ok().map(str::to_owned);
        }
        let value = header(incoming.headers, &self.header).ok()?;
        let time = match (&self.time_header, &self.parts) {
            (Some(name), _) => header(incoming.headers, name).ok(),
            (None, Some((Some(name), _))) => part(value, name).next(),
            (None, _) => None,
        };
        let signed = self.signed(time.unwrap_or_default(), "", incoming.body);
        Some(Sha256::digest(signed).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What is signed: the text, with the body as the bytes that came.
    fn signed(&self, time: &str, id: &str, body: &[u8]) -> Vec<u8> {
        let mut signed = Vec::with_capacity(body.len() + time.len() + id.len() + 8);
        for part in self.signs.parts().unwrap_or_default() {
            match part {
                linchpin_language::Part::Literal(text) => signed.extend_from_slice(text.as_bytes()),
                linchpin_language::Part::Pill(pill) => {
                    match pill.references().first().map(|one| one.root.as_str()) {
                        Some("time") => signed.extend_from_slice(time.as_bytes()),
                        Some("id") => signed.extend_from_slice(id.as_bytes()),
                        _ => signed.extend_from_slice(body),
                    }
                }
            }
        }
        signed
    }

    fn decoded(&self, text: &str) -> Option<Vec<u8>> {
        let text = text.trim().strip_prefix(self.prefix.as_str())?;
        if self.is_base64 {
            return base64::engine::general_purpose::STANDARD.decode(text).ok();
        }
        if !text.len().is_multiple_of(2) || !text.is_ascii() {
            return None;
        }
        let pairs = (0..text.len()).step_by(2);
        pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
    }

    fn fresh(&self, time: &str, now: Timestamp) -> Result<(), Refused> {
        let whole: Option<i64> = time.parse().ok();
        let at = match whole {
            // Seconds reach 12 digits in the year 33658; longer ones are milliseconds.
            Some(number) if time.len() > 12 => Timestamp::from_millisecond(number).ok(),
            Some(number) => Timestamp::from_second(number).ok(),
            None => time.parse().ok(),
        };
        let at = at.ok_or_else(|| missing("readable time in its signature"))?;
        let seconds = at.as_second().abs_diff(now.as_second());
        let most = self.within.as_secs();
        if seconds <= most { Ok(()) } else { Err(Refused::Late { seconds, most }) }
    }
}

/// What is signed and what a call names must be the same.
fn check_names(
    reading: &mut Reading,
    node: &Node<'_>,
    signs: &Text,
    (has_time, has_id): (bool, bool),
) {
    let uses = |root: &str| signs.references().iter().any(|one| one.root == root);
    if uses("time") && !has_time {
        let message =
            "what is signed has a time, so `time` or `time_header` must say where it stands";
        reading.error(node, codes::MISSING_KEY, message);
    }
    if has_time && !uses("time") {
        let message =
            "the time of a call is believed because it is signed, so `signs` must use `{{ time }}`";
        reading.error(node, codes::BAD_VALUE, message);
    }
    if uses("id") && !has_id {
        let message = "what is signed has an id, so `id_header` must say where it stands";
        reading.error(node, codes::MISSING_KEY, message);
    }
}

impl Algorithm {
    fn parse(reading: &mut Reading, node: &Node<'_>) -> Option<Self> {
        match node.get("algorithm") {
            None => Some(Self::Sha256),
            Some(word) => reading.word(&word, &ALGORITHMS, |word| match word {
                "sha256" => Some(Self::Sha256),
                "sha1" => Some(Self::Sha1),
                "sha512" => Some(Self::Sha512),
                _ => None,
            }),
        }
    }

    fn verified(self, secret: &[u8], signed: &[u8], given: &[u8]) -> bool {
        match self {
            Algorithm::Sha256 => verified::<Hmac<Sha256>>(secret, signed, given),
            Algorithm::Sha1 => verified::<Hmac<Sha1>>(secret, signed, given),
            Algorithm::Sha512 => verified::<Hmac<Sha512>>(secret, signed, given),
        }
    }
}

/// Compares in constant time. A key of any length is one for HMAC.
fn verified<M: Mac + KeyInit>(secret: &[u8], signed: &[u8], given: &[u8]) -> bool {
    let Ok(mut mac) = <M as Mac>::new_from_slice(secret) else { return false };
    mac.update(signed);
    mac.verify_slice(given).is_ok()
}

fn mac<M: Mac + KeyInit>(secret: &[u8], signed: &[u8]) -> Vec<u8> {
    match <M as Mac>::new_from_slice(secret) {
        Ok(mut mac) => {
            mac.update(signed);
            mac.finalize().into_bytes().to_vec()
        }
        Err(_) => Vec::new(),
    }
}

/// The parts of this name in a header of several: `t=1,v1=ab`.
fn part<'h>(value: &'h str, name: &str) -> impl Iterator<Item = &'h str> {
    let parts = value.split(',').filter_map(|part| part.trim().split_once('='));
    parts.filter(move |(known, _)| *known == name).map(|(_, value)| value)
}

fn missing(what: &str) -> Refused {
    Refused::Missing(what.to_owned())
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Refused> {
    let found = headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    found.filter(|value| !value.is_empty()).ok_or_else(|| missing(&format!("header {name}")))
}

fn plain(headers: &HeaderMap) -> Value {
    let each = headers.iter().map(|(name, value)| {
        (
            name.as_str().to_owned(),
            Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned()),
        )
    });
    Value::Object(each.collect())
}

#[cfg(test)]
mod tests;
