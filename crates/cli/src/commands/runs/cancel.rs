//! `linchpin runs cancel`

use clap::Args;
use linchpin_language::json;
use linchpin_server::{Client, ClientError};

use super::writes::Writes;
use crate::commands::{Done, operator};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::follow;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{Purpose, Session, read};

/// Cancel a run: its handlers still run, and writes under way are waited for
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The run, or the beginning of its identity
    run: String,
    /// At once: without its handlers, and without waiting for a write that was sent
    #[arg(long)]
    force: bool,
}

impl Cancel {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let session = Session::open(project, Purpose::lasting()).await?;
        let asked = async {
            let run = super::whole(&session.client, &self.run).await?;
            let answer = self.send(&session.client, &run).await;
            Ok::<_, Failure>((run, answer))
        };
        let (run, answer) = match asked.await {
            Ok(asked) => asked,
            Err(failure) => {
                session.close().await;
                return Err(failure);
            }
        };
        let session = match answer {
            Ok(()) => session,
            Err(error) => {
                session.close().await;
                if !error.is_gone() {
                    return Err(error.into());
                }
                // Whoever drove the run may end with it, and the answer with them. The journal
                // says whether the word arrived.
                follow::anew(project, &run, async |client| self.send_again(client, &run).await)
                    .await?
            }
        };
        let code = follow::to_end(report, project, session, &run).await?;
        if self.force {
            show_unclear(project, report, &run).await?;
        }
        // That it is cancelled is what was wanted.
        Ok(if code == ExitCode::Failed { ExitCode::Ok } else { code })
    }

    async fn send(&self, client: &Client, run: &str) -> Result<(), ClientError> {
        let control = if self.force { "force_cancel" } else { "cancel" };
        let body = json!({ "control": control, "by": operator() });
        client.post(&format!("/v1/runs/{run}/control"), &body).await.map(drop)
    }

    /// Sends it once more, unless the run is being cancelled or has ended.
    async fn send_again(&self, client: &Client, run: &str) -> Result<(), ClientError> {
        let shown = client.get(&format!("/v1/runs/{run}")).await?;
        let state = shown["state"].as_str().unwrap_or_default();
        let is_over = ["cancelling", "cancelled", "succeeded", "failed"].contains(&state);
        if is_over && !(self.force && state == "cancelling") {
            return Ok(());
        }
        match self.send(client, run).await {
            // It ended between the two.
            Err(ClientError::Refused { status: 409, .. }) => Ok(()),
            other => other,
        }
    }
}

/// The writes that were under way when the run was cancelled: nobody waited for their answers.
async fn show_unclear(project: &Project, report: &Report, run: &str) -> Result<(), Failure> {
    let writes = read(project, async |client| Writes::of(client, run).await).await?;
    for line in writes.unclear() {
        report.line(format!("  {} {line}", report.paint(Style::Red, "!")));
    }
    Ok(())
}
