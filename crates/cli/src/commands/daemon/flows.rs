//! The folder of the flows as the daemon sees it: changed, new and removed files are taken over
//! while it runs. A file with mistakes leaves the flow as it was, and is told of once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use linchpin_language::{Diagnostic, Severity};
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::Host;

use crate::failure::Failure;
use crate::project::Project;
use crate::report::Report;
use crate::stamp::Stamp;
use crate::steps::plural;
use crate::workspace::Workspace;

/// How long between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// The folder, and what was told of it.
pub(super) struct Folder {
    project: Project,
    seen: Option<Stamp>,
    /// The mistakes that were told, by file.
    told: BTreeMap<PathBuf, Vec<String>>,
}

/// What a look found.
struct Found {
    flows: Flows,
    mistakes: BTreeMap<PathBuf, Vec<Diagnostic>>,
}

impl Folder {
    pub(super) fn new(project: Project) -> Self {
        Self { project, seen: None, told: BTreeMap::new() }
    }

    /// The project as it was when the daemon was started.
    pub(super) fn project(&self) -> &Project {
        &self.project
    }

    /// The first look: flows with mistakes are left out, since nothing is known of them that was
    /// right.
    pub(super) async fn open(&mut self, host: &Host, report: &Report) {
        self.seen = Some(Stamp::of(&self.project, &[]));
        let Some(found) = self.read(report).await else { return };
        self.tell_mistakes(report, &found.mistakes, &Flows::default());
        host.set_flows(found.flows.lacking(!found.mistakes.is_empty()));
    }

    /// Waits until it is time for another look.
    pub(super) async fn interval(host: &Host) {
        let clock = host.clock();
        let next = clock.now().checked_add(INTERVAL).unwrap_or(jiff::Timestamp::MAX);
        clock.sleep_until(next).await;
    }

    /// Takes over what has changed, and says whether something has; looks closely only when a file
    /// seems to have.
    pub(super) async fn look(&mut self, host: &Host, report: &Report, is_wanted: bool) -> bool {
        let stamp = Stamp::of(&self.project, &[]);
        if !is_wanted && self.seen.as_ref() == Some(&stamp) {
            return false;
        }
        self.seen = Some(stamp);
        let Some(found) = self.read(report).await else { return false };
        let present = host.flows();
        self.tell_mistakes(report, &found.mistakes, &present);
        let kept = present.clone().only(|old| found.mistakes.contains_key(&old.file));
        let flows = found.flows.over(&kept);
        let changes = changes(&present, &flows);
        if is_wanted && changes.is_empty() {
            report.line("the flows were read again: nothing has changed");
        }
        if changes.is_empty() {
            return false;
        }
        host.set_flows(flows);
        for (word, name) in changes {
            report.line(format!("flow {name} {word}"));
        }
        true
    }

    /// The flows that have no mistakes, and the mistakes of the others.
    async fn read(&self, report: &Report) -> Option<Found> {
        let project = self.project.clone();
        // A thousand flows take a while, and what falls due meanwhile must not wait.
        let read = tokio::task::spawn_blocking(move || found_in(&project)).await;
        match read {
            Ok(Ok(found)) => Some(found),
            Ok(Err(failure)) => {
                report.note(format!("the flows stay as they were: {}", failure.message));
                None
            }
            Err(error) => {
                report.note(format!("the flows stay as they were: {error}"));
                None
            }
        }
    }

    fn tell_mistakes(
        &mut self,
        report: &Report,
        mistakes: &BTreeMap<PathBuf, Vec<Diagnostic>>,
        present: &Flows,
    ) {
        let mut told = BTreeMap::new();
        for (file, own) in mistakes {
            let line = |mistake: &Diagnostic| {
                let (line, column) = mistake.position();
                format!("{}:{line}:{column}: {}", file.display(), mistake.message)
            };
            let lines: Vec<String> = own.iter().map(line).collect();
            if self.told.get(file) != Some(&lines) {
                let consequence = match present.iter().find(|loaded| loaded.file == *file) {
                    Some(old) => format!("the flow {} stays as it was", old.flow.name),
                    None => "nothing starts by it until it is mended".to_owned(),
                };
                let count = plural(own.len() as u64, "mistake");
                report.note(format!("{} has {count}: {consequence}", file.display()));
                lines.iter().for_each(|line| report.note(format!("  {line}")));
            }
            told.insert(file.clone(), lines);
        }
        self.told = told;
    }
}

fn found_in(project: &Project) -> Result<Found, Failure> {
    let workspace = Workspace::read(project, None)?;
    let mut mistakes: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
    let checked = workspace.check_all();
    let all = workspace.mistakes.iter().cloned().chain(checked);
    for mistake in all.filter(|mistake| mistake.severity == Severity::Error) {
        let file = PathBuf::from(mistake.source.name());
        if file.starts_with(project.flows()) {
            mistakes.entry(file).or_default().push(mistake);
        }
    }
    for own in mistakes.values_mut() {
        own.sort_by_key(Diagnostic::position);
    }
    let flows = workspace.flows.only(|loaded| !mistakes.contains_key(&loaded.file));
    Ok(Found { flows, mistakes })
}

/// What is new, changed and gone, by name.
fn changes(old: &Flows, new: &Flows) -> Vec<(&'static str, String)> {
    let names = |flows: &Flows| -> BTreeSet<String> {
        flows.iter().map(|loaded| loaded.flow.name.clone()).collect()
    };
    let mut changes = Vec::new();
    for name in names(old).union(&names(new)) {
        let word = match (old.get(name), new.get(name)) {
            (None, _) => "is new",
            (_, None) => "is gone",
            (Some(old), Some(new)) if old.hash != new.hash => "has changed",
            (Some(_), Some(_)) => continue,
        };
        changes.push((word, name.clone()));
    }
    changes
}
