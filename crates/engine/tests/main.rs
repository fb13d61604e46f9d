//! What a flow means: reading, checking, scheduling.

mod check;
mod check_mistakes;
mod diff;
mod failures;
mod hosts;
mod interpreter;
mod logic;
mod parse;
mod people;
mod plan;
mod played;
mod print;
mod random;
mod retry;
mod runs;
mod samples;
mod schedule;
mod triggers;
mod undo;
