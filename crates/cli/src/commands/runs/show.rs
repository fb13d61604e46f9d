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
use crate::session::read;
use crate::steps::{Line, Steps, print_instant};

/// Show what happened in a run, step by step
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run, or the beginning of its identity
    run: String,
    /// Write each entry of its journal as a line of JSON
    #[arg(long)]
    journal: bool,
}

/// What is known of a run.
struct Seen {
    run: String,
    shown: Value,
    steps: Steps,
    happened: Vec<Line>,
    waits: Option<Waits>,
}

impl Show {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        if self.journal {
            let mut n_told = 0;
            let print = read(project, async |client| self.print(report, client, &mut n_told).await);
            return print.await.map(|()| ExitCode::Ok);
        }
        let seen = read(project, async |client| Seen::of(client, &self.run).await).await?;
        seen.show(report, project);
        Ok(ExitCode::Ok)
    }

    /// Prints the entries that were not told yet.
    async fn print(
        &self,
        report: &Report,
        client: &Client,
        n_told: &mut u64,
    ) -> Result<(), Failure> {
        let run = super::whole(client, &self.run).await?;
        let mut lines = client.lines(&format!("/v1/runs/{run}/journal?from={n_told}")).await?;
        while let Some(line) = lines.next().await? {
            *n_told += 1;
            report.raw(&format!("{line}\n"));
        }
        Ok(())
    }
}

impl Seen {
    async fn of(client: &Client, given: &str) -> Result<Self, Failure> {
        let run = super::whole(client, given).await?;
        let shown = client.get(&format!("/v1/runs/{run}")).await?;
        let mut lines = client.lines(&format!("/v1/runs/{run}/journal")).await?;
        let mut steps = Steps::default();
        let mut happened = Vec::new();
        while let Some(line) = lines.next().await? {
            let entry: Entry = serde_json::from_value(line)
                .map_err(|error| Failure::because("the journal is of another version", &error))?;
            happened.extend(steps.add(&entry));
        }
        let is_waiting = !steps.asks.is_empty() || !steps.held.is_empty();
        let waits = match is_waiting && steps.outcome.is_none() {
            true => Some(Waits::of(client, &run).await?),
            false => None,
        };
        Ok(Self { run, shown, steps, happened, waits })
    }

    fn show(self, report: &Report, project: &Project) {
        let Self { run, mut shown, steps, happened, waits } = self;
        if report.is_json() {
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("history".to_owned(), json!(steps.history()));
            }
            report.json(&shown);
            return;
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
                super::undo::show_left(report, project, &run, left);
            }
            report.line(steps.verdict(report, &run));
        } else if let Some(waits) = waits {
            waits.show(report, project, &run);
        } else if shown["is_active"] == false {
            let flags = flags(project);
            report.line(format!("nobody drives it; go on with: linchpin runs resume {run}{flags}"));
        }
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
