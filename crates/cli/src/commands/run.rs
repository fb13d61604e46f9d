//! `linchpin run`: starts a run and watches it.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use linchpin_language::{Map, Value, json};

use crate::args::Global;
use crate::commands::{Done, operator};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{Purpose, Session};
use crate::workspace::{Workspace, file_of};
use crate::{follow, inputs};

/// Start a run of a flow and watch it to its end
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) wish: Wish,
    /// A second start with the same key finds the first run
    #[arg(long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: Option<String>,
    /// Leave the run with the daemon and do not watch it
    #[arg(long)]
    no_wait: bool,
}

/// Which flow, with what, as whom; the same for a dry run.
#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// A flow by its name, or its file
    #[arg(value_name = "FLOW|FILE")]
    flow: String,
    /// An input; a list as a,b or as JSON
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// Inputs by name, in a JSON or YAML file
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,
    /// Who starts the run: the flow's `run.user.email`
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
}

/// A wish with everything looked up.
pub(crate) struct Looked {
    /// The flow's name.
    pub(crate) flow: String,
    /// The flow's file, when it is not among the project's flows.
    pub(crate) outside: Option<PathBuf>,
    /// The body of the request.
    pub(crate) body: Map<String, Value>,
}

impl Wish {
    /// Finds the flow, checks it, and reads the inputs as its types.
    pub(crate) fn look(&self, project: &Project) -> Result<Looked, Failure> {
        let file = file_of(&self.flow);
        let workspace = Workspace::read(project, file.as_deref())?;
        let loaded = workspace.runnable(&self.flow)?;
        let inputs = inputs::gather(&loaded.flow.inputs, self.input_file.as_deref(), &self.inputs)?;
        let outside = file.filter(|_| !loaded.file.starts_with(project.flows()));
        let mut body = Map::new();
        body.insert("flow".to_owned(), loaded.flow.name.clone().into());
        body.insert("inputs".to_owned(), inputs.into());
        body.insert("trigger".to_owned(), json!({ "kind": "manual", "by": operator() }));
        if let Some(email) = &self.person {
            body.insert("user".to_owned(), json!({ "email": email }));
        }
        Ok(Looked { flow: loaded.flow.name.clone(), outside, body })
    }
}

impl Looked {
    /// Refuses a file that the process on the other side of a session cannot see.
    pub(crate) fn fits(&self, session: &Session, project: &Project) -> Result<(), Failure> {
        match &self.outside {
            Some(file) if session.client.is_remote() => Err(Failure::usage(format!(
                "{} is not among the flows of the process that holds the store",
                file.display()
            ))
            .help(format!(
                "move it to {}/, or wait until that process ends",
                project.flows().display()
            ))),
            _ => Ok(()),
        }
    }
}

impl Run {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        let mut looked = self.wish.look(&project)?;
        if let Some(key) = self.key {
            looked.body.insert("key".to_owned(), key.into());
        }
        let purpose = Purpose { serves: !self.no_wait, file: looked.outside.clone() };
        let session = Session::open(&project, purpose).await?;
        let started = match looked.fits(&session, &project) {
            Err(failure) => Err(failure),
            Ok(()) if self.no_wait && !session.client.is_remote() => {
                Err(Failure::new("--no-wait leaves the run with a daemon, and none is running")
                    .help("start one with `linchpin daemon`, or leave --no-wait out"))
            }
            Ok(()) => {
                let body = Value::Object(looked.body);
                session.client.post("/v1/runs", &body).await.map_err(Failure::from)
            }
        };
        let started = match started {
            Ok(started) => started,
            Err(failure) => {
                session.close().await;
                return Err(failure);
            }
        };
        let run = started["run"].as_str().unwrap_or_default().to_owned();
        let flow = report.paint(Style::Bold, &looked.flow);
        let run_shown = report.paint(Style::Dim, &format!("(run {run})"));
        let differ = match started["has_other_inputs"] == true {
            true => ", with other inputs than these",
            false => "",
        };
        let known = format!("{flow}: there is a run with this key already{differ} {run_shown}");
        if self.no_wait {
            report.json(&started);
            report.line(&run);
            if started["is_new"] == false {
                report.note(known);
            }
            return Ok(ExitCode::Ok);
        }
        if started["is_new"] == false {
            report.line(known);
            session.client.post(&format!("/v1/runs/{run}/resume"), &json!({})).await.ok();
        } else {
            report.line(format!("{flow} {run_shown}"));
        }
        follow::to_end(report, &project, session, &run).await
    }
}
