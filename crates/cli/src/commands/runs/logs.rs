//! `linchpin runs logs`

use clap::Args;
use linchpin_engine::event::{Control, Exchange};
use linchpin_engine::{Entry, Event};
use linchpin_server::Client;

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::read;
use crate::steps::{Steps, logged, print_instant, print_millis};

/// Print what happens in a run line by line, each with its time
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The run, or the beginning of its identity
    run: String,
    /// Go on as the run does, until it ends
    #[arg(short, long)]
    follow: bool,
    /// Only the lines that `log` steps wrote
    #[arg(long)]
    only: bool,
}

impl Logs {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let mut told = (0, Steps::default());
        let print = read(project, async |client| {
            tokio::select! {
                told = self.print(report, client, &mut told) => told.map(|()| ExitCode::Ok),
                _ = tokio::signal::ctrl_c() => Ok(ExitCode::Interrupted),
            }
        });
        print.await
    }

    /// Prints what comes after the entries that were told already.
    async fn print(
        &self,
        report: &Report,
        client: &Client,
        (n_told, steps): &mut (u64, Steps),
    ) -> Result<(), Failure> {
        let run = super::whole(client, &self.run).await?;
        let path = format!("/v1/runs/{run}/journal?from={n_told}&follow={}", self.follow);
        let mut lines = client.lines(&path).await?;
        while let Some(line) = lines.next().await? {
            *n_told += 1;
            if report.is_json() {
                report.raw(&format!("{line}\n"));
            }
            let entry: Entry = serde_json::from_value(line)
                .map_err(|error| Failure::because("the journal is of another version", &error))?;
            let happened = steps.add(&entry);
            if report.is_json() {
                continue;
            }
            let at = report.paint(Style::Dim, &print_instant(entry.at));
            if let Some((step, message)) = logged(&entry) {
                report.line(format!("{at}  {step}  {message}"));
            }
            if self.only {
                continue;
            }
            for line in exchanges(&entry.event) {
                report.line(format!("{at}  {line}"));
            }
            for line in happened.iter().filter(|line| line.is_shown(report)) {
                report.line(format!("{at}{}", line.text(report)));
            }
            if let Some(text) = about_the_run(&entry.event) {
                report.line(format!("{at}  {text}"));
            }
            if steps.outcome.is_some() {
                report.line(steps.verdict(report, &run));
            }
        }
        if self.follow && steps.outcome.is_none() {
            let message = format!("run {run} has not ended, and nobody drives it any more");
            return Err(Failure::new(message)
                .help("start `linchpin daemon`, or go on with it: `linchpin runs resume RUN`"));
        }
        Ok(())
    }
}

/// What happened to the run as a whole, in words.
fn about_the_run(event: &Event) -> Option<String> {
    Some(match event {
        Event::Accepted(accepted) => format!("accepted: {}", accepted.flow),
        Event::Controlled { control: Control::Undo, by } => {
            format!("its changes are taken back, by {by}")
        }
        Event::Controlled { control, by } => format!("{} by {by}", control.as_str()),
        Event::Signalled { name, by, .. } => format!("signal {name} by {by}"),
        _ => return None,
    })
}

/// What was said between us and a system, where that is kept.
fn exchanges(event: &Event) -> Vec<String> {
    let Event::Captured(captured) = event else { return Vec::new() };
    let mut lines = Vec::new();
    for exchange in &captured.exchanges {
        let Exchange { method, path, sent, status, got, ms, error } = exchange;
        let came = match (status, error) {
            (Some(status), _) => status.to_string(),
            (None, error) => error.clone().unwrap_or_default(),
        };
        let took = print_millis(i64::try_from(*ms).unwrap_or(i64::MAX));
        lines.push(format!("{}  → {method} {path}: {came} in {took}", captured.path));
        lines.extend(sent.iter().map(|sent| format!("    sent {sent}")));
        lines.extend(got.iter().map(|got| format!("    got  {got}")));
    }
    lines
}
