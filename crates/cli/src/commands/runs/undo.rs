//! `linchpin runs undo`

use clap::Args;
use linchpin_language::Value;

use crate::commands::Done;
use crate::copied;
use crate::exit_code::ExitCode;
use crate::follow;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::read;
use crate::steps::{brief, plural};

/// Show what would take back the changes of a run that has ended; --apply does it
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// The run, or the beginning of its identity
    run: String,
    /// Take back what is shown without it
    #[arg(long)]
    apply: bool,
    /// Who does it; otherwise the user of the operating system
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
}

impl Undo {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        if !self.apply {
            return self.preview(project, report).await;
        }
        let by = (self.person.as_deref(), "undo");
        let (session, run, steps) = super::reopen(project, &self.run, by).await?;
        let code = follow::from(report, project, session, (&run, steps)).await?;
        if !matches!(code, ExitCode::Ok | ExitCode::Failed) {
            return Ok(code);
        }
        // How the run itself had ended says nothing about what was taken back.
        show_end(project, report, &run).await
    }

    async fn preview(&self, project: &Project, report: &Report) -> Done {
        let (run, answer) = super::previewed(project, &self.run, "undo").await?;
        report.json(&answer);
        let left = answer["left"].as_array().cloned().unwrap_or_default();
        if left.is_empty() {
            report.line("there is nothing to take back");
            show_lasting(report, &answer);
            return Ok(ExitCode::Ok);
        }
        let n = plural(left.len() as u64, "call");
        report.line(format!("{n} would take back what the run has changed, newest first:"));
        for one in &left {
            show(report, one);
        }
        show_lasting(report, &answer);
        let flags = copied::flags(project);
        report.line(format!("do it with: linchpin runs undo {run} --apply{flags}"));
        Ok(ExitCode::Changes)
    }
}

/// What of the changes of a run is taken back now, and what is left.
async fn show_end(project: &Project, report: &Report, run: &str) -> Done {
    let path = format!("/v1/runs/{run}");
    let shown = read(project, async |client| Ok(client.get(&path).await?)).await?;
    let left = shown["undo_left"].as_array().cloned().unwrap_or_default();
    if left.is_empty() {
        let lasts = shown["lasting"].as_array().is_some_and(|lasting| !lasting.is_empty());
        let what = if lasts { "could be taken back" } else { "the run had changed" };
        report.line(format!("all that {what} is taken back"));
        show_lasting(report, &shown);
        return Ok(ExitCode::Ok);
    }
    show_left(report, project, run, &left);
    Ok(ExitCode::Failed)
}

/// What stays of a run whatever is done, a line each.
fn show_lasting(report: &Report, shown: &Value) {
    for one in shown["lasting"].as_array().into_iter().flatten() {
        let mark = report.paint(Style::Yellow, "!");
        let step = one["step"].as_str().unwrap_or_default();
        let n = plural(one["writes"].as_u64().unwrap_or_default(), "write");
        report.line(format!("  {mark} {step}: {n} that nothing takes back"));
    }
}

fn show(report: &Report, one: &Value) {
    let text = |name: &str| one[name].as_str().unwrap_or_default();
    let (step, call) = (text("step"), format!("{}.{}", text("alias"), text("action")));
    let what = match (one["problem"].as_str(), text("request")) {
        (Some(problem), _) => report.paint(Style::Red, problem),
        (None, "") => "nothing to do any more".to_owned(),
        (None, request) => request.to_owned(),
    };
    report.line(format!("  - {step}  by {call}: {what}"));
    for change in one["changes"].as_array().into_iter().flatten().take(10) {
        report.line(format!("      {}", brief(change)));
    }
}

/// What of a run was not taken back, a line each, with the command that tries again.
pub(crate) fn show_left(report: &Report, project: &Project, run: &str, left: &[Value]) {
    for one in left {
        let text = |name: &str| one[name].as_str().unwrap_or_default();
        let mark = report.paint(Style::Red, "!");
        let why = one["why"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
        report.line(format!(
            "  {mark} {} is not taken back by {}{why}",
            text("step"),
            text("call")
        ));
    }
    let flags = copied::flags(project);
    report.line(format!("try again with: linchpin runs undo {run} --apply{flags}"));
}
