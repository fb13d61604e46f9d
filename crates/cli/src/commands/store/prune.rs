//! `linchpin store prune`

use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use linchpin_engine::store::Store;
use linchpin_language::{Value, json};
use linchpin_runtime::retention;
use linchpin_runtime::upkeep::Told;

use super::work::{Access, Telling};
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::steps::plural;

/// How many runs are named; `--json` has all.
const NAMED: usize = 20;

/// Remove the finished runs that `retention:` in linchpin.yaml does not keep
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Remove them; without it they are only shown
    #[arg(long, conflicts_with = "dry_run")]
    apply: bool,
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
}

impl Prune {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let limits = project.settings.retention.clone();
        if limits.keeps_all() {
            return Err(Failure::usage("linchpin.yaml sets no limits: every run is kept")
                .help("write retention: { age: 90d, count: 1000 } into it"));
        }
        let apply = self.apply;
        let telling = match Access::open(project).await? {
            Access::Remote(client) => {
                let body = json!({ "retention": limits, "apply": apply });
                Telling::Remote(Box::new(client.work("/v1/store/prune", &body).await?))
            }
            Access::Local(store) => {
                let store: Arc<dyn Store> = store;
                Telling::Local(retention::prune(store, limits, Timestamp::now(), apply))
            }
        };
        let (mut removed, mut kept): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        let tally = telling
            .finish(report, "looking through the runs", |told| match told {
                Told::Removed { run, flow, why } => {
                    if removed.len() < NAMED {
                        report.line(format!("{run} {flow}: {why}"));
                    }
                    removed.push(json!({ "run": run, "flow": flow, "why": why }));
                }
                Told::Kept { run, why } => {
                    report.line(format!("{run} stays: {why}"));
                    kept.push(json!({ "run": run, "why": why }));
                }
                Told::Progress(_) | Told::Damage(_) | Told::Done(_) | Told::Failed(_) => {}
            })
            .await?;
        if removed.len() > NAMED {
            report.line(format!("and {} more", removed.len() - NAMED));
        }
        report.json(&json!({ "applied": apply, "removed": removed, "kept": kept }));
        let runs = plural(tally.runs, "run");
        match (apply, tally.runs) {
            (_, 0) => report.line("no run is over the limits"),
            (true, _) => report.line(format!("{runs} removed")),
            (false, _) => {
                let word = report.paint(Style::Bold, "--apply");
                report.line(format!("{runs} would be removed; {word} removes them"));
            }
        }
        Ok(ExitCode::Ok)
    }
}
