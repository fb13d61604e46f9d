//! `linchpin runs`: looks at runs and acts on them.

mod answer;
mod cancel;
mod list;
mod resume;
mod show;

use clap::{Args, Subcommand};

use crate::args::Global;
use crate::commands::Done;
use crate::project::Project;
use crate::report::Report;

/// List and show runs; answer, resume and cancel them
#[derive(Debug, Args)]
pub(crate) struct Runs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    Answer(answer::Answer),
    Resume(resume::Resume),
    Cancel(cancel::Cancel),
}

impl Runs {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        match self.command {
            Command::List(command) => command.run(&project, report).await,
            Command::Show(command) => command.run(&project, report).await,
            Command::Answer(command) => command.run(&project, report).await,
            Command::Resume(command) => command.run(&project, report).await,
            Command::Cancel(command) => command.run(&project, report).await,
        }
    }
}
