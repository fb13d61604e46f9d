//! What the flows of a folder can name: read from disk, again after something was saved, with the
//! flows that are open as they are in the editor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use linchpin_engine::catalog::Catalog;

use super::documents::Open;
use crate::args::Global;
use crate::failure::Failure;
use crate::project::{self, Project};
use crate::workspace::{SpokesByName, Workspace, spokes};

/// What is known of a folder.
pub(super) struct Folder {
    /// The project, if the folder is one that can be read.
    project: Option<Project>,
    pub(super) catalog: Catalog,
    /// The file of each flow.
    pub(super) flows: BTreeMap<String, PathBuf>,
}

impl Folder {
    /// Whether a file is among the flows.
    pub(super) fn has_flow(&self, path: &Path) -> bool {
        let folder =
            self.project.as_ref().map(|project| project.root.join(&project.settings.flows));
        folder.is_some_and(|folder| path.starts_with(folder))
    }

    /// The files of connections, later ones over earlier ones.
    pub(super) fn connections(&self) -> Vec<PathBuf> {
        let root = self.project.as_ref().map(|project| (&project.root, project.connections()));
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        root.map_or_else(Vec::new, |(_, files)| files.into_iter().map(absolute).collect())
    }

    pub(super) fn spokes(&self) -> &SpokesByName {
        &self.catalog.spokes
    }

    /// Takes a flow as it is in the editor. Says whether other flows see another one now.
    pub(super) fn note(&mut self, open: &Open) -> bool {
        let Some(flow) = open.draft.flow() else { return false };
        if let Some(path) = &open.path {
            self.flows.insert(flow.name.clone(), path.clone());
        }
        let before = self.catalog.flows.get(&flow.name).cloned();
        self.catalog.sign([flow]);
        before.as_ref() != self.catalog.flows.get(&flow.name)
    }
}

/// The folders that were asked for.
pub(super) struct Projects {
    global: Global,
    /// The folder that the editor has open.
    pub(super) root: PathBuf,
    known: BTreeMap<PathBuf, Folder>,
}

impl Projects {
    pub(super) fn new(global: &Global) -> Self {
        let root = global.project.clone().unwrap_or_else(|| ".".into());
        let root = std::path::absolute(&root).unwrap_or(root);
        Self { global: global.clone(), root, known: BTreeMap::new() }
    }

    /// Forgets what was read, because something on disk has changed.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// The folder of the project that a file is of.
    pub(super) fn root_of(&self, path: Option<&Path>) -> PathBuf {
        let above = path.into_iter().flat_map(Path::ancestors).skip(1);
        let mut marked = above.filter(|folder| folder.join(project::FILE).is_file());
        marked.next().map_or_else(|| self.root.clone(), Path::to_owned)
    }

    /// Whether a folder was read and not forgotten.
    pub(super) fn is_known(&self, root: &Path) -> bool {
        self.known.contains_key(root)
    }

    /// What is known of a folder, read when it is asked for the first time. Says what is wrong
    /// with it then.
    pub(super) fn folder(&mut self, root: &Path) -> (&mut Folder, Option<Failure>) {
        let mut failure = None;
        if !self.is_known(root) {
            let folder = read(&self.global, root).unwrap_or_else(|why| {
                // Without the project the bundled spokes are still there.
                failure = Some(why);
                let spokes = spokes(None).unwrap_or_default();
                let catalog = Catalog { spokes, ..Catalog::default() };
                Folder { project: None, catalog, flows: BTreeMap::new() }
            });
            self.known.insert(root.to_owned(), folder);
        }
        let folder = self.known.get_mut(root).expect("it was put there above");
        (folder, failure)
    }
}

fn read(global: &Global, root: &Path) -> Result<Folder, Failure> {
    let global = Global { project: Some(root.to_owned()), ..global.clone() };
    let project = Project::find(&global)?;
    let workspace = Workspace::read(&project, None)?;
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let flows = workspace
        .flows
        .iter()
        .map(|loaded| (loaded.flow.name.clone(), absolute(&loaded.file)))
        .collect();
    Ok(Folder { project: Some(project), catalog: workspace.catalog, flows })
}
