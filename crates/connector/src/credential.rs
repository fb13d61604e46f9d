//! The kinds of credential a spoke can ask for. Only the transport ever sees one.

use std::fmt;

use indexmap::IndexMap;
use linchpin_language::{Node, Text, Value};
use serde::{Deserialize, Serialize};

use crate::manifest::Reading;

/// The parts that a credential can have, and its kind.
pub(crate) const KEYS: &[&str] = &[
    "kind",
    "header",
    "query",
    "value",
    "username",
    "password",
    "token",
    "token_url",
    "client_id",
    "client_secret",
    "scope",
    "client_auth",
    "authorize_url",
    "revoke_url",
    "redirect_uri",
    "pkce",
    "issuer",
    "subject",
    "audience",
    "key",
    "key_id",
    "algorithm",
    "title",
];

/// How a system knows who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A key in a header or query parameter.
    ApiKey,
    /// User name and password.
    Basic,
    /// A fixed token in the `Authorization` header.
    Bearer,
    /// OAuth 2.0, client credentials grant.
    Oauth2ClientCredentials,
    /// OAuth 2.0, authorization code grant.
    Oauth2AuthorizationCode,
    /// OAuth 2.0, signed assertion.
    Oauth2Jwt,
    /// The whole address is the secret: whoever knows it may call.
    Url,
    /// User name and password of a mail server, or neither.
    Smtp,
    /// The system asks for nothing.
    None,
}

impl CredentialKind {
    /// Every kind.
    pub const ALL: &'static [CredentialKind] = &[
        CredentialKind::ApiKey,
        CredentialKind::Basic,
        CredentialKind::Bearer,
        CredentialKind::Oauth2ClientCredentials,
        CredentialKind::Oauth2AuthorizationCode,
        CredentialKind::Oauth2Jwt,
        CredentialKind::Url,
        CredentialKind::Smtp,
        CredentialKind::None,
    ];

    /// The word used in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialKind::ApiKey => "api_key",
            CredentialKind::Basic => "basic",
            CredentialKind::Bearer => "bearer",
            CredentialKind::Oauth2ClientCredentials => "oauth2_client_credentials",
            CredentialKind::Oauth2AuthorizationCode => "oauth2_authorization_code",
            CredentialKind::Oauth2Jwt => "oauth2_jwt",
            CredentialKind::Url => "url",
            CredentialKind::Smtp => "smtp",
            CredentialKind::None => "none",
        }
    }

    /// The parts it cannot do without.
    pub(crate) fn needs(self) -> &'static [&'static str] {
        match self {
            CredentialKind::ApiKey | CredentialKind::Url => &["value"],
            CredentialKind::Basic => &["username", "password"],
            CredentialKind::Bearer => &["token"],
            CredentialKind::Oauth2ClientCredentials => &["token_url", "client_id"],
            CredentialKind::Oauth2AuthorizationCode => &["authorize_url", "token_url", "client_id"],
            CredentialKind::Oauth2Jwt => &["token_url", "key"],
            CredentialKind::Smtp | CredentialKind::None => &[],
        }
    }

    /// Whether a person has to agree in a browser before there is a token.
    pub fn asks_person(self) -> bool {
        self == CredentialKind::Oauth2AuthorizationCode
    }

    /// The kind of that word, if it is one.
    pub fn parse(word: &str) -> Option<CredentialKind> {
        CredentialKind::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a credential is made from a connection's fields.
#[derive(Clone)]
pub struct CredentialTemplate {
    /// The word that `credential` of a connection has when this one is chosen among several; empty when
    /// it is the only one.
    pub name: String,
    /// What people choose it by.
    pub title: String,
    /// Its kind.
    pub kind: CredentialKind,
    /// Its parts as texts over `connection`, which here holds the secret fields too:
    /// `header`, `value`, `username`, `password`, `token_url`, `client_id`, ...
    pub fields: IndexMap<String, Text>,
}

impl CredentialTemplate {
    /// The credential of a system that asks for none.
    pub fn none() -> CredentialTemplate {
        CredentialTemplate {
            name: String::new(),
            title: String::new(),
            kind: CredentialKind::None,
            fields: IndexMap::new(),
        }
    }

    /// Reads `connection.credential`: one credential, or several by name of which a connection has one.
    pub(crate) fn parse_all(reading: &mut Reading, node: &Node<'_>) -> Vec<CredentialTemplate> {
        let several = node.get("kind").is_none()
            && node.entries().iter().any(|(_, entry)| entry.value().is_object());
        if !several {
            return CredentialTemplate::parse(reading, node, "").into_iter().collect();
        }
        let mut all = Vec::new();
        for (name, entry) in node.entries() {
            all.extend(CredentialTemplate::parse(reading, &entry, name));
        }
        all
    }

    fn parse(reading: &mut Reading, node: &Node<'_>, name: &str) -> Option<CredentialTemplate> {
        if !reading.keys(node, KEYS) {
            return None;
        }
        let words: Vec<&str> = CredentialKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let kind = reading
            .required(node, "kind")
            .and_then(|node| reading.word(&node, &words, CredentialKind::parse));
        let mut fields = IndexMap::new();
        for (name, entry) in node.entries() {
            let text = match (name, entry.value()) {
                ("kind" | "title", _) => continue,
                // A part that is switched is a text over the connection, or its word as it is.
                ("pkce", Value::Bool(is_on)) => Text::parse(&is_on.to_string()).ok(),
                _ => reading.text(&entry),
            };
            fields.extend(text.map(|text| (name.to_owned(), text)));
        }
        let kind = kind?;
        for key in kind.needs() {
            reading.required(node, key);
        }
        // A client without a secret says how else it proves who it is.
        if kind == CredentialKind::Oauth2ClientCredentials && node.get("client_auth").is_none() {
            reading.required(node, "client_secret");
        }
        let title = reading.string_at(node, "title").unwrap_or_else(|| name.to_owned());
        Some(CredentialTemplate { name: name.to_owned(), title, kind, fields })
    }
}
