//! Gathering the settings of an alias: from its binding in memory, its files, its form, and wherever its
//! secrets are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_connector::Spoke;
use linchpin_language::{Map, Value};

use super::{BoundHere, Connections, Form};
use crate::connections::error::ConnectionError;
use crate::connections::settings::{Settings, Way, is_secret};
use crate::connections::source::SecretSource;

impl Connections {
    /// The settings of an alias, its secrets fetched.
    pub(super) async fn settings(&self, alias: &str) -> Result<Settings, ConnectionError> {
        let form = self.form(alias).await?.unwrap_or_default();
        let mut settings = self.unsettled(alias, &form)?;
        let sources = self.sources(alias, &settings.spoke);
        self.fetch(&mut settings, &sources).await?;
        self.fetch_way(&mut settings).await?;
        settings.complete();
        Ok(settings)
    }

    /// Fetches proxy and certificates from where they are kept.
    pub(super) async fn fetch_way(&self, settings: &mut Settings) -> Result<(), ConnectionError> {
        let alias = settings.alias.clone();
        let Some(entry) = self.file.entries.get(&alias) else { return Ok(()) };
        let (tls, way) = (&entry.tls, &mut settings.way);
        for (name, source, place) in [
            ("proxy", &entry.proxy, &mut way.proxy),
            ("tls.ca", &tls.ca, &mut way.ca),
            ("tls.certificate", &tls.certificate, &mut way.certificate),
            ("tls.key", &tls.key, &mut way.key),
        ] {
            let Some(source) = source else { continue };
            let secret = source.read(&alias, name, &self.vault, &self.options.folder).await?;
            let is_secret = match source {
                SecretSource::Plain(_) => false,
                _ => name == "proxy" || name == "tls.key",
            };
            if is_secret {
                self.redactor.know(&format!("{alias}/{name}"), &secret);
            }
            *place = Some(secret);
        }
        Ok(())
    }

    /// What binding, file and form say of an alias, without defaults and secrets from elsewhere.
    pub(super) fn unsettled(&self, alias: &str, form: &Form) -> Result<Settings, ConnectionError> {
        let bound = self.read().bound.get(alias).cloned();
        if let Some(BoundHere { spoke, values, secrets }) = bound {
            let mut settings = blank(alias, spoke);
            settings.take(values)?;
            settings.secrets = secrets;
            (settings.allow_private, settings.allow_insecure) = (true, true);
            return Ok(settings);
        }
        let entry = self.file.entries.get(alias);
        let named = match entry {
            Some(entry) => entry.spoke.as_str(),
            None if !form.spoke.is_empty() => form.spoke.as_str(),
            None if self.spokes.contains_key(alias) => alias,
            None => return Err(self.unknown(alias)),
        };
        let mut settings = blank(alias, self.spoke(alias, named)?);
        if let Some(entry) = entry {
            settings.values = self.written(alias);
            settings.allow_private = entry.allow_private;
            settings.allow_insecure = entry.allow_insecure;
            settings.timeout = entry.timeout;
        }
        // What a file says stands: an edit of it counts, and each environment has its own.
        let mut kept = form.values.clone();
        kept.retain(|name, _| !settings.values.contains_key(name));
        settings.take(kept)?;
        Ok(settings)
    }

    /// The values that the connections files give an alias.
    pub(super) fn written(&self, alias: &str) -> Map<String, Value> {
        let is_bound = self.read().bound.contains_key(alias);
        let entry = self.file.entries.get(alias).filter(|_| !is_bound);
        let all = entry.into_iter().flat_map(|entry| entry.values.iter().chain(&entry.attributes));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Refuses a value where the connections files have another one.
    pub(super) fn agrees(
        &self,
        alias: &str,
        given: &Map<String, Value>,
    ) -> Result<(), ConnectionError> {
        let written = self.written(alias);
        let other =
            given.iter().find(|(name, value)| written.get(*name).is_some_and(|is| is != *value));
        let Some((name, _)) = other else { return Ok(()) };
        let is = linchpin_language::print(&written[name]);
        Err(ConnectionError::Field {
            alias: alias.to_owned(),
            field: name.clone(),
            detail: format!(
                "the connections file says {is}: change it there, or leave it out there"
            ),
        })
    }

    /// Where the fields of an alias are kept: as its file says, and the vault for any other secret.
    pub(super) fn sources(&self, alias: &str, spoke: &Spoke) -> BTreeMap<String, SecretSource> {
        let entry = self.file.entries.get(alias);
        let mut sources = entry.map(|entry| entry.sources.clone()).unwrap_or_default();
        if self.read().bound.contains_key(alias) {
            sources.clear();
        }
        for field in spoke.connection.fields.iter().filter(|field| is_secret(field)) {
            sources.entry(field.name.clone()).or_insert(SecretSource::Vault);
        }
        sources
    }

    /// Fetches what is kept elsewhere and not yet there.
    pub(super) async fn fetch(
        &self,
        settings: &mut Settings,
        sources: &BTreeMap<String, SecretSource>,
    ) -> Result<(), ConnectionError> {
        let alias = settings.alias.clone();
        for (field, source) in sources {
            if settings.secrets.contains_key(field) {
                continue;
            }
            let template = &settings.spoke.connection;
            let form = template.fields.iter().find(|known| known.name == *field);
            // The secrets of a credential that was not chosen are not asked for.
            let chosen = &template.credential(&settings.values).name;
            if form.is_some_and(|form| !form.is_for(chosen)) {
                continue;
            }
            let named =
                self.file.entries.get(&alias).is_some_and(|e| e.sources.contains_key(field));
            let read = source.read(&alias, field, &self.vault, &self.options.folder).await;
            let secret = match read {
                Ok(secret) => secret,
                // A secret that the form does not ask for and no file names is simply not used.
                Err(ConnectionError::Missing { .. })
                    if !named && form.is_some_and(|form| !form.required) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            if form.is_some_and(is_secret) {
                settings.secrets.insert(field.clone(), secret);
            } else if !settings.values.contains_key(field) {
                let mut value = Map::new();
                value.insert(field.clone(), Value::String(secret.expose().to_owned()));
                settings.take(value)?;
            }
        }
        for (field, secret) in &settings.secrets {
            self.redactor.know(&format!("{alias}/{field}"), secret);
        }
        Ok(())
    }

    pub(super) fn accepts_secret(
        &self,
        settings: &Settings,
        sources: &BTreeMap<String, SecretSource>,
        name: &str,
    ) -> Result<(), ConnectionError> {
        let field = settings.spoke.connection.fields.iter().find(|field| field.name == name);
        match (field.is_some_and(is_secret), sources.get(name)) {
            (true, None | Some(SecretSource::Vault)) => Ok(()),
            (true, Some(source)) => {
                Err(settings
                    .bad(name, format!("connections.yaml takes it from {}", source.describe())))
            }
            (false, _) => Err(settings.bad(
                name,
                format!("{} connections have no secret of that name", settings.spoke.name),
            )),
        }
    }
}

fn blank(alias: &str, spoke: Arc<Spoke>) -> Settings {
    Settings {
        alias: alias.to_owned(),
        spoke,
        values: Map::new(),
        secrets: BTreeMap::new(),
        allow_private: false,
        allow_insecure: false,
        timeout: None,
        way: Way::default(),
    }
}
