//! `linchpin runs resolve`

use clap::Args;
use linchpin_language::{Value, json};
use linchpin_server::Client;

use crate::commands::{Done, operator};
use crate::copied;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{Purpose, Session};
use crate::steps::brief;

/// Rule on a step that needs attention; without a ruling, show what is known of it
#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// The run, or the beginning of its identity
    run: String,
    /// The step; needed when several need attention
    step: Option<String>,
    #[command(flatten)]
    ruling: Ruling,
    /// Who rules; otherwise the user of the operating system
    #[arg(long = "as", value_name = "EMAIL")]
    person: Option<String>,
}

/// How to rule on a held step.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Ruling {
    /// It was done: its output as JSON. Nothing is sent
    #[arg(long, value_name = "OUTPUT")]
    done: Option<String>,
    /// It was not done: it is sent. Also lets a step go on that a limit or a connection held
    #[arg(long)]
    not_done: bool,
    /// It has failed: nothing is sent, and the error handling of the flow takes over
    #[arg(long)]
    fail: bool,
}

impl Resolve {
    pub(super) async fn run(mut self, project: &Project, report: &Report) -> Done {
        let ruling = self.ruling.word()?;
        let session = Session::open(project, Purpose::lasting()).await?;
        let Some(ruling) = ruling else {
            let shown = self.show(project, report, &session.client).await;
            session.close().await;
            return shown;
        };
        let said = self.rule(&session.client, &ruling).await.map(|()| Some("resolved"));
        super::goes_on(project, report, session, (&self.run, said)).await
    }

    async fn rule(&mut self, client: &Client, ruling: &Value) -> Result<(), Failure> {
        self.run = super::whole(client, &self.run).await?;
        let run = &self.run;
        let step = match &self.step {
            Some(step) => step.clone(),
            None => self.the_held_step(client).await?,
        };
        let by = self.person.clone().unwrap_or_else(operator);
        let body = json!({ "step": step, "ruling": ruling, "by": by });
        client.post(&format!("/v1/runs/{run}/resolve"), &body).await?;
        Ok(())
    }

    /// The only step that is held.
    async fn the_held_step(&self, client: &Client) -> Result<String, Failure> {
        let shown = client.get(&format!("/v1/runs/{}", self.run)).await?;
        let open = shown["open"].as_array().into_iter().flatten();
        let held = open.filter(|step| step["waiting"]["kind"] == "ruling");
        let held: Vec<&str> = held.filter_map(|step| step["step"].as_str()).collect();
        match held.as_slice() {
            [one] => Ok((*one).to_owned()),
            [] => Err(Failure::usage(format!("no step of run {} needs attention", self.run))
                .help("`linchpin runs show RUN` shows how it stands")),
            many => {
                Err(Failure::usage(format!("several steps need attention: {}", many.join(", ")))
                    .help("name one of them after the run"))
            }
        }
    }

    async fn show(&mut self, project: &Project, report: &Report, client: &Client) -> Done {
        self.run = super::whole(client, &self.run).await?;
        let mut answer = client.get(&format!("/v1/runs/{}/held", self.run)).await?;
        if let (Some(step), Some(held)) = (&self.step, answer["held"].as_array_mut()) {
            held.retain(|one| one["step"] == step.as_str());
            if held.is_empty() {
                let message = format!("the step {step} of run {} needs no attention", self.run);
                return Err(Failure::usage(message)
                    .help("`linchpin runs resolve RUN` shows the steps that do"));
            }
        }
        report.json(&answer);
        let held = answer["held"].as_array().cloned().unwrap_or_default();
        if held.is_empty() {
            report.line("no step needs attention");
            return Ok(ExitCode::Ok);
        }
        let flags = copied::flags(project);
        for one in &held {
            show_one(report, one, (&self.run, &flags));
        }
        Ok(ExitCode::Waits)
    }
}

impl Ruling {
    /// The ruling as the API takes it; `None` when there is none.
    fn word(&self) -> Result<Option<Value>, Failure> {
        if self.not_done {
            return Ok(Some(json!("not_done")));
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

/// What is known of one step, and how to rule on it.
fn show_one(report: &Report, held: &Value, (run, flags): (&str, &str)) {
    let text = |name: &str| held[name].as_str().unwrap_or_default();
    let fact = |name: &str, text: &str| {
        if !text.is_empty() {
            report.line(format!("  {} {text}", report.paint(Style::Dim, &format!("{name:<8}"))));
        }
    };
    let was_sent = held["was_sent"] == true;
    report.line(report.paint(Style::Bold, text("step")));
    fact("why", text("reason"));
    if !text("action").is_empty() {
        fact("call", &format!("{}.{}", text("alias"), text("action")));
    }
    for (name, value) in held["input"].as_object().into_iter().flatten() {
        if !value.is_null() {
            fact("", &format!("{name}: {}", brief(value)));
        }
    }
    fact(if was_sent { "sent" } else { "to send" }, text("request"));
    for change in held["changes"].as_array().into_iter().flatten().take(10) {
        fact("", &brief(change));
    }
    fact("now", text("seen"));
    fact("problem", text("problem"));
    let step = copied::quoted(text("step"));
    let command = format!("linchpin runs resolve {run} {step}{flags}");
    for line in rulings(was_sent, &command) {
        report.line(format!("  {line}"));
    }
}

/// How to rule on a held step, a line each.
fn rulings(was_sent: bool, command: &str) -> Vec<String> {
    let (done, not_done) = match was_sent {
        true => ("it happened: nothing is sent", "it did not happen: it is sent again"),
        false => (
            "it is done in another way",
            "go on with it; a limit that holds it is lifted for this run",
        ),
    };
    vec![
        format!("{command} --done OUTPUT   # {done}"),
        format!("{command} --not-done      # {not_done}"),
        format!("{command} --fail          # give it up: error handling takes over"),
    ]
}
