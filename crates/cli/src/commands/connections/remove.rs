//! `linchpin connections remove`

use clap::Args;
use inquire::Confirm;
use linchpin_language::json;
use linchpin_server::Client;

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::report::{Report, Style};

/// Delete the secrets and form values of a connection
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The alias
    alias: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Remove {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let address = super::address(&self.alias, "/remove")?;
        // Who has mistyped it is told before they are asked.
        client.get(&super::address(&self.alias, "")?).await?;
        if !self.yes {
            if !report.can_ask() {
                return Err(Failure::usage("deleting secrets needs a yes")
                    .help("add --yes where nobody can be asked"));
            }
            let question = format!("Delete the secrets of {}?", self.alias);
            let answer =
                tokio::task::spawn_blocking(move || Confirm::new(&question).prompt()).await;
            if !matches!(answer, Ok(Ok(true))) {
                report.note("nothing was deleted");
                return Ok(ExitCode::Ok);
            }
        }
        let answer = client.post(&address, &json!({})).await?;
        report.json(&answer);
        if let Some(host) = answer["revoked_at"].as_str() {
            report.line(format!("{host} has revoked its tokens"));
        }
        if let Some(problem) = answer["problem"].as_str() {
            report.note(format!("{} {problem}", report.paint(Style::Yellow, "!")));
        }
        report.line(format!(
            "{} has no secrets any more; what connections.yaml says of it stays",
            self.alias
        ));
        Ok(ExitCode::Ok)
    }
}
