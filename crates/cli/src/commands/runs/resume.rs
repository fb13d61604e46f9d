//! `linchpin runs resume`

use clap::Args;
use linchpin_language::{Value, json};
use linchpin_server::Client;

use crate::commands::{Done, operator};
use crate::failure::Failure;
use crate::follow;
use crate::project::Project;
use crate::report::Report;
use crate::session::{Purpose, Session};

/// Go on with a run that was interrupted, paused or held, and watch it
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run, or the beginning of its identity
    run: String,
    /// The held step to rule on; needed when several are held
    #[arg(long, requires = "ruling")]
    step: Option<String>,
    #[command(flatten)]
    ruling: Ruled,
}

/// How to rule on a held step.
#[derive(Debug, Args)]
#[group(id = "ruling", multiple = false)]
struct Ruled {
    /// Send what the held step was about to send
    #[arg(long)]
    go_on: bool,
    /// Let the held step fail
    #[arg(long)]
    fail: bool,
    /// The held step was done: its output as JSON
    #[arg(long, value_name = "OUTPUT")]
    done: Option<String>,
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
        client.post(&format!("/v1/runs/{run}/resume"), &json!({})).await?;
        let shown = client.get(&format!("/v1/runs/{run}")).await?;
        let Some(ruling) = self.ruling.word()? else {
            if shown["state"] == "paused" {
                let body = json!({ "control": "resume", "by": operator() });
                client.post(&format!("/v1/runs/{run}/control"), &body).await?;
            }
            return Ok(());
        };
        let step = self.held(&shown)?;
        let body = json!({ "step": step, "ruling": ruling, "by": operator() });
        client.post(&format!("/v1/runs/{run}/resolve"), &body).await?;
        Ok(())
    }

    /// The step that the ruling is for.
    fn held(&self, shown: &Value) -> Result<String, Failure> {
        if let Some(step) = &self.step {
            return Ok(step.clone());
        }
        let open = shown["open"].as_array().into_iter().flatten();
        let held = open.filter(|step| step["waiting"]["kind"] == "ruling");
        let held: Vec<&str> = held.filter_map(|step| step["step"].as_str()).collect();
        match held.as_slice() {
            [one] => Ok((*one).to_owned()),
            [] => Err(Failure::usage(format!("no step of run {} is held", self.run))
                .help("leave the ruling out to go on with the run")),
            many => Err(Failure::usage(format!("several steps are held: {}", many.join(", ")))
                .help("name one with --step")),
        }
    }
}

impl Ruled {
    /// The ruling as the API takes it; `None` when there is none.
    fn word(&self) -> Result<Option<Value>, Failure> {
        if self.go_on {
            return Ok(Some(json!("go_on")));
        }
        if self.fail {
            return Ok(Some(json!("fail")));
        }
        let Some(text) = &self.done else { return Ok(None) };
        let output: Value = serde_json::from_str(text).map_err(|error| {
            Failure::usage(format!("the output of the step is no JSON: {error}"))
                .help("for example --done '{\"id\": \"k7Qp\"}', or --done null")
        })?;
        Ok(Some(json!({ "done": output })))
    }
}
