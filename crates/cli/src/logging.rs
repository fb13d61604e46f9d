//! Diagnostics of the program itself, for those who look into it: to stderr, only when asked for.
//!
//! What people are told goes through `report.rs`.

use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};

use linchpin_runtime::{Redactor, crash};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The secrets that no line may hold, once the connections are known.
static REDACTOR: OnceLock<Arc<Redactor>> = OnceLock::new();

/// The variable that switches logging on: a level, or `target=level` pairs.
const VARIABLE: &str = "LINCHPIN_LOG";

/// Starts logging when `--verbose` or the variable asks for it.
pub(crate) fn start(verbose: bool) {
    let filter = match std::env::var(VARIABLE) {
        Ok(filter) if !filter.is_empty() => filter,
        _ if verbose => {
            "info,linchpin=debug,linchpin_runtime=debug,linchpin_server=debug".to_owned()
        }
        _ => return,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(Redacted)
        .with_ansi(false)
        .finish();
    // Fails only when logging has started already, which is what is wanted.
    tracing::subscriber::set_global_default(subscriber).ok();
}

/// Keeps these secrets out of each line from now on.
pub(crate) fn redact(redactor: Arc<Redactor>) {
    // A process has one set of connections; the first is kept.
    REDACTOR.set(redactor).ok();
}

/// Tells of a panic, whether logging was asked for or not.
pub(crate) fn crashed(panic: &PanicHookInfo<'_>) {
    let told = crash::told(panic, REDACTOR.get().map(AsRef::as_ref));
    // There is nobody else to tell.
    io::stderr().write_all(told.as_bytes()).ok();
}

/// Stderr without secrets.
struct Redacted;

impl<'a> MakeWriter<'a> for Redacted {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line
    }
}

struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        match REDACTOR.get() {
            Some(redactor) => io::stderr().write_all(redactor.redact(&text).as_bytes())?,
            None => io::stderr().write_all(text.as_bytes())?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
