//! What a project consists of: its spokes, connections and flows, read from disk and checked.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use linchpin_connector::Spoke;
use linchpin_engine::catalog::Catalog;
use linchpin_engine::check::{check, check_text};
use linchpin_language::{Diagnostic, Severity, Source, Span, codes, did_you_mean};
use linchpin_runtime::connections::ConnectionsFile;
use linchpin_runtime::flows::{Flows, Loaded};

use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::report::Report;

/// The spokes by name.
pub(crate) type SpokesByName = BTreeMap<String, Arc<Spoke>>;

/// A project as read from disk.
pub(crate) struct Workspace {
    /// The bundled spokes and the project's own.
    pub(crate) spokes: SpokesByName,
    /// What the files say about aliases.
    pub(crate) connections: ConnectionsFile,
    /// The flows that could be read.
    pub(crate) flows: Flows,
    /// What is wrong with connections and with flows that could not be read.
    pub(crate) mistakes: Vec<Diagnostic>,
    /// What flows can name.
    pub(crate) catalog: Catalog,
    /// The project's spokes and aliases that could not be read.
    broken: Vec<String>,
}

impl Workspace {
    /// Reads a project, and a flow's file that may be outside of its flows.
    pub(crate) fn read(project: &Project, extra: Option<&Path>) -> Result<Self, Failure> {
        let own = own_spokes(project)?;
        Self::over(project, extra, &own)
    }

    /// Reads a project of which everything is to be looked at: what is wrong with its spokes is
    /// among the mistakes, and what flows say of those spokes is taken as it stands.
    pub(crate) fn read_to_check(project: &Project) -> Result<Self, Failure> {
        let Own { spokes, mistakes, broken } = Own::read(project)?;
        let mut workspace = Self::over(project, None, &spokes)?;
        workspace.mistakes.splice(..0, mistakes);
        workspace.broken = broken;
        workspace.broken.extend(workspace.connections.unread().iter().cloned());
        Ok(workspace)
    }

    fn over(
        project: &Project,
        extra: Option<&Path>,
        own: &[(PathBuf, Arc<Spoke>)],
    ) -> Result<Self, Failure> {
        let mut spokes = bundled()?;
        spokes.extend(own.iter().map(|(_, spoke)| (spoke.name.clone(), Arc::clone(spoke))));
        let mut mistakes = Vec::new();
        let connections = if project.is_sandbox {
            ConnectionsFile::default()
        } else {
            connections(project, &spokes, &mut mistakes)?
        };
        mistakes.extend(replaced(own)?);
        let (flows, unread) = flows(project, extra)?;
        mistakes.extend(unread);
        // A flow of the project stands in place of one of the same name that a spoke brings.
        let (brought, unread) = brought(project, &spokes);
        let flows = flows.over(&brought);
        mistakes.extend(unread);
        // In the sandbox each alias leads to the stand-in of the spoke that its flow declares for
        // it, whatever it is called: no alias is unknown there.
        let aliases = connections.aliases();
        let mut catalog = Catalog {
            spokes: spokes.clone(),
            aliases,
            calendars: project.settings.calendars.clone(),
            now: Some(jiff::Timestamp::now()),
            ..Catalog::default()
        };
        catalog.sign(flows.iter().map(|loaded| &loaded.flow));
        Ok(Self { spokes, connections, flows, mistakes, catalog, broken: Vec::new() })
    }

    /// Everything that is wrong with a flow's file.
    pub(crate) fn check_file(&self, file: &Path) -> Result<Vec<Diagnostic>, Failure> {
        if !file.exists() {
            return Err(Failure::usage(format!("there is no file {}", file.display())));
        }
        Ok(match linchpin_runtime::flows::text_of(file) {
            Ok(text) => check_text(&file.display().to_string(), &text, &self.catalog),
            Err(mistake) => vec![mistake],
        })
    }

    /// Everything that is wrong with the flows that could be read; several are looked at at once.
    pub(crate) fn check_all(&self) -> Vec<Diagnostic> {
        let flows: Vec<&Loaded> = self.flows.iter().map(AsRef::as_ref).collect();
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let share = flows.len().div_ceil(workers).max(1);
        std::thread::scope(|scope| {
            let shares = flows.chunks(share).map(|flows| {
                scope.spawn(|| -> Vec<Diagnostic> {
                    flows.iter().flat_map(|one| check(&one.flow, &self.catalog)).collect()
                })
            });
            let shares: Vec<_> = shares.collect();
            let found = shares.into_iter().map(|share| share.join());
            found.flat_map(|found| found.unwrap_or_else(|cause| resume_unwind(cause))).collect()
        })
    }

    /// Says which files with mistakes are left out of a list.
    pub(crate) fn tell_left_out(&self, report: &Report) {
        let mut names: Vec<&str> = self.mistakes.iter().map(|one| one.source.name()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            report
                .note(format!("{name} has mistakes and is left out: `linchpin check` tells them"));
        }
    }

    /// Whether a mistake only says that a spoke or an alias is not there which has mistakes of its own.
    pub(crate) fn is_of_broken(&self, mistake: &Diagnostic) -> bool {
        let is_unknown = [codes::UNKNOWN_SPOKE, codes::UNKNOWN_ALIAS].contains(&mistake.code);
        let is_named = |name: &String| mistake.message.contains(&format!("`{name}`"));
        is_unknown && self.broken.iter().any(is_named)
    }

    /// The flow that a command names, by its name or by its file, if it can run.
    pub(crate) fn runnable(&self, target: &str) -> Result<&Arc<Loaded>, Failure> {
        let loaded = self.find(target)?;
        for one in self.flows.reachable(&loaded.flow.name).values() {
            let mut errors = check(&one.flow, &self.catalog);
            errors.retain(|mistake| mistake.severity == Severity::Error);
            if !errors.is_empty() {
                let message = format!("the flow {} cannot run as it is written", one.flow.name);
                return Err(Failure::mistakes(message, errors));
            }
        }
        Ok(loaded)
    }

    /// The flow that a command names, by its name or by its file.
    pub(crate) fn find(&self, target: &str) -> Result<&Arc<Loaded>, Failure> {
        let loaded = match file_of(target) {
            Some(file) => self.flows.iter().find(|loaded| is_same(&loaded.file, &file)),
            None => self.flows.get(target),
        };
        loaded.ok_or_else(|| self.unknown(target))
    }

    /// Why there is no such flow: its file cannot be read, or there is none.
    pub(crate) fn unknown(&self, target: &str) -> Failure {
        let is_meant = |name: &str| match file_of(target) {
            Some(file) => is_same(Path::new(name), &file),
            None => Path::new(name).file_stem().is_some_and(|stem| stem == target),
        };
        let unread = self.mistakes.iter().map(|mistake| mistake.source.name());
        if let Some(name) = unread.into_iter().find(|name| is_meant(name)) {
            // Checking it as text finds more at once than reading it has.
            let mistakes = match self.check_file(Path::new(name)) {
                Ok(mistakes) => mistakes,
                Err(failure) => return failure,
            };
            return Failure::mistakes(format!("{name} cannot run as it is written"), mistakes);
        }
        let names: Vec<&str> = self.flows.iter().map(|loaded| loaded.flow.name.as_str()).collect();
        let failure = Failure::usage(format!("there is no flow {target:?}"));
        match did_you_mean(target, names.iter().copied()) {
            Some(near) => failure.help(format!("did you mean {near}?")),
            None if names.is_empty() => failure.help("the project has no flows yet"),
            None => failure.help(format!("the flows are {}", names.join(", "))),
        }
    }
}

/// The bundled spokes, and those in the project's folder.
pub(crate) fn spokes(project: Option<&Project>) -> Result<SpokesByName, Failure> {
    let mut spokes = bundled()?;
    if let Some(project) = project {
        let own = own_spokes(project)?.into_iter();
        spokes.extend(own.map(|(_, spoke)| (spoke.name.clone(), spoke)));
    }
    Ok(spokes)
}

fn bundled() -> Result<SpokesByName, Failure> {
    let bundled = linchpin_spokes::on_demand()
        .map_err(|mistakes| Failure::mistakes("a bundled spoke has mistakes", mistakes))?;
    Ok(bundled.into_iter().map(|spoke| (spoke.name.clone(), spoke)).collect())
}

/// The spokes in the project's folder, each with its own.
pub(crate) fn own_spokes(project: &Project) -> Result<Vec<(PathBuf, Arc<Spoke>)>, Failure> {
    let Own { spokes, mistakes, .. } = Own::read(project)?;
    if mistakes.is_empty() {
        return Ok(spokes);
    }
    let folder = project.spokes();
    Err(Failure::mistakes(format!("a spoke in {} has mistakes", folder.display()), mistakes))
}

/// The project's spokes, with what is wrong with those that have mistakes.
pub(crate) struct Own {
    pub(crate) spokes: Vec<(PathBuf, Arc<Spoke>)>,
    mistakes: Vec<Diagnostic>,
    broken: Vec<String>,
}

impl Own {
    pub(crate) fn read(project: &Project) -> Result<Self, Failure> {
        let folder = project.spokes();
        let mut read = Self { spokes: Vec::new(), mistakes: Vec::new(), broken: Vec::new() };
        let folders = if folder.is_dir() { entries(&folder)? } else { Vec::new() };
        for own in folders.into_iter().filter(|path| path.join("spoke.yaml").is_file()) {
            let mut files = Vec::new();
            collect(&own, &own, &mut files)?;
            match Spoke::load(&files, &[]) {
                Ok(spoke) => read.spokes.push((own, Arc::new(spoke))),
                Err(found) => {
                    let found = found.into_iter().map(|mistake| below(&own, mistake));
                    read.mistakes.extend(found);
                    // It may be that nothing can be read but this line.
                    let text = text_of(&own.join("spoke.yaml")).unwrap_or_default();
                    let name = text.lines().find_map(|line| line.strip_prefix("spoke:"));
                    read.broken.extend(name.map(|name| name.trim().to_owned()));
                }
            }
        }
        Ok(read)
    }
}

/// A warning for each spoke of the project that has the name of a bundled one: flows that were
/// written for that one call it.
pub(crate) fn replaced(own: &[(PathBuf, Arc<Spoke>)]) -> Result<Vec<Diagnostic>, Failure> {
    let bundled = bundled()?;
    let mut warnings = Vec::new();
    for (folder, own) in own.iter().filter(|(_, own)| bundled.contains_key(&own.name)) {
        let file = shown(&folder.join("spoke.yaml"));
        let text = text_of(&file)?;
        let start = text.find("spoke:").unwrap_or(0);
        let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        let source = Source::new(file.display().to_string(), text);
        let message =
            format!("the project's spoke `{}` stands in place of the bundled one", own.name);
        let warning = Diagnostic::new(
            Severity::Warning,
            codes::REPLACED_SPOKE,
            message,
            source,
            Span { start, end },
        );
        warnings.push(warning.with_help("give it another name if both are wanted"));
    }
    Ok(warnings)
}

/// A mistake in a file of a spoke, with the path from where the command runs.
pub(crate) fn below(folder: &Path, mut mistake: Diagnostic) -> Diagnostic {
    let file = shown(&folder.join(mistake.source.name()));
    mistake.source = Source::new(file.display().to_string(), mistake.source.text());
    mistake
}

fn connections(
    project: &Project,
    spokes: &SpokesByName,
    mistakes: &mut Vec<Diagnostic>,
) -> Result<ConnectionsFile, Failure> {
    let mut texts = Vec::new();
    for file in project.connections() {
        if file.is_file() {
            match linchpin_runtime::flows::text_of(&file) {
                Ok(text) => texts.push((file.display().to_string(), text)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
    }
    let docs: Vec<(&str, &str)> = texts.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let (connections, found) = ConnectionsFile::read(&docs, spokes);
    mistakes.extend(found);
    Ok(connections)
}

fn flows(project: &Project, extra: Option<&Path>) -> Result<(Flows, Vec<Diagnostic>), Failure> {
    let folder = project.flows();
    let (flows, mistakes) = if folder.is_dir() {
        Flows::load(&folder)
            .map_err(|error| Failure::because("the flows cannot be read", &error))?
    } else {
        (Flows::default(), Vec::new())
    };
    let Some(extra) = extra else { return Ok((flows, mistakes)) };
    let is_read = flows.iter().any(|loaded| is_same(&loaded.file, extra))
        || mistakes.iter().any(|mistake| is_same(mistake.source.name().as_ref(), extra));
    if is_read {
        return Ok((flows, mistakes));
    }
    // The named file comes first: it is the one that is meant when two have one name.
    let mut texts = vec![(extra.to_owned(), text_of(extra)?)];
    texts.extend(flows.iter().map(|loaded| (loaded.file.clone(), loaded.text.clone())));
    let (flows, more) = Flows::parse(texts);
    Ok((flows, mistakes.into_iter().chain(more).collect()))
}

/// The flows that come with spokes.
fn brought(project: &Project, spokes: &SpokesByName) -> (Flows, Vec<Diagnostic>) {
    let folder = project.spokes();
    let texts = spokes.values().flat_map(|spoke| {
        let folder = folder.join(&spoke.name);
        spoke.flows.iter().map(move |(path, text)| (folder.join(path), text.clone()))
    });
    Flows::parse(texts.collect())
}

/// The aliases that flows declare, with the spoke of each.
pub(crate) fn declared(flows: &Flows) -> BTreeMap<String, String> {
    let all = flows.iter().flat_map(|loaded| &loaded.flow.connections);
    all.map(|(alias, spoke)| (alias.clone(), spoke.value.clone())).collect()
}

/// The file that a command names in place of a flow.
pub(crate) fn file_of(target: &str) -> Option<PathBuf> {
    let is_file = target.contains('/') || target.ends_with(".yaml") || target.ends_with(".yml");
    is_file.then(|| shown(&std::path::absolute(target).unwrap_or_else(|_| PathBuf::from(target))))
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Stands for the standard input, or output, in the place of a file.
pub(crate) const STDIN: &str = "-";

/// The text of a file, or of the standard input.
pub(crate) fn text_of(file: &Path) -> Result<String, Failure> {
    if file.as_os_str() == STDIN {
        return std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::because("cannot read the standard input", &error));
    }
    std::fs::read_to_string(file).map_err(|error| {
        let what = format!("cannot read {}", file.display());
        let failure = Failure::because(what, &error);
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::usage(format!("there is no file {}", file.display()))
            }
            _ => failure,
        }
    })
}

/// What a folder holds, in order.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::because(format!("cannot read {}", folder.display()), &error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The YAML files below a folder, each with its path relative to it.
pub(crate) fn collect(
    root: &Path,
    folder: &Path,
    files: &mut Vec<(String, String)>,
) -> Result<(), Failure> {
    for path in entries(folder)? {
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            files.push((name, text_of(&path)?));
        }
    }
    Ok(())
}
