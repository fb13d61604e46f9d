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
        report.line(format!("{} {} answers", report.paint(Style::Green, "✓"), self.alias));
        Ok(ExitCode::Ok)
    }
}
