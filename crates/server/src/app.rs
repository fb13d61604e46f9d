//! What the routes work on.

use std::sync::Arc;

use linchpin_engine::store::Upkeep;
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::Host;
use linchpin_runtime::triggers::webhook::Webhooks;

use crate::refusal::Refusal;

/// Reads a flow and those it reaches anew before it is started by hand, and refuses a broken
/// one.
pub type Reload = Arc<dyn Fn(&str) -> Result<Flows, Refusal> + Send + Sync>;

/// A host and what the API says about it.
#[derive(Clone)]
pub struct App {
    /// The host that makes the runs happen.
    pub host: Host,
    /// The store that the host is over, for those who look after it.
    pub store: Option<Arc<dyn Upkeep>>,
    /// The version of the program.
    pub version: &'static str,
    /// The environment whose connections are used.
    pub environment: Option<String>,
    /// Reads a flow and those it reaches anew before a start; without it the host's own are used.
    pub reload: Option<Reload>,
    /// The webhooks of the host's flows.
    pub webhooks: Arc<Webhooks>,
}

impl App {
    /// Brings the host's flows up to date for a start of this one.
    pub(crate) fn refresh(&self, flow: &str) -> Result<(), Refusal> {
        if let Some(reload) = &self.reload {
            self.host.renew(reload(flow)?);
        }
        Ok(())
    }
}
