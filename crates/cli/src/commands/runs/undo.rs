//! `linchpin runs undo`

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
use crate::steps::{Steps, brief, plural};

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
    pub(super) async fn run(mut self, project: &Project, report: &Report) -> Done {
        let session = Session::open(project, Purpose::lasting()).await?;
        if !self.apply {
            let shown = self.preview(project, report, &session.client).await;
            session.close().await;
            return shown;
        }
        match self.begin(&session.client).await {
            Ok(steps) => self.follow(project, report, session, steps).await,
            Err(failure) => {
                session.close().await;
                Err(failure)
            }
        }
    }

    async fn preview(&mut self, project: &Project, report: &Report, client: &Client) -> Done {
        self.run = super::whole(client, &self.run).await?;
        let run = &self.run;
        let answer = client.get(&format!("/v1/runs/{run}/undo")).await?;
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
        let flags = follow::flags(project);
        report.line(format!("do it with: linchpin runs undo {run} --apply{flags}"));
        Ok(ExitCode::Changes)
    }

    /// Begins, and gives what the journal said before.
    async fn begin(&mut self, client: &Client) -> Result<Steps, Failure> {
        self.run = super::whole(client, &self.run).await?;
        let run = &self.run;
        let steps = super::steps_so_far(client, run).await?;
        let by = self.person.clone().unwrap_or_else(operator);
        client.post(&format!("/v1/runs/{run}/undo"), &json!({ "by": by })).await?;
        Ok(steps)
    }

    async fn follow(
        &self,
        project: &Project,
        report: &Report,
        session: Session,
        steps: Steps,
    ) -> Done {
        let code = follow::from(report, project, session, (&self.run, steps)).await?;
        if !matches!(code, ExitCode::Ok | ExitCode::Failed) {
            return Ok(code);
        }
        // How the run itself had ended says nothing about what was taken back.
        let session = Session::open(project, Purpose::brief()).await?;
        let shown = session.client.get(&format!("/v1/runs/{}", self.run)).await;
        session.close().await;
        let shown = shown?;
        let left = shown["undo_left"].as_array().cloned().unwrap_or_default();
        if left.is_empty() {
            let lasts = shown["lasting"].as_array().is_some_and(|lasting| !lasting.is_empty());
            let what = if lasts { "could be taken back" } else { "the run had changed" };
            report.line(format!("all that {what} is taken back"));
            show_lasting(report, &shown);
            return Ok(ExitCode::Ok);
        }
        show_left(report, project, &self.run, &left);
        Ok(ExitCode::Failed)
    }
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
    let flags = follow::flags(project);
    report.line(format!("try again with: linchpin runs undo {run} --apply{flags}"));
}
