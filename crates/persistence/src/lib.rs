//! Stores for journals and records: memory and sled, and the conformance suite both pass.
//!
//! The contracts are in [`linchpin_engine::store`]. A new store is one module here and one
//! line that calls [`conformance::suite`].

pub mod conformance;
mod key;
mod memory;
mod sled;

pub use memory::MemoryStore;
pub use sled::{SledStore, Tally};
