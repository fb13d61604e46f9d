//! `linchpin runs answer`

use clap::Args;
use linchpin_language::{Value, json};
use linchpin_server::Client;

use crate::commands::{Done, operator};
use crate::failure::Failure;
use crate::picker;
use crate::project::Project;
use crate::report::Report;
use crate::session::{Purpose, Session};

/// Answer a question of a run
#[derive(Debug, Args)]
pub(crate) struct Answer {
    /// The run, or the beginning of its identity
    run: String,
    /// The step that asks; needed when several do
    step: Option<String>,
    /// A field of the answer; a list as a,b or as JSON
    #[arg(short, long = "value", value_name = "FIELD=VALUE")]
    values: Vec<String>,
    /// Who answers; otherwise the user of the operating system
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
}

impl Answer {
    pub(super) async fn run(mut self, project: &Project, report: &Report) -> Done {
        let session = Session::open(project, Purpose::lasting()).await?;
        let said = self.answer(report, &session.client).await;
        let said = said.map(|is_answered| is_answered.then_some("answered"));
        super::goes_on(project, report, session, (&self.run, said)).await
    }

    /// Whether it was answered. What was not typed is asked for on a terminal.
    async fn answer(&mut self, report: &Report, client: &Client) -> Result<bool, Failure> {
        self.run = super::whole(client, &self.run).await?;
        let run = &self.run;
        client.post(&format!("/v1/runs/{run}/resume"), &json!({})).await?;
        if self.values.is_empty() {
            if report.can_ask() {
                return picker::ask(report, client, run).await;
            }
            return Err(Failure::usage("there is no answer")
                .help("give it as -v FIELD=VALUE; `linchpin runs show RUN` tells what is asked"));
        }
        let question = self.question(picker::questions(client, run).await?)?;
        let values = picker::typed_values(&question, &self.values)?;
        let by = self.person.clone().unwrap_or_else(operator);
        picker::send(client, run, &question, (values, &by)).await?;
        Ok(true)
    }

    fn question(&self, questions: Vec<Value>) -> Result<Value, Failure> {
        let steps: Vec<String> =
            questions.iter().filter_map(|q| q["step"].as_str()).map(str::to_owned).collect();
        let mut fitting: Vec<Value> = questions
            .into_iter()
            .filter(|q| match self.step.as_deref() {
                Some(step) => q["step"] == step,
                None => q["is_approval"] != true,
            })
            .collect();
        match (fitting.len(), steps.as_slice()) {
            (1, _) => Ok(fitting.remove(0)),
            (0, []) => Err(Failure::usage(format!("run {} asks nothing now", self.run))
                .help("`linchpin runs show RUN` shows how it stands")),
            _ => Err(Failure::usage(format!("run {} asks at {}", self.run, steps.join(", ")))
                .help("name one of these steps after the run")),
        }
    }
}
