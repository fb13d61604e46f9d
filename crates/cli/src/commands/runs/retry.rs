//! `linchpin runs retry`

use clap::Args;
use linchpin_language::Value;

use crate::commands::Done;
use crate::copied;
use crate::exit_code::ExitCode;
use crate::follow;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::steps::brief;

/// Try again what failed or was cancelled in a run; what succeeded stays
///
/// The run goes on with the text of the flow that it started with, and its handlers run anew when
/// their time comes. A write that may have happened is read back first, or held.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The run, or the beginning of its identity
    run: String,
    /// Only show where it would go on and what it would send there
    #[arg(long)]
    dry_run: bool,
    /// Who does it; otherwise the user of the operating system
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
}

impl Retry {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        if self.dry_run {
            return self.preview(project, report).await;
        }
        let by = (self.person.as_deref(), "retry");
        let (session, run, steps) = super::reopen(project, &self.run, by).await?;
        follow::from(report, project, session, (&run, steps)).await
    }

    async fn preview(&self, project: &Project, report: &Report) -> Done {
        let (run, answer) = super::previewed(project, &self.run, "retry").await?;
        report.json(&answer);
        let steps = answer["steps"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let steps = steps.collect::<Vec<_>>().join(", ");
        let failure = &answer["failure"];
        let then = match (steps.as_str(), failure["message"].as_str()) {
            ("", None) => "come to its end at once".to_owned(),
            ("", Some(why)) => {
                let step = failure["step"].as_str().unwrap_or_default();
                format!("fail again at once, at {step}: {why}")
            }
            (steps, _) => format!("go on at {steps}"),
        };
        report.line(format!("what succeeded stays; it would {then}"));
        for call in answer["calls"].as_array().into_iter().flatten() {
            show(report, call);
        }
        let flags = copied::flags(project);
        report.line(format!("do it with: linchpin runs retry {run}{flags}"));
        Ok(if steps.is_empty() { ExitCode::Ok } else { ExitCode::Changes })
    }
}

fn show(report: &Report, call: &Value) {
    let text = |name: &str| call[name].as_str().unwrap_or_default();
    let (step, action) = (text("step"), format!("{}.{}", text("alias"), text("action")));
    let what = match (call["problem"].as_str(), text("request"), call["was_sent"] == true) {
        (Some(problem), ..) => report.paint(Style::Red, problem),
        (None, "", _) => "reads".to_owned(),
        (None, request, false) => request.to_owned(),
        (None, request, true) => format!("{request}, which may have happened already"),
    };
    report.line(format!("  - {step}  by {action}: {what}"));
    for (name, says) in [("failed", text("reason")), ("now", text("seen"))] {
        if !says.is_empty() {
            report.line(format!("      {} {says}", report.paint(Style::Dim, name)));
        }
    }
    for change in call["changes"].as_array().into_iter().flatten().take(10) {
        report.line(format!("      {}", brief(change)));
    }
}
