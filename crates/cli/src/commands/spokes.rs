//! `linchpin spokes`: what spokes there are, and the making of one's own.

mod check;
mod docs;
mod folder;
mod import;
mod show;
mod test;

use clap::{Args, Subcommand};
use linchpin_connector::Spoke;
use linchpin_language::did_you_mean;

use crate::args::Global;
use crate::commands::{Done, new};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::Report;
use crate::workspace::{SpokesByName, own_spokes, replaced, spokes};

/// List and show spokes; make, check, test and document your own
#[derive(Debug, Args)]
pub(crate) struct Spokes {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the spokes
    List,
    /// Show a spoke, or an action with its inputs and outputs
    Show {
        /// For example litmos, or litmos.users.ensure
        #[arg(value_name = "SPOKE[.ACTION]")]
        name: Option<String>,
    },
    Check(check::Check),
    Test(test::Test),
    Docs(docs::Docs),
    /// Make a spoke to begin with: the folder of one system, with one action and its example
    New {
        /// Its name: lower-case letters, digits and `_`
        name: String,
    },
    Import(import::Import),
}

impl Spokes {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        match self.command {
            Command::Check(command) => command.run(global, report).await,
            Command::Test(command) => command.run(global, report).await,
            Command::Docs(command) => command.run(global, report),
            Command::New { name } => new::spoke(&Project::find(global)?, &name, report),
            Command::Import(command) => command.run(global, report),
            Command::List => look(None, global, report),
            Command::Show { name } => look(name, global, report),
        }
    }
}

fn look(name: Option<String>, global: &Global, report: &Report) -> Done {
    // Spokes are there without a project too.
    let project = Project::find(global).ok();
    let spokes = spokes(project.as_ref())?;
    let Some(name) = name else {
        show::list(report, &spokes);
        let own = project.as_ref().map(own_spokes).transpose()?.unwrap_or_default();
        for warning in replaced(&own)? {
            let file = warning.source.name();
            report.note(format!("warning: {}: {file}", warning.message));
        }
        return Ok(ExitCode::Ok);
    };
    let (spoke, action) = name.split_once('.').unwrap_or((&name, ""));
    let spoke = find(&spokes, spoke)?;
    if action.is_empty() {
        show::show(report, spoke);
    } else {
        show::show_action(report, spoke, action)?;
    }
    Ok(ExitCode::Ok)
}

fn find<'s>(spokes: &'s SpokesByName, name: &str) -> Result<&'s Spoke, Failure> {
    if let Some(spoke) = spokes.get(name) {
        return Ok(spoke);
    }
    let names = spokes.keys().map(String::as_str);
    let failure = Failure::usage(format!("there is no spoke {name:?}"));
    Err(match did_you_mean(name, names.clone()) {
        Some(near) => failure.help(format!("did you mean {near}?")),
        None => failure.help(format!("the spokes are {}", names.collect::<Vec<_>>().join(", "))),
    })
}
