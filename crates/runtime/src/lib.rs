//! Making runs happen: driver, timers, recovery, scheduler, connections, vault, transport, dry run.

mod budget;
mod call;
pub mod capture;
pub mod clock;
pub mod connections;
pub mod crash;
mod driver;
pub mod dry_run;
pub mod flows;
pub mod host;
mod oauth;
pub mod people;
pub mod questions;
pub mod redaction;
pub mod retention;
pub mod scheduler;
pub mod secret;
mod snapshots;
pub mod summary;
mod transport;
pub mod triggers;
pub mod upkeep;
pub mod vault;

pub use clock::{Clock, FakeClock, SystemClock};
pub use connections::{Connections, Resolved};
pub use redaction::Redactor;
pub use secret::Secret;
pub use vault::{MasterKey, Vault};
