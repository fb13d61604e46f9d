//! `linchpin runs`: looks at runs and acts on them.

mod answer;
mod approve;
mod cancel;
mod explain;
mod list;
mod logs;
mod pause;
mod resolve;
mod resume;
mod retry;
mod show;
mod signal;
mod undo;
mod writes;

use clap::{Args, Subcommand};
use linchpin_engine::{Entry, RunId};
use linchpin_language::{Value, json};
use linchpin_server::Client;

use crate::args::Global;
use crate::commands::{Done, operator};
use crate::copied;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::follow;
use crate::project::Project;
use crate::report::Report;
use crate::session::{Purpose, Session, read_long};
use crate::steps::Steps;

/// List and show runs; answer, approve, resolve, pause, resume, retry, cancel and undo them
#[derive(Debug, Args)]
pub(crate) struct Runs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    Explain(explain::Explain),
    Logs(logs::Logs),
    Answer(answer::Answer),
    Approve(approve::Approve),
    Reject(approve::Reject),
    Signal(signal::Signal),
    Resolve(resolve::Resolve),
    Pause(pause::Pause),
    Resume(resume::Resume),
    Retry(retry::Retry),
    Cancel(cancel::Cancel),
    Undo(undo::Undo),
}

/// The whole identity of a run of which the beginning was given.
pub(crate) async fn whole(client: &Client, given: &str) -> Result<String, Failure> {
    const LENGTH: usize = 26;
    const PAGE: usize = 1000;
    if given.is_empty() {
        return Err(Failure::usage("no run is named").help("`linchpin runs list` shows them"));
    }
    let given = given.to_ascii_lowercase();
    let mut found: Vec<String> = Vec::new();
    let mut before = String::new();
    while given.len() < LENGTH {
        let answer = client.get(&format!("/v1/runs?limit={PAGE}{before}")).await?;
        let runs: Vec<_> = answer["runs"].as_array().cloned().unwrap_or_default();
        let ids: Vec<_> = runs.iter().filter_map(|run| run["run"].as_str()).collect();
        found.extend(ids.iter().filter(|id| id.starts_with(&given)).map(|id| (*id).to_owned()));
        match ids.last() {
            Some(last) if ids.len() == PAGE && found.len() < 2 => {
                before = format!("&before={last}");
            }
            _ => break,
        }
    }
    match found.as_slice() {
        // A whole one: whether it is there is for the server to say.
        [] if RunId::parse(&given).is_some() => Ok(given),
        [] => Err(Failure::usage(format!("there is no run {given:?}"))
            .help("`linchpin runs list` shows the runs there are")),
        [one] => Ok(one.clone()),
        [one, other, ..] => Err(Failure::usage(format!("several runs begin with {given}"))
            .help(format!("give more of it: {one}, {other}"))),
    }
}

/// What the journal of a run says so far.
async fn steps_so_far(client: &Client, run: &str) -> Result<Steps, Failure> {
    let mut steps = Steps::default();
    let mut lines = client.lines(&format!("/v1/runs/{run}/journal")).await?;
    while let Some(line) = lines.next().await? {
        let entry: Entry = serde_json::from_value(line)
            .map_err(|error| Failure::because("the journal is of another version", &error))?;
        steps.add(&entry);
    }
    Ok(steps)
}

/// What would come of it if a run that has ended were opened again in this way.
async fn previewed(project: &Project, given: &str, way: &str) -> Result<(String, Value), Failure> {
    read_long(project, async |client| {
        let run = whole(client, given).await?;
        let answer = client.get(&format!("/v1/runs/{run}/{way}")).await?;
        Ok((run, answer))
    })
    .await
}

/// Opens a run that has ended again in this way. Gives what its journal said before.
async fn reopen(
    project: &Project,
    given: &str,
    (person, way): (Option<&str>, &str),
) -> Result<(Session, String, Steps), Failure> {
    let session = Session::open(project, Purpose::lasting()).await?;
    let begun = async {
        let client = &session.client;
        let run = whole(client, given).await?;
        let steps = steps_so_far(client, &run).await?;
        let by = person.map_or_else(operator, str::to_owned);
        client.post(&format!("/v1/runs/{run}/{way}"), &json!({ "by": by })).await?;
        Ok::<_, Failure>((run, steps))
    };
    match begun.await {
        Ok((run, steps)) => Ok((session, run, steps)),
        Err(failure) => {
            session.close().await;
            Err(failure)
        }
    }
}

/// After something was said to a run: in a word when somebody else drives it, or with all that
/// follows.
async fn goes_on(
    project: &Project,
    report: &Report,
    session: Session,
    (run, said): (&str, Result<Option<&str>, Failure>),
) -> Done {
    let is_paused = match &said {
        Ok(Some(_)) => {
            let shown = session.client.get(&format!("/v1/runs/{run}")).await;
            shown.is_ok_and(|shown| shown["is_paused"] == true && shown["ended_at"].is_null())
        }
        Ok(None) | Err(_) => false,
    };
    match said {
        Ok(Some(word)) if is_paused => {
            report.json(&json!({ "run": run, word: true, "paused": true }));
            let command = format!("linchpin runs resume {run}{}", copied::flags(project));
            report.line(format!("{word}; the run is paused; go on with: {command}"));
            session.close().await;
            Ok(ExitCode::Ok)
        }
        // Whoever drives the run shows how it goes on.
        Ok(Some(word)) if session.client.is_remote() => {
            report.json(&json!({ "run": run, word: true }));
            let command = format!("linchpin runs show {run}{}", copied::flags(project));
            report.line(format!("{word}; the daemon goes on with the run: {command}"));
            session.close().await;
            Ok(ExitCode::Ok)
        }
        Ok(_) => follow::to_end(report, project, session, run).await,
        Err(failure) => {
            session.close().await;
            Err(failure)
        }
    }
}

impl Runs {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        match self.command {
            Command::List(command) => command.run(&project, report).await,
            Command::Show(command) => command.run(&project, report).await,
            Command::Answer(command) => command.run(&project, report).await,
            Command::Approve(command) => command.run(&project, report).await,
            Command::Reject(command) => command.run(&project, report).await,
            Command::Signal(command) => command.run(&project, report).await,
            Command::Explain(command) => command.run(&project, report).await,
            Command::Logs(command) => command.run(&project, report).await,
            Command::Resolve(command) => command.run(&project, report).await,
            Command::Pause(command) => command.run(&project, report).await,
            Command::Resume(command) => command.run(&project, report).await,
            Command::Retry(command) => command.run(&project, report).await,
            Command::Cancel(command) => command.run(&project, report).await,
            Command::Undo(command) => command.run(&project, report).await,
        }
    }
}
