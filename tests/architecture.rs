//! What holds the shape of the project: `docs/ARCHITECTURE.md` against the crates, `deny.toml`
//! against the dependency graph, the documents against the product.
//!
//! The tables in the document are the rules: these tests read them from there.

mod codes;
mod crates;
mod examples;
mod libraries;
mod pages;
pub(crate) mod repository;
mod supply;
mod words;
