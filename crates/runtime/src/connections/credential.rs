//! From the values and secrets of a connection to the credential that its transport sends.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use linchpin_connector::CredentialKind;
use linchpin_language::{Map, Value};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::error::ConnectionError;
use super::settings::{Settings, check_endpoint, check_url, is_secret};
use crate::oauth::{Client, ClientAuth, Grant, Proof};
use crate::redaction::Redactor;
use crate::secret::Secret;
use crate::transport::{Login, Signer};

/// From this length on a part of a secret address is searched for by itself.
const LONG_WORD: usize = 16;

/// A credential, before anything is sent with it.
pub(super) enum Made {
    None,
    Header(HeaderName, HeaderValue),
    Query(String, Secret),
    Client(Arc<Client>),
    /// The whole address.
    Address(Secret),
    /// Of a mail server.
    Mail(Option<Login>),
}

/// The fields of a credential template, evaluated for one connection.
pub(super) struct Evaluated {
    alias: String,
    spoke: String,
    kind: CredentialKind,
    fields: Vec<(String, Secret)>,
    allow_insecure: bool,
}

/// Evaluates the credential template of the connection's spoke. Only here are secrets in scope.
pub(super) fn evaluate(settings: &Settings) -> Result<Evaluated, ConnectionError> {
    let template = settings.spoke.connection.credential(&settings.values);
    let mut connection = settings.values.clone();
    for field in settings.spoke.connection.fields.iter().filter(|field| is_secret(field)) {
        connection.insert(field.name.clone(), Value::Null);
    }
    // What may be left out is empty here: a credential is text throughout.
    for value in connection.values_mut().filter(|value| value.is_null()) {
        *value = Value::String(String::new());
    }
    for (name, secret) in &settings.secrets {
        connection.insert(name.clone(), Value::String(secret.expose().to_owned()));
    }
    let mut scope = Map::new();
    scope.insert("connection".to_owned(), Value::Object(connection));
    let mut fields = Vec::new();
    for (name, text) in &template.fields {
        let value = text.render_string(&scope).map_err(|error| ConnectionError::Credential {
            alias: settings.alias.clone(),
            detail: format!("{name}: {}", error.message),
        })?;
        fields.push((name.clone(), Secret::new(value)));
    }
    Ok(Evaluated {
        alias: settings.alias.clone(),
        spoke: settings.spoke.name.clone(),
        kind: template.kind,
        fields,
        allow_insecure: settings.allow_insecure,
    })
}

impl Evaluated {
    /// The same for the same credential, whichever alias leads to it; says nothing about it.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        };
        add(&self.spoke);
        add(self.kind.as_str());
        for (name, value) in &self.fields {
            add(name);
            add(value.expose());
        }
        // What a person has agreed to is for one alias, also where others have the same client.
        if self.is_nothing() || self.kind.asks_person() {
            add(&self.alias);
        }
        hex::encode(hash.finalize())
    }

    /// What is sent. Values derived from secrets are made known to the redactor.
    pub(super) fn make(&self, redactor: &Redactor) -> Result<Made, ConnectionError> {
        match self.kind {
            CredentialKind::None => Ok(Made::None),
            CredentialKind::ApiKey if self.is_nothing() => Ok(Made::None),
            CredentialKind::ApiKey => match self.get("query") {
                Some(name) => Ok(Made::Query(name.to_owned(), Secret::new(self.need("value")?))),
                None => {
                    let name = HeaderName::from_bytes(self.need("header")?.as_bytes())
                        .map_err(|_| self.bad("header is no name of a header".to_owned()))?;
                    Ok(Made::Header(name, self.header_value(self.need("value")?)?))
                }
            },
            CredentialKind::Basic => {
                let (username, password) = (self.need("username")?, self.need("password")?);
                if username.contains(':') {
                    return Err(self.bad("the user name holds a colon".to_owned()));
                }
                let pair = STANDARD.encode(format!("{username}:{password}"));
                redactor.know(&format!("{}/basic", self.alias), &Secret::new(pair.as_str()));
                Ok(Made::Header(AUTHORIZATION, self.header_value(&format!("Basic {pair}"))?))
            }
            CredentialKind::Bearer => {
                let token = self.need("token")?;
                Ok(Made::Header(AUTHORIZATION, self.header_value(&format!("Bearer {token}"))?))
            }
            CredentialKind::Oauth2ClientCredentials
            | CredentialKind::Oauth2AuthorizationCode
            | CredentialKind::Oauth2Jwt => self.client().map(Arc::new).map(Made::Client),
            CredentialKind::Url => self.address(redactor).map(Made::Address),
            CredentialKind::Smtp if self.is_nothing() => Ok(Made::Mail(None)),
            CredentialKind::Smtp => {
                let (user, password) = (self.need("username")?, self.need("password")?);
                let login = Login { user: user.to_owned(), password: Secret::new(password) };
                Ok(Made::Mail(Some(login)))
            }
        }
    }

    /// An address that is a secret, with its parts known to the redactor: answers and logs repeat them.
    fn address(&self, redactor: &Redactor) -> Result<Secret, ConnectionError> {
        // What is said of it must not have anything of it.
        let wrong = || self.bad("it is no https address such as the other side gives".to_owned());
        let url = check_endpoint(self.need("value")?, self.allow_insecure).map_err(|_| wrong())?;
        let path = url.path().trim_end_matches('/');
        let after_host = &url[url::Position::BeforePath..];
        let words = path.split('/').map(str::to_owned);
        let words = words.chain(url.query_pairs().map(|(_, value)| value.into_owned()));
        // A short word is no secret, and likely one that others use.
        let words = words.filter(|word| word.len() >= LONG_WORD);
        let whole = [path.to_owned(), after_host.to_owned(), url.as_str().to_owned()];
        for (at, part) in whole.into_iter().chain(words).enumerate() {
            redactor.know(&format!("{}/address {at}", self.alias), &Secret::new(part));
        }
        Ok(Secret::new(url.as_str()))
    }

    fn client(&self) -> Result<Client, ConnectionError> {
        let token_url = check_url(self.need("token_url")?, self.allow_insecure)
            .map_err(|detail| self.bad(format!("token_url {detail}")))?;
        let text = |name: &str| self.get(name).map(str::to_owned);
        let secret = self.get("client_secret").map(Secret::new);
        let auth = match self.get("client_auth") {
            Some(word) => ClientAuth::parse(word).map_err(|detail| self.bad(detail))?,
            None if secret.is_some() => ClientAuth::Body,
            None => ClientAuth::None,
        };
        if matches!(auth, ClientAuth::Body | ClientAuth::Basic | ClientAuth::Secret) {
            self.need("client_secret")?;
        }
        let grant = self.grant()?;
        let signs = matches!(grant, Grant::Jwt { .. }) || auth == ClientAuth::Key;
        let proof = match auth {
            ClientAuth::Secret => secret.clone().map(Proof::Shared),
            _ if signs => Some(self.proof()?),
            _ => None,
        };
        let id = match grant {
            Grant::Jwt { .. } => text("client_id").unwrap_or_default(),
            _ => self.need("client_id")?.to_owned(),
        };
        let revoke_url = self.endpoint("revoke_url")?;
        // A secret that both sides know has no name.
        let key_id = text("key_id").filter(|_| auth != ClientAuth::Secret);
        let (scope, audience) = (text("scope"), text("audience"));
        let issuer = text("issuer");
        Ok(Client {
            token_url,
            revoke_url,
            id,
            secret,
            proof,
            key_id,
            scope,
            audience,
            issuer,
            auth,
            grant,
        })
    }

    /// On what ground its tokens are given.
    fn grant(&self) -> Result<Grant, ConnectionError> {
        // Who signs speaks for itself where nobody else is named.
        let named = |name: &str| match self.get(name) {
            Some(text) => Ok(text.to_owned()),
            None => self.need("client_id").map(str::to_owned),
        };
        Ok(match self.kind {
            CredentialKind::Oauth2AuthorizationCode => Grant::AuthorizationCode {
                authorize_url: self
                    .endpoint("authorize_url")?
                    .ok_or_else(|| self.bad("authorize_url is empty".to_owned()))?,
                redirect_uri: self.get("redirect_uri").map(str::to_owned),
                pkce: self.switch("pkce", true)?,
            },
            CredentialKind::Oauth2Jwt => {
                Grant::Jwt { issuer: named("issuer")?, subject: named("subject")? }
            }
            CredentialKind::Oauth2ClientCredentials
            | CredentialKind::ApiKey
            | CredentialKind::Basic
            | CredentialKind::Bearer
            | CredentialKind::Url
            | CredentialKind::Smtp
            | CredentialKind::None => Grant::ClientCredentials,
        })
    }

    /// An address of the server, when it is given.
    fn endpoint(&self, name: &str) -> Result<Option<Url>, ConnectionError> {
        let url = self.get(name).map(|text| check_endpoint(text, self.allow_insecure));
        url.transpose().map_err(|detail| self.bad(format!("{name} {detail}")))
    }

    /// What assertions are signed with.
    fn proof(&self) -> Result<Proof, ConnectionError> {
        let key = Secret::new(self.need("key")?);
        match self.get("algorithm") {
            Some("HS256") => Ok(Proof::Shared(key)),
            algorithm => Signer::new(&key, algorithm)
                .map(Proof::Key)
                .map_err(|detail| self.bad(format!("key: {detail}"))),
        }
    }

    fn switch(&self, name: &str, usual: bool) -> Result<bool, ConnectionError> {
        match self.get(name) {
            None => Ok(usual),
            Some("true" | "on") => Ok(true),
            Some("false" | "off") => Ok(false),
            Some(other) => Err(self.bad(format!("{name} is true or false, not {other:?}"))),
        }
    }

    /// Whether nothing is sent: the form asks for no key, or does not insist on one.
    fn is_nothing(&self) -> bool {
        match self.kind {
            CredentialKind::None => true,
            CredentialKind::ApiKey => self.get("value").is_none(),
            CredentialKind::Smtp => {
                self.get("username").is_none() && self.get("password").is_none()
            }
            CredentialKind::Basic
            | CredentialKind::Url
            | CredentialKind::Bearer
            | CredentialKind::Oauth2ClientCredentials
            | CredentialKind::Oauth2AuthorizationCode
            | CredentialKind::Oauth2Jwt => false,
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.expose()).filter(|value| !value.is_empty())
    }

    fn need(&self, name: &str) -> Result<&str, ConnectionError> {
        self.get(name).ok_or_else(|| self.bad(format!("{name} is empty")))
    }

    fn header_value(&self, text: &str) -> Result<HeaderValue, ConnectionError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| {
            self.bad("it holds a line break or a character that headers cannot".to_owned())
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn bad(&self, detail: String) -> ConnectionError {
        ConnectionError::Credential { alias: self.alias.clone(), detail }
    }
}
