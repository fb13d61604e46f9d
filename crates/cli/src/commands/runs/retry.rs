//! `linchpin runs retry`

use clap::Args;
use linchpin_language::{Value, json};
use linchpin_server::Client;

use crate::commands::{Done, operator};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::follow;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{Purpose, Session};
use crate::steps::{Steps, brief};

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
    pub(super) async fn run(mut self, project: &Project, report: &Report) -> Done {
        let session = Session::open(project, Purpose::lasting()).await?;
        if self.dry_run {
            let shown = self.preview(project, report, &session.client).await;
            session.close().await;
            return shown;
        }
        match self.begin(&session.client).await {
            Ok(steps) => follow::from(report, project, session, (&self.run, steps)).await,
            Err(failure) => {
                session.close().await;
                Err(failure)
            }
        }
    }

    async fn preview(&mut self, project: &Project, report: &Report, client: &Client) -> Done {
        self.run = super::whole(client, &self.run).await?;
        let run = &self.run;
        let answer = client.get(&format!("/v1/runs/{run}/retry")).await?;
        report.json(&answer);
        let steps = answer["steps"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let steps = steps.collect::<Vec<_>>().join(", ");
        report.line(match steps.as_str() {
            "" => "what succeeded stays; it would come to its end at once".to_owned(),
            steps => format!("what succeeded stays; it would go on at {steps}"),
        });
        for call in answer["calls"].as_array().into_iter().flatten() {
            show(report, call);
        }
        let flags = follow::flags(project);
        report.line(format!("do it with: linchpin runs retry {run}{flags}"));
        Ok(ExitCode::Changes)
    }

    /// Begins, and gives what the journal said before.
    async fn begin(&mut self, client: &Client) -> Result<Steps, Failure> {
        self.run = super::whole(client, &self.run).await?;
        let run = &self.run;
        let steps = super::steps_so_far(client, run).await?;
        let by = self.person.clone().unwrap_or_else(operator);
        client.post(&format!("/v1/runs/{run}/retry"), &json!({ "by": by })).await?;
        Ok(steps)
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
