//! `linchpin connections list`

use clap::Args;
use linchpin_language::Value;
use linchpin_server::Client;

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::report::Report;

/// List the connections and how they stand
#[derive(Debug, Args)]
pub(crate) struct List {}

impl List {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let answer = client.get("/v1/connections").await?;
        report.json(&answer);
        let all = answer["connections"].as_array().cloned().unwrap_or_default();
        if all.is_empty() {
            report.line("no connections; add one to connections.yaml");
        } else {
            let rows: Vec<_> = all.iter().map(row).collect();
            report.table(&["ALIAS", "SPOKE", "STATE", "URL", "REMARK"], &rows);
        }
        Ok(ExitCode::Ok)
    }
}

fn row(status: &Value) -> Vec<String> {
    let text = |name: &str| status[name].as_str().unwrap_or_default().to_owned();
    let fields = status["fields"].as_array().into_iter().flatten();
    let url =
        fields.filter(|field| field["name"] == "url").find_map(|field| field["value"].as_str());
    let url = url.unwrap_or_default().to_owned();
    vec![text("alias"), text("spoke"), super::state(status).to_owned(), url, text("problem")]
}
