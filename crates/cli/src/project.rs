//! The project: the folder with `linchpin.yaml`, and where everything of it is.

mod settings;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use linchpin_language::Diagnostic;
use linchpin_persistence::{Kind, Location, Wanted};
use linchpin_runtime::vault::KeyPlace;

use crate::args::Global;
use crate::failure::Failure;

pub(crate) use self::settings::Settings;

/// The file that makes a folder a project.
pub(crate) const FILE: &str = "linchpin.yaml";

/// A project.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// Its folder.
    pub(crate) root: PathBuf,
    /// Its settings, defaults included.
    pub(crate) settings: Settings,
    /// The environment that the command names, over the one of the settings.
    pub(crate) said_environment: Option<String>,
    /// Whether its runs meet the sandbox in place of its connections.
    pub(crate) is_sandbox: bool,
}

impl Project {
    /// The project that the arguments name, or the one around the working folder.
    pub(crate) fn find(global: &Global) -> Result<Self, Failure> {
        let (project, mistakes) = Self::find_to_check(global)?;
        if mistakes.is_empty() {
            return Ok(project);
        }
        let file = shown(&project.root.join(FILE));
        Err(Failure::mistakes(format!("{} has mistakes", file.display()), mistakes))
    }

    /// The same with settings as far as they can be read, and everything that is wrong with them.
    pub(crate) fn find_to_check(global: &Global) -> Result<(Self, Vec<Diagnostic>), Failure> {
        let root = match &global.project {
            Some(folder) => std::path::absolute(folder).map_err(|error| {
                Failure::because(format!("cannot use {}", folder.display()), &error)
            })?,
            None => around()?,
        };
        if !is_project(&root) {
            let message =
                format!("{} is no project: it has neither {FILE} nor flows/", root.display());
            return Err(Failure::new(message)
                .help("`linchpin init` makes one, `--project DIR` names another folder"));
        }
        let (mut settings, mistakes) = Settings::of(&root.join(FILE));
        let said_environment = global.environment.clone();
        if let Some(name) = &said_environment {
            settings.environment = Some(name.clone());
        }
        let is_sandbox = global.sandbox;
        let project = Self { root, settings, said_environment, is_sandbox };
        if let Some(name) = project.settings.environment.as_ref().filter(|_| !is_sandbox) {
            project.has_environment(name)?;
        }
        Ok((project, mistakes))
    }

    /// A mistyped environment would be the base one.
    fn has_environment(&self, name: &str) -> Result<(), Failure> {
        let file = format!("connections.{name}.yaml");
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if is_name && self.root.join(&file).is_file() {
            return Ok(());
        }
        let failure = Failure::usage(format!("there is no environment {name:?}: no {file}"));
        let begins =
            |name: &str| Some(name.strip_prefix("connections.")?.strip_suffix(".yaml")?.to_owned());
        let files = self.root.read_dir().into_iter().flatten().flatten();
        let mut names: Vec<String> =
            files.filter_map(|entry| begins(&entry.file_name().to_string_lossy())).collect();
        names.sort();
        Err(match names.is_empty() {
            true => failure.help("make that file, or leave the environment out"),
            false => failure.help(format!("the environments are {}", names.join(", "))),
        })
    }

    /// The folder of what the program keeps, for its owner only.
    pub(crate) fn state(&self) -> PathBuf {
        let state = self.root.join(".linchpin");
        if self.is_sandbox { state.join("sandbox") } else { state }
    }

    /// The same, made if it is not there.
    pub(crate) fn make_state(&self) -> Result<PathBuf, Failure> {
        let state = self.state();
        DirBuilder::new().recursive(true).mode(0o700).create(&state).map_err(|error| {
            Failure::because(format!("cannot create {}", state.display()), &error)
        })?;
        Ok(state)
    }

    /// The kind and the folder of the store. The sandbox has one of its own, of the kind that is
    /// said.
    pub(crate) fn store(&self) -> Location {
        let Wanted { kind, dir } = &self.settings.store;
        let dir = match (self.is_sandbox, kind) {
            (false, _) => self.root.join(dir),
            (true, None) => self.state().join("store"),
            (true, Some(kind)) => self.state().join(format!("store-{kind}")),
        };
        Wanted { kind: *kind, dir }.location()
    }

    /// The store at the usual place, when linchpin.yaml names a place where there is none yet.
    pub(crate) fn left_store(&self) -> Option<PathBuf> {
        let has_store = |dir: &Path| !matches!(Location::of(dir), Ok(None));
        let usual = self.state().join("store");
        let is_new = !self.is_sandbox && !has_store(&self.store().dir);
        (is_new && has_store(&usual)).then_some(usual)
    }

    /// Where the sandbox may have stores: each kind that was ever said has its own.
    pub(crate) fn sandbox_stores(&self) -> impl Iterator<Item = PathBuf> {
        let said = Kind::ALL.map(|kind| format!("store-{kind}"));
        let names = std::iter::once("store".to_owned()).chain(said);
        names.map(|name| self.state().join(name))
    }

    /// Where the vault's master key is; never inside the store.
    pub(crate) fn vault_key(&self) -> KeyPlace {
        let own = || KeyPlace::File(".linchpin/vault.key".into());
        self.placed(self.settings.vault.key.clone().unwrap_or_else(own))
    }

    /// Where it was before, while not everything is sealed under the present one.
    pub(crate) fn vault_key_before(&self) -> Option<KeyPlace> {
        self.settings.vault.before.clone().map(|before| self.placed(before))
    }

    fn placed(&self, place: KeyPlace) -> KeyPlace {
        match place {
            KeyPlace::File(path) => KeyPlace::File(self.root.join(path)),
            KeyPlace::Credential(_) | KeyPlace::Command(_) => place,
        }
    }

    /// The file that keeps the sandbox' effects between runs.
    pub(crate) fn sandbox_effects(&self) -> PathBuf {
        self.root.join(".linchpin").join("sandbox").join("effects.jsonl")
    }

    /// The folder of the flows, as people see it from where they are.
    pub(crate) fn flows(&self) -> PathBuf {
        shown(&self.root.join(&self.settings.flows))
    }

    /// The folder of the project's own spokes.
    pub(crate) fn spokes(&self) -> PathBuf {
        shown(&self.root.join(&self.settings.spokes))
    }

    /// The files that say what aliases lead to, later ones over earlier ones.
    pub(crate) fn connections(&self) -> Vec<PathBuf> {
        let mut files = vec!["connections.yaml".to_owned()];
        files.extend(
            self.settings.environment.iter().map(|name| format!("connections.{name}.yaml")),
        );
        files.iter().map(|file| shown(&self.root.join(file))).collect()
    }
}

/// A path relative to the working folder where it is below it.
pub(crate) fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| path.to_owned())
}

fn is_project(folder: &Path) -> bool {
    folder.join(FILE).is_file() || folder.join("flows").is_dir()
}

/// The nearest folder from here upwards with a `linchpin.yaml`; else this one.
fn around() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::because("the working folder cannot be read", &error))?;
    let marked = here.ancestors().find(|folder| folder.join(FILE).is_file());
    Ok(marked.map_or_else(|| here.clone(), Path::to_owned))
}
