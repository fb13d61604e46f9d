//! `linchpin spokes check`: everything that is wrong with the files of a spoke, at once.

use clap::Args;
use linchpin_connector::testing::run_examples;
use linchpin_engine::catalog::Catalog;
use linchpin_engine::check::check_text;
use linchpin_language::{Diagnostic, Format, Severity, render};

use super::folder::{Folder, folders};
use crate::args::Global;
use crate::commands::Done;
use crate::commands::check::{Form, verdict};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::report::{Report, Style};
use crate::workspace::{below, spokes};

/// Find everything that is wrong with spokes: keys, names, types, and examples that do not hold
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Folders, or names of the project's own spokes; otherwise all of these
    #[arg(value_name = "SPOKE")]
    spokes: Vec<String>,
    /// How the mistakes are written
    #[arg(long, value_enum, default_value_t = Form::Human)]
    format: Form,
}

impl Check {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let mut mistakes = Vec::new();
        let mut n_files = 0;
        for folder in folders(&self.spokes, global)? {
            n_files += folder.n_files;
            mistakes.extend(mistakes_of(folder).await?);
        }
        let format = self.format.with(report);
        report.raw(&render(&mistakes, format));
        if matches!(format, Format::Human { .. }) {
            report.line(verdict(report, &mistakes, n_files));
            if let Some(first) = mistakes.first() {
                let more = format!("  linchpin explain {} tells more", first.code);
                report.line(report.paint(Style::Dim, &more));
            }
        }
        let is_bad = mistakes.iter().any(|mistake| mistake.severity == Severity::Error);
        Ok(if is_bad { ExitCode::Failed } else { ExitCode::Ok })
    }
}

async fn mistakes_of(folder: Folder) -> Result<Vec<Diagnostic>, Failure> {
    let spoke = match folder.spoke {
        Ok(spoke) => spoke,
        Err(mistakes) => return Ok(mistakes),
    };
    let mut mistakes: Vec<Diagnostic> = run_examples(&spoke).await;
    if !spoke.flows.is_empty() {
        let mut known = spokes(None)?;
        known.insert(spoke.name.clone(), spoke.clone());
        let catalog = Catalog { spokes: known, ..Catalog::default() };
        let found = spoke.flows.iter().flat_map(|(path, text)| check_text(path, text, &catalog));
        mistakes.extend(found);
    }
    Ok(mistakes.into_iter().map(|mistake| below(&folder.path, mistake)).collect())
}
