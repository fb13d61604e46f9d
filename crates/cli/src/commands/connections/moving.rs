//! `linchpin connections export` and `import`: everything but the secrets.

use std::path::PathBuf;

use clap::Args;
use linchpin_language::{Document, Value};
use linchpin_server::Client;

use crate::commands::{Done, new};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::report::{Report, Style};
use crate::workspace::{STDIN, text_of};

/// Print all connections as connections.yaml would have them, without secrets
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A new file to write them to; otherwise, or with `-`, the standard output
    file: Option<PathBuf>,
}

/// Fill in forms from what was exported elsewhere; secrets and tests come after
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file, or `-` for the standard input
    file: PathBuf,
}

impl Export {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let answer = client.get("/v1/connection-forms").await?;
        let all = answer["connections"].as_object().into_iter().flatten();
        // JSON on one line is YAML too.
        let lines = all.map(|(alias, entry)| format!("{alias}: {entry}\n")).collect::<String>();
        if let Some(file) = self.file.filter(|file| file.as_os_str() != STDIN) {
            new::write(&[(file, lines)], report)?;
            return Ok(ExitCode::Ok);
        }
        report.json(&answer);
        for line in lines.lines() {
            report.line(line);
        }
        Ok(ExitCode::Ok)
    }
}

impl Import {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let name = match self.file.as_os_str() == STDIN {
            true => "the standard input".to_owned(),
            false => self.file.display().to_string(),
        };
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
