//! `linchpin init`: a project to begin with, whose flow runs on the sandbox.

use std::path::{Path, PathBuf};

use clap::Args;
use linchpin_language::json;

use crate::args::Global;
use crate::commands::Done;
use crate::commands::schema::{self, Of};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::report::{Report, Style};
use crate::workspace::Workspace;

/// Make a project to begin with
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Its folder; otherwise this one
    folder: Option<PathBuf>,
}

/// The files of a new project, by their path in it.
pub(crate) const FILES: [(&str, &str); 4] = [
    ("linchpin.yaml", include_str!("init/linchpin.yaml")),
    ("connections.yaml", include_str!("init/connections.yaml")),
    ("flows/open_incident.yaml", include_str!("init/open_incident.yaml")),
    (".gitignore", "/.linchpin/\n"),
];

impl Init {
    pub(crate) fn run(self, global: &Global, report: &Report) -> Done {
        let folder = self.folder.or_else(|| global.project.clone()).unwrap_or_else(|| ".".into());
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        if folder.exists() && !folder.is_dir() {
            let message = format!("{} is no folder", shown(&folder).display());
            return Err(Failure::usage(message).help("name one that is, or that is to be made"));
        }
        let mut written = Vec::new();
        let mut kept = Vec::new();
        for (name, text) in FILES {
            let path = folder.join(name);
            if path.exists() {
                kept.push(name);
            } else {
                let of = match name {
                    "linchpin.yaml" => Some(Of::Project),
                    "connections.yaml" => Some(Of::Connections),
                    _ if name.ends_with(".yaml") => Some(Of::Flow),
                    _ => None,
                };
                let line = of.map(|of| schema::modeline(of, Path::new(name))).unwrap_or_default();
                write(&path, &format!("{line}{text}"))?;
                written.push(name.to_owned());
            }
        }
        let project = Project::find(&Global { project: Some(folder.clone()), ..global.clone() })?;
        for file in schema::write(&project, &Workspace::read(&project, None)?)? {
            let file = std::path::absolute(&file).unwrap_or(file);
            written.push(file.strip_prefix(&folder).unwrap_or(&file).display().to_string());
        }
        report.json(&json!({ "project": folder, "written": written, "kept": kept }));
        for name in &written {
            report.line(format!(
                "{} {}",
                report.paint(Style::Green, "+"),
                shown(&folder.join(name)).display()
            ));
        }
        for name in &kept {
            let name = shown(&folder.join(name));
            report.line(format!("  {} is there already and stays as it is", name.display()));
        }
        let here = std::env::current_dir().is_ok_and(|here| here == folder);
        report.line("\nnext:");
        if !here {
            report.line(format!("  cd {}", shown(&folder).display()));
        }
        report.line("  linchpin check                              finds every mistake before anything runs");
        report
            .line("  linchpin dry-run open_incident --sandbox    shows what the flow would change");
        report
            .line("  linchpin run open_incident --sandbox        runs it on the built-in sandbox");
        Ok(ExitCode::Ok)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    written
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| Failure::because(format!("cannot write {}", path.display()), &error))
}
