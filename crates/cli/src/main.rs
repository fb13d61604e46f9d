//! The `linchpin` command: arguments in, wiring, output and exit code out.

mod args;
mod commands;
mod copied;
mod exit_code;
mod failure;
mod follow;
mod inputs;
mod logging;
mod lsp;
mod picker;
mod project;
#[cfg(test)]
mod reference;
mod report;
mod session;
mod stamp;
mod stand_in;
mod steps;
mod workspace;

use std::process;

/// Many small values are made and dropped by all threads at once: the system's allocator makes
/// them wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use clap::Parser;

use crate::args::Args;
use crate::exit_code::ExitCode;
use crate::report::Report;

fn main() -> process::ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return not_done(&error).into(),
    };
    logging::start(args.global.verbose);
    std::panic::set_hook(Box::new(|panic| {
        // A storage engine that gives up on a damaged file is told of as an error.
        if !linchpin_persistence::is_guarded() {
            logging::crashed(panic);
        }
    }));
    let report = Report::new(&args.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = failure::Failure::new(format!("cannot start: {error}"));
            report.failure(&failure);
            return failure.code.into();
        }
    };
    let code = match runtime.block_on(commands::dispatch(args, &report)) {
        Ok(code) => code,
        Err(failure) => {
            report.failure(&failure);
            failure.code
        }
    };
    let code = match report.unwritten() {
        Some(failure) => {
            report.failure(&failure);
            failure.code
        }
        None => code,
    };
    // A prompt that still waits for a key must not keep the process.
    runtime.shutdown_background();
    code.into()
}

/// Help and version are answers, everything else is wrong use.
fn not_done(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A closed pipe is no news.
        error.print().ok();
        return ExitCode::Ok;
    }
    if std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json") {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let failure = failure::Failure::usage(message);
        let help = text.lines().find_map(|line| line.trim_start().strip_prefix("tip: "));
        let help = help.unwrap_or("`--help` shows what the command takes");
        Report::for_scripts().failure(&failure.help(help));
    } else {
        error.print().ok();
    }
    ExitCode::Usage
}
