//! `linchpin spokes docs`: the reference page of a spoke, from its own files.

use std::path::PathBuf;

use clap::Args;
use linchpin_connector::reference;
use linchpin_language::json;

use super::folder::spoke;
use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::report::{Report, Style};

/// Write the reference page of a spoke: its connection, its actions, what they take and give
#[derive(Debug, Args)]
pub(crate) struct Docs {
    /// The folder or the name of a spoke
    spoke: String,
    /// The file it is written to; otherwise it is printed
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Docs {
    pub(crate) fn run(self, global: &Global, report: &Report) -> Done {
        let (spoke, _) = spoke(&self.spoke, global)?;
        let page = reference::page(&spoke, "", "");
        let Some(out) = self.out else {
            report.json(&json!({ "spoke": spoke.name, "page": page }));
            if !report.is_json() {
                report.text("page", &page);
            }
            return Ok(ExitCode::Ok);
        };
        let folder = out.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder
            .and_then(|()| std::fs::write(&out, page))
            .map_err(|error| Failure::because(format!("cannot write {}", out.display()), &error))?;
        report.json(&json!({ "written": [out] }));
        report.line(format!("{} {}", report.paint(Style::Green, "+"), out.display()));
        Ok(ExitCode::Ok)
    }
}
