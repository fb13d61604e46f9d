//! All values of one connection in one place: what the file, the form and the secrets' sources give,
//! completed by the defaults of its spoke.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use linchpin_connector::{CredentialKind, FormField, Spoke};
use linchpin_language::{Map, Schema, Type, Value};
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use super::credential::evaluate;
use super::error::ConnectionError;
use crate::redaction::Redactor;
use crate::secret::Secret;

/// Everything that is needed to make the transport of an alias.
pub(super) struct Settings {
    pub(super) alias: String,
    pub(super) spoke: Arc<Spoke>,
    /// Fields and attributes that are not secret.
    pub(super) values: Map<String, Value>,
    pub(super) secrets: BTreeMap<String, Secret>,
    pub(super) allow_private: bool,
    pub(super) allow_insecure: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) way: Way,
}

/// How requests travel: through which proxy, and with which certificates.
#[derive(Clone, Default)]
pub(super) struct Way {
    pub(super) proxy: Option<Secret>,
    pub(super) ca: Option<Secret>,
    pub(super) certificate: Option<Secret>,
    pub(super) key: Option<Secret>,
}

impl Way {
    /// The same for the same way; says nothing about it.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.proxy, &self.ca, &self.certificate, &self.key] {
            let part = part.as_ref().map(Secret::expose).unwrap_or_default();
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }
}

impl Settings {
    /// Fills what is not given with the read-only values and defaults of the spoke, else with null.
    pub(super) fn complete(&mut self) {
        let template = &self.spoke.connection;
        for field in template.fields.iter().filter(|field| !is_secret(field)) {
            if let Some(fixed) = &field.value {
                self.values.insert(field.name.clone(), fixed.clone());
            } else if !self.values.contains_key(&field.name) {
                let default = field.default.clone().unwrap_or(Value::Null);
                self.values.insert(field.name.clone(), default);
            }
        }
        for (name, schema) in &template.attributes {
            if !self.values.contains_key(name) {
                self.values.insert(name.clone(), schema.default.clone().unwrap_or(Value::Null));
            }
        }
    }

    /// Whether every field that must be filled in is; secrets are asked for where they are fetched.
    pub(super) fn check(&self) -> Result<(), ConnectionError> {
        let template = &self.spoke.connection;
        let fields = template.fields_for(&self.values);
        for field in fields.filter(|field| field.required && !is_secret(field)) {
            let empty =
                self.values.get(&field.name).is_none_or(|value| value.is_null() || value == "");
            if empty {
                return Err(ConnectionError::Missing {
                    alias: self.alias.clone(),
                    field: field.name.clone(),
                    remedy: format!("add it to {} in connections.yaml", self.alias),
                });
            }
        }
        Ok(())
    }

    /// Takes values as a form gives them: fields and attributes by name.
    pub(super) fn take(&mut self, given: Map<String, Value>) -> Result<(), ConnectionError> {
        let template = &self.spoke.connection;
        for (name, value) in given {
            let taken = if let Some(field) = template.fields.iter().find(|field| field.name == name)
            {
                if is_secret(field) {
                    Err("it is a secret and is given as one".to_owned())
                } else if field.value.as_ref().is_some_and(|fixed| *fixed != value) {
                    Err("it is read-only".to_owned())
                } else {
                    field_value(field, value)
                }
            } else if let Some(schema) = template.attributes.get(&name) {
                schema.coerce(value, &name).map_err(|mismatch| mismatch.message)
            } else {
                Err(format!("{} connections have no such field", self.spoke.name))
            };
            let value = taken.map_err(|detail| self.bad(&name, detail))?;
            self.values.insert(name, value);
        }
        Ok(())
    }

    /// Whether there is a system behind the spoke at all; `core` has none.
    pub(super) fn has_system(&self) -> bool {
        let template = &self.spoke.connection;
        template.credentials.iter().any(|one| one.kind != CredentialKind::None)
            || template.fields.iter().any(|field| field.name == "url")
    }

    /// Whether the URL, where one is needed, can be used.
    pub(super) fn reach(&self) -> Result<(), ConnectionError> {
        match self.spoke.connection.credential(&self.values).kind {
            _ if !self.has_system() => Ok(()),
            CredentialKind::Url => evaluate(self)?.make(&Redactor::new()).map(drop),
            _ => self.url().map(drop),
        }
    }

    /// The connection's URL.
    pub(super) fn url(&self) -> Result<Url, ConnectionError> {
        let text = self.values.get("url").and_then(Value::as_str).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| ConnectionError::Missing {
            alias: self.alias.clone(),
            field: "url".to_owned(),
            remedy: format!("add `url` to {} in connections.yaml", self.alias),
        })?;
        let kind = self.spoke.connection.credential(&self.values).kind;
        check_base(kind, text, self.allow_insecure).map_err(|detail| self.bad("url", detail))
    }

    /// An error about the value of a field.
    pub(super) fn bad(&self, field: &str, detail: String) -> ConnectionError {
        ConnectionError::Field { alias: self.alias.clone(), field: field.to_owned(), detail }
    }
}

/// Whether the field is never shown.
pub(super) fn is_secret(field: &FormField) -> bool {
    field.ty == Type::Secret
}

/// Reads a value as a field of the form takes it; the label of a choice stands for its value.
pub(super) fn field_value(field: &FormField, mut value: Value) -> Result<Value, String> {
    let labelled = field.choices.iter().find(|(label, _)| value == label.as_str());
    if let Some((_, chosen)) = labelled {
        value = Value::String(chosen.clone());
    }
    let value = Schema::of(field.ty.clone())
        .coerce(value, &field.name)
        .map_err(|mismatch| mismatch.message)?;
    let Some(text) = value.as_str() else { return Ok(value) };
    if !field.choices.is_empty() && !field.other && !field.choices.iter().any(|(_, v)| v == text) {
        let labels: Vec<&str> = field.choices.iter().map(|(label, _)| label.as_str()).collect();
        return Err(format!("{} is one of {}", field.name, labels.join(", ")));
    }
    match field.max {
        Some(max) if u64::try_from(text.chars().count()).is_ok_and(|length| length > max) => {
            Err(format!("{} has at most {max} characters", field.name))
        }
        _ => Ok(value),
    }
}

/// Reads the URL that a connection with this kind of credential is bound to.
pub(super) fn check_base(
    kind: CredentialKind,
    text: &str,
    allow_insecure: bool,
) -> Result<Url, String> {
    match kind {
        CredentialKind::Smtp => check_mail_server(text),
        _ => check_url(text, allow_insecure),
    }
}

/// Reads the URL of a mail server: encrypted from the start, or by STARTTLS.
fn check_mail_server(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    if !matches!(url.scheme(), "smtps" | "smtp") {
        let scheme = url.scheme();
        return Err(format!("has the scheme {scheme}, not smtps (or smtp, for STARTTLS)"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("has no host".to_owned());
    }
    let mut bare = url.clone();
    bare.set_path("");
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or password, which belong into the credential".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
        return Err("has more than a host and a port".to_owned());
    }
    Ok(bare)
}

/// Whether a host is this machine.
pub(super) fn is_local(url: &Url) -> bool {
    match url.host() {
        // The host of a scheme that is not of the web is not read as an address.
        Some(Host::Domain(name)) => {
            let address = name.parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads a URL that requests are sent to: https, or http where nothing leaves the machine.
pub(super) fn check_url(text: &str, allow_insecure: bool) -> Result<Url, String> {
    let url = check_endpoint(text, allow_insecure)?;
    if url.query().is_some() {
        return Err("has a query or fragment, which a base URL cannot have".to_owned());
    }
    Ok(url)
}

/// The same for a URL that may have parameters of its own.
pub(super) fn check_endpoint(text: &str, allow_insecure: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    if url.host().is_none() {
        return Err("has no host".to_owned());
    }
    match url.scheme() {
        "https" => {}
        "http" if is_local(&url) || allow_insecure => {}
        "http" => return Err("is not https (allow_insecure: true permits http)".to_owned()),
        other => return Err(format!("has the scheme {other}, not https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or password, which belong into the credential".to_owned());
    }
    if url.fragment().is_some() {
        return Err("has a query or fragment, which a base URL cannot have".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_https_unless_it_stays_on_the_machine() {
        let check = |text: &str, insecure: bool, expect: Result<(), &str>| {
            let found = check_url(text, insecure).map(drop);
            match (found, expect) {
                (Ok(()), Ok(())) => {}
                (Err(detail), Err(part)) => assert!(detail.contains(part), "{text}: {detail}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        };
        check("https://api.litmos.com/v1.svc", false, Ok(()));
        check("http://127.0.0.1:8080/x", false, Ok(()));
        check("http://localhost:1", false, Ok(()));
        check("http://lms.example", false, Err("not https"));
        check("http://lms.example", true, Ok(()));
        check("ftp://lms.example", true, Err("scheme ftp"));
        check("https://me:pw@lms.example", false, Err("user or password"));
        check("https://lms.example/?a=1", false, Err("query"));
        check("lms.example", false, Err("no URL"));
    }

    #[test]
    fn a_mail_server_is_a_host_and_a_port() {
        let check = |text: &str, expect: Result<bool, &str>| match (check_mail_server(text), expect)
        {
            (Ok(url), Ok(local)) => assert_eq!(is_local(&url), local, "{text}"),
            (Err(detail), Err(part)) => assert!(detail.contains(part), "{text}: {detail}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("smtps://mail.example", Ok(false));
        check("smtp://mail.example:25/", Ok(false));
        check("smtp://127.0.0.1:25", Ok(true));
        check("smtp://[::1]:25", Ok(true));
        check("https://mail.example", Err("scheme https"));
        check("smtp://me:pw@mail.example", Err("user or password"));
        check("smtp://mail.example/inbox", Err("more than a host"));
        check("mail.example", Err("no URL"));
    }
}
