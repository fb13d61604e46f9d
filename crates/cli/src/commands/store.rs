//! `linchpin store`: looks after the place where runs are kept.

mod backup;
mod compact;
mod exchange;
mod hold;
mod prune;
mod status;
mod verify;
mod work;

use clap::{Args, Subcommand};

use crate::args::Global;
use crate::commands::Done;
use crate::project::Project;
use crate::report::Report;

/// Look after the store: status, verify, backup, restore, export, prune, move
#[derive(Debug, Args)]
pub(crate) struct Store {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Status),
    Verify(verify::Verify),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Copy(backup::Copy),
    Export(exchange::Export),
    Import(exchange::Import),
    Compact(compact::Compact),
    Upgrade(compact::Upgrade),
    Prune(prune::Prune),
    Hold(hold::Hold),
    Release(hold::Release),
}

impl Store {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        match self.command {
            Command::Status(command) => command.run(&project, report).await,
            Command::Verify(command) => command.run(&project, report).await,
            Command::Backup(command) => command.run(&project, report).await,
            Command::Restore(command) => command.run(&project, report).await,
            Command::Copy(command) => command.run(&project, report).await,
            Command::Export(command) => command.run(&project, report).await,
            Command::Import(command) => command.run(&project, report).await,
            Command::Compact(command) => command.run(&project, report).await,
            Command::Upgrade(command) => command.run(&project, report),
            Command::Prune(command) => command.run(&project, report).await,
            Command::Hold(command) => command.run(&project, report).await,
            Command::Release(command) => command.run(&project, report).await,
        }
    }
}
