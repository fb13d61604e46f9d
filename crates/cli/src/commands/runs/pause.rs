//! `linchpin runs pause`

use clap::Args;
use linchpin_language::json;

use crate::commands::{Done, operator};
use crate::copied;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::Report;
use crate::session::{Purpose, Session};

/// Start nothing new in a run; what is under way ends, and `runs resume` goes on
#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// The run, or the beginning of its identity
    run: String,
    /// Who does it; otherwise the user of the operating system
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
}

impl Pause {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let session = Session::open(project, Purpose::lasting()).await?;
        let paused = async {
            let client = &session.client;
            let run = super::whole(client, &self.run).await?;
            let by = self.person.clone().unwrap_or_else(operator);
            let body = json!({ "control": "pause", "by": by });
            client.post(&format!("/v1/runs/{run}/control"), &body).await?;
            Ok::<_, Failure>(run)
        };
        let paused = paused.await;
        session.close().await;
        let run = paused?;
        report.json(&json!({ "run": run, "paused": true }));
        let flags = copied::flags(project);
        report.line(format!("paused; go on with: linchpin runs resume {run}{flags}"));
        Ok(ExitCode::Ok)
    }
}
