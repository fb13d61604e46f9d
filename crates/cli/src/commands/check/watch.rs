//! `linchpin check --watch`: checks again whenever a file of the project changes.
//!
//! Files are looked at a few times a second, by size and time of change. That needs no library,
//! works on every file system, and costs nothing beside the check itself.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Check;
use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::project::{FILE, Project};
use crate::report::{Report, Style};

/// How long between two looks at the files.
const INTERVAL: Duration = Duration::from_millis(200);

/// Checks until Ctrl-C.
pub(super) async fn run(check: &Check, global: &Global, report: &Report) -> Done {
    let mut project = Project::find(global)?;
    loop {
        // Taken before the check, so that a change while it runs is seen after it.
        let seen = Stamp::of(&project, &check.files);
        report.clear();
        // The settings may be what has changed. A project that cannot be used now is looked at
        // again like one with mistakes.
        let done = match Project::find(global) {
            Ok(found) => {
                project = found;
                check.once(&project, report).await
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = done {
            report.failure(&failure);
        }
        report.note(report.paint(Style::Dim, "  waiting for a change; Ctrl-C ends"));
        while Stamp::of(&project, &check.files) == seen {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                // Without a handler for it the signal ends the process by itself.
                Ok(()) = tokio::signal::ctrl_c() => return Ok(ExitCode::Ok),
            }
        }
    }
}

/// What can be seen of the files without reading them.
#[derive(Debug, PartialEq, Eq)]
struct Stamp(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Stamp {
    /// Of the files that are checked, and of those that decide what is right.
    fn of(project: &Project, more: &[PathBuf]) -> Self {
        let mut files = Vec::new();
        see(&project.root.join(FILE), &mut files);
        for path in [project.flows(), project.spokes()].iter().chain(&project.connections()) {
            see(path, &mut files);
        }
        for path in more {
            see(path, &mut files);
        }
        files.sort();
        files.dedup();
        Self(files)
    }
}

/// Notes a file, or each file below a folder; nothing where there is none.
fn see(path: &Path, files: &mut Vec<(PathBuf, u64, Option<SystemTime>)>) {
    let Ok(facts) = std::fs::metadata(path) else { return };
    if facts.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| see(&entry.path(), files));
    } else {
        files.push((path.to_owned(), facts.len(), facts.modified().ok()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Settings;

    #[test]
    fn a_file_that_comes_changes_or_goes_is_seen_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        std::fs::create_dir_all(root.join("flows/deep")).unwrap();
        let settings = Settings::default();
        let project = Project { root: root.clone(), settings, is_sandbox: false };
        let stamp = || Stamp::of(&project, &[]);
        let empty = stamp();
        std::fs::write(root.join("flows/deep/a.yaml"), "a").unwrap();
        let written = stamp();
        assert_ne!(written, empty);
        std::fs::write(root.join("elsewhere.yaml"), "a").unwrap();
        assert_eq!(stamp(), written);
        std::fs::write(root.join("flows/deep/a.yaml"), "longer").unwrap();
        assert_ne!(stamp(), written);
        std::fs::remove_file(root.join("flows/deep/a.yaml")).unwrap();
        assert_eq!(stamp(), empty);
        std::fs::write(root.join("connections.yaml"), "").unwrap();
        assert_ne!(stamp(), empty);
    }
}
