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
use crate::connections::settings::Settings;
use crate::oauth::{Endpoint, Keeper, TokenSource};
use crate::secret::Secret;
use crate::transport::{Binding, Bound, Credential, Health, Offline, Policy, Wire};

impl Connections {
    /// The transport of these settings. Client, budget and token are those already there for the same
    /// alias or credential.
    pub(super) fn make(&self, settings: &Settings) -> Result<Live, ConnectionError> {
        if !settings.has_system() {
            return Ok(self.offline(settings));
        }
        settings.check()?;
        let url = settings.url()?;
        let evaluated = evaluate(settings)?;
        let fingerprint = evaluated.fingerprint();
        let made = evaluated.make(&self.redactor)?;
        let token_tls =
            matches!(&made, Made::Client(client) if client.token_url.scheme() == "https");
        let wire = self.wire(
            &settings.alias,
            Policy {
                allow_private: settings.allow_private,
                tls: token_tls || url.scheme() == "https",
                connect: self.options.connect_timeout,
                max_response: self.options.max_response,
                proxy: settings.way.proxy.as_ref().map(open),
                ca: settings.way.ca.as_ref().map(open),
                identity: settings.way.certificate.as_ref().zip(settings.way.key.as_ref()).map(
                    |(certificate, key)| {
                        Zeroizing::new(format!("{}\n{}", certificate.expose(), key.expose()))
                    },
                ),
            },
        )?;
        let mut state = self.write();
        let budget = state
            .budgets
            .entry(fingerprint.clone())
            .or_insert_with(|| Arc::new(Budget::new(settings.spoke.rate, self.clock.clone())));
        let budget = budget.clone();
        let credential = match made {
            Made::None => Credential::None,
            Made::Header(name, value) => Credential::Header(name, value),
            Made::Query(name, secret) => Credential::Query(name, secret),
            Made::Client(client) => {
                let key = format!("{} {fingerprint}", settings.allow_private);
                let source = state.tokens.entry(key).or_insert_with(|| {
                    let (vault, alias) = (self.vault.clone(), settings.alias.clone());
                    let keeper = client.asks_person().then_some(Keeper { vault, alias });
                    let (clock, redactor) = (self.clock.clone(), self.redactor.clone());
                    let wire = wire.clone();
                    let endpoint = Endpoint { client, wire, clock, redactor };
                    Arc::new(TokenSource::new(endpoint, keeper))
                });
                Credential::Token(source.clone())
            }
        };
        drop(state);
        Ok(self.bound(settings, url, wire, budget, credential))
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
            Credential::None | Credential::Header(..) | Credential::Query(..) => None,
        };
        let refused = stale.clone();
        // How the other side did is known beyond a change of the credential.
        let known = self.read().made.get(&settings.alias).map(|live| live.health.clone());
        let health =
            known.unwrap_or_else(|| Arc::new(Health::new(&settings.alias, self.clock.clone())));
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
