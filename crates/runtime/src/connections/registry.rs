//! The registry itself: one transport per alias, made when first asked for and kept.

mod authorizing;
mod choosing;
mod examining;
mod gathering;
mod hooks;
mod making;
mod moving;
mod showing;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use jiff::Timestamp;
use linchpin_connector::{ActionError, Connection, Spoke, Transport};
use linchpin_language::{Map, Value, did_you_mean, digest};
use serde::{Deserialize, Serialize};

use super::error::{ConfigureError, ConnectionError};
use super::file::ConnectionsFile;
use crate::budget::Budget;
use crate::capture::Keep;
use crate::clock::Clock;
use crate::oauth::{Pending, TokenSource};
use crate::redaction::Redactor;
use crate::secret::Secret;
use crate::transport::{Health, Wire};
use crate::vault::Vault;

/// Where the vault keeps what the form of an alias said; `$` is in no field's name.
const FORM: &str = "$form";

/// Limits of all connections, and where relative files are looked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Limit of making a connection.
    pub connect_timeout: Duration,
    /// Limit of a whole request where neither it nor its connection has one.
    pub timeout: Duration,
    /// The largest answer, after decompression, in bytes.
    pub max_response: usize,
    /// The folder that `{file: PATH}` is relative to.
    pub folder: PathBuf,
    /// Of which calls requests and answers are kept in the journal.
    pub capture: Keep,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            max_response: 32 << 20,
            folder: PathBuf::from("."),
            capture: Keep::Nothing,
        }
    }
}

/// What an alias resolves to.
#[derive(Clone)]
pub struct Resolved {
    /// The connection, as a spoke may see it.
    pub connection: Arc<Connection>,
    /// Its spoke.
    pub spoke: Arc<Spoke>,
    /// The transport, bound to it.
    pub transport: Arc<dyn Transport>,
}

/// The connections of an environment.
pub struct Connections {
    file: ConnectionsFile,
    spokes: BTreeMap<String, Arc<Spoke>>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    redactor: Arc<Redactor>,
    options: Options,
    state: RwLock<State>,
    /// Held while an alias is being resolved for the first time.
    making: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    bound: BTreeMap<String, BoundHere>,
    /// Aliases that lead nowhere here, each with its spoke.
    unbound: BTreeMap<String, String>,
    made: HashMap<String, Live>,
    budgets: HashMap<String, Arc<Budget>>,
    tokens: HashMap<String, Arc<TokenSource>>,
    /// What people were asked for in a browser and have not answered.
    asked: Vec<Pending>,
}

/// An alias bound in memory.
#[derive(Clone)]
struct BoundHere {
    spoke: Arc<Spoke>,
    values: Map<String, Value>,
    secrets: BTreeMap<String, Secret>,
}

/// A resolved alias with what stands behind it.
#[derive(Clone)]
struct Live {
    resolved: Resolved,
    wire: Option<Arc<Wire>>,
    budget: Arc<Budget>,
    health: Arc<Health>,
    tokens: Option<Arc<TokenSource>>,
    /// Set when the other side refused the credential: it may have been changed meanwhile.
    stale: Arc<AtomicBool>,
}

/// What the form of an alias said, kept beside its secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Form {
    spoke: String,
    values: Map<String, Value>,
    tested_at: Option<Timestamp>,
    /// Digest of the values that were tested.
    tested: String,
}

impl Connections {
    /// The connections of these files.
    pub fn new(
        file: ConnectionsFile,
        spokes: BTreeMap<String, Arc<Spoke>>,
        vault: Arc<Vault>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        let (redactor, state) = (Arc::default(), RwLock::default());
        let making = tokio::sync::Mutex::new(());
        Self { file, spokes, vault, clock, redactor, options, state, making }
    }

    /// Where secrets are kept.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Of which calls requests and answers are kept.
    pub(crate) fn keeps(&self) -> Keep {
        self.options.capture
    }

    /// The secrets known so far, for every sink to keep out.
    pub fn redactor(&self) -> Arc<Redactor> {
        self.redactor.clone()
    }

    /// The connection, spoke and transport of an alias. The same transport is given each time, until
    /// the alias is configured anew, removed, or refused by the other side.
    pub async fn resolve(&self, alias: &str) -> Result<Resolved, ConnectionError> {
        let alias = self.chosen(alias)?;
        let live = self.live(&alias).await?;
        authorized(&alias, &live).await?;
        Ok(live.resolved)
    }

    async fn live(&self, alias: &str) -> Result<Live, ConnectionError> {
        if let Some(spoke) = self.read().unbound.get(alias).cloned() {
            return Err(ConnectionError::NoStandIn { alias: alias.to_owned(), spoke });
        }
        if let Some(live) = self.ready(alias) {
            return Ok(live);
        }
        let _making = self.making.lock().await;
        if let Some(live) = self.ready(alias) {
            return Ok(live);
        }
        let settings = self.settings(alias).await?;
        let live = self.make(&settings)?;
        self.write().made.insert(alias.to_owned(), live.clone());
        Ok(live)
    }

    /// Runs the connection test of the alias' spoke, and marks the connection active if it succeeds.
    pub async fn test(&self, alias: &str) -> Result<(), ActionError> {
        let alias = &self.chosen(alias)?;
        let resolved = self.resolve(alias).await?;
        resolved.spoke.test(&resolved.connection, resolved.transport.as_ref()).await?;
        if self.read().bound.contains_key(alias) {
            return Ok(());
        }
        let form = self.form(alias).await?.unwrap_or_default();
        Ok(self.save_form(alias, &resolved, form.values, true).await?)
    }

    /// Sets values and secrets of an alias, as its form gives them. They are tested first and stored
    /// only when the test succeeds. What a person has to agree to first is stored and not active.
    pub async fn configure(
        &self,
        alias: &str,
        values: Map<String, Value>,
        secrets: BTreeMap<String, Secret>,
    ) -> Result<(), ConfigureError> {
        let alias = &self.chosen(alias)?;
        let form = self.form(alias).await?.unwrap_or_default();
        let mut settings = self.unsettled(alias, &form)?;
        let sources = self.sources(alias, &settings.spoke);
        for name in secrets.keys() {
            self.accepts_secret(&settings, &sources, name)?;
        }
        self.agrees(alias, &values)?;
        settings.take(values.clone())?;
        settings.secrets.extend(secrets.clone());
        self.fetch(&mut settings, &sources).await?;
        self.fetch_way(&mut settings).await?;
        settings.complete();
        let live = self.make(&settings)?;
        let Resolved { connection, spoke, transport } = &live.resolved;
        let is_testable = authorized(alias, &live).await.is_ok();
        let failed = |error| ConfigureError::Test { alias: alias.to_owned(), error };
        if is_testable {
            // A token that was granted before says nothing about a new secret.
            if let Some(tokens) = live.tokens.as_ref().filter(|_| !secrets.is_empty()) {
                tokens.prove().await.map_err(failed)?;
            }
            spoke.test(connection, transport.as_ref()).await.map_err(failed)?;
        }
        for (field, secret) in &secrets {
            self.vault.put(alias, field, secret).await.map_err(|source| vaulted(alias, source))?;
        }
        let mut kept = form.values;
        kept.extend(values);
        self.save_form(alias, &live.resolved, kept, is_testable).await?;
        self.write().made.insert(alias.to_owned(), live);
        Ok(())
    }

    /// Deletes the secrets and form values of an alias; what files say of it stays. What is kept of
    /// one that is out of service, or that no file names any more, is deleted as well.
    pub async fn remove(&self, alias: &str) -> Result<(), ConnectionError> {
        let chosen = self.chosen(alias);
        let alias = &chosen.as_deref().unwrap_or(alias).to_owned();
        let fields = self.vault.list(alias).await.map_err(|source| vaulted(alias, source))?;
        if fields.is_empty() {
            chosen.and_then(|alias| self.unsettled(&alias, &Form::default()))?;
        }
        for field in fields {
            self.vault.delete(alias, &field).await.map_err(|source| vaulted(alias, source))?;
        }
        let mut state = self.write();
        state.bound.remove(alias);
        if let Some(tokens) = state.made.remove(alias).and_then(|live| live.tokens) {
            state.tokens.retain(|_, held| !Arc::ptr_eq(held, &tokens));
        }
        Ok(())
    }

    /// Binds an alias in memory, over whatever the files say: nothing is read from or written to the
    /// vault, and the URL may be a private one.
    pub fn bind(
        &self,
        alias: &str,
        spoke: &str,
        values: Map<String, Value>,
        secrets: BTreeMap<String, Secret>,
    ) -> Result<(), ConnectionError> {
        let spoke = self.spoke(alias, spoke)?;
        let mut state = self.write();
        state.made.remove(alias);
        state.bound.insert(alias.to_owned(), BoundHere { spoke, values, secrets });
        Ok(())
    }

    /// Lets an alias lead nowhere: there is nothing in place of its spoke's system.
    pub fn leave_unbound(&self, alias: &str, spoke: &str) {
        self.write().unbound.insert(alias.to_owned(), spoke.to_owned());
    }

    /// The aliases there are, with the spoke of each.
    pub fn aliases(&self) -> BTreeMap<String, String> {
        let mut aliases = self.file.aliases();
        for (alias, bound) in &self.read().bound {
            aliases.insert(alias.clone(), bound.spoke.name.clone());
        }
        aliases
    }

    /// The aliases that wait for their rate budget, and how long.
    pub fn waiting(&self) -> Vec<(String, Duration)> {
        let made = self.read().made.clone();
        let mut waiting: Vec<_> = made
            .into_iter()
            .filter_map(|(alias, live)| live.budget.waiting().map(|wait| (alias, wait)))
            .collect();
        waiting.sort();
        waiting
    }

    fn ready(&self, alias: &str) -> Option<Live> {
        let state = self.read();
        let live = state.made.get(alias)?;
        (!live.stale.load(Ordering::Relaxed)).then(|| live.clone())
    }

    async fn form(&self, alias: &str) -> Result<Option<Form>, ConnectionError> {
        if self.read().bound.contains_key(alias) {
            return Ok(None);
        }
        let kept = self.vault.get(alias, FORM).await.map_err(|source| vaulted(alias, source))?;
        Ok(kept.and_then(|text| serde_json::from_str(text.expose()).ok()))
    }

    async fn save_form(
        &self,
        alias: &str,
        resolved: &Resolved,
        values: Map<String, Value>,
        is_tested: bool,
    ) -> Result<(), ConnectionError> {
        let form = Form {
            spoke: resolved.spoke.name.clone(),
            values,
            tested_at: is_tested.then(|| self.clock.now()),
            tested: digest(&Value::Object(resolved.connection.values.clone())),
        };
        let text = Secret::new(serde_json::to_string(&form).unwrap_or_default());
        self.vault.put(alias, FORM, &text).await.map_err(|source| vaulted(alias, source))
    }

    fn spoke(&self, alias: &str, name: &str) -> Result<Arc<Spoke>, ConnectionError> {
        self.spokes.get(name).cloned().ok_or_else(|| ConnectionError::UnknownSpoke {
            alias: alias.to_owned(),
            spoke: name.to_owned(),
        })
    }

    fn unknown(&self, alias: &str) -> ConnectionError {
        let aliases = self.aliases();
        let near = did_you_mean(alias, aliases.keys().map(String::as_str)).map(str::to_owned);
        ConnectionError::UnknownAlias { alias: alias.to_owned(), near }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a person need not agree first.
async fn authorized(alias: &str, live: &Live) -> Result<(), ConnectionError> {
    let Some(tokens) = &live.tokens else { return Ok(()) };
    tokens.ready().await.map_err(|error| ConnectionError::Unauthorized {
        alias: alias.to_owned(),
        detail: error.message,
    })
}

fn vaulted(alias: &str, source: crate::vault::Error) -> ConnectionError {
    ConnectionError::Vault { alias: alias.to_owned(), source }
}
