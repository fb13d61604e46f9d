//! Hostile input: whatever bytes stand in a file, the readers answer, in time, on an ordinary stack.
//!
//! Each target runs for two seconds with a new seed, which is printed. For longer, or to repeat a
//! run: `LINCHPIN_FUZZ_SECONDS=600 LINCHPIN_FUZZ_SEED=1 cargo test --workspace --test product fuzz`.
//! Why it is made here and not a library: `docs/adr/0006-fuzzing-on-stable.md`.

mod chance;
mod driver;
mod mutate;
mod scaling;
mod seeds;
mod targets;
