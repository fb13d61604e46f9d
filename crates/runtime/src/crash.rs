//! What a crash says: where it happened, in what words, and how it came there; never a secret.
//!
//! The words of a panic are whatever the code at fault had at hand, so they go through the same guard as
//! every other output.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use crate::redaction::Redactor;

/// The report of a panic, for whoever installs a hook. `RUST_BACKTRACE=1` adds the way to it.
pub fn told(panic: &PanicHookInfo<'_>, redactor: Option<&Redactor>) -> String {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("of no name");
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let words = panic.payload_as_str().unwrap_or("it left no words");
    let words = match redactor.map(|redactor| redactor.redact_at_once(words)) {
        None => words.to_owned(),
        Some(Some(clean)) => clean,
        // Whoever panics may hold the lock of the guard.
        Some(None) => "its words are withheld: they cannot be searched for secrets now".to_owned(),
    };
    let trace = Backtrace::capture();
    let trace = match trace.status() {
        BacktraceStatus::Captured => trace.to_string(),
        _ => "RUST_BACKTRACE=1 shows how it came there\n".to_owned(),
    };
    format!("thread '{name}' panicked{place}:\n{words}\n{trace}")
}
