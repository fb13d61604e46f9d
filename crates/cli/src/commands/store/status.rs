//! `linchpin store status`

use clap::Args;
use linchpin_language::{Value, json};
use linchpin_runtime::{retention, upkeep};

use super::work::{Access, bytes};
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::report::Report;
use crate::steps::plural;

/// Show the kind, format and size of the store and how many runs it holds
#[derive(Debug, Args)]
pub(crate) struct Status {}

impl Status {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let status = match Access::open(project).await? {
            Access::Remote(client) => client.get("/v1/store").await?,
            Access::Local(store) => {
                let failed = |error: &linchpin_engine::store::Error| {
                    Failure::because("the store cannot be looked into", error)
                };
                let about = store.about().map_err(|error| failed(&error))?;
                let runs = upkeep::count(&*store).await.map_err(|error| failed(&error))?;
                let holds = retention::holds(&*store).await.map_err(|error| failed(&error))?;
                json!({ "about": about, "runs": runs, "holds": holds, "pid": null })
            }
        };
        report.json(&status);
        show(project, report, &status);
        Ok(ExitCode::Ok)
    }
}

fn show(project: &Project, report: &Report, status: &Value) {
    let about = &status["about"];
    let dir = project.store().dir;
    let size = bytes(about["bytes"].as_u64().unwrap_or_default());
    let kind = about["kind"].as_str().unwrap_or_default();
    report.line(format!("{}: {kind}, format {}, {size}", shown(&dir).display(), about["format"]));
    match &status["pid"] {
        Value::Null => report.line("nobody has it open"),
        pid => report.line(format!("process {pid} has it open")),
    }
    let runs = status["runs"].as_object().cloned().unwrap_or_default();
    let total: u64 = runs.values().filter_map(Value::as_u64).sum();
    let states: Vec<String> = runs.iter().map(|(state, n)| format!("{n} {state}")).collect();
    match states.is_empty() {
        true => report.line("no runs"),
        false => report.line(format!("{}: {}", plural(total, "run"), states.join(", "))),
    }
    for (run, reason) in status["holds"].as_object().into_iter().flatten() {
        report.line(format!("held: {run}: {}", reason.as_str().unwrap_or_default()));
    }
    if project.settings.retention.keeps_all() {
        report.line("every finished run is kept; `retention:` in linchpin.yaml sets limits");
    }
}
