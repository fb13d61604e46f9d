//! The command line.

use std::path::PathBuf;

use clap::{Args as Fields, Parser, Subcommand};

use crate::commands::{
    check, completions, connections, daemon, diff, dry_run, explain, fmt, graph, init, lsp, new,
    run, runs, sandbox, schedule, schema, spokes, store, vault, webhooks,
};
use crate::exit_code::HELP;

/// A self-hosted Flow Designer: flows in YAML, checked, dry-run, run durably, scheduled.
#[derive(Debug, Parser)]
#[command(name = "linchpin", version, after_help = HELP, propagate_version = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Fields)]
pub(crate) struct Global {
    /// The project's folder; otherwise it is looked for from here upwards
    #[arg(long, global = true, value_name = "DIR", env = "LINCHPIN_PROJECT")]
    pub(crate) project: Option<PathBuf>,
    /// Which connections.ENV.yaml is read over connections.yaml
    #[arg(long, global = true, value_name = "ENV", env = "LINCHPIN_ENVIRONMENT")]
    pub(crate) environment: Option<String>,
    /// Use the built-in sandbox in place of the project's connections and store
    #[arg(long, global = true)]
    pub(crate) sandbox: bool,
    /// Write JSON for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Write what the program does to stderr
    #[arg(long, global = true)]
    pub(crate) verbose: bool,
}

/// One file each in `commands/`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Check(check::Check),
    Explain(explain::Explain),
    Fmt(fmt::Fmt),
    Diff(diff::Diff),
    Graph(graph::Graph),
    New(new::New),
    DryRun(dry_run::DryRun),
    Run(run::Run),
    Daemon(daemon::Daemon),
    Runs(runs::Runs),
    Schedule(schedule::Schedule),
    Webhooks(webhooks::Webhooks),
    Connections(connections::Connections),
    Vault(vault::Vault),
    Spokes(spokes::Spokes),
    Store(store::Store),
    Schema(schema::Schema),
    Lsp(lsp::Lsp),
    Sandbox(sandbox::Sandbox),
    Completions(completions::Completions),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }
}
