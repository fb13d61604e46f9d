//! Local stand-ins of SumTotal, Litmos and ServiceNow, and of where messages go, for tests and for a first try without a tenant.
//!
//! Each system listens on its own loopback port and answers as the real one does, quirks included.
//! A control port goes with them: the ledger of what was asked and what took effect, faults, the clock.
//! Everything goes over plain HTTP, and mail over plain SMTP, so that any client in any language can use it.
//!
//! ```no_run
//! # async fn example() -> Result<(), linchpin_sandbox::Error> {
//! let sandbox = linchpin_sandbox::Sandbox::start(linchpin_sandbox::Options::default()).await?;
//! let url = format!("{}/users?source=me&format=json", sandbox.litmos().url);
//! let key = &sandbox.litmos().secrets["api_key"];
//! # drop((url, key));
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```

mod call;
mod clock;
mod company;
mod control;
mod faults;
mod identity;
mod ledger;
mod litmos;
mod notify;
mod sandbox;
mod servicenow;
mod settings;
mod site;
mod state_file;
mod sumtotal;
mod tables;
mod webhooks;
mod wire;
mod world;

pub use clock::Clock;
pub use ledger::{Effect, Request};
pub use sandbox::{Options, Sandbox, Site};
pub use settings::{
    LitmosSettings, RateLimit, ServiceNowSettings, Settings, SumTotalSettings, WebhookSettings,
};
pub use state_file::Error;
