//! `linchpin connections doctor`

use clap::Args;
use linchpin_language::json;
use linchpin_server::Client;

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::report::{Report, Style};

/// Test every connection and tell what is wrong or will end before it is needed
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

impl Doctor {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let answer = client.post("/v1/connection-findings", &json!({})).await?;
        report.json(&answer);
        let findings = answer["findings"].as_array().cloned().unwrap_or_default();
        let aliases = answer["aliases"].as_array().cloned().unwrap_or_default();
        for alias in aliases.iter().filter_map(|alias| alias.as_str()) {
            let of: Vec<_> = findings.iter().filter(|one| one["alias"] == alias).collect();
            if of.is_empty() {
                report.line(format!("{} {alias}", report.paint(Style::Green, "✓")));
            }
            for finding in of {
                let message = finding["message"].as_str().unwrap_or_default();
                let sign = match finding["is_error"] == true {
                    true => report.paint(Style::Red, "✗"),
                    false => report.paint(Style::Yellow, "!"),
                };
                report.line(format!("{sign} {alias}: {message}"));
            }
        }
        if aliases.is_empty() {
            report.line("no connections; add one to connections.yaml");
        }
        let is_ill = findings.iter().any(|finding| finding["is_error"] == true);
        Ok(if is_ill { ExitCode::Failed } else { ExitCode::Ok })
    }
}
