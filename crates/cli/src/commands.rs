//! The commands, one file each.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod connections;
pub(crate) mod daemon;
pub(crate) mod diff;
pub(crate) mod dry_run;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod lsp;
pub(crate) mod new;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod sandbox;
pub(crate) mod schedule;
pub(crate) mod schema;
pub(crate) mod spokes;
pub(crate) mod store;
pub(crate) mod vault;
pub(crate) mod webhooks;

use crate::args::{Args, Command};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::report::Report;

/// How a command ends.
pub(crate) type Done = Result<ExitCode, Failure>;

/// Does what the arguments ask for.
pub(crate) async fn dispatch(args: Args, report: &Report) -> Done {
    let global = &args.global;
    match args.command {
        Command::Init(command) => command.run(global, report),
        Command::Check(command) => command.run(global, report).await,
        Command::Explain(command) => command.run(report),
        Command::Fmt(command) => command.run(global, report),
        Command::Diff(command) => command.run(global, report).await,
        Command::Graph(command) => command.run(global, report),
        Command::New(command) => command.run(global, report),
        Command::DryRun(command) => Box::pin(command.run(global, report)).await,
        Command::Run(command) => Box::pin(command.run(global, report)).await,
        Command::Daemon(command) => Box::pin(command.run(global, report)).await,
        Command::Runs(command) => Box::pin(command.run(global, report)).await,
        Command::Schedule(command) => Box::pin(command.run(global, report)).await,
        Command::Webhooks(command) => Box::pin(command.run(global, report)).await,
        Command::Connections(command) => Box::pin(command.run(global, report)).await,
        Command::Vault(command) => Box::pin(command.run(global, report)).await,
        Command::Spokes(command) => Box::pin(command.run(global, report)).await,
        Command::Store(command) => Box::pin(command.run(global, report)).await,
        Command::Schema(command) => command.run(global, report),
        Command::Lsp(command) => command.run(global),
        Command::Sandbox(command) => Box::pin(command.run(global, report)).await,
        Command::Completions(command) => Ok(command.run(report)),
    }
}

/// Who acts, for the journal: the user of the operating system.
pub(crate) fn operator() -> String {
    let name = ["LOGNAME", "USER"].iter().find_map(|name| std::env::var(name).ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "operator".to_owned())
}
