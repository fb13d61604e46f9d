//! The keys of an alias that say how its requests travel and which of several connections is meant.

use std::collections::BTreeMap;

use linchpin_language::{Node, Value, codes, did_you_mean};

use super::super::source::SecretSource;
use super::{Entry, Reader};

const TLS_KEYS: [&str; 3] = ["ca", "certificate", "key"];

impl<'d> Reader<'d> {
    pub(super) fn extras(&mut self, entry: &mut Entry, keys: &BTreeMap<&'d str, Node<'d>>) {
        if let Some(node) = keys.get("retry") {
            match linchpin_engine::parse::retry(node) {
                Ok(policy) => entry.retry = policy,
                Err(mistakes) => self.found.extend(mistakes),
            }
        }
        if let Some(node) = keys.get("tls") {
            self.tls(entry, node);
        }
        if let Some(node) = keys.get("proxy") {
            self.proxy(entry, node);
        }
        if let Some(node) = keys.get("active") {
            match node.value().as_bool() {
                Some(is_active) => entry.is_off = !is_active,
                None => self.found.push(node.error(codes::WRONG_TYPE, "active is true or false")),
            }
        }
        if let Some(node) = keys.get("connections") {
            let message = "connections holds names, each with the settings of that connection";
            self.found.push(node.error(codes::WRONG_TYPE, message));
        }
        if let Some(node) = keys.get("default") {
            self.default(entry, node);
        }
    }

    fn tls(&mut self, entry: &mut Entry, node: &Node<'d>) {
        if !node.value().is_object() {
            let message = "tls holds ca, certificate and key, each with where it is kept";
            self.found.push(node.error(codes::WRONG_TYPE, message));
            return;
        }
        for (name, value) in node.entries() {
            if !TLS_KEYS.contains(&name) {
                let error = value.error_at_key(codes::UNKNOWN_KEY, format!("tls has no {name}"));
                self.found.push(match did_you_mean(name, TLS_KEYS.iter().copied()) {
                    Some(near) => error.with_help(format!("did you mean {near}?")),
                    None => error.with_help("there are ca, certificate and key"),
                });
                continue;
            }
            // A certificate is no secret: its path can stand there as it is.
            let source = match value.value() {
                Value::String(path) if name != "key" && path != "vault" => {
                    Some(SecretSource::File(path.into()))
                }
                other => elsewhere(other),
            };
            let Some(source) = source else {
                let message = format!("tls.{name} does not say where it is kept");
                let help = format!("write {name}: {{ file: PATH }} or {{ env: NAME }}");
                self.found.push(value.error(codes::WRONG_TYPE, message).with_help(help));
                continue;
            };
            match name {
                "ca" => entry.tls.ca = Some(source),
                "certificate" => entry.tls.certificate = Some(source),
                _ => entry.tls.key = Some(source),
            }
        }
        if entry.tls.certificate.is_some() != entry.tls.key.is_some() {
            let message = "a certificate of our own needs its key, and a key its certificate";
            self.found.push(node.error(codes::MISSING_KEY, message));
        }
    }

    fn proxy(&mut self, entry: &mut Entry, node: &Node<'d>) {
        match node.value() {
            Value::String(text) => {
                let url = url::Url::parse(text).ok().filter(|url| url.has_host());
                let is_http = url.as_ref().is_some_and(|url| url.scheme().starts_with("http"));
                if !is_http {
                    let message = "proxy is no URL such as http://proxy.example:3128";
                    self.found.push(node.error(codes::BAD_VALUE, message));
                } else if url.is_some_and(|url| url.password().is_some()) {
                    let message = "the password of the proxy stands in the file";
                    let help = "write proxy: { env: NAME } or { file: PATH } for its whole URL";
                    self.found.push(node.error(codes::SECRET_LITERAL, message).with_help(help));
                } else {
                    entry.proxy = Some(SecretSource::Plain(text.clone()));
                }
            }
            other => match elsewhere(other) {
                Some(source) => entry.proxy = Some(source),
                None => {
                    let message = "proxy is a URL, or says where it is kept";
                    self.found.push(node.error(codes::WRONG_TYPE, message));
                }
            },
        }
    }

    fn default(&mut self, entry: &mut Entry, node: &Node<'d>) {
        let name = node.as_str().unwrap_or_default();
        let ending = format!(".{name}");
        let found = entry.parts.iter().find(|part| part.ends_with(&ending));
        match found {
            Some(part) => entry.default = Some(part.clone()),
            None => {
                let message = format!("default names no connection of the alias: {name:?}");
                self.found.push(node.error(codes::BAD_VALUE, message));
            }
        }
    }
}

/// Where something is kept that no form asks for: the vault has no place for it.
fn elsewhere(value: &Value) -> Option<SecretSource> {
    SecretSource::of(value).filter(|source| *source != SecretSource::Vault)
}
