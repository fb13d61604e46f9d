//! `linchpin runs cancel`

use clap::Args;
use linchpin_language::json;

use crate::commands::{Done, operator};
use crate::exit_code::ExitCode;
use crate::project::Project;
use crate::report::Report;
use crate::session::{Purpose, Session};

/// Cancel a run: its handlers still run
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The run, or the beginning of its identity
    run: String,
    /// At once, without its handlers
    #[arg(long)]
    force: bool,
}

impl Cancel {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let session = Session::open(project, Purpose::lasting()).await?;
        let control = if self.force { "force_cancel" } else { "cancel" };
        let body = json!({ "control": control, "by": operator() });
        let cancelled = async {
            let run = super::whole(&session.client, &self.run).await?;
            session.client.post(&format!("/v1/runs/{run}/resume"), &json!({})).await?;
            session.client.post(&format!("/v1/runs/{run}/control"), &body).await?;
            Ok(run)
        };
        let run = match cancelled.await {
            Ok(run) => run,
            Err(failure) => {
                session.close().await;
                return Err(failure);
            }
        };
        let code = crate::follow::to_end(report, project, session, &run).await?;
        // That it is cancelled is what was wanted.
        Ok(if code == ExitCode::Failed { ExitCode::Ok } else { code })
    }
}
