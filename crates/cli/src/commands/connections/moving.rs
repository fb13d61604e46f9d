//! `linchpin connections export` and `import`: everything but the secrets.

use std::path::PathBuf;

use clap::Args;
use linchpin_language::{Document, Value};
use linchpin_server::Client;

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::report::{Report, Style};
use crate::workspace::text_of;

/// Print all connections as connections.yaml would have them, without secrets
#[derive(Debug, Args)]
pub(crate) struct Export {}

/// Fill in forms from what was exported elsewhere; secrets and tests come after
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file
    file: PathBuf,
}

impl Export {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let answer = client.get("/v1/connection-forms").await?;
        report.json(&answer);
        for (alias, entry) in answer["connections"].as_object().into_iter().flatten() {
            // JSON on one line is YAML too.
            report.line(format!("{alias}: {entry}"));
        }
        Ok(ExitCode::Ok)
    }
}

impl Import {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let name = self.file.display().to_string();
        let document = Document::parse(&name, &text_of(&self.file)?)
            .map_err(|mistakes| Failure::mistakes(format!("{name} has mistakes"), mistakes))?;
        let root = document.root();
        // What `export --json` writes has the aliases below a name.
        let all = match root.value() {
            Value::Object(map) if map.len() == 1 && map.contains_key("connections") => {
                &map["connections"]
            }
            other => other,
        };
        if !all.is_object() {
            return Err(Failure::usage(format!("{name} holds no aliases with their settings")));
        }
        let answer = client.post("/v1/connection-forms", all).await?;
        report.json(&answer);
        for alias in answer["imported"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let tick = report.paint(Style::Green, "✓");
            report.line(format!(
                "{tick} {alias} is filled in; `linchpin connections configure {alias}` gives it its secrets"
            ));
        }
        Ok(ExitCode::Ok)
    }
}
