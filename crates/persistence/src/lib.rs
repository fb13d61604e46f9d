//! Stores for journals and records: in memory, and on disk over sled or SQLite, and the
//! conformance suite that all pass.
//!
//! The contracts are in [`linchpin_engine::store`]. A new store is one module here that gives
//! a [`Tree`], and one line that calls [`conformance::suite`].

pub mod conformance;
mod embedded;
mod key;
mod location;
mod memory;
mod sled;
mod sqlite;

pub use embedded::fault::is_guarded;
pub use embedded::{Change, Embedded, Kind, Pair, See, Tree, Writes};
pub use location::{Location, Making, NoLocation, Wanted};
pub use memory::MemoryStore;
pub use sled::{SledStore, SledTree};
pub use sqlite::{SqliteStore, SqliteTree};
