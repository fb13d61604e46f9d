//! What can be seen of a project's files without reading them: size and time of change. Looking
//! needs no library, works on every file system, and costs next to nothing.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::project::{FILE, Project};

/// What can be seen of the files without reading them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Stamp {
    /// Of the files that are checked, and of those that decide what is right.
    pub(crate) fn of(project: &Project, more: &[PathBuf]) -> Self {
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
        let project =
            Project { root: root.clone(), settings, said_environment: None, is_sandbox: false };
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
