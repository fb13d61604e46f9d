//! `linchpin connections test`

use clap::Args;
use linchpin_language::json;
use linchpin_server::Client;

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::report::{Report, Style};

/// Send a connection's test request
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The alias
    alias: String,
}

impl Test {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let status = client.post(&super::address(&self.alias, "/test")?, &json!({})).await?;
        report.json(&status);
        // Asking a webhook anything would post something.
        let says = match status["credential"].as_str() {
            Some("url") => "is filled in; nothing was posted, so only its first message shows more",
            _ if status["untestable"] == true => {
                "is filled in; its spoke names nothing to read, so only its first call shows more"
            }
            _ => "answers",
        };
        report.line(format!("{} {} {says}", report.paint(Style::Green, "✓"), self.alias));
        Ok(ExitCode::Ok)
    }
}
