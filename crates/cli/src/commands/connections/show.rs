//! `linchpin connections show`

use clap::Args;
use linchpin_server::Client;

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::report::Report;

/// Show a connection, without its secrets
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The alias
    alias: String,
}

impl Show {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let status = client.get(&super::address(&self.alias, "")?).await?;
        report.json(&status);
        super::show(report, &status);
        Ok(ExitCode::Ok)
    }
}
