//! Making runs happen: driver, timers, recovery, scheduler, connections, vault, transport, dry run.

mod budget;
pub mod clock;
pub mod connections;
mod oauth;
pub mod redaction;
pub mod secret;
mod transport;
pub mod vault;

pub use clock::{Clock, FakeClock, SystemClock};
pub use connections::{Connections, Resolved};
pub use redaction::Redactor;
pub use secret::Secret;
pub use vault::{MasterKey, Vault};
