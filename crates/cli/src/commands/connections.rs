//! `linchpin connections`: what the aliases lead to, without ever showing a secret.

mod authorize;
mod configure;
mod doctor;
mod list;
mod loopback;
mod moving;
mod remove;
mod rotate;
mod show;
mod test;

use clap::{Args, Subcommand};
use linchpin_language::Value;

pub(super) use self::configure::fetch;
use crate::args::Global;
use crate::commands::Done;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{Purpose, Session};
use crate::steps::print_instant;

/// List, show, configure, authorise, test, examine, move and remove connections
#[derive(Debug, Args)]
pub(crate) struct Connections {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    Configure(configure::Configure),
    Authorize(authorize::Authorize),
    Test(test::Test),
    Doctor(doctor::Doctor),
    Rotate(rotate::Rotate),
    Remove(remove::Remove),
    Export(moving::Export),
    Import(moving::Import),
}

impl Connections {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        // Who waits for a person does not keep others from the store.
        let purpose = match self.command {
            Command::Authorize(_) => Purpose::lasting(),
            Command::List(_)
            | Command::Show(_)
            | Command::Configure(_)
            | Command::Test(_)
            | Command::Doctor(_)
            | Command::Rotate(_)
            | Command::Remove(_)
            | Command::Export(_)
            | Command::Import(_) => Purpose::brief(),
        };
        let session = Session::open(&project, purpose).await?;
        let client = &session.client;
        let done = match self.command {
            Command::List(command) => command.run(client, report).await,
            Command::Show(command) => command.run(client, report).await,
            Command::Configure(command) => command.run(client, report).await,
            Command::Authorize(command) => command.run(client, report).await,
            Command::Test(command) => command.run(client, report).await,
            Command::Doctor(command) => command.run(client, report).await,
            Command::Rotate(command) => command.run(client, report).await,
            Command::Remove(command) => command.run(client, report).await,
            Command::Export(command) => command.run(client, report).await,
            Command::Import(command) => command.run(client, report).await,
        };
        session.close().await;
        done
    }
}

/// The address of an alias in the API.
fn address(alias: &str, what: &str) -> Result<String, Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    if alias.is_empty() || !alias.chars().all(is_plain) {
        return Err(Failure::usage(format!("{alias:?} is no connection alias"))
            .help("`linchpin connections list` shows them"));
    }
    Ok(format!("/v1/connections/{alias}{what}"))
}

/// How a connection stands; of one to which nothing is missing, whether a test has shown it.
fn state(status: &Value) -> &'static str {
    match (status["active"] == true, status["problem"].is_null()) {
        (true, _) => "active",
        (false, true) => "not tested",
        (false, false) => "not active",
    }
}

/// Everything that may be shown of a connection.
fn show(report: &Report, status: &Value) {
    let text = |name: &str| status[name].as_str().unwrap_or_default();
    let color = if status["active"] == true { Style::Green } else { Style::Yellow };
    let state = report.paint(color, state(status));
    let alias = report.paint(Style::Bold, text("alias"));
    report.line(format!("{alias}: {} ({}), {state}", text("title"), text("spoke")));
    let mut rows = Vec::new();
    let fields = status["fields"].as_array().into_iter().flatten();
    for field in fields.filter(|field| field["used"] != false) {
        let word = |name: &str| field[name].as_str().unwrap_or_default().to_owned();
        let value = match (field["secret"] == true, field["set"] == true) {
            (true, true) => format!("(set, {})", field["source"].as_str().unwrap_or("kept")),
            (true, false) => "(not set)".to_owned(),
            (false, _) => field["value"].as_str().map(str::to_owned).unwrap_or_default(),
        };
        rows.push(vec![format!("  {}", word("name")), word("label"), value]);
    }
    report.table(&["  FIELD", "LABEL", "VALUE"], &rows);
    for (name, value) in status["attributes"].as_object().into_iter().flatten() {
        report.line(format!("  {name}: {}", crate::steps::brief(value)));
    }
    for endpoint in status["endpoints"].as_array().into_iter().flatten() {
        let (label, url) = (endpoint[0].as_str(), endpoint[1].as_str());
        report.line(format!("  {}: {}", label.unwrap_or_default(), url.unwrap_or_default()));
    }
    authorization(report, &status["authorization"]);
    traffic(report, status);
    if let Some(problem) = status["problem"].as_str() {
        report.line(format!("{} {problem}", report.paint(Style::Yellow, "!")));
    }
}

/// Since when a person's agreement holds, and until when.
fn authorization(report: &Report, authorization: &Value) {
    let instant = |name: &str| {
        let at = authorization[name].as_str().and_then(|at| at.parse().ok());
        at.map(print_instant)
    };
    let Some(since) = instant("since") else { return };
    let ends = match (instant("ends_at"), authorization["renews"] == true) {
        (Some(at), true) => format!(", renews itself until {at}"),
        (Some(at), false) => format!(", ends {at}: nothing renews it"),
        (None, _) => ", renews itself".to_owned(),
    };
    report.line(format!("  authorised {since}{ends}"));
}

/// What calls wait for, where a process knows of any.
fn traffic(report: &Report, status: &Value) {
    let (rate, health) = (&status["rate"], &status["health"]);
    if let Some(waiting) = rate["waiting"].as_u64().filter(|n| *n > 0) {
        report.line(format!("  {waiting} calls wait for their turn"));
    }
    if let Some(share) = rate["share"].as_u64().filter(|share| *share < 100) {
        report.line(format!(
            "  the server said \"too many calls\": {share} % of its budget is used until it relents"
        ));
    }
    let instant = |at: &Value| at.as_str().and_then(|at| at.parse().ok()).map(print_instant);
    if let Some(until) = instant(&rate["paused_until"]) {
        report.line(format!("  nobody calls until {until}"));
    }
    if let Some(until) = instant(&health["resting_until"]) {
        let last = health["last_failure"].as_str().unwrap_or_default();
        report.line(format!("  it is left in peace until {until}: {last}"));
    }
}
