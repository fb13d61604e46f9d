//! `linchpin check`: everything that is wrong with flows and connections, at once.

mod watch;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use linchpin_connector::testing::run_examples;
use linchpin_language::{Diagnostic, Format, Severity, render};

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::report::{Report, Style};
use crate::steps::plural;
use crate::workspace::{Own, Workspace, below, file_of};

/// Find everything that is wrong with flows and connections
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Flows, by name or by file; otherwise all of the project, with its connections
    #[arg(value_name = "FLOW|FILE")]
    files: Vec<PathBuf>,
    /// How the mistakes are written
    #[arg(long, value_enum, default_value_t = Form::Human)]
    format: Form,
    /// Check again whenever a file changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

/// For whom the mistakes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// With the lines of the file
    Human,
    /// A JSON list
    Json,
    /// Annotations of a GitHub workflow
    Github,
    /// SARIF 2.1.0
    Sarif,
}

impl Form {
    /// The format, with what the output can show.
    pub(crate) fn with(self, report: &Report) -> Format {
        match self {
            Self::Human if report.is_json() => Format::Json,
            Self::Human => Format::Human { color: report.color() },
            Self::Json => Format::Json,
            Self::Github => Format::Github,
            Self::Sarif => Format::Sarif,
        }
    }
}

impl Check {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        if self.watch {
            return watch::run(&self, global, report).await;
        }
        self.once(Project::find_to_check(global)?, report).await
    }

    /// Checks a project of which it is known what is wrong with its settings.
    async fn once(&self, found: (Project, Vec<Diagnostic>), report: &Report) -> Done {
        let begin = Instant::now();
        let (project, mut mistakes) = found;
        let project = &project;
        let (found, n_files) = self.find(project)?;
        mistakes.extend(found);
        if self.files.is_empty() {
            mistakes.extend(failed_examples(project).await?);
        }
        let format = self.format.with(report);
        report.raw(&render(&mistakes, format));
        if matches!(format, Format::Human { .. }) {
            let verdict = verdict(report, &mistakes, n_files);
            report.line(match self.watch {
                true => format!("{verdict} ({} ms)", begin.elapsed().as_millis()),
                false => verdict,
            });
            if let Some(first) = mistakes.iter().find(|one| one.severity == Severity::Error) {
                let more = format!("  linchpin explain {} tells more", first.code);
                report.line(report.paint(Style::Dim, &more));
            }
        }
        let is_bad = mistakes.iter().any(|mistake| mistake.severity == Severity::Error);
        Ok(if is_bad { ExitCode::Failed } else { ExitCode::Ok })
    }

    fn find(&self, project: &Project) -> Result<(Vec<Diagnostic>, usize), Failure> {
        if !self.files.is_empty() {
            let workspace = Workspace::read(project, None)?;
            let mut mistakes = Vec::new();
            for file in &self.files {
                let by_name =
                    file.to_str().filter(|name| !file.exists() && file_of(name).is_none());
                let file = match by_name {
                    Some(name) => workspace.find(name)?.file.clone(),
                    None => shown(&std::path::absolute(file).unwrap_or_else(|_| file.clone())),
                };
                mistakes.extend(workspace.check_file(&file)?);
            }
            return Ok((mistakes, self.files.len()));
        }
        let workspace = Workspace::read_to_check(project)?;
        let mut mistakes = workspace.check_all();
        // A file that cannot be parsed is checked again as text: that finds more at once.
        let mut unread: Vec<&str> =
            workspace.mistakes.iter().map(|mistake| mistake.source.name()).collect();
        unread.sort_unstable();
        unread.dedup();
        for file in &unread {
            mistakes.extend(of_unread(&workspace, project, Path::new(file))?);
        }
        mistakes.retain(|mistake| !workspace.is_of_broken(mistake));
        let n_unread = unread.iter().filter(|file| !is_loaded(&workspace, Path::new(file))).count();
        Ok((mistakes, workspace.flows.iter().count() + n_unread))
    }
}

fn is_loaded(workspace: &Workspace, file: &Path) -> bool {
    workspace.flows.iter().any(|loaded| loaded.file == file)
}

/// The mistakes of a file that has some before any check, and all others if it is a flow.
fn of_unread(
    workspace: &Workspace,
    project: &Project,
    file: &Path,
) -> Result<Vec<Diagnostic>, Failure> {
    let is_flow = file.starts_with(project.flows()) && !is_loaded(workspace, file);
    let mut all = if is_flow { workspace.check_file(file)? } else { Vec::new() };
    for own in workspace.mistakes.iter().filter(|own| file.as_os_str() == own.source.name()) {
        if !all.iter().any(|found| found.code == own.code && found.span == own.span) {
            all.push(own.clone());
        }
    }
    Ok(all)
}

/// The examples of the project's own spokes that do not come out as written.
async fn failed_examples(project: &Project) -> Result<Vec<Diagnostic>, Failure> {
    let mut failed = Vec::new();
    for (folder, spoke) in Own::read(project)?.spokes {
        let found = run_examples(&spoke).await;
        failed.extend(found.into_iter().map(|mistake| below(&folder, mistake)));
    }
    Ok(failed)
}

pub(crate) fn verdict(report: &Report, mistakes: &[Diagnostic], n_files: usize) -> String {
    let count = |severity| mistakes.iter().filter(|one| one.severity == severity).count() as u64;
    let (errors, warnings, hints) =
        (count(Severity::Error), count(Severity::Warning), count(Severity::Hint));
    let mut parts = vec![plural(errors, "mistake")];
    parts.extend((warnings > 0).then(|| plural(warnings, "warning")));
    parts.extend((hints > 0).then(|| plural(hints, "hint")));
    let mark = match errors {
        0 => report.paint(Style::Green, "✓"),
        _ => report.paint(Style::Red, "✗"),
    };
    format!("{mark} {} checked: {}", plural(n_files as u64, "file"), parts.join(", "))
}
