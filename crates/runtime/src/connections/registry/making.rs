//! Making the transport of an alias: with the client, budget and token already there for the same alias
//! or credential.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use linchpin_connector::{Connection, Transport};
use url::Url;
use zeroize::Zeroizing;

use super::{Connections, Live, Resolved};
use crate::budget::Budget;
use crate::connections::credential::{Made, evaluate};
use crate::connections::error::ConnectionError;
use crate::connections::settings::{Settings, is_local};
use crate::oauth::{Endpoint, Keeper, TokenSource};
use crate::secret::Secret;
use crate::transport::{
    Binding, Bound, Credential, Health, Login, MailServer, Mailer, Offline, Policy, Wire,
};

impl Connections {
    /// The transport of these settings. Client, budget and token are those already there for the same
    /// alias or credential.
    pub(super) fn make(&self, settings: &Settings) -> Result<Live, ConnectionError> {
        if !settings.has_system() {
            return Ok(self.offline(settings));
        }
        settings.check()?;
        let evaluated = evaluate(settings)?;
        let fingerprint = evaluated.fingerprint();
        let made = match evaluated.make(&self.redactor)? {
            Made::Mail(login) => return self.mailer(settings, login, &fingerprint),
            made => made,
        };
        let url = match &made {
            Made::Address(address) => {
                origin(address).ok_or_else(|| settings.bad("url", "is none".to_owned()))?
            }
            _ => settings.url()?,
        };
        let token_tls =
            matches!(&made, Made::Client(client) if client.token_url.scheme() == "https");
        let policy = self.policy(settings, token_tls || url.scheme() == "https");
        let wire = self.wire(&settings.alias, policy)?;
        let budget = self.budget(settings, &fingerprint);
        let credential = match made {
            Made::None | Made::Mail(_) => Credential::None,
            Made::Header(name, value) => Credential::Header(name, value),
            Made::Query(name, secret) => Credential::Query(name, secret),
            Made::Address(address) => Credential::Address(address),
            Made::Client(client) => {
                // A token is asked for on the way that the alias goes.
                let way = settings.way.fingerprint();
                let key = format!("{} {way} {fingerprint}", settings.allow_private);
                let mut state = self.write();
                let source = state.tokens.entry(key).or_insert_with(|| {
                    let (vault, alias) = (self.vault.clone(), settings.alias.clone());
                    let keeper = Keeper { vault, alias: alias.clone() };
                    let keeper = client.asks_person().then_some(keeper);
                    let (clock, redactor) = (self.clock.clone(), self.redactor.clone());
                    let wire = wire.clone();
                    let endpoint = Endpoint { alias, client, wire, clock, redactor };
                    Arc::new(TokenSource::new(endpoint, keeper))
                });
                Credential::Token(source.clone())
            }
        };
        Ok(self.bound(settings, url, wire, budget, credential))
    }

    /// What the client of these settings may do.
    fn policy(&self, settings: &Settings, tls: bool) -> Policy {
        let way = &settings.way;
        let identity = way.certificate.as_ref().zip(way.key.as_ref());
        Policy {
            allow_private: settings.allow_private,
            tls,
            connect: self.options.connect_timeout,
            max_response: self.options.max_response,
            proxy: way.proxy.as_ref().map(open),
            ca: way.ca.as_ref().map(open),
            identity: identity.map(|(certificate, key)| {
                Zeroizing::new(format!("{}\n{}", certificate.expose(), key.expose()))
            }),
        }
    }

    /// The budget of a credential, shared by every alias that leads to it.
    fn budget(&self, settings: &Settings, fingerprint: &str) -> Arc<Budget> {
        let mut state = self.write();
        let budget = state.budgets.entry(fingerprint.to_owned());
        let new = || Arc::new(Budget::new(settings.spoke.rate, self.clock.clone()));
        budget.or_insert_with(new).clone()
    }

    /// How the other side did is known beyond a change of the credential, as long as it is the same
    /// one on the same way: what mends an address must not be refused for the old one.
    fn health(&self, settings: &Settings, wire: Option<&Arc<Wire>>) -> Arc<Health> {
        let is_same = |live: &&Live| {
            live.resolved.connection.values.get("url") == settings.values.get("url")
                && live.wire.as_ref().map(Arc::as_ptr) == wire.map(Arc::as_ptr)
        };
        let state = self.read();
        let known = state.made.get(&settings.alias).filter(is_same);
        known.map_or_else(
            || Arc::new(Health::new(&settings.alias, self.clock.clone())),
            |live| live.health.clone(),
        )
    }

    /// The transport to a mail server.
    fn mailer(
        &self,
        settings: &Settings,
        login: Option<Login>,
        fingerprint: &str,
    ) -> Result<Live, ConnectionError> {
        let url = settings.url()?;
        if settings.way.proxy.is_some() {
            return Err(settings.bad("proxy", "is for HTTP: mail goes through none".to_owned()));
        }
        let plain = is_local(&url) || settings.allow_insecure;
        let server = MailServer::new(&url, &self.policy(settings, !plain), plain);
        let server = server.map_err(|detail| settings.bad("url", detail))?;
        let stale = Arc::new(AtomicBool::new(false));
        let refused = stale.clone();
        let (budget, health) = (self.budget(settings, fingerprint), self.health(settings, None));
        let mailer = Mailer {
            server,
            login,
            health: health.clone(),
            budget: budget.clone(),
            clock: self.clock.clone(),
            timeout: settings.timeout.unwrap_or(self.options.timeout),
            redactor: self.redactor.clone(),
            on_refused: Box::new(move || refused.store(true, Ordering::Relaxed)),
        };
        let resolved = resolved(settings, Arc::new(mailer));
        Ok(Live { resolved, wire: None, budget, health, tokens: None, stale })
    }

    fn bound(
        &self,
        settings: &Settings,
        base: Url,
        wire: Arc<Wire>,
        budget: Arc<Budget>,
        credential: Credential,
    ) -> Live {
        let stale = Arc::new(AtomicBool::new(false));
        let tokens = match &credential {
            Credential::Token(source) => Some(source.clone()),
            Credential::None
            | Credential::Header(..)
            | Credential::Query(..)
            | Credential::Address(_) => None,
        };
        let refused = stale.clone();
        let health = self.health(settings, Some(&wire));
        let transport = Bound::new(Binding {
            base,
            redactor: self.redactor.clone(),
            health: health.clone(),
            wire: wire.clone(),
            credential,
            budget: budget.clone(),
            clock: self.clock.clone(),
            timeout: settings.timeout.unwrap_or(self.options.timeout),
            on_refused: Box::new(move || refused.store(true, Ordering::Relaxed)),
        });
        let resolved = resolved(settings, Arc::new(transport));
        Live { resolved, wire: Some(wire), budget, health, tokens, stale }
    }

    fn offline(&self, settings: &Settings) -> Live {
        let clock = self.clock.clone();
        Live {
            resolved: resolved(settings, Arc::new(Offline { clock: clock.clone() })),
            wire: None,
            health: Arc::new(Health::new(&settings.alias, clock.clone())),
            budget: Arc::new(Budget::new(None, clock)),
            tokens: None,
            stale: Arc::default(),
        }
    }

    /// The client of an alias: the one it had, while the policy is the same.
    fn wire(&self, alias: &str, policy: Policy) -> Result<Arc<Wire>, ConnectionError> {
        if let Some(wire) = self.read().made.get(alias).and_then(|live| live.wire.as_ref())
            && *wire.policy() == policy
        {
            return Ok(wire.clone());
        }
        Wire::new(policy)
            .map(Arc::new)
            .map_err(|detail| ConnectionError::Client { alias: alias.to_owned(), detail })
    }
}

/// The scheme, host and port of an address that is a secret.
fn origin(address: &Secret) -> Option<Url> {
    let mut url = Url::parse(address.expose()).ok()?;
    url.set_path("/");
    url.set_query(None);
    Some(url)
}

fn open(secret: &Secret) -> Zeroizing<String> {
    Zeroizing::new(secret.expose().to_owned())
}

fn resolved(settings: &Settings, transport: Arc<dyn Transport>) -> Resolved {
    let connection = Connection {
        alias: settings.alias.clone(),
        spoke: settings.spoke.name.clone(),
        values: settings.values.clone(),
    };
    Resolved { connection: Arc::new(connection), spoke: settings.spoke.clone(), transport }
}
