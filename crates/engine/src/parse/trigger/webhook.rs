//! `webhook:`, and how a delivery shows that it is genuine.

use linchpin_language::{Node, Value, codes};

use super::missing;
use crate::flow::{Algorithm, Auth, Encoding, Located, Respond, Scheme, SecretRef, Webhook};
use crate::grammar;
use crate::parse::reader::Reader;

/// The most secrets that are taken at a time, while one is being changed.
const MOST_SECRETS: usize = 4;

/// The words for `scheme`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Standard,
    Hmac,
    Token,
    ServiceNow,
    Litmos,
    SumTotal,
}

const SCHEMES: [(&str, Word); 6] = [
    ("standard", Word::Standard),
    ("hmac", Word::Hmac),
    ("token", Word::Token),
    ("servicenow", Word::ServiceNow),
    ("litmos", Word::Litmos),
    ("sumtotal", Word::SumTotal),
];

/// A webhook; `None` when it has no path.
pub(super) fn webhook(reader: &mut Reader, node: &Node<'_>) -> Option<Webhook> {
    if !reader.keys(node, &grammar::WEBHOOK) {
        return None;
    }
    let auth = match node.get("auth") {
        Some(auth) => self::auth(reader, &auth),
        None => {
            let mistake = node.error(codes::MISSING_KEY, "a webhook needs `auth`");
            let help = "add auth: { scheme: standard, secret: vault }, or auth: none to let \
                        anybody start the flow";
            reader.report(mistake.with_help(help));
            Auth::None
        }
    };
    let respond = node.get("respond").and_then(|node| reader.choice(&node, Respond::WORDS));
    let dedupe = node.get("dedupe").map(|node| reader.expression(&node));
    let payload = node.get("payload").map(|node| reader.fields(Some(node)));
    let Some(path) = node.get("path") else {
        missing(reader, node, &grammar::WEBHOOK, "path");
        return None;
    };
    Some(Webhook {
        path: self::path(reader, &path),
        auth,
        dedupe,
        respond: respond.unwrap_or(Respond::Accepted),
        payload,
    })
}

fn path(reader: &mut Reader, node: &Node<'_>) -> Located<String> {
    let path = reader.located_word(node);
    let fits = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        !part.is_empty() && !part.bytes().all(|byte| byte == b'.') && part.bytes().all(is_plain)
    };
    let is_text = node.as_str().is_some();
    if is_text && !(path.value.len() <= 200 && path.value.split('/').all(fits)) {
        let message = format!("`{}` cannot be the path of a webhook", path.value);
        let help = "write letters, digits, `-`, `_` and `.`, in parts with `/` between them, \
                    none at the ends: servicenow/incident";
        reader.report(node.error(codes::BAD_VALUE, message).with_help(help));
    }
    path
}

fn auth(reader: &mut Reader, node: &Node<'_>) -> Auth {
    if let Some(word) = node.as_str() {
        if word != "none" {
            let message = format!("`{word}` does not say how a delivery is known to be genuine");
            let help = match SCHEMES.iter().find(|(scheme, _)| *scheme == word) {
                Some(_) => format!("write auth: {{ scheme: {word}, secret: vault }}"),
                None => "write auth: { scheme: standard, secret: vault }, or auth: none".to_owned(),
            };
            reader.report(node.error(codes::BAD_VALUE, message).with_help(help));
        }
        return Auth::None;
    }
    if !node.value().is_object() {
        reader.wrong_type(node, "`auth` as a map, or the word none");
        return Auth::None;
    }
    let word = match node.get("scheme") {
        Some(scheme) => reader.choice(&scheme, &SCHEMES),
        None => {
            missing(reader, node, &grammar::AUTH, "scheme");
            None
        }
    };
    match word {
        None | Some(Word::Hmac) => reader.keys(node, &grammar::AUTH),
        Some(_) => reader.keys(node, &grammar::PLAIN_AUTH),
    };
    let secrets = match node.get("secret") {
        Some(secret) => secrets(reader, &secret),
        None => {
            missing(reader, node, &grammar::AUTH, "secret");
            Vec::new()
        }
    };
    let scheme = match word {
        None | Some(Word::Standard) => Scheme::Standard,
        Some(Word::Hmac) => hmac(reader, node),
        Some(Word::Token) => Scheme::Token,
        Some(Word::ServiceNow) => Scheme::ServiceNow,
        Some(Word::Litmos) => Scheme::Litmos,
        Some(Word::SumTotal) => Scheme::SumTotal,
    };
    Auth::Shared { scheme, secrets }
}

fn hmac(reader: &mut Reader, node: &Node<'_>) -> Scheme {
    let header = match node.get("header") {
        Some(header) => self::header(reader, &header),
        None => {
            missing(reader, node, &grammar::AUTH, "header");
            String::new()
        }
    };
    let algorithm = match node.get("algorithm") {
        Some(node) => reader.choice(&node, Algorithm::WORDS),
        None => {
            missing(reader, node, &grammar::AUTH, "algorithm");
            None
        }
    };
    let encoding = node.get("encoding").and_then(|node| reader.choice(&node, Encoding::WORDS));
    Scheme::Hmac {
        header,
        algorithm: algorithm.unwrap_or(Algorithm::Sha256),
        encoding: encoding.unwrap_or(Encoding::Hex),
        prefix: reader.optional_word(node, "prefix"),
    }
}

fn header(reader: &mut Reader, node: &Node<'_>) -> String {
    let header = reader.word(node);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if node.as_str().is_some() && (header.is_empty() || !header.bytes().all(is_plain)) {
        let mistake = node.error(codes::BAD_VALUE, format!("`{header}` is no name of a header"));
        reader.report(mistake.with_help("write it as X-Signature"));
    }
    header
}

/// One secret, or several while it is being changed.
fn secrets(reader: &mut Reader, node: &Node<'_>) -> Vec<SecretRef> {
    if !node.value().is_array() {
        return secret(reader, node).into_iter().collect();
    }
    let items = node.items();
    if items.is_empty() || items.len() > MOST_SECRETS {
        let message = format!("`secret` takes one to {MOST_SECRETS} places");
        reader.report(node.error(codes::BAD_VALUE, message));
    }
    items.iter().filter_map(|item| secret(reader, item)).collect()
}

fn secret(reader: &mut Reader, node: &Node<'_>) -> Option<SecretRef> {
    let found = secret_ref(node.value());
    if found.is_none() {
        let mistake = match node.value() {
            Value::String(_) => {
                node.error(codes::SECRET_LITERAL, "the secret of the webhook stands in the flow")
            }
            _ => node.error(codes::WRONG_TYPE, "`secret` does not say where the secret is kept"),
        };
        let help = "write secret: vault, or secret: { env: NAME }, { file: PATH } or \
                    { command: [PROGRAM, ARGUMENT] }";
        reader.report(mistake.with_help(help));
    }
    found
}

fn secret_ref(value: &Value) -> Option<SecretRef> {
    if value.as_str() == Some("vault") {
        return Some(SecretRef::Vault);
    }
    let (key, value) = match value.as_object() {
        Some(fields) if fields.len() == 1 => fields.iter().next()?,
        _ => return None,
    };
    let text = || value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match key.as_str() {
        "env" => text().map(SecretRef::Env),
        "file" => text().map(SecretRef::File),
        "command" => {
            let words = value.as_array().filter(|words| !words.is_empty())?;
            let words: Option<Vec<_>> =
                words.iter().map(|word| word.as_str().map(str::to_owned)).collect();
            words.map(SecretRef::Command)
        }
        _ => None,
    }
}
