//! `linchpin completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::exit_code::ExitCode;
use crate::report::Report;

/// Write a shell's completions
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, report: &Report) -> ExitCode {
        let mut script = Vec::new();
        let mut command = crate::args::Args::command();
        clap_complete::generate(self.shell, &mut command, "linchpin", &mut script);
        report.text("script", &String::from_utf8_lossy(&script));
        ExitCode::Ok
    }
}
