//! `linchpin runs show`

use clap::Args;
use linchpin_engine::Entry;
use linchpin_engine::history::StepHistory;
use linchpin_language::{Value, did_you_mean, json};
use linchpin_server::Client;

use crate::commands::Done;
use crate::copied::flags;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::follow::{Waits, show_outputs};
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::read;
use crate::steps::{Line, Steps, print_instant};

/// How many steps are named where a name fits none.
const MOST_NAMED: usize = 20;

/// Show what happened in a run, step by step
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run, or the beginning of its identity
    run: String,
    /// One step of it, with its inputs, requests and output
    step: Option<String>,
    /// Write each entry of its journal as a line of JSON
    #[arg(long, conflicts_with = "step")]
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
        match &self.step {
            Some(step) => show_step(report, seen.step(step)?),
            None => seen.show(report, project),
        }
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

    /// A step that the run has reached.
    fn step(&self, wanted: &str) -> Result<&StepHistory, Failure> {
        let steps = &self.steps.history().steps;
        if let Some(step) = steps.iter().find(|step| step.path.to_string() == wanted) {
            return Ok(step);
        }
        let paths: Vec<String> = steps.iter().map(|step| step.path.to_string()).collect();
        let help = match did_you_mean(wanted, paths.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None if paths.len() > MOST_NAMED => {
                let n_more = paths.len() - MOST_NAMED;
                format!("it has reached {} and {n_more} more", paths[..MOST_NAMED].join(", "))
            }
            None => format!("it has reached {}", paths.join(", ")),
        };
        Err(Failure::usage(format!("run {} has reached no step {wanted}", self.run)).help(help))
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
        for message in steps.log_lines() {
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

/// All that is known of one step.
fn show_step(report: &Report, step: &StepHistory) {
    if report.is_json() {
        return report.json(&json!(step));
    }
    let fact = |name: &str, text: &str| {
        for (at, line) in text.lines().enumerate() {
            let name = if at == 0 { name } else { "" };
            report.line(format!("  {} {line}", report.paint(Style::Dim, &format!("{name:<8}"))));
        }
    };
    let path = report.paint(Style::Bold, &step.path.to_string());
    report.line(format!("{path}: {}", step.state.as_str()));
    fact("reached", &print_instant(step.started_at));
    fact("ended", &step.ended_at.map(print_instant).unwrap_or_default());
    if step.attempts > 1 {
        fact("attempts", &step.attempts.to_string());
    }
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    fact("input", &step.input.as_deref().map(pretty).unwrap_or_default());
    for request in &step.requests {
        fact("sent", request);
    }
    fact("output", &step.output.as_deref().map(pretty).unwrap_or_default());
    if let Some(error) = &step.error {
        fact("error", &format!("{}: {}", error.kind, error.message));
    }
    fact("waiting", step.waiting.as_deref().unwrap_or_default());
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
