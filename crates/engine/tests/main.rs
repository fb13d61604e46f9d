//! What a flow means: reading, checking, scheduling.

mod check;
mod check_mistakes;
mod parse;
mod plan;
mod samples;
mod schedule;
