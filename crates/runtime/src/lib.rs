//! Making runs happen: driver, timers, recovery, scheduler, connections, vault, transport, dry run.

pub mod budget;
pub mod clock;
pub mod oauth;
pub mod redaction;
pub mod secret;
pub mod transport;
pub mod vault;

pub use clock::{Clock, FakeClock, SystemClock};
pub use redaction::Redactor;
pub use secret::Secret;
pub use vault::{MasterKey, Vault};
