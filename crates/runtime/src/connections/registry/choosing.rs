//! Which connection an alias means: the one it has, or one of several.

use linchpin_engine::retry::RetryPolicy;
use linchpin_language::did_you_mean;

use super::Connections;
use crate::connections::error::ConnectionError;

impl Connections {
    /// The connection that an alias means: its default, or the only one that is in service.
    pub(super) fn chosen(&self, alias: &str) -> Result<String, ConnectionError> {
        let refused = |detail: String| ConnectionError::Choice { alias: alias.to_owned(), detail };
        if self.read().bound.contains_key(alias) {
            return Ok(alias.to_owned());
        }
        let Some(entry) = self.file.entries.get(alias) else { return self.part(alias) };
        if entry.is_off {
            return Err(refused(format!(
                "connection {alias} is out of service: connections.yaml says `active: false`"
            )));
        }
        if entry.parts.is_empty() {
            return Ok(alias.to_owned());
        }
        let is_on =
            |part: &&String| self.file.entries.get(*part).is_some_and(|entry| !entry.is_off);
        if let Some(default) = entry.default.as_ref().filter(is_on) {
            return Ok(default.clone());
        }
        let active: Vec<&String> = entry.parts.iter().filter(is_on).collect();
        match active.as_slice() {
            [only] => Ok((*only).clone()),
            [] => Err(refused(format!("no connection of {alias} is in service"))),
            several => {
                let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
                Err(refused(format!(
                    "{alias} has several connections: {}; a step picks one with `connection: {}`, \
                     or `default` in connections.yaml does",
                    names.join(", "),
                    names[0]
                )))
            }
        }
    }

    /// The connections that an alias stands for now; `lms.*` stands for each connection of `lms`.
    pub fn meant(&self, alias: &str) -> Vec<String> {
        let whole = alias.strip_suffix(".*").and_then(|whole| self.file.entries.get(whole));
        match whole.filter(|entry| !entry.parts.is_empty()) {
            Some(entry) => entry.parts.clone(),
            None => self.chosen(alias.trim_end_matches(".*")).into_iter().collect(),
        }
    }

    /// A name that no file has: one of several connections that is not there, or a spoke's own alias.
    /// In the sandbox every connection of an alias is the same.
    fn part(&self, alias: &str) -> Result<String, ConnectionError> {
        let Some((whole, _)) = alias.split_once('.') else { return Ok(alias.to_owned()) };
        if self.read().bound.contains_key(whole) {
            return Ok(whole.to_owned());
        }
        let known = self.file.entries.keys().map(String::as_str);
        let near = did_you_mean(alias, known).map(str::to_owned);
        Err(ConnectionError::UnknownAlias { alias: alias.to_owned(), near })
    }

    /// How failed calls of an alias are tried again, where neither step nor flow says.
    pub fn retry(&self, alias: &str) -> RetryPolicy {
        let chosen = self.chosen(alias).unwrap_or_else(|_| alias.to_owned());
        self.file.entries.get(&chosen).map(|entry| entry.retry.clone()).unwrap_or_default()
    }
}
