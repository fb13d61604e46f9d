//! Showing connections: lists, forms and the API get everything but the secrets.

use std::collections::{BTreeMap, BTreeSet};

use linchpin_connector::{ActionError, CREDENTIAL};
use linchpin_language::{Map, Value, digest};

use super::Connections;
use crate::connections::error::ConnectionError;
use crate::connections::settings::{Settings, is_secret};
use crate::connections::source::SecretSource;
use crate::connections::status::{Authorization, ConnectionStatus, FieldStatus};
use crate::oauth::Keeper;

impl Connections {
    /// All connections, those that only their form knows included.
    pub async fn list(&self) -> Result<Vec<ConnectionStatus>, ConnectionError> {
        let mut aliases: BTreeSet<String> = self.aliases().into_keys().collect();
        let kept = self.vault.aliases().await;
        for alias in kept.map_err(|source| super::vaulted("", source))? {
            if !aliases.contains(&alias) && !matches!(self.form(&alias).await, Ok(None)) {
                aliases.insert(alias);
            }
        }
        // Its connections stand for an alias that has several.
        aliases.retain(|alias| {
            self.file.entries.get(alias).is_none_or(|entry| entry.parts.is_empty())
        });
        let mut list = Vec::new();
        for alias in &aliases {
            list.push(self.show(alias).await?);
        }
        Ok(list)
    }

    /// What may be shown of one connection. One whose form leads nowhere any more is shown with
    /// that as its problem: it can be removed, and keeps nobody from the others.
    pub async fn show(&self, alias: &str) -> Result<ConnectionStatus, ConnectionError> {
        let error = match self.look_at(alias).await {
            Ok(status) => return Ok(status),
            Err(error) => error,
        };
        let form = self.form(alias).await;
        if matches!(error, ConnectionError::Choice { .. }) || matches!(form, Ok(None)) {
            return Err(error);
        }
        let spoke = self.aliases().remove(alias);
        let is_vaults = matches!(error, ConnectionError::Vault { .. });
        let mut problem = ActionError::from(error).message;
        if !is_vaults {
            problem.push_str(&format!(
                "; `linchpin connections remove {alias}{}` deletes what is left of its form",
                self.vault.option()
            ));
        }
        Ok(ConnectionStatus {
            alias: alias.to_owned(),
            left_over: spoke.is_none(),
            spoke: spoke.unwrap_or_else(|| form.ok().flatten().unwrap_or_default().spoke),
            problem: Some(problem),
            ..ConnectionStatus::default()
        })
    }

    async fn look_at(&self, alias: &str) -> Result<ConnectionStatus, ConnectionError> {
        let (alias, is_off) = match self.chosen(alias) {
            Ok(chosen) => (&chosen.clone(), None),
            Err(error @ ConnectionError::Choice { .. })
                if self.file.entries.get(alias).is_some_and(|entry| entry.is_off) =>
            {
                (&alias.to_owned(), Some(error))
            }
            Err(error) => return Err(error),
        };
        let form = self.form(alias).await?.unwrap_or_default();
        let mut settings = self.unsettled(alias, &form)?;
        let sources = self.sources(alias, &settings.spoke);
        let fetched = self.fetch(&mut settings, &sources).await;
        settings.complete();
        let credential = settings.spoke.connection.credential(&settings.values).kind;
        let fetched = match (fetched, is_off) {
            (_, Some(off)) => Err(off),
            (Ok(()), None) => self.fetch_way(&mut settings).await,
            (failed, None) => failed,
        };
        let mut problem =
            fetched.and_then(|()| settings.check()).and_then(|()| settings.reach()).err();
        let mut authorization = None;
        if credential.asks_person() && problem.is_none() {
            problem = self.resolve(alias).await.err();
            authorization = self.authorization(alias).await;
        }
        let bound = self.read().bound.contains_key(alias);
        let fresh = form.tested == digest(&Value::Object(settings.values.clone()));
        let tested_at = form.tested_at.filter(|_| fresh && problem.is_none());
        let active = bound || tested_at.is_some();
        let live = self.read().made.get(alias).cloned();
        let has_system = settings.has_system();
        Ok(ConnectionStatus {
            alias: alias.to_owned(),
            spoke: settings.spoke.name.clone(),
            title: settings.spoke.title.clone(),
            parent: self.file.entries.get(alias).and_then(|entry| entry.parent.clone()),
            fields: field_statuses(&settings, &sources, &self.written(alias)),
            attributes: attributes(&settings),
            active,
            tested_at,
            untestable: !settings.spoke.has_test()
                && live.as_ref().is_some_and(|live| live.wire.is_some()),
            problem: problem.map(|error| ActionError::from(error).message),
            endpoints: if active { endpoints(&settings) } else { Vec::new() },
            token_expires_at: live
                .as_ref()
                .and_then(|live| live.tokens.as_ref())
                .and_then(|tokens| tokens.expires()),
            rate: live.as_ref().filter(|_| has_system).map(|live| live.budget.status()),
            health: live.as_ref().filter(|_| has_system).map(|live| live.health.status()),
            waiting_s: live.and_then(|live| live.budget.waiting()).map(|wait| wait.as_secs()),
            credential: credential.to_string(),
            authorization,
            button: settings.spoke.connection.button.clone(),
            left_over: false,
        })
    }

    /// What a person has agreed to, as far as it is kept.
    async fn authorization(&self, alias: &str) -> Option<Authorization> {
        let keeper = Keeper { vault: self.vault.clone(), alias: alias.to_owned() };
        let kept = keeper.load().await.ok()??;
        if kept.ended.is_some() {
            return Some(Authorization { since: None, renews: false, ends_at: None });
        }
        let renews = kept.refresh().is_some();
        let ends_at = if renews { kept.refresh_ends } else { Some(kept.expires) };
        Some(Authorization { since: Some(kept.authorized), renews, ends_at })
    }
}

fn field_statuses(
    settings: &Settings,
    sources: &BTreeMap<String, SecretSource>,
    written: &Map<String, Value>,
) -> Vec<FieldStatus> {
    let template = &settings.spoke.connection;
    let chosen = &template.credential(&settings.values).name;
    let fields = template.fields.iter();
    fields
        .filter(|field| field.name != CREDENTIAL || template.asks_which())
        .map(|field| {
            let secret = is_secret(field);
            let value =
                settings.values.get(&field.name).filter(|value| !secret && !value.is_null());
            let value = value.cloned();
            FieldStatus {
                name: field.name.clone(),
                label: field.label.clone(),
                set: value.is_some() || settings.secrets.contains_key(&field.name),
                value,
                secret,
                required: field.required,
                source: sources.get(&field.name).map(SecretSource::describe),
                fixed: field.value.is_some(),
                written: written.contains_key(&field.name),
                choices: field.choices.clone(),
                other: field.other,
                hint: field.hint.clone(),
                only_for: field.only_for.clone(),
                used: field.is_for(chosen),
            }
        })
        .collect()
}

fn attributes(settings: &Settings) -> Map<String, Value> {
    let template = &settings.spoke.connection;
    let is_known = |name: &str| {
        template.attributes.contains_key(name) || (name == CREDENTIAL && !template.asks_which())
    };
    let values = settings.values.iter().filter(|(name, _)| is_known(name));
    values.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The addresses the spoke shows; one that cannot be computed yet is left out.
fn endpoints(settings: &Settings) -> Vec<(String, String)> {
    let mut scope = Map::new();
    scope.insert("connection".to_owned(), Value::Object(settings.values.clone()));
    let shows = settings.spoke.connection.shows.iter();
    shows
        .filter_map(|(label, text)| Some((label.clone(), text.render_string(&scope).ok()?)))
        .collect()
}
