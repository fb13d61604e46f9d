//! The ways of starting a run that are not the clock: one file each.

pub mod flow;
pub mod webhook;
