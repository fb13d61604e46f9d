//! Stores for journals and records: memory and sled, and the conformance suite both pass.
