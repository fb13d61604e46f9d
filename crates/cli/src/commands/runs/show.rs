//! `linchpin runs show`

use clap::Args;
use linchpin_engine::Entry;
use linchpin_language::{Value, json};
use linchpin_server::Client;

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::follow::{Waits, flags, show_outputs};
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{Purpose, Session};
use crate::steps::{Steps, print_instant};

/// Show what happened in a run, step by step
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run, or the beginning of its identity
    run: String,
    /// Write each entry of its journal as a line of JSON
    #[arg(long)]
    journal: bool,
}

impl Show {
    pub(super) async fn run(mut self, project: &Project, report: &Report) -> Done {
        let session = Session::open(project, Purpose::brief()).await?;
        let shown = match super::whole(&session.client, &self.run).await {
            Ok(run) => {
                self.run = run;
                self.show(report, project, &session.client).await
            }
            Err(failure) => Err(failure),
        };
        session.close().await;
        shown.map(|()| ExitCode::Ok)
    }

    async fn show(
        &self,
        report: &Report,
        project: &Project,
        client: &Client,
    ) -> Result<(), Failure> {
        let run = &self.run;
        let mut shown = client.get(&format!("/v1/runs/{run}")).await?;
        let mut lines = client.lines(&format!("/v1/runs/{run}/journal")).await?;
        let mut steps = Steps::default();
        let mut happened = Vec::new();
        while let Some(line) = lines.next().await? {
            if self.journal {
                report.raw(&format!("{line}\n"));
                continue;
            }
            let entry: Entry = serde_json::from_value(line)
                .map_err(|error| Failure::because("the journal is of another version", &error))?;
            happened.extend(steps.add(&entry));
        }
        if self.journal {
            return Ok(());
        }
        if report.is_json() {
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("history".to_owned(), json!(steps.history()));
            }
            report.json(&shown);
            return Ok(());
        }
        show_head(report, &shown);
        for line in &happened {
            if line.is_shown(report) && !steps.is_outdated(line) {
                report.line(line.text(report));
            }
        }
        for message in steps.log() {
            report.line(message);
        }
        show_outputs(report, &shown["outputs"]);
        if steps.outcome.is_some() {
            let left = shown["undo_left"].as_array().filter(|left| !left.is_empty());
            if let Some(left) = left {
                super::undo::show_left(report, project, run, left);
            }
            report.line(steps.verdict(report, run));
        } else if !steps.asks.is_empty() || !steps.held.is_empty() {
            Waits::of(client, run).await?.show(report, project, run);
        } else if shown["is_active"] == false {
            let flags = flags(project);
            report.line(format!("nobody drives it; go on with: linchpin runs resume {run}{flags}"));
        }
        Ok(())
    }
}

fn show_head(report: &Report, shown: &Value) {
    let text = |name: &str| shown[name].as_str().unwrap_or_default();
    let flow = report.paint(Style::Bold, text("flow"));
    let user = shown["user"]["email"].as_str().map(|email| format!(" by {email}"));
    let user = user.unwrap_or_default();
    let started = text("started_at");
    let started = started.parse().map_or_else(|_| started.to_owned(), print_instant);
    report.line(format!("{flow}: {}, started {started}{user}", text("state")));
    for (name, value) in shown["inputs"].as_object().into_iter().flatten() {
        if !value.is_null() {
            let name = report.paint(Style::Dim, &format!("{name}:"));
            report.line(format!("  {name} {}", crate::steps::brief(value)));
        }
    }
}
