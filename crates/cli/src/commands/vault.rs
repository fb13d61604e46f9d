//! `linchpin vault`: what is sealed, and a new key for it.

use clap::{Args, Subcommand};
use linchpin_language::{Value, json};

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{Purpose, Session};
use crate::steps::plural;

/// Show what the vault holds, and replace its key
#[derive(Debug, Args)]
pub(crate) struct Vault {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how many secrets there are, under which key, and whether all of them open
    Status,
    /// Seal every secret under a new key, and put it in the place of the old one
    RotateKey,
}

impl Vault {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        let session = Session::open(&project, Purpose::brief()).await?;
        let done = match self.command {
            Command::Status => session.client.get("/v1/vault").await.map(|status| {
                report.json(&status);
                show(report, &status)
            }),
            Command::RotateKey => {
                let rotated = session.client.post("/v1/vault/rotate-key", &json!({})).await;
                rotated.map(|rotated| {
                    report.json(&rotated);
                    told(report, &rotated)
                })
            }
        };
        session.close().await;
        Ok(done?)
    }
}

fn show(report: &Report, status: &Value) -> ExitCode {
    let text = |name: &str| status[name].as_str().unwrap_or_default();
    report.line(format!("key {} from {}", text("key"), text("key_place")));
    for (key, n) in status["sealed"].as_object().into_iter().flatten() {
        let n = plural(n.as_u64().unwrap_or_default(), "secret");
        let which = if key == text("key") { "" } else { ", another key" };
        report.line(format!("  {n} under {key}{which}"));
    }
    for (alias, n) in status["aliases"].as_object().into_iter().flatten() {
        report.line(format!("  {alias}: {}", plural(n.as_u64().unwrap_or_default(), "record")));
    }
    let warn = |text: String| report.line(format!("{} {text}", report.paint(Style::Yellow, "!")));
    if status["is_rotating"] == true {
        warn(
            "replacing the key was interrupted: `linchpin vault rotate-key` finishes it".to_owned(),
        );
    }
    if let Some(before) = status["before"].as_str() {
        let sealed = status["sealed"].as_object();
        let is_moved = sealed.is_none_or(|sealed| sealed.keys().all(|key| key == text("key")));
        warn(match is_moved {
            true => format!(
                "nothing is sealed under the key of {before} any more: take `before` out of linchpin.yaml"
            ),
            false => {
                format!("`linchpin vault rotate-key` seals what is left under the key of {before}")
            }
        });
    }
    let broken = status["broken"].as_array().cloned().unwrap_or_default();
    let sealed = status["sealed"].as_object().into_iter().flatten();
    let others: Vec<&str> = sealed
        .map(|(key, _)| key.as_str())
        .filter(|key| ![text("key"), "?"].contains(key))
        .collect();
    if !broken.is_empty() && !others.is_empty() {
        let (others, place) = (others.join(" and "), text("key_place"));
        let n = plural(broken.len() as u64, "secret");
        warn(format!("{n} cannot be opened: put key {others} back into {place}"));
        warn("if it is lost, configure the connections named here again:".to_owned());
    }
    for place in broken.iter().filter_map(Value::as_str) {
        warn(format!("{place} does not open: configure that connection again"));
    }
    if broken.is_empty() { ExitCode::Ok } else { ExitCode::Failed }
}

fn told(report: &Report, rotated: &Value) -> ExitCode {
    let n = plural(rotated["sealed"].as_u64().unwrap_or_default(), "secret");
    let (before, key) = (rotated["before"].as_str(), rotated["key"].as_str());
    report.line(format!(
        "{} {n} sealed under the new key {}; {} opens nothing any more",
        report.paint(Style::Green, "✓"),
        key.unwrap_or_default(),
        before.unwrap_or_default()
    ));
    report.line(
        "  backups of the store made before need the old key: keep it with them, or delete both",
    );
    ExitCode::Ok
}
