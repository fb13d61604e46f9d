//! `linchpin store hold` and `release`

use clap::Args;
use linchpin_engine::RunId;
use linchpin_language::json;
use linchpin_runtime::retention;

use super::work::Access;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::Report;
use crate::session::unusable;

/// Keep a finished run whatever the limits say
#[derive(Debug, Args)]
pub(crate) struct Hold {
    /// The run
    run: String,
    /// Why, for those who find it later; otherwise the reason that was given before stands
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Hold {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let run = identity(&self.run)?;
        let reason = self.reason;
        match Access::open(project).await? {
            Access::Remote(client) => {
                let body = json!({ "reason": reason });
                client.post(&format!("/v1/store/holds/{run}"), &body).await?;
            }
            Access::Local(store) => {
                let held = retention::hold(&*store, &run, reason.as_deref()).await;
                if !held.map_err(|error| unusable(&error))? {
                    return Err(unknown(&self.run));
                }
            }
        }
        report.json(&json!({ "run": run, "reason": reason }));
        report.line(format!("{run} is kept until `linchpin store release {run}`"));
        Ok(ExitCode::Ok)
    }
}

/// Let the limits count for a run again
#[derive(Debug, Args)]
pub(crate) struct Release {
    /// The run
    run: String,
}

impl Release {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let run = identity(&self.run)?;
        let was_held = match Access::open(project).await? {
            Access::Remote(client) => {
                client.delete(&format!("/v1/store/holds/{run}")).await?["was_held"] == true
            }
            Access::Local(store) => {
                retention::release(&*store, &run).await.map_err(|error| unusable(&error))?
            }
        };
        report.json(&json!({ "run": run, "was_held": was_held }));
        match was_held {
            true => report.line(format!("{run} is released")),
            false => report.line(format!("{run} was not held")),
        }
        Ok(ExitCode::Ok)
    }
}

fn identity(text: &str) -> Result<RunId, Failure> {
    RunId::parse(&text.to_ascii_lowercase()).ok_or_else(|| unknown(text))
}

fn unknown(text: &str) -> Failure {
    Failure::usage(format!("there is no run {text:?}"))
        .help("give the whole identity, as `linchpin runs list` shows it")
}
