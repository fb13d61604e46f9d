//! `linchpin new`: a flow or a spoke to begin with.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use linchpin_language::json;
use linchpin_runtime::flows::Flows;

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::report::{Report, Style};

/// Make a flow or a spoke to begin with
#[derive(Debug, Args)]
pub(crate) struct New {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a flow
    Flow {
        /// Its name: lower-case letters, digits and `_`
        name: String,
        /// What starts it by itself
        #[arg(long, value_enum)]
        trigger: Option<Trigger>,
    },
    /// Make a spoke: the folder of one system, with one action
    Spoke {
        /// Its name: lower-case letters, digits and `_`
        name: String,
    },
}

/// What starts a flow.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Trigger {
    /// A schedule
    Schedule,
    /// A page for people
    Form,
}

impl Trigger {
    fn text(self) -> &'static str {
        match self {
            Self::Schedule => SCHEDULE,
            Self::Form => FORM,
        }
    }
}

const FLOW: &str = include_str!("new/flow.yaml");
const SCHEDULE: &str = include_str!("new/schedule.yaml");
const FORM: &str = include_str!("new/form.yaml");
const SPOKE: &str = include_str!("new/spoke.yaml");
const ACTION: &str = include_str!("new/action.yaml");

impl New {
    pub(crate) fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        match self.what {
            What::Flow { name, trigger } => flow(&project, &name, trigger, report),
            What::Spoke { name } => spoke(&project, &name, report),
        }
    }
}

fn flow(project: &Project, name: &str, trigger: Option<Trigger>, report: &Report) -> Done {
    named(name, "flow")?;
    let file = project.flows().join(format!("{name}.yaml"));
    // Flows with mistakes are `check`'s matter.
    let known = Flows::load(&project.flows()).map(|(flows, _)| flows).unwrap_or_default();
    if let Some(other) = known.get(name).filter(|other| other.file != file) {
        let message = format!("{} has a flow {name} already", shown(&other.file).display());
        return Err(Failure::usage(message).help("choose another name, or edit that one"));
    }
    let starts = trigger.map_or(String::new(), |trigger| format!("{}\n", trigger.text()));
    write(&[(file.clone(), FLOW.replace("NAME", name).replace("# TRIGGER\n\n", &starts))], report)?;
    report.line("\nnext:");
    report.line(format!("  edit {}", file.display()));
    let rows = [
        ("linchpin spokes list".to_owned(), "what there is to call"),
        ("linchpin check".to_owned(), "finds every mistake before anything runs"),
        (format!("linchpin dry-run {name} --sandbox"), "shows what it would change"),
    ];
    let width = rows.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    for (command, why) in rows {
        report.line(format!("  {command:width$}  {why}"));
    }
    Ok(ExitCode::Ok)
}

/// Makes a spoke of the project.
pub(crate) fn spoke(project: &Project, name: &str, report: &Report) -> Done {
    named(name, "spoke")?;
    let folder = project.spokes().join(name);
    let files = [
        (folder.join("spoke.yaml"), SPOKE.replace("NAME", name)),
        (folder.join("actions/items.get.yaml"), ACTION.replace("NAME", name)),
    ];
    write(&files, report)?;
    report.line("\nnext:");
    report.line(format!("  edit {}", folder.display()));
    report.line(format!("  linchpin spokes show {name}    shows it as flows see it"));
    report.line(format!("  linchpin spokes check {name}   finds every mistake in it"));
    report.line(format!("  linchpin spokes test {name}    runs the examples of its actions"));
    report.line(format!(
        "  call {name}.items.get in a flow, and say in connections.yaml where it is:"
    ));
    report.line(format!("    {name}: {{ spoke: {name}, url: \"https://...\", api_key: vault }}"));
    Ok(ExitCode::Ok)
}

/// Refuses what cannot be a name.
pub(crate) fn named(name: &str, what: &str) -> Result<(), Failure> {
    let is_name = name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_name {
        return Ok(());
    }
    Err(Failure::usage(format!("{name:?} cannot be the name of a {what}"))
        .help("use lower-case letters, digits and `_`, a letter first, at most 63"))
}

/// Writes all files, or none when one of them is there.
pub(crate) fn write(files: &[(PathBuf, String)], report: &Report) -> Result<(), Failure> {
    if let Some((file, _)) = files.iter().find(|(file, _)| file.exists()) {
        let message = format!("{} is there already and stays as it is", file.display());
        return Err(Failure::usage(message).help("choose another name, or remove it first"));
    }
    for (file, text) in files {
        let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder.and_then(|()| std::fs::write(file, text)).map_err(|error| {
            Failure::because(format!("cannot write {}", file.display()), &error)
        })?;
    }
    let written: Vec<&Path> = files.iter().map(|(file, _)| file.as_path()).collect();
    report.json(&json!({ "written": written }));
    for file in written {
        report.line(format!("{} {}", report.paint(Style::Green, "+"), shown(file).display()));
    }
    Ok(())
}
