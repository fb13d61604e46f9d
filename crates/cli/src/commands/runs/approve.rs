//! `linchpin runs approve` and `linchpin runs reject`

use clap::Args;
use linchpin_language::{Map, Value, json};
use linchpin_server::Client;

use crate::commands::{Done, operator};
use crate::failure::Failure;
use crate::picker;
use crate::project::Project;
use crate::report::Report;
use crate::session::{Purpose, Session};

/// Approve what a run waits to have approved
#[derive(Debug, Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    said: Said,
}

/// Refuse what a run waits to have approved
#[derive(Debug, Args)]
pub(crate) struct Reject {
    #[command(flatten)]
    said: Said,
}

/// A yes or no.
#[derive(Debug, Args)]
struct Said {
    /// The run, or the beginning of its identity
    run: String,
    /// The step that asks; needed when several do
    step: Option<String>,
    /// What to write beside it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// A field of the form; a list as a,b or as JSON
    #[arg(short, long = "input", value_name = "FIELD=VALUE")]
    inputs: Vec<String>,
    /// Who says so; otherwise the user of the operating system
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
}

impl Approve {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        self.said.run(project, report, true).await
    }
}

impl Reject {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        self.said.run(project, report, false).await
    }
}

impl Said {
    async fn run(mut self, project: &Project, report: &Report, approved: bool) -> Done {
        let session = Session::open(project, Purpose::lasting()).await?;
        let said = self.say(&session.client, approved).await;
        let word = if approved { "approved" } else { "refused" };
        let said = said.map(|()| Some(word));
        super::goes_on(project, report, session, (&self.run, said)).await
    }

    async fn say(&mut self, client: &Client, approved: bool) -> Result<(), Failure> {
        self.run = super::whole(client, &self.run).await?;
        let run = &self.run;
        client.post(&format!("/v1/runs/{run}/resume"), &json!({})).await?;
        let values = match self.inputs.is_empty() {
            true => Map::new(),
            false => self.values(&picker::questions(client, run).await?)?,
        };
        let by = self.person.clone().unwrap_or_else(operator);
        let body = json!({
            "step": self.step, "approved": approved, "note": self.note, "values": values, "by": by,
        });
        client.post(&format!("/v1/runs/{run}/judge"), &body).await?;
        Ok(())
    }

    /// What was typed, as the fields of the form want it. Which question it is, the run says.
    fn values(&self, questions: &[Value]) -> Result<Map<String, Value>, Failure> {
        let is_it = |question: &&Value| match &self.step {
            Some(step) => question["step"] == step.as_str(),
            None => question["is_approval"] == true,
        };
        let question = questions.iter().find(is_it).cloned().unwrap_or_default();
        picker::typed_values(&question, &self.inputs)
    }
}
