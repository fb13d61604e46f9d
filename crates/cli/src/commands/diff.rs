//! `linchpin diff`: what changes in meaning between two flows.

use std::path::Path;

use clap::Args;
use linchpin_engine::diff::{Change, What, diff};
use linchpin_engine::flow::Flow;
use linchpin_language::{Value, json};

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::read;
use crate::steps::plural;
use crate::workspace::{Workspace, file_of, text_of};

/// Show what changes in meaning between two flows; layout, comments and order of keys do not count
///
/// Ends with 0 when they mean the same, with 1 when they do not.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The older flow: a file, or a flow's name
    #[arg(required_unless_present = "run")]
    old: Option<String>,
    /// The newer flow: a file, or a flow's name
    #[arg(required_unless_present = "run")]
    new: Option<String>,
    /// The flow and subflows that a run keeps to, against their files as they are now
    #[arg(long, value_name = "RUN", conflicts_with_all = ["old", "new"])]
    run: Option<String>,
}

impl Diff {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let changes = match (&self.run, &self.old, &self.new) {
            (None, Some(old), Some(new)) => diff(&flow(old, global)?, &flow(new, global)?),
            (run, ..) => since(run.as_deref().unwrap_or_default(), global).await?,
        };
        report.json(&json!({
            "same": changes.is_empty(),
            "changes": changes.iter().map(described).collect::<Vec<_>>(),
        }));
        if changes.is_empty() {
            report.line("no change in meaning");
            return Ok(ExitCode::Ok);
        }
        let mut part = None;
        for change in &changes {
            if part != Some(change.part.as_str()) {
                report.line(report.paint(Style::Bold, &change.part));
                part = Some(change.part.as_str());
            }
            show(change, report);
        }
        report.line(plural(changes.len() as u64, "difference"));
        Ok(ExitCode::Failed)
    }
}

/// What changed in the flow of a run, and in those that it calls, since the run started.
async fn since(run: &str, global: &Global) -> Result<Vec<Change>, Failure> {
    let project = Project::find(global)?;
    let texts = read(&project, async |client| {
        let run = super::runs::whole(client, run).await?;
        Ok(client.get(&format!("/v1/runs/{run}/texts")).await?)
    });
    let mut changes = Vec::new();
    let texts = texts.await?["texts"].as_array().cloned().unwrap_or_default();
    for kept in &texts {
        let text = |name: &str| kept[name].as_str().unwrap_or_default();
        let name = text("flow");
        let old = linchpin_engine::parse(name, text("text"))
            .map_err(|found| Failure::mistakes(format!("{name} cannot be compared"), found))?;
        let now = diff(&old, &flow(name, global)?).into_iter();
        // Which flow a change is in is said where there are several.
        let is_one = texts.len() == 1;
        changes.extend(now.map(|change| match is_one {
            true => change,
            false => Change { part: format!("{name}: {}", change.part), ..change },
        }));
    }
    Ok(changes)
}

/// A flow from its file, or from the project by its name.
fn flow(target: &str, global: &Global) -> Result<Flow, Failure> {
    let file = file_of(target).or_else(|| {
        let path = Path::new(target);
        path.is_file().then(|| path.to_owned())
    });
    if let Some(file) = file {
        let name = file.display().to_string();
        return linchpin_engine::parse(&name, &text_of(&file)?)
            .map_err(|found| Failure::mistakes(format!("{name} cannot be compared"), found));
    }
    let workspace = Workspace::read(&Project::find(global)?, None)?;
    match workspace.flows.get(target) {
        Some(loaded) => Ok(loaded.flow.clone()),
        None => Err(workspace.unknown(target)),
    }
}

fn show(change: &Change, report: &Report) {
    let text = change.to_string();
    // A change of a part that is one value has nothing but the value.
    let text = text.trim_start_matches(": ");
    let (mark, style) = match &change.what {
        What::Added(_) => ("+", Style::Green),
        What::Removed(_) => ("-", Style::Red),
        What::Changed(..) => ("~", Style::Yellow),
        What::Moved(..) | What::Renamed(..) => (">", Style::Cyan),
    };
    report.line(format!("  {} {text}", report.paint(style, mark)));
}

fn described(change: &Change) -> Value {
    let (before, now) = change.what.values();
    json!({ "part": change.part, "step": change.step, "field": change.field,
        "what": change.what.word(), "before": before, "now": now })
}
