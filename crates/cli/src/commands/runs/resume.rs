//! `linchpin runs resume`

use clap::Args;
use linchpin_language::json;
use linchpin_server::Client;

use crate::commands::{Done, operator};
use crate::failure::Failure;
use crate::follow;
use crate::project::Project;
use crate::report::Report;
use crate::session::{Purpose, Session};

/// Go on with a run that was interrupted, paused, or held because something was not there
///
/// A step that is held for another reason waits for `linchpin runs resolve`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run, or the beginning of its identity
    run: String,
}

impl Resume {
    pub(super) async fn run(mut self, project: &Project, report: &Report) -> Done {
        let session = Session::open(project, Purpose::lasting()).await?;
        match self.resume(&session.client).await {
            Ok(()) => follow::to_end(report, project, session, &self.run).await,
            Err(failure) => {
                session.close().await;
                Err(failure)
            }
        }
    }

    async fn resume(&mut self, client: &Client) -> Result<(), Failure> {
        self.run = super::whole(client, &self.run).await?;
        let run = &self.run;
        client.post(&format!("/v1/runs/{run}/resume"), &json!({ "by": operator() })).await?;
        let shown = client.get(&format!("/v1/runs/{run}")).await?;
        if shown["is_paused"] == true {
            let body = json!({ "control": "resume", "by": operator() });
            client.post(&format!("/v1/runs/{run}/control"), &body).await?;
        }
        Ok(())
    }
}
