//! Which spoke a command means: a folder, a spoke of the project, or a bundled one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use linchpin_connector::Spoke;
use linchpin_language::{Diagnostic, did_you_mean};

use crate::args::Global;
use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::workspace::{below, collect, entries, spokes};

const MANIFEST: &str = "spoke.yaml";

/// A folder read as a spoke.
pub(super) struct Folder {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The spoke, or everything that is wrong with its files.
    pub(super) spoke: Result<Arc<Spoke>, Vec<Diagnostic>>,
    /// How many files it has.
    pub(super) n_files: usize,
}

/// The folders that the arguments name, or all of the project's own spokes.
pub(super) fn folders(names: &[String], global: &Global) -> Result<Vec<Folder>, Failure> {
    if names.is_empty() {
        let project = Project::find(global)?;
        let paths = own(&project)?;
        if paths.is_empty() {
            let message = format!("{} holds no spoke", project.spokes().display());
            return Err(Failure::usage(message).help(
                "`linchpin spokes new NAME` makes one, `linchpin spokes import FILE` drafts one",
            ));
        }
        return paths.iter().map(|path| read(path)).collect();
    }
    names.iter().map(|name| read(&folder(name, global)?)).collect()
}

/// The folder of a spoke that is named by its path or, in a project, by its name.
pub(super) fn folder(name: &str, global: &Global) -> Result<PathBuf, Failure> {
    let path = Path::new(name);
    if path.join(MANIFEST).is_file() {
        return Ok(shown(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned())));
    }
    if name.contains('/') || path.is_dir() {
        let message = format!("{name} is no folder of a spoke: it has no {MANIFEST}");
        return Err(Failure::usage(message));
    }
    let project = Project::find(global)?;
    let own = own(&project)?;
    let names = || own.iter().filter_map(|path| path.file_name()?.to_str());
    match own.iter().find(|path| path.file_name().is_some_and(|file| file == name)) {
        Some(path) => Ok(path.clone()),
        None => {
            let message = format!("there is no spoke {name:?} in {}", project.spokes().display());
            let failure = Failure::usage(message);
            Err(match did_you_mean(name, names()) {
                Some(near) => failure.help(format!("did you mean {near}?")),
                None => failure.help("name the folder of a spoke, or one of the project's spokes"),
            })
        }
    }
}

/// A spoke by folder or name; also a bundled one.
pub(super) fn spoke(name: &str, global: &Global) -> Result<(Arc<Spoke>, Option<PathBuf>), Failure> {
    let bundled = spokes(None)?;
    let path = match folder(name, global) {
        Ok(path) => path,
        Err(failure) => match bundled.get(name) {
            Some(spoke) => return Ok((Arc::clone(spoke), None)),
            None => return Err(failure),
        },
    };
    let read = read(&path)?;
    match read.spoke {
        Ok(spoke) => Ok((spoke, Some(path))),
        Err(mistakes) => Err(Failure::mistakes(
            format!("the spoke in {} has mistakes", path.display()),
            mistakes,
        )),
    }
}

fn own(project: &Project) -> Result<Vec<PathBuf>, Failure> {
    let folder = project.spokes();
    let all = if folder.is_dir() { entries(&folder)? } else { Vec::new() };
    Ok(all.into_iter().filter(|path| path.join(MANIFEST).is_file()).collect())
}

fn read(path: &Path) -> Result<Folder, Failure> {
    let mut files = Vec::new();
    collect(path, path, &mut files)?;
    let spoke = Spoke::load(&files, &[]).map(Arc::new);
    let spoke = spoke.map_err(|all| all.into_iter().map(|mistake| below(path, mistake)).collect());
    Ok(Folder { path: path.to_owned(), spoke, n_files: files.len() })
}
