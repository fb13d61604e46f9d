//! `linchpin runs signal`

use clap::Args;
use linchpin_language::{Value, json};
use linchpin_server::Client;

use crate::commands::{Done, operator};
use crate::failure::Failure;
use crate::project::Project;
use crate::report::Report;
use crate::session::{Purpose, Session};

/// Send a signal that a run waits for, or will wait for
#[derive(Debug, Args)]
pub(crate) struct Signal {
    /// The run, or the beginning of its identity
    run: String,
    /// The signal's name, as a `wait` of the flow has it
    name: String,
    /// What comes with it: the output of the step that waits
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
    /// Who sends it; otherwise the user of the operating system
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
}

impl Signal {
    pub(super) async fn run(mut self, project: &Project, report: &Report) -> Done {
        let payload = self.payload()?;
        let session = Session::open(project, Purpose::lasting()).await?;
        let sent = self.send(&session.client, payload).await;
        super::goes_on(project, report, session, (&self.run, sent.map(|()| Some("sent")))).await
    }

    fn payload(&self) -> Result<Value, Failure> {
        let Some(text) = &self.payload else { return Ok(Value::Null) };
        serde_json::from_str(text).map_err(|error| {
            Failure::usage(format!("the payload is no JSON: {error}"))
                .help("a text needs its own quotes: --payload '\"paid\"'")
        })
    }

    async fn send(&mut self, client: &Client, payload: Value) -> Result<(), Failure> {
        self.run = super::whole(client, &self.run).await?;
        let run = &self.run;
        client.post(&format!("/v1/runs/{run}/resume"), &json!({})).await?;
        let by = self.person.clone().unwrap_or_else(operator);
        let body = json!({ "name": self.name, "payload": payload, "by": by });
        client.post(&format!("/v1/runs/{run}/signal"), &body).await?;
        Ok(())
    }
}
