//! `linchpin fmt`: one layout for every file of a project.

mod changes;

use std::path::{Path, PathBuf};

use clap::Args;
use linchpin_language::{Diagnostic, Format, Value, format_yaml, json, render};

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::{FILE, Project, shown};
use crate::report::{Report, Style};
use crate::steps::plural;
use crate::workspace::{STDIN, entries, text_of};

/// Lay out flows, connections and spokes in one way; comments and meaning stay
#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Files or folders; otherwise all of the project. `-` reads stdin and writes stdout
    files: Vec<PathBuf>,
    /// Write nothing: show what would change, and end with 1 if anything would
    #[arg(long)]
    check: bool,
}

/// What became of a file.
struct Outcome {
    file: PathBuf,
    before: String,
    after: Result<String, Vec<Diagnostic>>,
}

impl Outcome {
    fn is_changed(&self) -> bool {
        self.after.as_ref().is_ok_and(|after| *after != self.before)
    }
}

impl Fmt {
    pub(crate) fn run(self, global: &Global, report: &Report) -> Done {
        if self.files.len() == 1 && self.files[0].as_os_str() == STDIN {
            return self.stdin(report);
        }
        let mut outcomes = Vec::new();
        for file in self.find(global)? {
            let before = text_of(&file)?;
            let after = format_yaml(&file.display().to_string(), &before);
            outcomes.push(Outcome { file, before, after });
        }
        if !self.check {
            for outcome in outcomes.iter().filter(|outcome| outcome.is_changed()) {
                write(outcome)?;
            }
        }
        self.tell(&outcomes, report);
        let has_mistakes = outcomes.iter().any(|outcome| outcome.after.is_err());
        let is_due = self.check && outcomes.iter().any(Outcome::is_changed);
        Ok(if has_mistakes || is_due { ExitCode::Failed } else { ExitCode::Ok })
    }

    /// For editors: what cannot be read comes back as it was.
    fn stdin(&self, report: &Report) -> Done {
        let text = text_of(Path::new(STDIN))?;
        let tidy = format_yaml("stdin", &text)
            .map_err(|found| Failure::mistakes("stdin is left as it is", found))?;
        if self.check {
            return Ok(if tidy == text { ExitCode::Ok } else { ExitCode::Failed });
        }
        report.text("text", &tidy);
        Ok(ExitCode::Ok)
    }

    fn find(&self, global: &Global) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        if self.files.is_empty() {
            let project = Project::find(global)?;
            for path in entries(&project.root)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let is_connections = name.starts_with("connections.") && is_yaml(&path);
                if is_connections || name == FILE {
                    files.push(shown(&path));
                }
            }
            for folder in [project.flows(), project.spokes()] {
                if folder.is_dir() {
                    collect(&folder, &mut files)?;
                }
            }
        }
        for file in &self.files {
            if file.is_dir() { collect(file, &mut files)? } else { files.push(file.clone()) }
        }
        Ok(files)
    }

    fn tell(&self, outcomes: &[Outcome], report: &Report) {
        let mistakes: Vec<Diagnostic> =
            outcomes.iter().filter_map(|one| one.after.as_ref().err()).flatten().cloned().collect();
        let changed: Vec<&Outcome> = outcomes.iter().filter(|one| one.is_changed()).collect();
        if report.is_json() {
            let files: Vec<Value> = outcomes.iter().map(described).collect();
            let mistakes: Value =
                serde_json::from_str(&render(&mistakes, Format::Json)).unwrap_or_default();
            report.json(&json!({ "files": files, "mistakes": mistakes }));
            return;
        }
        report.raw(&render(&mistakes, Format::Human { color: report.color() }));
        for one in &changed {
            if self.check {
                let after = one.after.as_deref().unwrap_or_default();
                changes::show(&one.file, &one.before, after, report);
            } else {
                report.line(format!(
                    "{} {}",
                    report.paint(Style::Green, "formatted"),
                    one.file.display()
                ));
            }
        }
        report.line(self.verdict(outcomes, changed.len(), report));
    }

    fn verdict(&self, outcomes: &[Outcome], n_changed: usize, report: &Report) -> String {
        let n_unread = outcomes.iter().filter(|one| one.after.is_err()).count();
        let is_good = n_unread == 0 && !(self.check && n_changed > 0);
        let mark = if is_good {
            report.paint(Style::Green, "✓")
        } else {
            report.paint(Style::Red, "✗")
        };
        let mut parts = vec![match (self.check, n_changed) {
            (_, 0) => "nothing to change".to_owned(),
            (true, n) => format!("{n} would change: `linchpin fmt` writes them"),
            (false, n) => format!("{n} formatted"),
        }];
        if n_unread > 0 {
            let stay = if n_unread == 1 { "stays as it is" } else { "stay as they are" };
            parts.push(format!("{n_unread} cannot be read and {stay}"));
        }
        format!("{mark} {}: {}", plural(outcomes.len() as u64, "file"), parts.join(", "))
    }
}

fn described(outcome: &Outcome) -> Value {
    let state = match &outcome.after {
        Ok(after) if *after == outcome.before => "same",
        Ok(_) => "changed",
        Err(_) => "unreadable",
    };
    json!({ "file": outcome.file.display().to_string(), "state": state })
}

fn write(outcome: &Outcome) -> Result<(), Failure> {
    let after = outcome.after.as_deref().unwrap_or(&outcome.before);
    std::fs::write(&outcome.file, after).map_err(|error| {
        Failure::because(format!("cannot write {}", outcome.file.display()), &error)
    })
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// The YAML files of a folder and its subfolders, hidden ones left out.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for path in entries(folder)? {
        let is_hidden =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if is_yaml(&path) {
            files.push(path);
        }
    }
    Ok(())
}
